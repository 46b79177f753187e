"""Hypothesis Search and its baseline of programs alone, with real programs in the sandbox."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from eudoxus import sandbox
from eudoxus.agents.direct import direct
from eudoxus.agents.induction import InductionTask, Pair
from eudoxus.agents.induction.hypothesis_search import hypothesis_search
from eudoxus.agents.induction.program_only import program_only
from eudoxus.prompts import load
from eudoxus.runtime import ChatRequest, ChatTask, Limits, MemoryJournal, Message, Order, Registry, Result, Runtime, parse_spec
from eudoxus.runtime.endpoints import Endpoints
from eudoxus.runtime.endpoints.manual import ManualEndpoint
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint
from eudoxus.runtime.journal import EffectRecord
from eudoxus.runtime.journal.lines import decoded, text_of
from eudoxus.sandbox.codec import decode

pytestmark = pytest.mark.asyncio(loop_scope="module")
MIRROR = InductionTask(
    train=(Pair(input=((1, 0), (2, 3)), output=((0, 1), (3, 2))), Pair(input=((4, 5, 0),), output=((0, 5, 4),))),
    test=(((6, 7),), ((8, 0), (0, 9))))
RIGHT = "def transform_grid(g):\n    return g[:, ::-1]"
TURNED = "def transform_grid(g):\n    return np.rot90(g, 2)"
"""Right on the second train pair alone."""
COPY = "def transform_grid(g):\n    return g.copy()"
BROKEN = "def transform_grid(g):\n    return g[5]"
ANSWER = {"attempts": [[[[7, 6]]], [[[0, 8], [9, 0]]]]}

Answers = Callable[[str, str], str]
"""The reply to a prompt's id and the text of its last message."""


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def numpy_in_the_jail() -> AsyncIterator[None]:
    try:
        opened = await sandbox.pool.shared()
    except sandbox.SandboxUnavailable as error:
        pytest.skip(str(error))
    if not opened.slots[0].jail.interpreter.numpy:
        pytest.skip("numpy is not installed for the interpreter in the jail")
    yield
    await sandbox.close_shared()


class Bench:
    """A run over a simulated model, and what it asked."""

    def __init__(self, answers: Answers, **more: Any) -> None:
        self.asked = list[ChatRequest]()
        self.journal = MemoryJournal()

        def said(model: str, request: ChatRequest, number: int) -> str:
            self.asked.append(request)
            return answers((request.prompt or "").partition("@")[0].removeprefix("hypothesis_search/"), request.messages[-1].text)

        self.registry = Registry((hypothesis_search, program_only, direct), (InductionTask, ChatTask))
        endpoints = Endpoints({"sim": SimulatedEndpoint(said, name="sim"), **more})
        self.runtime = Runtime(self.registry, endpoints, prompt_hash=lambda id: load(id).hash)

    @property
    def prompts(self) -> Counter[str]:
        return Counter((request.prompt or "").partition("@")[0].removeprefix("hypothesis_search/") for request in self.asked)

    async def run(self, path: str, task: Any = MIRROR, **more: Any) -> Result:
        """The result, which must replay to the same from the journal."""
        order = Order(parse_spec(f"{path}/sim:m", self.registry), task, **more)
        result = await self.runtime.execute(order, self.journal, run_id="run_1")
        written = [record for record, _, _ in decoded(text_of(await self.journal.records()))]
        assert (await self.runtime.replay(MemoryJournal(written))).model_dump() == result.model_dump()
        return result


def fenced(program: str) -> str:
    return f"```python\n{program}\n```"


def answering(**replies: Any) -> Answers:
    """By prompt: a reply, or replies in turn, the last of them again and again."""
    left = {prompt: list(said) if isinstance(said, list) else [said] for prompt, said in replies.items()}

    def answer(prompt: str, text: str) -> str:
        said = left[prompt]
        return said.pop(0) if len(said) > 1 else said[0]

    return answer


# -- the whole -------------------------------------------------------------------------------------------------------------


