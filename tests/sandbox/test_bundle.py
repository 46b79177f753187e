"""Many programs in one process: each gets its outcomes, and none spoils the next."""

from __future__ import annotations

from tests.sandbox.pairs import bundled

GOOD = {"code": "def f(n): return n + 1", "tests": ["assert f(1) == 2", "assert f(1) == 3", "f('a')", "assert f("]}


def test_each_test_of_each_program_has_its_outcome():
    report = bundled([GOOD, {"code": "x = 1 / 0", "tests": ["assert x", "assert x"]}, {"code": "def f(:", "tests": ["pass"]}])
    assert [frame.get("o") for frame in report] == [
        ["passed", "failed", "error", "invalid_test"], ["load_error", "load_error"], ["load_error"], None]
    assert report[1]["x"]["type"] == "ZeroDivisionError"
    assert report[1]["x"]["line"] == 1
    assert report[-1] == {"end": 3}


def test_an_endless_program_is_a_time_out_even_if_it_catches_the_first_interruption():
    stubborn = "def f(n):\n    for i in range(3):\n        try:\n            while True: pass\n        except BaseException: pass\n"
    programs = [{"code": "while True: pass", "tests": ["pass"]},
                {"code": "def f(n):\n    while True: pass", "tests": ["f(1)", "f(2)"]},
                {"code": stubborn, "tests": ["while True: f(1)"]}, GOOD]
    found = [frame.get("o") for frame in bundled(programs, each_s=0.1)]
    assert found[:2] == [["timeout"], ["timeout", "timeout"]]
    assert found[3][0] == "passed"


def test_an_exit_is_an_error_and_the_next_program_runs():
    report = bundled([{"code": "def f(n): raise SystemExit(0)", "tests": ["f(1)"]}, {"code": "exit()", "tests": ["pass"]}, GOOD])
    assert [frame.get("o") for frame in report][:2] == [["error"], ["load_error"]]
    assert report[2]["o"][0] == "passed"


def test_what_a_program_breaks_is_mended_for_the_next():
    breaking = "import builtins, sys\nbuiltins.len = lambda x: 0\nsys.modules['math'] = None\nsys.setrecursionlimit(60)\nsys.path[:] = []"
    needing = {"code": "import math\ndef f(n): return len([1] * n) + math.floor(0.5) + g(100)\ndef g(n): return n and g(n - 1)",
               "tests": ["assert f(2) == 2"]}
    assert bundled([{"code": breaking, "tests": ["pass"]}, needing])[1]["o"] == ["passed"]
