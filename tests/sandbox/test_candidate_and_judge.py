"""The pair that decides: what a hostile candidate may try, what honest programs need, and which outcome each test gets."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import time
from pathlib import Path

import pytest

from eudoxus.sandbox.codec import decode
from eudoxus.sandbox.inside import judge
from eudoxus.sandbox.inside.wire import Channel
from tests.sandbox.pairs import ended, forked, frames, judged, outcomes, payload, serving, verdict

GOOD = "def solve(n): return n * n + 1"
TESTS = ("assert solve(2) == 5", "assert candidate(3) == 10", "assert solve(10) == 101")
DATA = os.environ.get("EUDOXUS_DATA")
RUNS_UNJAILED = {31, 32, 34, 35, 38}  # of the resource attacks; the others would hurt the machine that runs the tests
SEARCHES_MEMORY = {6, 7}
"""They find expected values in the memory of a fork of pytest, which holds all tests; in the jail the attack set itself runs them."""


def attacks() -> list[dict]:
    if DATA is None:
        return []
    found = json.loads(Path(DATA, "attacks", "index.json").read_text())
    chosen = [a for a in found["attacks"] if a["category"] in ("forgery", "control") or a["id"] in RUNS_UNJAILED]
    return [a for a in chosen if a["id"] not in SEARCHES_MEMORY]


@pytest.mark.skipif(DATA is None, reason="EUDOXUS_DATA does not name the folder with the recorded data")
@pytest.mark.parametrize("attack", attacks(), ids=lambda a: a["file"])
def test_a_hostile_candidate_never_passes_and_an_honest_one_does(attack):
    if attack.get("needs") and importlib.util.find_spec(attack["needs"]) is None:
        pytest.skip(f"{attack['needs']} is not installed")
    folder = Path(DATA, "attacks")
    check = attack.get("check") or json.loads((folder / "index.json").read_text())["default"]["check"]
    report = judged((folder / attack["file"]).read_text(), check, entry=attack.get("entry", "solve"), call_s=1.5, wall_s=2.5)
    assert verdict(report) == ("passed" if attack["expected_verdict"] == "passed" else "not_passed"), report
    assert not Path("/tmp/sbx_pickle_pwned").exists()


# Written with full knowledge of the source.
WHITE_BOX = {
    "answers its own questions ahead": """
import os, json
for seq in range(200):
    for v in (5, 10, 101):
        b = json.dumps({'s': seq, 'v': v}).encode(); os.write(3, len(b).to_bytes(4, 'big') + b)
def solve(n): return 0""",
    "says hello twice": """
import os, json
b = json.dumps({'hello': 1, 'names': ['solve'], 'classes': {}}).encode()
os.write(3, len(b).to_bytes(4, 'big') + b)
def solve(n): return 0""",
    "writes the right frame of the judge's report": """
import os, json
for o in ({'begin': 3}, *({'i': i, 'o': 'passed', 'ms': 1.0, 'calls': []} for i in range(3)), {'end': 3}):
    b = json.dumps(o).encode()
    for fd in range(3, 64):
        try: os.write(fd, len(b).to_bytes(4, 'big') + b)
        except OSError: pass
def solve(n): return 0""",
    "a thread answers later questions with its own frames": """
import os, json, threading, time, gc
def spam():
    while True:
        for v in (5, 10, 101):
            b = json.dumps({'s': 1, 'v': v}).encode()
            try: os.write(3, len(b).to_bytes(4, 'big') + b)
            except OSError: pass
            time.sleep(0.001)
threading.Thread(target=spam, daemon=True).start()
def solve(n): return n""",
    "sends the last answer twice": """
import sys, os, json
from eudoxus.sandbox.inside.wire import Channel
real = Channel.write
def twice(self, message, deadline=None):
    real(self, message, deadline); real(self, message, deadline)
Channel.write = twice
def solve(n): return n * n + 1""",
    "replaces the encoder by a raw reply with a handle": """
from eudoxus.sandbox.inside import candidate
candidate.Program.answer = lambda self, ask: {'s': ask['s'], 'h': 0, 'c': 1, 'v': {'$opaque': '5', 'type': 'int'}}
def solve(n): return 0""",
    "has builtins of the same names": """
def abs(x): return 0
def len(x): return 1
def sorted(x): return x
def isinstance(*a): return True
def solve(n): return 0""",
    "announces whatever names it likes": """
