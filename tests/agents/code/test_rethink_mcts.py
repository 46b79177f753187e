"""RethinkMCTS: the published tree and its costs, our defaults, bad replies, limits, and the same search at every latency."""

from __future__ import annotations

import json
from typing import Any

import pytest

from eudoxus.agents.code.rethink_mcts import PAPER, RethinkMcts, rethink_mcts
from eudoxus.agents.code.task import CodeTask
from eudoxus.runtime import ChatRequest, MemoryJournal
from eudoxus.runtime.errors import EndpointUnavailable, InvalidParams
from eudoxus.runtime.journal.records import EffectRecord, EventRecord
from eudoxus.sandbox import Limits as SandboxLimits
from tests.agents.code.thinker import TASK, TESTS, Thinker, program, searched

GOLDEN = Thinker(
    passes={"1": 2, "1'": 3, "2": 4, "3": 1, "3'": 1, "1'1": 4, "21": 3, "21'": 4},
    judged={"2": 0.0, "1'1": -1.0, "21'": 0.6},
)
TRIED = [
    # (1) ln 1 = 0, so that the first that is listed comes first; it passes 2 of 4, and 3 of 4 in the second try, which has the prior 1.
    ("1'", 0.75),
    # (2) N = 2, beta = ln 1.3 + 4 = 4.262: 0.9 * 0.75 + 4.262 * 1 * sqrt(ln 2) / 2 = 2.449 for 1', 4.262 * 0.3 * sqrt(ln 2) = 1.065 for 2.
    ("1'1", 0.6),  # passes all, but the judge says -1: 0.8 - 0.2, less than 1' itself
    # (3) N(1') = 3 and three ways to go on; 1'1 has 0.54 + 4.262 / 2 * 0.5 * 0.8326 * … of its own children.
    ("1'11'", 0.0), ("1'2'", 0.0), ("1'2'1'", 0.0),
    # (6) N = 6: 1.686 for 1', 1.819 for 2.
    ("2", 0.8),
    ("1'2'1'1'", 0.0), ("21'", 0.92), ("1'11'1'", 0.0), ("1'2'1'1'1'", 0.0), ("1'11'1'1'", 0.0),
    # (12) N = 12: 1.437, 1.507 and 1.524. Thought again, 3 has the prior 1, which keeps the search below it.
    ("3'", 0.25), ("3'1'", 0.0), ("3'1'1'", 0.0), ("3'1'1'1'", 0.0), ("3'2'", 0.0),
]
BACKED_UP = {
    "1'": (9, 0.675), "1'1": (4, 0.54), "1'11'": (3, 0.0), "1'11'1'": (2, 0.0), "1'2'": (4, 0.0), "1'2'1'": (3, 0.0), "1'2'1'1'": (2, 0.0),
    "2": (2, 0.81 * 0.92), "21'": (1, 0.9 * 0.92), "3'": (5, 0.225), "3'1'": (3, 0.0), "3'1'1'": (2, 0.0), "3'2'": (1, 0.0),
}


async def tried(journal: MemoryJournal) -> list[tuple[str, float]]:
    """The thoughts in the order in which they were tried, as they stand after it, with the values of their programs."""
    events = [record for record in await journal.records() if isinstance(record, EventRecord) and record.type == "node.tried"]
    return [(event.data["attempts"][-1]["thought"], event.data["attempts"][-1]["value"]) for event in events]


# -- as published ------------------------------------------------------------------------------------------------------------


async def test_sixteen_rollouts_of_the_published_search_select_rethink_and_back_up_as_computed_by_hand() -> None:
    journal = MemoryJournal()
    result, endpoint = await searched("preset=paper", GOLDEN, journal=journal)
    assert await tried(journal) == [(thought, pytest.approx(value)) for thought, value in TRIED]
    tree = {node["thought"]: node for node in result.artifacts["tree"]}
    assert {name: (tree[name]["visits"], tree[name]["value"]) for name in BACKED_UP} == {
        name: (visits, pytest.approx(value)) for name, (visits, value) in BACKED_UP.items()}
    assert (result.answer or "").count("21'") == 1 and result.outcome == "verified"
    assert endpoint.calls == 1 + 2 * 3 + 14 * 6, "two thoughts passed at once"


async def test_a_rethought_thought_takes_the_place_of_the_one_that_failed_and_nothing_else_changes() -> None:
    result, _ = await searched("preset=paper,rollouts=1", GOLDEN)
    root, *children = result.artifacts["tree"]
    assert [(node["thought"], node["prior"]) for node in children[:3]] == [("1'", 1.0), ("2", 0.3), ("3", 0.2)]
    assert [attempt["thought"] for attempt in children[0]["attempts"]] == ["1", "1'"] and not children[1]["attempts"]
    assert [node["thought"] for node in children[3:]] == ["1'1", "1'2", "1'3"] and root["attempts"] == []


