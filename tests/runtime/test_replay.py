"""Two runs with the same journal do not differ."""

from __future__ import annotations

from random import Random

import orjson
import pytest

from eudoxus.runtime import ChatRequest, ChatTask, Completion, Limits, MemoryJournal, Message, Order, Registry, Result, Runtime, parse_spec
from eudoxus.runtime.endpoints import Endpoints
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint
from eudoxus.runtime.errors import Diverged, EndpointUnavailable, EudoxusError, NotRecorded, error_record, recorded_error
from eudoxus.runtime.journal import DecisionRecord, EffectRecord, Record

from .programs import program

TASK = ChatTask(messages=(Message(role="user", content="go"),))
REGISTRY = Registry([program])


def answering(luck: Random) -> Runtime:
    """A runtime whose endpoint answers after a random while, never the same twice, and fails now and then."""

    def answer(model: str, request: ChatRequest, number: int) -> Completion:
        if luck.random() < 0.03:
            raise EndpointUnavailable("out of order", endpoint="sim")
        return Completion(text=str(luck.random()))

    endpoint = SimulatedEndpoint(answer, name="sim", latency=lambda: luck.random() * 0.004)
    return Runtime(REGISTRY, Endpoints({"sim": endpoint}, default="sim"))


def dead() -> Runtime:
    """A runtime whose endpoint must not be asked."""

    def answer(model: str, request: ChatRequest, number: int) -> Completion:
        raise AssertionError("a replay asked the endpoint")

    return Runtime(REGISTRY, Endpoints({"sim": SimulatedEndpoint(answer, name="sim")}, default="sim"))


async def outcome(runtime: Runtime, order: Order, journal: MemoryJournal, mode: str = "extend") -> bytes:
    """Result or error of a run, as bytes."""
    try:
        result = await runtime.execute(order, journal, run_id="run_1", mode=mode)  # type: ignore[arg-type]
    except (Diverged, NotRecorded):
        raise
    except EudoxusError as error:
        return f"{error.code}: {error}".encode()
    return orjson.dumps(result.model_dump(mode="json"))


def order(seed: int, spec: str = "program(depth=2, width=8)/sim:m", **limits: int) -> Order:
    return Order(parse_spec(spec, REGISTRY), TASK, seed, Limits.model_validate(limits))


@pytest.mark.parametrize("seed", range(100))
async def test_strict_replay_of_any_composed_strategy_is_byte_equal(seed: int):
    spec = ["program(depth=2, width=8)/sim:m", "program(depth=1, width=8)/program(depth=1, width=3)/sim:m"][seed % 2]
    asked = order(seed, spec, **({"requests": 40} if seed % 5 == 0 else {}))
    journal = MemoryJournal()
    first = await outcome(answering(Random(seed)), asked, journal)
    for _ in range(2):
        assert await outcome(dead(), asked, MemoryJournal(await journal.records()), "strict") == first


@pytest.mark.parametrize("seed", range(30))
async def test_a_run_cut_anywhere_goes_on_and_its_journal_replays(seed: int):
    luck = Random(seed)
    journal = MemoryJournal()
    await outcome(answering(luck), order(seed), journal)
    records = await journal.records()
    cut = MemoryJournal(records[: luck.randrange(1, len(records))])
    before = {r.path for r in await cut.records() if isinstance(r, EffectRecord)}
    second = await outcome(answering(luck), order(seed), cut)
    after = [r.path for r in await cut.records() if isinstance(r, EffectRecord)]
    assert len(after) == len(set(after)) >= len(before)
    assert await outcome(dead(), order(seed), MemoryJournal(await cut.records()), "strict") == second


async def recorded(seed: int = 3) -> list[Record]:
    journal = MemoryJournal()
    await outcome(answering(Random(seed)), order(seed), journal)
    return await journal.records()


async def test_a_finished_run_gives_its_result_without_running_again():
    records = await recorded()
    journal = MemoryJournal(records)
    await dead().execute(order(3), journal, run_id="run_1")
    assert await journal.records() == records


async def test_a_changed_request_diverges_with_both_side_by_side():
    records = await recorded()
    changed = ChatTask(messages=(Message(role="user", content="stop"),))
    with pytest.raises(Diverged) as caught:
        await dead().execute(Order(order(3).spec, changed, 3), MemoryJournal(records), run_id="run_1", mode="strict")
    assert '-        "content": "go"' in str(caught.value)
    assert '+        "content": "stop"' in str(caught.value)


async def test_an_edited_result_is_noticed_by_strict_replay():
    records = await recorded()
    last = records[-1]
    edited = type(last)(**{**{k: getattr(last, k) for k in last.__slots__}, "seq": last.seq,
                           "result": {**Result(answer="another").model_dump(mode="json")}})
    with pytest.raises(Diverged, match="end"):
        await dead().execute(order(3), MemoryJournal([*records[:-1], edited]), run_id="run_1", mode="strict")


async def test_strict_replay_of_a_journal_that_lacks_a_call_names_it():
    records = [r for r in await recorded() if not isinstance(r, DecisionRecord)]
    gone = next(r for r in records if isinstance(r, EffectRecord))
    with pytest.raises(NotRecorded, match=r"root/.*c\d+: the journal holds no"):
        await dead().execute(order(3), MemoryJournal([r for r in records if r is not gone]), run_id="run_1", mode="strict")
    with pytest.raises(NotRecorded, match="empty"):
        await dead().replay(MemoryJournal())


@pytest.mark.parametrize("kind", [{"code": "of_no_class"}, {"code": "of_no_class", "endpoint": "up", "status": 400}])
def test_an_error_whose_class_is_not_loaded_is_recorded_again_as_what_it_was(kind: dict[str, object]):
    record = {"message": "too long", "retryable": False, "param": "messages"} | kind
    assert error_record(recorded_error(record)) == record
