"""``eudoxus sandbox``: the check, and one program's tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from eudoxus.runtime.errors import InvalidRequest
from eudoxus.service.cli_sandbox import last_function, read_tests

DOUBLE = "import math\n\ndef helper(n):\n    return n\n\ndef double(n):\n    print('called')\n    return n + helper(n)\n"
CHECK = "METADATA = {}\n\ndef check(candidate):\n    assert candidate(1) == 2\n    assert candidate(2) == 4, 'two'\n"


@pytest.fixture
def eudoxus(tmp_path: Path) -> Any:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("EUDOXUS", "OPENAI"))}
    environment |= {"XDG_DATA_HOME": str(tmp_path / "share")}
    (tmp_path / "double.py").write_text(DOUBLE)
    (tmp_path / "check.py").write_text(CHECK)

    def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "eudoxus.service.cli", "sandbox", *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment | more, text=True, capture_output=True, timeout=60, check=False)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return run


def test_the_check_shows_what_was_tried_and_how_it_ended(eudoxus: Any):
    done = eudoxus("check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "level: " in done.stdout
    assert "NOT REFUSED" not in done.stdout
    assert len(done.stdout.splitlines()) > 8


def test_the_check_as_json_is_for_scripts(eudoxus: Any):
    done = eudoxus("check", "--json")
    said = json.loads(done.stdout)
    assert (done.returncode, said["isolated"]) == (0, True)


def test_without_isolation_the_check_ends_with_4_and_says_what_to_do(eudoxus: Any):
    done = eudoxus("check", EUDOXUS_SANDBOX_BACKEND="unsafe")
    assert done.returncode == 4
    assert "sandbox_i_understand" in done.stderr.lower()
    understood = eudoxus("check", "--json", EUDOXUS_SANDBOX_BACKEND="unsafe", EUDOXUS_SANDBOX_I_UNDERSTAND="1")
    assert (understood.returncode, json.loads(understood.stdout)["isolated"]) == (4, False)


def test_a_check_is_shown_assert_by_assert(eudoxus: Any):
    done = eudoxus("run", "double.py", "--tests", "check.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "assert candidate(1) == 2" in done.stdout
    assert "passed: 2 of 2 tests passed" in done.stderr


def test_a_failing_assert_fails_alone_and_the_exit_status_says_so(eudoxus: Any, tmp_path: Path):
    (tmp_path / "tests.py").write_text("assert double(1) == 2\nassert double(2) == 5\nassert double('a') == 'aa'\n")
    done = eudoxus("run", "double.py", "--tests", "tests.py", "--json")
    said = json.loads(done.stdout)
    assert (done.returncode, said["outcome"]) == (1, "failed")
    assert [(test["name"], test["outcome"]) for test in said["tests"]] == [
        ("assert double(1) == 2", "passed"),
        ("assert double(2) == 5", "failed"),
        ("assert double('a') == 'aa'", "passed"),
    ]


def test_a_list_of_asserts_may_be_json(eudoxus: Any, tmp_path: Path):
    (tmp_path / "tests.json").write_text(json.dumps(["assert double(1) == 2", "assert double(4) == 8"]))
    assert eudoxus("run", "double.py", "--tests", "tests.json").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "nowhere.py", "--tests", "check.py"], "cannot read nowhere.py"),
        (["run", "double.py", "--tests", "nowhere.py"], "cannot read nowhere.py"),
        (["run", "double.py"], "--tests"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(eudoxus: Any, arguments: list[str], said: str):
    done = eudoxus(*arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_the_function_to_check_is_the_last_one_of_the_program():
    assert last_function(DOUBLE) == "double"
    assert last_function("x = 1") is None


def test_tests_that_cannot_be_read_are_refused():
    with pytest.raises(InvalidRequest, match="not JSON"):
        read_tests("[", is_json=True, entry=None)
    with pytest.raises(InvalidRequest, match="a JSON list of asserts"):
        read_tests('{"tests": []}', is_json=True, entry=None)
    with pytest.raises(InvalidRequest, match="defines no function"):
        read_tests(CHECK, is_json=False, entry=None)


def test_what_a_program_writes_commands_neither_terminal_nor_table(eudoxus: Any, tmp_path: Path):
    """Escape sequences reach the clipboard of some terminals; brackets mean styles to the table."""
    code = "import sys\ndef double(n):\n    for out in (sys.stdout, sys.stderr):\n"
    code += "        print('\\x1b]52;c;cHduZWQ=\\x07é\\r\\u202eok', file=out)\n    raise ValueError('[/nothing] [bold]\\x1b[2J')\n"
    (tmp_path / "hostile.py").write_text(code)
    (tmp_path / "tests.py").write_text("assert double(1) == 2\n")
    done = eudoxus("run", "hostile.py", "--tests", "tests.py")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert "[/nothing] [bold]\\x1b[2J" in done.stdout
    assert done.stderr.count("\\x1b]52;c;cHduZWQ=\\x07é\\r\\u202eok") == 2