@pytest.mark.parametrize(("passes", "rollout"), [
    ({"": 0}, ["program", "blocks", "rethink", "program", "blocks", "thoughts_after"]),
    ({"1": 4}, ["program", "judge", "thoughts"]),
    ({"1'": 4}, ["program", "blocks", "rethink", "program", "judge", "thoughts"]),
])
async def test_a_published_rollout_asks_three_to_six_times_in_the_order_of_the_paper(passes: dict[str, int], rollout: list[str]) -> None:
    thinker = Thinker(passes)
    await searched("preset=paper,rollouts=1", thinker)
    assert [role for role, _ in thinker.log] == ["thoughts", *rollout]


@pytest.mark.parametrize(("otherwise", "calls"), [(4, 49), (0, 97)])
async def test_sixteen_published_rollouts_cost_49_calls_when_all_pass_and_97_when_all_fail(otherwise: int, calls: int) -> None:
    result, endpoint = await searched("preset=paper", Thinker(otherwise=otherwise))
    assert endpoint.calls == result.usage.requests == calls


def test_the_paper_preset_changes_only_what_is_not_given() -> None:
    paper = rethink_mcts.check({"preset": "paper", "width": 2})
    assert isinstance(paper, RethinkMcts) and (paper.width, paper.value, paper.calls) == (2, "weighted", 768)
    assert set(PAPER) <= set(RethinkMcts.model_fields) and rethink_mcts.check({}) == RethinkMcts()
    with pytest.raises(InvalidParams, match="preset"):
        rethink_mcts.check({"preset": "papers"})


# -- our choices -------------------------------------------------------------------------------------------------------------


async def test_a_program_that_passes_and_is_judged_good_costs_two_calls() -> None:
    result, endpoint = await searched("", Thinker({"": 4}))
    assert (endpoint.calls, result.outcome, result.authority) == (2, "verified", "public_tests")
    assert result.artifacts["stopped"] == "a program is good enough"


async def test_passing_all_tests_beats_failing_one_whatever_the_judge_says() -> None:
    thinker = Thinker({"": 3, "1": 4}, judged={"1": -1.0})
    ours, _ = await searched("stop_on=never,rollouts=1", thinker)
    assert ours.outcome == "verified" and "'1'" in (ours.answer or "")
    published, _ = await searched("stop_on=never,rollouts=1,value=weighted", thinker)
    assert published.outcome == "best_effort" and "3 of 4 tests passed" in published.detail


async def test_the_search_goes_on_while_the_judge_doubts_and_tells_the_next_thoughts_why() -> None:
    thinker = Thinker({"": 4, "1": 4}, judged={"": 0.2, "1": 0.9})
    result, endpoint = await searched("width=1", thinker)
    assert thinker.log == [("program", ""), ("judge", ""), ("thoughts_after", ""), ("program", "1"), ("judge", "1")]
    asked = endpoint.requests[2][1].messages[-1].text
    assert "forgets 0." in asked and "An examiner objects" in asked and "'1'" in (result.answer or "")


@pytest.mark.parametrize(("params", "asked"), [
    ("stop_on=public_pass", ["program"]),
    ("enough=0.1", ["program", "judge"]),
    ("rollouts=1", ["program", "judge", "thoughts_after", "program", "blocks", "rethink", "program"]),
    ("rollouts=1,objections=false", ["program", "judge", "thoughts", "program", "blocks", "rethink", "program"]),
])
async def test_what_ends_the_search_can_be_chosen(params: str, asked: list[str]) -> None:
    thinker = Thinker({"": 4}, judged={"": 0.2})
    await searched(params, thinker)
    assert [role for role, _ in thinker.log] == asked


async def test_thoughts_are_asked_for_only_where_the_search_comes_back() -> None:
    lazy, eager = Thinker(GOLDEN.passes, judged=GOLDEN.judged), Thinker(GOLDEN.passes, judged=GOLDEN.judged)
    journals = MemoryJournal(), MemoryJournal()
    await searched("preset=paper,rollouts=9,expand=when_needed", lazy, journal=journals[0])
    await searched("preset=paper,rollouts=9", eager, journal=journals[1])
    assert await tried(journals[0]) == await tried(journals[1]), "the same search"
    assert lazy.asked["thoughts_after"] + lazy.asked["thoughts"] < eager.asked["thoughts_after"] + eager.asked["thoughts"] == 10
    assert lazy.asked["blocks"] < eager.asked["blocks"]