async def test_rules_become_programs_and_the_outputs_of_the_right_one_the_attempts():
    bench = Bench(answering(
        hypothesis=["mirror it", "turn it", "copy it"], summarise='```json\n["mirror each row", "copy"]\n```',
        program=[fenced(RIGHT), fenced(COPY)]))
    result = await bench.run("hypothesis_search(hypotheses=3,keep=2,programs=1)")
    assert json.loads(result.answer or "")["attempts"] == [[[[7, 6]], [[6, 7]]], [[[0, 8], [9, 0]], [[8, 0], [0, 9]]]]
    assert (result.outcome, result.authority) == ("verified", "public_tests")
    assert result.artifacts["rules"] == ["mirror each row", "copy"] and result.artifacts["hypothesis"] == "mirror each row"
    assert bench.prompts == {"hypothesis": 3, "summarise": 1, "program": 2}
    assert "mirror each row" in bench.asked[4].messages[-1].text and "[[1 0]\n [2 3]]" in bench.asked[4].messages[-1].text


async def test_a_wrong_program_is_repaired_with_the_pair_on_which_it_is_wrong():
    bench = Bench(answering(program_only=fenced(TURNED), repair=fenced(RIGHT)))
    result = await bench.run("program_only(programs=1)")
    told = bench.asked[-1].messages[-1].text
    assert "example 1 the program is wrong (1 of 2" in told
    assert "Expected output:\n[[0 1]\n [3 2]]" in told and "The program's output:\n[[3 2]\n [0 1]]" in told
    assert result.outcome == "verified" and json.loads(result.answer or "")["attempts"][1] == [[[0, 8], [9, 0]], [[9, 0], [0, 8]]]


async def test_a_program_that_fails_is_repaired_with_its_error():
    bench = Bench(answering(program_only=fenced(BROKEN), repair=fenced(RIGHT)))
    assert (await bench.run("program_only(programs=1,attempts=1)")).answer == json.dumps(ANSWER, separators=(",", ":"))
    assert "IndexError: index 5 is out of bounds" in (told := bench.asked[-1].messages[-1].text) and "line 3 of the program" in told


async def test_one_program_of_each_group_is_repaired_and_rounds_end_when_one_is_right():
    bench = Bench(answering(program_only=[fenced(COPY), fenced(COPY + "  # again"), fenced(TURNED)], repair=[fenced(COPY), fenced(RIGHT)]))
    result = await bench.run("program_only(programs=3,rounds=5)")
    assert bench.prompts == {"program_only": 3, "repair": 2} and result.outcome == "verified"
    assert result.artifacts["groups"][0] == {"votes": 1, "train_right": 2} and result.artifacts["programs"] == 5


async def test_without_a_right_program_the_best_one_counts():
    bench = Bench(answering(program_only=[fenced(COPY), fenced(TURNED)], repair=fenced(COPY)))
    result = await bench.run("program_only(programs=2,rounds=1)")
    assert result.outcome == "best_effort" and result.detail == "the program is right on 1 of 2 train pairs"
    assert json.loads(result.answer or "")["attempts"][0] == [[[7, 6]], [[6, 7]]]


async def test_the_outputs_that_are_wanted_never_enter_the_sandbox():
    task = InductionTask(train=(Pair(input=((1,),), output=((7, 7, 7),)),), test=(((2,),),))
    bench = Bench(answering(program_only=fenced(COPY)))
    await bench.run("program_only(programs=1,rounds=0)", task)
    acts = [record for record in await bench.journal.records() if isinstance(record, EffectRecord)]
    (record,) = [record for record in acts if record.kind == "sandbox_evaluate"]
    assert [decode(call["args"])[0].tolist() for call in record.req["calls"]] == [[[1]], [[2]]]
    assert "7, 7" not in json.dumps(record.req)


# -- what goes wrong -------------------------------------------------------------------------------------------------------


async def test_a_reply_without_a_program_is_asked_for_once_more():
    bench = Bench(answering(program_only="I would mirror it.", program_again=fenced(RIGHT)))
    assert (await bench.run("program_only(programs=2)")).outcome == "verified"
    assert bench.prompts == {"program_only": 2, "program_again": 1}
    assert "holds no program" in bench.asked[-1].messages[-1].text and len(bench.asked[-1].messages) == 4


async def test_no_program_at_all_is_a_failure():
    result = await Bench(answering(program_only="no", program_again="no")).run("program_only")
    assert (result.answer, result.outcome) == (None, "failed") and "no program could be found" in result.detail


async def test_programs_that_give_no_grid_are_a_failure_that_says_what_they_do():
    result = await Bench(answering(program_only=fenced(BROKEN), repair=fenced(BROKEN))).run("program_only(rounds=1)")
    assert result.outcome == "failed" and "IndexError" in result.detail