from eudoxus.sandbox.inside import candidate
names = ['assert', 'AssertionError', 'solve', 'abs', '__builtins__']
candidate.Program.hello = lambda self: {'hello': 1, 'names': names, 'classes': {'abs': ['__eq__']}}
def solve(n): return 0""",
    "says that its function is a class with comparisons": """
class solve:
    def __init__(self, n): pass
    def __eq__(self, other): return True
    def __len__(self): return 5""",
    "closes the channel": "import os\nos.close(3)\ndef solve(n): return 5",
    "sends a frame of nested brackets": """
import os
def solve(n):
    b = b'[' * 1000000
    os.write(3, len(b).to_bytes(4, 'big') + b)
    return 5""",
    "sends half a frame": "import os\ndef solve(n):\n    os.write(3, b'\\0\\0\\0\\xff{')\n    import time; time.sleep(60)",
    "raises the judge's own classes": """
from eudoxus.sandbox.inside.remote import Halt
def solve(n): raise Halt('x')""",
    "stops the judge by an exit": "def solve(n): raise SystemExit(0)",
    "raises a signal to end": "import os\ndef solve(n): os.kill(os.getpid(), 9)",
    "gives a set whose keys collide": "def solve(n): return {i * (2**61 - 1) for i in range(1, 50)} | {5}",
    "changes the frames it finds": """
