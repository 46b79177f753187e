"""Recorded journals answer by the content of the request."""

from __future__ import annotations

from pathlib import Path

import pytest

from eudoxus.runtime import ChatRequest, ChatTask, FileJournal, Limits, Message, Order, Registry, Result, Runtime, parse_spec
from eudoxus.runtime.context import Context
from eudoxus.runtime.endpoints import Call, Endpoints, ReplayConfig
from eudoxus.runtime.endpoints.replay import ReplayEndpoint, request_fingerprint
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint
from eudoxus.runtime.errors import JournalDamaged, JournalError, NoAnswerRecorded
from eudoxus.runtime.journal import MemoryJournal
from eudoxus.runtime.strategy import NoParams, strategy


@strategy("ask_thrice")
async def ask_thrice(task: ChatTask, params: NoParams, ctx: Context) -> Result:
    """Ask the same question once for two answers and once for one."""
    answers = [*await ctx.complete(task.request(), n=2), *await ctx.complete(task.request())]
    return Result(answer=" ".join(answer.text for answer in answers))


REGISTRY = Registry([ask_thrice])
ORDER = Order(parse_spec("ask_thrice/sim:m", REGISTRY), ChatTask(messages=(Message(role="user", content="What is 2 + 2?"),)), 0, Limits())


@pytest.fixture
async def recorded(tmp_path: Path) -> Path:
    """The journal of one run, answered by ``a``, ``b`` and ``c``."""
    journal = FileJournal(tmp_path / "run.jsonl")
    endpoints = Endpoints({"sim": SimulatedEndpoint(["a", "b", "c"], name="sim")})
    await Runtime(REGISTRY, endpoints).execute(ORDER, journal, run_id="run_1")
    await journal.aclose()
    return tmp_path / "run.jsonl"


async def test_a_run_over_its_own_recording_gives_the_same_result_under_another_name(recorded: Path):
    endpoints = Endpoints.from_config({"demo": ReplayConfig(paths=[recorded.parent])})
    order = Order(parse_spec("ask_thrice/demo:whatever", REGISTRY), ORDER.task, 5, Limits())
    result = await Runtime(REGISTRY, endpoints).execute(order, MemoryJournal(), run_id="run_2")
    assert result.answer == "a b c"
    assert result.usage.cost == 0


async def test_each_run_begins_at_the_first_answer_and_goes_on_in_order(recorded: Path, question: ChatRequest):
    endpoint = ReplayEndpoint.from_journals([recorded])
    for run in ("run_1", "run_2"):
        said = [(await endpoint.complete("m", question, 1, Call(run_id=run, path=f"root/c{i}"))).completions[0].text for i in range(3)]
        assert said == ["a", "b", "c"]
    again = await endpoint.complete("m", question, 1, Call(run_id="run_1", path="root/c1"))
    assert again.completions[0].text == "b", "the same path of a resumed run gets the same answer"


async def test_outside_a_run_every_ask_begins_at_the_first(recorded: Path, question: ChatRequest):
    endpoint = ReplayEndpoint.from_journals([recorded])
    for _ in range(5):
        assert (await endpoint.complete("m", question, 1, Call())).completions[0].text == "a"


async def test_answers_are_never_made_up(recorded: Path, question: ChatRequest):
    endpoint = ReplayEndpoint.from_journals([recorded])
    with pytest.raises(NoAnswerRecorded, match="only 3 answers to this request are recorded, and this run asks for 4") as caught:
        await endpoint.complete("m", question, 4, Call())
    assert "OPENAI_BASE_URL" in str(caught.value)
    assert "EUDOXUS_ENDPOINTS" in str(caught.value)
    other = question.model_copy(update={"messages": (Message(role="user", content="What is 3 + 3?"),)})
    with pytest.raises(NoAnswerRecorded, match=r"which ends: 'What is 3 \+ 3\?'"):
        await endpoint.complete("m", other, 1, Call())


async def test_at_temperature_zero_one_answer_serves_for_all(question: ChatRequest):
    asked = question.model_copy(update={"temperature": 0.0})
    from eudoxus.runtime import Completion, Usage

    endpoint = ReplayEndpoint([(request_fingerprint(asked), [Completion(text="4")], Usage(prompt_tokens=4, completion_tokens=1))])
    response = await endpoint.complete("m", asked, 3, Call(run_id="r"))
    assert [c.text for c in response.completions] == ["4", "4", "4"]


async def test_the_tokens_of_a_recorded_call_are_divided_among_its_answers(question: ChatRequest):
    from eudoxus.runtime import Completion, Usage

    answers = [Completion(text=t) for t in "abc"]
    endpoint = ReplayEndpoint([(request_fingerprint(question), answers, Usage(prompt_tokens=9, completion_tokens=10))])
    parts = [await endpoint.complete("m", question, n, Call(run_id="r", path=f"root/c{n}")) for n in (1, 2)]
    assert [p.usage.completion_tokens for p in parts] == [4, 6]
    assert [p.usage.prompt_tokens for p in parts] == [9, 9]


async def test_a_missing_or_changed_journal_is_told_at_once(recorded: Path):
    with pytest.raises(JournalError, match=r"nothing\.jsonl"):
        ReplayEndpoint.from_journals([recorded.parent / "nothing.jsonl"])
    recorded.write_bytes(recorded.read_bytes().replace(b'"a"', b'"z"', 1))
    with pytest.raises(JournalDamaged):
        ReplayEndpoint.from_journals([recorded])


async def test_a_check_tells_how_much_is_recorded(recorded: Path):
    health = await ReplayEndpoint.from_journals([recorded]).check()
    assert health.ok
    assert "3 recorded answers to 1 requests" in health.detail
