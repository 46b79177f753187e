"""Programs as effects of a run: executed once, then taken from the journal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from eudoxus import sandbox
from eudoxus.runtime import ChatTask, Context, MemoryJournal, Message, NoParams, Order, Registry, Result, Runtime, parse_spec, strategy
from eudoxus.runtime.effect import Effect
from eudoxus.runtime.endpoints import Endpoints
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint
from eudoxus.runtime.errors import Diverged
from eudoxus.runtime.journal import EffectRecord
from eudoxus.sandbox import Call, Case, Evaluate, Limits, Matrix, Program, Run, SandboxSettings, SandboxUnavailable, Test

DOUBLE = Program(code="def double(n):\n    return n + n\n", entry="double")
TRIPLE = Program(code="def double(n):\n    return n + n + n\n", entry="double")
TESTS = (Test(code="assert double(2) == 4"), Test(code="assert double(0) == 0"))
CASES = (Case(args=[2], expected=4), Case(args=["a"], expected="aa"))


@pytest.fixture(autouse=True)
async def closed_afterwards() -> AsyncIterator[None]:
    yield
    await sandbox.close_shared()


class Journaled:
    """A run whose only act is one effect, and its replay."""

    def __init__(self, effect: Effect[Any]) -> None:
        self.effect = effect
        self.seen: list[Any] = []

        @strategy("act")
        async def act(task: ChatTask, params: NoParams, ctx: Context) -> Result:
            self.seen.append(await ctx.perform(self.effect))
            return Result(answer="done")

        registry = Registry((act,), (ChatTask,))
        endpoints = Endpoints({"sim": SimulatedEndpoint(["unused"], name="sim")}, default="sim")
        self.runtime = Runtime(registry, endpoints, prompt_hash=lambda id: "")
        task = ChatTask(messages=(Message(role="user", content="act"),))
        self.order = Order(parse_spec("act/sim:m", registry), task)
        self.journal = MemoryJournal()

    async def run(self) -> Any:
        await self.runtime.execute(self.order, self.journal, run_id="run_1")
        return self.seen[-1]

    async def replay(self) -> Any:
        await self.runtime.replay(self.journal)
        return self.seen[-1]


async def test_a_program_is_run_once_and_its_replay_is_equal_to_the_millisecond():
    journaled = Journaled(Run(program=TRIPLE, tests=TESTS))
    live = await journaled.run()
    assert [test.outcome for test in live.tests] == ["failed", "passed"]
    assert live.wall_ms > 0
    assert await journaled.replay() == live


async def test_the_outcomes_of_a_matrix_are_in_the_order_of_programs_and_cases():
    journaled = Journaled(Matrix(programs=(DOUBLE, TRIPLE), cases=CASES))
    live = await journaled.run()
    assert live.outcomes == [["passed", "passed"], ["failed", "failed"]]
    assert await journaled.replay() == live


async def test_values_are_taken_from_the_journal():
    journaled = Journaled(Evaluate(program=DOUBLE, calls=(Call(args=[2]), Call(args=[{"$tuple": [1]}]), Call(args=[None]))))
    live = await journaled.run()
    assert [test.value for test in live.tests] == [4, {"$tuple": [1, 1]}, None]
    assert [test.outcome for test in live.tests] == ["passed", "passed", "error"]
    assert await journaled.replay() == live


async def test_what_a_program_does_is_an_outcome_and_nothing_is_raised():
    broken = Program(code="def double(n: return", entry="double")
    endless = Program(code="def double(n):\n    while True: pass\n", entry="double")
    assert (await Run(program=broken, tests=TESTS).run()).outcome == "load_error"
    assert (await Run(program=endless, tests=TESTS[:1], limits=Limits(wall_s=1.0, call_s=0.3)).run()).outcome == "timeout"


async def test_another_program_under_the_same_path_is_a_divergence():
    journaled = Journaled(Run(program=DOUBLE, tests=TESTS))
    await journaled.run()
    journaled.effect = Run(program=TRIPLE, tests=TESTS)
    with pytest.raises(Diverged, match="n \\+ n \\+ n"):
        await journaled.replay()


@pytest.mark.parametrize(
    "changed",
    [{"seed": 1}, {"mode": "bundle"}, {"trace": "blocks"}, {"limits": Limits(wall_s=1.0)}, {"tests": TESTS[:1]}, {"program": TRIPLE}],
)
def test_everything_that_can_change_the_outcome_is_in_the_digest(changed: dict[str, Any]):
    effect = Run(program=DOUBLE, tests=TESTS)
    assert effect.model_copy(update=changed).digested() != effect.digested()


async def test_the_record_holds_program_and_tests_for_those_who_read_the_journal():
    journaled = Journaled(Run(program=DOUBLE, tests=TESTS))
    await journaled.run()
    (record,) = [record for record in await journaled.journal.records() if isinstance(record, EffectRecord)]
    assert record.kind == "sandbox"
    assert record.req["program"]["code"] == DOUBLE.code
    assert [test["code"] for test in record.req["tests"]] == [test.code for test in TESTS]
    assert record.res is not None
    assert record.res["outcome"] == "passed"


async def test_effects_wait_for_their_turn_however_short_the_queue_is():
    """Who may begin is decided where a run is asked for, not in the middle of it."""
    sandbox.configure_shared(SandboxSettings(slots=1, queue=0))
    matrix = Matrix(programs=(DOUBLE,), cases=CASES)
    *runs, whole = await asyncio.gather(*(Run(program=DOUBLE, tests=TESTS, seed=seed).run() for seed in range(4)), matrix.run())
    assert [result.outcome for result in runs] == ["passed"] * 4
    assert whole.outcomes == [["passed", "passed"]]


async def test_effects_use_the_settings_of_their_service_and_journal_that_nothing_isolates():
    sandbox.configure_shared(SandboxSettings(backend="unsafe"))
    journaled = Journaled(Run(program=DOUBLE, tests=TESTS))
    with pytest.raises(SandboxUnavailable, match="i_understand"):
        await journaled.run()
    with pytest.raises(SandboxUnavailable, match="i_understand"):
        await journaled.replay()