async def test_a_round_tries_different_thoughts_and_the_first_program_is_written_alone() -> None:
    journal = MemoryJournal()
    await searched("direct_first=false,rollouts=5,rethinks=0", Thinker(), journal=journal)
    assert [thought for thought, _ in await tried(journal)] == ["1", "2", "11", "3", "12"]
    paths = [record.path for record in await journal.records() if isinstance(record, EffectRecord)]
    rollouts = sorted({"/".join(path.split("/")[1:3]) for path in paths if "rollout" in path})
    assert rollouts == ["round[1]/rollout[0]", *(f"round[3]/rollout[{number}]" for number in range(4))]


async def test_the_search_is_the_same_whichever_answer_comes_first() -> None:
    found = [await searched("width=4,stop_on=never,rollouts=9", Thinker(GOLDEN.passes, judged=GOLDEN.judged), latency=latency, seed=seed)
             for latency, seed in (((0.0, 0.02), 1), ((0.0, 0.02), 2), ((0.0, 0.001), 3), (0.0, 0))]
    assert found[0][0].model_dump() == found[1][0].model_dump() == found[2][0].model_dump() == found[3][0].model_dump()


async def test_the_whole_tree_is_told_in_events_and_in_the_result() -> None:
    journal = MemoryJournal()
    result, _ = await searched("rollouts=3", Thinker({"1": 1}), journal=journal)
    events = [record for record in await journal.records() if isinstance(record, EventRecord)]
    grown = [child["id"] for event in events if event.type == "node.expanded" for child in event.data["children"]]
    assert [node["id"] for node in result.artifacts["tree"]] == [0, *grown]
    assert [node["parent"] for node in result.artifacts["tree"]][:4] == [None, 0, 0, 0]
    assert json.dumps(result.artifacts)


# -- bad replies -------------------------------------------------------------------------------------------------------------


class Broken(Thinker):
    """Like its model, but for the replies to some prompts."""

    def __init__(self, said: dict[str, str], **more: Any) -> None:
        super().__init__(**more)
        self.said = said

    def reply(self, role: str, last: str, question: str) -> str:
        return self.said[role] if role in self.said else super().reply(role, last, question)


async def test_malformed_json_is_asked_for_once_more_with_the_reason() -> None:
    thinker = Broken({"thoughts_after": "Sort it.", "again": '[{"thought": "b", "reasonableness": 1}]'}, passes={"b": 4})
    result, endpoint = await searched("", thinker)
    assert result.outcome == "verified" and thinker.asked["again"] == 1
    repaired = next(request for _, request, _ in endpoint.requests if (request.prompt or "").startswith("rethink_mcts/again"))
    assert "there is no JSON list of thoughts in it" in repaired.messages[-1].text and repaired.messages[-2].text == "Sort it."


async def test_json_that_stays_malformed_ends_the_way_and_the_best_program_comes_back() -> None:
    thinker = Broken({"thoughts_after": "no", "again": "no"}, passes={"": 3})
    result, endpoint = await searched("", thinker)
    assert (result.outcome, endpoint.calls) == ("best_effort", 4) and "every thought was tried; 3 of 4 tests passed" in result.detail


async def test_without_a_second_request_blank_thoughts_take_the_place_of_malformed_ones() -> None:
    result, endpoint = await searched("preset=paper,rollouts=2", Broken({"thoughts": "no"}, passes={"": 4}))
    assert endpoint.calls == 1 + 3 + 3 and [node["thought"] for node in result.artifacts["tree"]] == [None, *[""] * 9]


@pytest.mark.parametrize("said", [
    "I cannot.", "```python\ndef other(n):\n    return n\n```", "```python\ndef level(n):\n    return n +\n```",
])
async def test_a_reply_without_a_program_is_thought_again_with_the_reason(said: str) -> None:
    thinker = Broken({"program": said, "again": said})
    result, endpoint = await searched("rollouts=1", thinker)
    assert result.outcome == "failed" and result.answer is None and result.artifacts["programs"] == 0
    rethinking = next(request for _, request, _ in endpoint.requests if (request.prompt or "").startswith("rethink_mcts/rethink@"))
    assert "held no program that could be run" in rethinking.messages[-1].text


async def test_an_unreadable_judgement_counts_as_zero() -> None:
    result, _ = await searched("rollouts=1,width=1", Broken({"judge": "1. It is fine.", "again": "Fine."}, passes={"": 4}))
    assert result.outcome == "verified" and result.artifacts["tree"][0]["attempts"][0]["judged"] == 0.0


