"""Programs on hidden checks: what is a wrong answer, and what is no verdict at all."""

from __future__ import annotations

import pytest

from eudoxus import sandbox
from eudoxus.agents.code import CodeTask
from eudoxus.evaluation.grading import CheckGrader, GradingFault, Part
from eudoxus.sandbox import Isolation, Limits, Program, RunResult, TestResult
from eudoxus.sandbox.model import Raised
from eudoxus.sandbox.split_tests import whole_check

TASK = CodeTask(statement='def up(n):\n    """One more."""\n', entry_point="up")
CHECK = Part("test", whole_check("def check(candidate):\n    assert candidate(1) == 2\n    assert candidate(7) == 8\n", "up"))
RIGHT = "def up(n):\n    return n + 1\n"


def grader(seconds: float = 3.0) -> CheckGrader:
    return CheckGrader(TASK, (CHECK,), reference=RIGHT, seconds=seconds)


@pytest.mark.parametrize(("program", "detail"), [
    (RIGHT, "passed"),
    ("def up(n):\n    return 2\n", "failed: AssertionError"),
    ("def up(n):\n    return n + one\n", "failed: NameError: name 'one' is not defined"),
    ("import os\nos._exit(0)\ndef up(n):\n    return n + 1\n", None),
    ("def up(n):\n    while True:\n        pass\n", "timed out"),
    ("def up(n:\n", "failed: SyntaxError"),
    ("class Anything:\n    def __eq__(self, other):\n        return True\n\ndef up(n):\n    return Anything()\n", None),
    ("import sys\n\ndef up(n):\n    sys.exit(0)\n", None),
])
async def test_only_a_program_that_does_what_is_asked_passes(program: str, detail: str | None):
    grade = await grader(seconds=1.0).verdict(program)
    assert grade.solved == (detail == "passed")
    assert detail is None or grade.detail.startswith(detail)


@pytest.mark.parametrize("reply", [None, "", "I cannot do that.", "```python\ndef down(n):\n    return n - 1\n```"])
async def test_a_reply_without_the_program_is_wrong(reply: str | None):
    assert not (await grader().grade(reply)).solved


async def test_a_program_is_read_out_of_a_reply():
    assert (await grader().grade(f"Sure!\n\n```python\n{RIGHT}```\nIt adds one.")).solved


async def test_a_program_that_only_waited_gets_more_time_once():
    waiting = "import time\n\ndef up(n):\n    time.sleep(0.35)\n    return n + 1\n"
    assert (await grader(seconds=0.5).verdict(waiting)).solved
    assert (await grader(seconds=0.1).verdict(waiting)).detail == "timed out"


def found(outcome: str, exc: Raised | None) -> RunResult:
    tests = [TestResult(i=0, outcome=outcome, exc=exc)]  # type: ignore[arg-type]
    return RunResult(outcome=outcome, tests=tests, exc=exc, isolation=Isolation(backend="lockdown", level="lockdown"))  # type: ignore[arg-type]


class Answering:
    """Stands where the sandbox is, to break as the real one cannot be made to."""

    def __init__(self, result: RunResult) -> None:
        self.result = result

    async def run(self, program: Program, tests: object, *, limits: Limits, caller: str, patient: bool) -> RunResult:
        return self.result


@pytest.mark.parametrize(("outcome", "exc", "fault"), [
    ("load_error", Raised(type="ModuleNotFoundError", msg="No module named 'heapq'"), True),
    ("error", Raised(type="ModuleNotFoundError", msg="No module named 'xml.dom'"), True),
    ("error", Raised(type="ModuleNotFoundError", msg="No module named 'sklearn'"), False),
    ("infra_error", Raised(type="InfraError", msg="the zygote is gone"), True),
])
async def test_what_the_sandbox_lacks_or_breaks_is_no_wrong_answer(
    monkeypatch: pytest.MonkeyPatch, outcome: str, exc: Raised, fault: bool,
):
    async def shared() -> Answering:
        return Answering(found(outcome, exc))

    monkeypatch.setattr(sandbox, "shared", shared)
    if fault:
        with pytest.raises(GradingFault):
            await grader().verdict(RIGHT)
    else:
        assert not (await grader().verdict(RIGHT)).solved
