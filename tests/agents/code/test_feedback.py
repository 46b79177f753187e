"""What a run tells, as text for a prompt."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from eudoxus.agents.code import Tried, block_trace, run_tests
from eudoxus.agents.code.feedback import KEPT_TEXT, MOST_TEXT, capped, cut, failures, value
from eudoxus.runtime import Context, NoParams, Result, strategy
from eudoxus.runtime.errors import EffectFailed
from eudoxus.sandbox import Isolation, Raised, Run, RunResult, TestResult
from tests.agents.code.running import LARGEST, RIGHT, WRONG, run

ISOLATION = Isolation(backend="lockdown", level="lockdown")


async def tried(program: str, task: Any = LARGEST, **how: Any) -> Tried:
    found: list[Tried] = []

    @strategy("try_it", takes=type(task))
    async def try_it(task: Any, params: NoParams, ctx: Context) -> Result:
        found.append(await run_tests(ctx, program, task, **how))
        return Result(answer=found[-1].feedback)

    await run("try_it", task, ["unused"], try_it)
    return found[0]


async def test_a_right_program_passes_and_there_is_nothing_to_say():
    found = await tried(RIGHT)
    assert (found.ok, found.score, found.passed, found.feedback, found.failing) == (True, 1.0, (True, True), "", ())


async def test_a_wrong_one_gets_the_failing_test_and_what_came_out():
    found = await tried(WRONG)
    assert (found.ok, found.score, found.failing) == (False, 0.5, ("assert largest([-2, -5]) == -2",))
    assert found.feedback == (
        "1 of 2 tests passed.\n\nThis test fails: assert largest([-2, -5]) == -2\n  largest([-2, -5]) returned 0")


@pytest.mark.parametrize(("program", "said"), [
    ("def largest(numbers):\n    return numbers[9]\n", "IndexError: list index out of range\n  in line 2: return numbers[9]"),
    ("def largest(numbers):\n    while True:\n        pass\n", "it did not end in time"),
    ("import nothing_such\ndef largest(numbers):\n    return 1\n",
     "The program could not be loaded. ModuleNotFoundError: No module named 'nothing_such'"),
])
async def test_the_cause_is_told_with_its_line(program: str, said: str):
    task = LARGEST.model_copy(update={"limits": LARGEST.limits.model_copy(update={"call_s": 0.3})})
    assert said in (await tried(program, task)).feedback


async def test_bundled_verdicts_are_not_ok():
    found = await tried(RIGHT, mode="bundle")
    assert (found.score, found.ok) == (1.0, False)


async def test_a_fault_of_the_sandbox_is_no_verdict_on_the_program(monkeypatch: pytest.MonkeyPatch):
    async def broken(self: Run) -> RunResult:
        return RunResult(outcome="infra_error", exc=Raised(type="InfraError", msg="no process for it"), isolation=ISOLATION)

    monkeypatch.setattr(Run, "run", broken)
    with pytest.raises(EffectFailed, match="no process for it"):
        await tried(RIGHT)


# -- traces ----------------------------------------------------------------------------------------------------------------


async def test_a_trace_tells_the_blocks_in_order_with_the_values_before_and_after():
    found = await tried(WRONG, trace="blocks")
    assert found.trace == """Trace of: assert largest([-2, -5]) == -2
[BLOCK-0]
  before: numbers=[-2, -5]
        best = 0
        for n in numbers:
  after: numbers=[-2, -5] best=0 n=-2
[BLOCK-1]
  before: numbers=[-2, -5] best=0 n=-2
            if n > best:
  after: numbers=[-2, -5] best=0 n=-5
[BLOCK-2]
  before: numbers=[-2, -5] best=0 n=-5
            if n > best:
  after: numbers=[-2, -5] best=0 n=-5
[BLOCK-3]
  before: numbers=[-2, -5] best=0 n=-5
        return best
At the end: largest([-2, -5]) returned 0"""


async def test_a_trace_out_of_a_journal_which_orders_names_anew_reads_the_same():
    found = await tried(WRONG, trace="blocks")
    kept = type(found.found).model_validate(orjson.loads(orjson.dumps(found.found.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)))
    assert Tried(found.program, found.tests, kept).trace == found.trace


async def test_of_a_long_trace_the_first_and_last_five_blocks_are_shown():
    program = "def largest(numbers):\n    best = 0\n    for i in range(100):\n        best += i\n    return best\n"
    text = (await tried(program, trace="blocks")).trace
    assert text.count("[BLOCK-") == 10 and "… 92 blocks in between …" in text
    assert "[BLOCK-0]" in text and "[BLOCK-4]" in text and "[BLOCK-97]" in text and "i=99" in text


async def test_without_a_trace_there_is_no_text():
    assert (await tried(WRONG)).trace == ""
    assert block_trace("", "assert f()", TestResult(i=0, outcome="failed")) == ""
    assert block_trace("", "assert f()", TestResult(i=0, outcome="failed", trace={"blocks": []})) == ""


# -- caps ------------------------------------------------------------------------------------------------------------------


def failing(count: int) -> RunResult:
    return RunResult(outcome="failed", tests=[TestResult(i=i, outcome="failed") for i in range(count)], isolation=ISOLATION)


def test_the_first_six_failures_are_quoted_and_the_others_counted():
    text = failures("", [f"assert f({i})" for i in range(9)], failing(9))
    assert "assert f(5)" in text and "assert f(6)" not in text and "(3 more tests failed.)" in text


def test_long_tests_and_texts_are_cut_in_the_middle():
    text = failures("", ["assert f(" + "1, " * 100_000 + ")"] * 6, failing(6))
    assert len(text) <= MOST_TEXT
    assert len(capped("x" * (MOST_TEXT + 1))) <= KEPT_TEXT and capped("x" * MOST_TEXT) == "x" * MOST_TEXT
    assert cut("abc\n" * 100, 50).startswith("abc") and len(cut("abc\n" * 100, 50)) <= 50


def test_a_value_of_more_than_100_characters_keeps_50_at_both_ends():
    assert value("x" * 100) == "x" * 100
    assert value("a" * 60 + "b" * 60) == "a" * 50 + "..." + "b" * 50