async def test_programs_that_do_not_end_fail_their_tests_and_ask_for_no_trace() -> None:
    quick = TASK.model_copy(update={"limits": SandboxLimits(call_s=0.2, wall_s=0.4)})
    endless = Broken({"program": "```python\ndef level(n):\n    while True:\n        pass\n```"})
    result, endpoint = await searched("rollouts=1,rethinks=1", endless, quick)
    assert result.outcome == "best_effort" and endless.asked["blocks"] == 0
    rethinking = next(request for _, request, _ in endpoint.requests if (request.prompt or "").startswith("rethink_mcts/rethink@"))
    assert "it did not end in time" in rethinking.messages[-1].text


async def test_when_all_programs_fail_all_tests_the_first_one_comes_back_unverified() -> None:
    result, _ = await searched("rollouts=3", Thinker())
    assert (result.outcome, result.authority) == ("best_effort", "none") and "name = ''" in (result.answer or "")


# -- limits, failures, tests that a model wrote ------------------------------------------------------------------------------


async def test_a_budget_of_nothing_gives_nothing_and_one_request_gives_a_program() -> None:
    nothing, endpoint = await searched("", Thinker({"": 3}), requests=0)
    assert (nothing.outcome, nothing.answer, endpoint.calls) == ("limit", None, 0)
    one, endpoint = await searched("", Thinker({"": 3}), requests=1)
    assert (one.outcome, endpoint.calls) == ("limit", 1) and "def level" in (one.answer or "")
    passing, _ = await searched("", Thinker({"": 4}), requests=1)
    assert (passing.outcome, passing.authority) == ("verified", "public_tests"), "the tests passed; only the judge was not asked"


@pytest.mark.parametrize("calls", [1, 2, 7, 20])
async def test_the_limit_of_calls_is_kept_and_no_luck_decides_who_gets_the_last_one(calls: int) -> None:
    found = [await searched(f"calls={calls},stop_on=never", Thinker({"": 2}), latency=(0.0, 0.003), seed=seed) for seed in (1, 2)]
    assert found[0][0].model_dump() == found[1][0].model_dump()
    result, endpoint = found[0]
    assert endpoint.calls <= calls and result.outcome == "limit" and result.answer


async def test_a_failing_endpoint_costs_a_rollout_and_one_that_never_answers_is_an_error() -> None:
    def shaky(model: str, request: ChatRequest, number: int) -> Any:
        thinker = Thinker({"3": 4})
        answer = thinker(model, request, number)
        return EndpointUnavailable("gone") if thinker.log[-1] == ("program", "1") else answer

    result, _ = await searched("", shaky)
    assert result.outcome == "verified" and not result.artifacts["tree"][1]["attempts"]
    with pytest.raises(EndpointUnavailable):
        await searched("", lambda *_: EndpointUnavailable("gone"))


async def test_a_search_outlives_the_failure_of_its_very_first_request() -> None:
    failed: list[bool] = []
    thinker = Thinker({"1": 4})

    def late(model: str, request: ChatRequest, number: int) -> Any:
        failed.append(True)
        return EndpointUnavailable("gone") if len(failed) == 1 else thinker(model, request, number)

    result, _ = await searched("width=1", late)
    assert result.outcome == "verified" and thinker.log[0] == ("thoughts", "")


async def test_without_visible_tests_generated_ones_guide_the_search_and_verify_nothing() -> None:
    bare = CodeTask(statement=TASK.statement, entry_point="level")
    thinker = Thinker({"1": 4})
    result, _ = await searched("", thinker, bare)
    assert thinker.asked["code/tests"] == 1 and result.artifacts["tests"] == list(TESTS)
    assert (result.outcome, result.authority, result.artifacts["tests_from"]) == ("best_effort", "model", "generated")


async def test_without_any_test_the_judge_decides() -> None:
    bare = CodeTask(statement=TASK.statement, entry_point="level")
    thinker = Broken({"code/tests": "none", "code/tests_again": "none"}, judged={"": 0.1, "1": 0.9})
    result, _ = await searched("width=1", thinker, bare)
    assert (result.outcome, result.authority) == ("best_effort", "model") and "name = '1'" in (result.answer or "")


async def test_a_chat_message_with_a_header_is_a_task() -> None:
    from tests.agents.running import chat

    message = 'Please write\n\n```python\ndef level(n):\n    """The level.\n\n    >>> level(3)\n    3\n    """\n```'
    result, _ = await searched("", Thinker({"": 4}), chat(message))
    assert result.outcome == "verified" and result.artifacts["tests_from"] == "docstring"


def test_a_scripted_program_passes_as_many_tests_as_it_says() -> None:
    names: dict[str, Any] = {}
    exec(program(3, "x").split("```")[1].removeprefix("python"), names)
    assert [names["level"](n) == n for n in (1, 2, 3, 4)] == [True, True, True, False]