import gc
def solve(n):
    for d in gc.get_objects():
        if type(d) is dict and 'a' in d and 's' in d: d['v'] = 5
    return 0""",
}


@pytest.mark.parametrize("code", WHITE_BOX.values(), ids=WHITE_BOX)
def test_knowing_the_source_does_not_help(code):
    assert verdict(judged(code, *TESTS, call_s=1, wall_s=2)) != "passed"


def test_a_right_program_passes_and_its_calls_are_kept():
    report = judged(GOOD, *TESTS)
    assert verdict(report) == "passed"
    assert report[1]["calls"] == [{"f": "solve", "a": "2", "v": "5"}]


def test_the_candidate_is_sent_nothing_but_numbers_names_and_arguments():
    ours, theirs = socket.socketpair()
    report, written = os.pipe()
    test = "secret = 'expected'\nassert solve(2, key=[1]) == 5, secret"
    child = forked(lambda fd, out: judge.judge(payload(test), fd, out), ours.fileno(), written)
    ours.close()
    os.close(written)
    channel, late = Channel(theirs.fileno()), time.monotonic() + 5
    channel.write({"hello": 1, "names": ["solve"], "classes": {}})
    asked = channel.read(late)
    assert asked == {"f": "solve", "a": [2], "k": {"key": [1]}, "s": asked["s"]}
    channel.write({"s": asked["s"], "v": 5})
    assert channel.read(late) == {"end": 1}
    assert outcomes(frames(report)) == ["passed"]
    ended(child)
    theirs.close()


@pytest.mark.parametrize("reply", [
    {}, {"s": 1, "v": 5}, {"s": None, "v": 5}, {"s": True, "v": 5}, {"v": {"$new": 1}}, {"v": {"$int": 5}}, {"h": 0}, {"c": 1}, {"x": 5},
    {"x": {"type": 5, "msg": "", "frames": []}}, {"x": {"type": "ValueError", "msg": "", "frames": [[1]]}}, {"v": [[[[]]]] * 3, "s": "own"},
])
def test_a_reply_of_another_form_is_a_broken_protocol_even_where_the_test_catches_everything(reply):
    ours, theirs = socket.socketpair()
    report, written = os.pipe()
    test = "try:\n    solve(2)\nexcept BaseException:\n    pass"
    child = forked(lambda fd, out: judge.judge(payload(test), fd, out), ours.fileno(), written)
    ours.close()
    os.close(written)
    channel = Channel(theirs.fileno())
    channel.write({"hello": 1, "names": ["solve"], "classes": {}})
    asked = channel.read(time.monotonic() + 5)
    channel.write({"s": asked["s"]} | reply)
    assert outcomes(frames(report)) == ["protocol_error", "fault protocol_error"]
    ended(child)
    theirs.close()


@pytest.mark.parametrize(("test", "outcome"), [
    ("assert solve(2) == 6", "failed"),
    ("assert solve('a')", "error"),
    ("assert solve(2).attribute", "error"),
    ("try:\n    solve('a')\nexcept TypeError as e:\n    assert 'str' in str(e)", "passed"),
    ("assert 1 == 2", "invalid_test"),
    ("pass", "invalid_test"),
    ("assert solve(", "invalid_test"),
    ("undefined_name(solve(2))", "invalid_test"),
    ("import sys\nsolve(2)\nsys.exit(0)", "invalid_test"),
    ("import os\nsolve(2)\nos._exit(0)", "invalid_test"),
    ("raise KeyboardInterrupt", "invalid_test"),
    ("solve(lambda: 1)", "invalid_test"),
    ("from candidate import solve as s\nassert s(2) == 5", "passed"),
    ("import solution\nassert solution.solve(2) == 5", "passed"),
    ("from candidate import *\nassert solve(2) == 5", "passed"),
    ("def check(candidate):\n    assert candidate(2) == 5", "passed"),
    ("def check(candidate):\n    assert candidate(2) == 6", "failed"),
    ("def test_it():\n    assert solve(2) == 6", "failed"),
    ("assert math.isclose(solve(2), 5)", "passed"),
    ("assert solve.__name__ == 'solve' and type(solve).__name__ == 'function'", "invalid_test"),
    ("assert solve(2) == 5 and type(solve(2)) is int", "passed"),
])
def test_the_outcome_of_a_test(test, outcome):
    assert outcomes(judged(GOOD, test)) == [outcome]


def test_what_the_candidate_returns_cannot_make_a_test_invalid():
    code = "class Odd: pass\ndef solve(n): return Odd() if n == 2 else n * n + 1\nasync def wait(n): return n"
    tests = ("solve(solve(2))", "solve(wait(1))", "assert solve('x' * 9_000_000)")
    assert outcomes(judged(code, *tests)) == ["error", "error", "invalid_test"]


def test_an_exit_in_the_candidate_is_an_error_of_the_test_and_the_next_one_runs():
    code = "def solve(n):\n    if n == 2: raise SystemExit(0)\n    if n == 3: raise KeyboardInterrupt\n    return n * n + 1"
    assert outcomes(judged(code, *TESTS)) == ["error", "error", "passed"]


def test_an_exception_travels_as_its_nearest_built_in_class_with_lines():
    code = "class Mine(KeyError): pass\n\ndef helper(n):\n    raise Mine('k', 2)\n\ndef solve(n):\n    return helper(n)"
    report = judged(code, "solve(1)", "try:\n    solve(1)\nexcept KeyError as e:\n    assert e.args == ('k', 2)")
    assert outcomes(report) == ["error", "passed"]
    assert report[1]["x"] == {"type": "KeyError", "msg": "('k', 2)", "line": 4, "frames": [[7, "solve"], [4, "helper"]]}


def test_a_failed_assert_tells_its_line_in_the_test():
    assert judged(GOOD, "x = 1\nassert solve(2) == 6, 'six'")[1]["x"] == {"type": "AssertionError", "msg": "six", "line": 2, "frames": []}


def test_a_call_that_takes_too_long_ends_the_run():
    report = judged("def solve(n):\n    while n == 3: pass\n    return n * n + 1", *TESTS, call_s=0.3)
    assert outcomes(report) == ["passed", "timeout", "fault timeout"]
    assert verdict(report) == "not_passed"


def test_a_test_cannot_swallow_a_time_out():
    assert outcomes(judged("def solve(n):\n    while True: pass", "try:\n    solve(1)\nexcept:\n    pass", call_s=0.2))[0] == "timeout"


def test_a_load_error_is_told_with_its_line():
    assert judged("x = 1\ny = undefined", *TESTS)[1:] == [
        {"load": {"type": "NameError", "msg": "name 'undefined' is not defined", "line": 2, "frames": [[2, "<module>"]]}}]
    assert judged("def f(:\n  pass", *TESTS)[1]["load"]["type"] == "SyntaxError"
    assert judged("raise SystemExit(0)", *TESTS)[1]["load"]["type"] == "SystemExit"


def test_an_endless_load_is_a_time_out_and_an_exit_while_loading_a_broken_protocol():
    assert outcomes(judged("while True: pass", *TESTS, wall_s=0.4)) == ["fault timeout"]
    assert outcomes(judged("import os\nos._exit(0)", *TESTS)) == ["fault protocol_error"]


def test_arguments_go_by_value_unless_the_test_asks_for_them_back():
    code = "def solve(items):\n    items.sort()"
    test = "x = [3, 1, 2]\nsolve(x)\nassert x == [1, 2, 3]"
    assert outcomes(judged(code, test, {"code": test, "mutates": [["solve", 0]]})) == ["failed", "passed"]


def test_prompt_helpers_are_the_judges_and_never_the_candidates():
    code = "def poly(xs, x): return 0\ndef solve(xs): return 7"
    setup = "def poly(xs, x): return sum(c * x ** i for i, c in enumerate(xs))\ndef solve(xs): pass"
    assert outcomes(judged(code, "assert poly([1, 2], solve([1, 2])) == 0", setup=setup)) == ["failed"]


def test_a_name_that_the_candidate_defines_and_only_the_test_uses_gets_a_stub():
    assert outcomes(judged("def other(n): return n + 1", "assert other(2) == 3", entry=None)) == ["passed"]


def test_a_candidates_builtin_never_replaces_the_judges():
    assert outcomes(judged("def abs(n): return 0\ndef solve(n): return 99", "assert abs(solve(2) - 5) < 1")) == ["failed"]


def test_a_class_is_used_through_its_objects_and_its_comparisons_are_not_asked():
    code = """