async def test_a_summary_that_cannot_be_read_is_asked_for_once_and_then_left_out():
    bench = Bench(answering(hypothesis=["a", "b", "c"], summarise="They differ.", again="Still.", program=fenced(RIGHT)))
    result = await bench.run("hypothesis_search(hypotheses=3,keep=2,programs=1)")
    assert result.artifacts["rules"] == ["a", "b"] and bench.prompts["again"] == 1


@pytest.mark.parametrize("requests", range(1, 8))
async def test_where_the_budget_ends_what_was_tried_counts(requests: int):
    bench = Bench(answering(hypothesis=["a", "b", "c"], summarise='["x", "y"]', program=fenced(TURNED), repair=fenced(COPY)))
    result = await bench.run("hypothesis_search(hypotheses=3,keep=2,programs=1,rounds=2)", limits=Limits(requests=requests))
    assert result.outcome == "limit" and (result.answer is not None) == (requests > 4)


@pytest.mark.parametrize(("returned", "expected"), [
    ("[[1, 2]]", ((1, 2),)), ("((1, 2), (3, 4))", ((1, 2), (3, 4))), ("np.array([[1.0, 2]])", ((1, 2),)), ("g > 0", ((1, 1),)),
    ("[np.array([1])]", ((1,),)), ("None", "it returned no"), ("[1, 2]", "it returned no"), ("[[1.5]]", "it returned no"),
    ("[[10]]", "it returned no"), ("[[1], [1, 2]]", "it returned no"), ("np.zeros((200, 200), int)", "TooLarge"), ("object()", "NotPlain"),
    ("g[9]", "IndexError"), ("exec('while 1: pass')", "it did not end within 0.5 s"), ("np.zeros((0, 0))", "it returned no")])
async def test_an_output_is_a_grid_or_says_what_happened(returned: str, expected: Any):
    task = InductionTask(train=(Pair(input=((6, 7),), output=((1,),)),), test=(((8, 9),),))
    bench = Bench(answering(program_only=fenced(f"def transform_grid(g):\n    return {returned}")))
    result = await bench.run("program_only(programs=1,rounds=0,seconds=0.5)", task)
    if isinstance(expected, str):
        assert result.answer is None and expected in result.detail
    else:
        assert json.loads(result.answer or "")["attempts"] == [[list(map(list, expected))]]


# -- a person chooses ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("said", "rules"), [
    ("CHOICE: 2", ["turn it"]), ("3, 1", ["copy it", "mirror it"]), ("CHOICE: none", [""]), ("CHOICE: 7", ["mirror it", "turn it"])])
async def test_a_person_chooses_the_rules_by_hand(said: str, rules: list[str]):
    desk = ManualEndpoint(name="desk")
    bench = Bench(answering(hypothesis=["mirror it", "turn it", "copy it"], program=fenced(RIGHT), program_only=fenced(RIGHT)), desk=desk)

    async def person() -> None:
        while True:
            for waiting in desk.pending():
                assert "1. mirror it\n\n2. turn it\n\n3. copy it" in waiting.request.messages[1].text
                desk.answer(waiting.id, said)
            await asyncio.sleep(0.01)

    sitting = asyncio.create_task(person())
    result = await bench.run("hypothesis_search(hypotheses=3,keep=2,programs=1,reduce=select,reducer=direct/desk:person)")
    sitting.cancel()
    assert result.artifacts["rules"] == rules and result.outcome == "verified"


# -- chat ------------------------------------------------------------------------------------------------------------------


async def test_the_task_may_be_chat_with_json_or_with_grids_below_headings():
    said = {"train": [pair.model_dump() for pair in MIRROR.train], "test": [{"input": one, "output": [[0]]} for one in MIRROR.test]}
    for text in (f"Solve this:\n```json\n{json.dumps(said)}\n```", f"{MIRROR.examples}\n\n{MIRROR.inputs}"):
        assert InductionTask.from_chat(ChatTask(messages=(Message(role="user", content=text),))) == MIRROR
    chat = ChatTask(messages=(Message(role="user", content=json.dumps(said)),))
    assert (await Bench(answering(program_only=fenced(RIGHT))).run("program_only", chat)).outcome == "verified"