class Stack:
    limit = 9
    def __init__(self, *items): self.items = list(items)
    def push(self, x): self.items.append(x)
    def pop(self): return self.items.pop()
    def __len__(self): return len(self.items)
    def __eq__(self, other): return True
def top(stack): return stack.items[-1]"""
    tests = ("s = Stack(1)\ns.push(2)\nassert len(s) == 2 and s.pop() == 2 and s.items == [1] and s.limit == 9",
             "s = Stack(4)\nassert top(s) == 4", "assert Stack(1) == 5", "Stack().pop()",
             "assert isinstance(Stack(), Stack) and len(Stack()) == 0")
    assert outcomes(judged(code, *tests, entry=None)) == ["passed", "passed", "failed", "error", "passed"]


@pytest.mark.parametrize(("code", "test"), [
    ("def solve(n): return (i for i in range(n))", "assert list(solve(3)) == [0, 1, 2]"),
    ("def solve(n):\n    yield n\n    raise ValueError('late')", "try:\n    solve(1)\n    assert False\nexcept ValueError: pass"),
    ("async def solve(n): return n", "import asyncio\nassert asyncio.run(solve(3)) == 3"),
    ("import sys\ndef solve(n): return sys.stdin.read()", "assert solve(1) == ''"),
    ("def solve(n): return 0 if n == 0 else 1 + solve(n - 1)", "assert solve(5000) == 5000"),
    ("print('x')\nif __name__ == '__main__': raise SystemExit(3)\ndef solve(n): return __name__", "assert solve(1) == 'candidate'"),
    ("from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\ndef solve(n): return P(n).x", "assert solve(1) == 1"),
    ("import random\ndef solve(n): return random.random()", "import random\nassert solve(1) == random.Random(0).random()"),
    ("from collections import Counter\ndef solve(s): return Counter(s)", "assert solve('aab') == {'a': 2, 'b': 1}"),
    ("def solve(n): return float('nan')", "assert solve(1) != solve(1)"),
])
def test_honest_programs_are_served(code, test):
    assert outcomes(judged(code, test)) == ["passed"]


@pytest.mark.parametrize("code", [
    "def solve(n):\n    x = []\n    for _ in range(100_000): x = [x]\n    return x",
    "def solve(n):\n    x = []\n    x.append(x)\n    return x",
    "def solve(n): return 1 << 1_000_000",
    "def solve(n): return 'a' * (20 << 20)",
    "def solve(n): return ['abcdefgh' * 100_000] * 12",
    "import itertools\ndef solve(n): return itertools.count()",
])
def test_a_value_that_is_too_large_is_an_error_and_the_next_test_runs(code):
    report = judged(code + " if n == 2 else n * n + 1" if "\n    " not in code else code, "solve(2)", "solve(2)")
    assert outcomes(report) == ["error", "error"]
    assert report[1]["x"]["type"] == "TooLarge"


def test_a_trace_comes_with_each_test():
    report = judged("def solve(n):\n    if n > 2:\n        return 1\n    return 0", "solve(1)", "solve(3)", trace="lines")
    assert [frame["trace"]["lines"] for frame in report[1:3]] == [[1, 2, 4], [2, 3]]


def test_calls_that_are_written_ahead_are_answered_in_order():
    ours, theirs = socket.socketpair()
    child = serving(GOOD, theirs.fileno())
    theirs.close()
    channel, late = Channel(ours.fileno()), time.monotonic() + 5
    assert channel.read(late)["names"] == ["solve"]
    for n in range(100):
        channel.write({"s": n, "f": "solve", "a": [n]}, late)
    assert [decode(channel.read(late)["v"]) for _ in range(100)] == [n * n + 1 for n in range(100)]
    ended(child)
    ours.close()
