"""Agent tree search: looks ahead in instances of its own, acts once in the real one, and never does in a search what cannot be undone."""

from __future__ import annotations

import random
from typing import Any

import orjson
import pytest

from eudoxus.agents.agent_tree_search import agent_tree_search, read_status
from eudoxus.agents.environments import AgentTask
from eudoxus.agents.environments.registry import settings
from eudoxus.agents.environments.shop.environment import Shop
from eudoxus.agents.lats import lats
from eudoxus.agents.search.acting import read_move
from eudoxus.agents.search.environment import NOT_DONE
from eudoxus.evaluation.shop_errands import Errand, errands, played
from eudoxus.prompts import load
from eudoxus.runtime import ChatRequest, ChatTask, Limits, MemoryJournal, Order, Registry, Result, Runtime, Task, parse_spec
from eudoxus.runtime.endpoints import Endpoints
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint
from eudoxus.runtime.errors import EffectFailed, InvalidParams, InvalidTask
from tests.agents.running import JSON, chat
from tests.agents.search.worlds import Stairs, Walked, climber, stacker

REGISTRY = Registry([agent_tree_search, lats], (ChatTask, AgentTask))
TOWERS = AgentTask(environment="blocksworld", parameters={"blocks": 4, "seed": 3})


@pytest.fixture(autouse=True)
def stairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment of the tests is published beside the shipped ones."""
    kinds = {**settings(), "stairs": Stairs}
    monkeypatch.setattr("eudoxus.agents.environments.registry.settings", lambda: kinds)


def climb(top: int = 4) -> AgentTask:
    return AgentTask(environment="stairs", parameters={"top": top})


async def solved(path: str, task: Task, answers: Any, **limits: Any) -> tuple[Result, SimulatedEndpoint]:
    """The result, after a replay that did nothing outside and came to the same."""
    endpoint = SimulatedEndpoint(answers, name="sim")
    runtime = Runtime(REGISTRY, Endpoints({"sim": endpoint}, default="sim"), prompt_hash=lambda id: load(id).hash)
    journal = MemoryJournal()
    result = await runtime.execute(Order(parse_spec(f"{path}/sim:m", REGISTRY), task, limits=Limits(**limits)), journal, run_id="run_1")
    performed = len(Walked.performed)
    assert (await runtime.replay(journal)).model_dump_json() == result.model_dump_json()
    assert len(Walked.performed) == performed
    return result, endpoint


@pytest.mark.parametrize("params", ["", "width=3,branching=3", "commit_on_pop=true", "judges=3,samples=6", "depth=2,budget=6"])
async def test_the_wanted_towers_are_built_and_the_environment_verifies_it(params: str) -> None:
    result, _ = await solved(f"agent_tree_search({params})", TOWERS, stacker)
    assert (result.outcome, result.authority) == ("verified", "exact")
    assert result.answer == "\n".join(turn["action"] for turn in result.artifacts["turns"])
    assert result.artifacts["searches"][0]["visited"] > 0


async def test_the_whole_best_path_is_carried_out_before_the_next_search() -> None:
    result, _ = await solved("agent_tree_search(depth=2,budget=8,max_actions=4)", climb(99), climber("+1", "+1", "-1"))
    assert result.artifacts["searches"][0]["actions"] >= 1
    assert sum(search["actions"] for search in result.artifacts["searches"]) >= len(result.artifacts["turns"]) == 4
    assert result.outcome == "limit" and "4 actions" in result.detail and result.answer is None


async def test_a_search_visits_at_most_its_budget_and_asks_nothing_at_the_last_place() -> None:
    acts, judged = 0, 0

    def counting(model: str, request: ChatRequest, number: int) -> str:
        nonlocal acts, judged
        acts, judged = acts + ("You judge" not in request.messages[0].text), judged + ("You judge" in request.messages[0].text)
        return climber("+1")(model, request, number)

    result, _ = await solved("agent_tree_search(depth=9,budget=3,samples=1,max_actions=1)", climb(99), counting)
    assert (result.artifacts["searches"][0]["visited"], judged, acts) == (3, 3, 3), "at the root and at two of the three places"


async def test_without_a_search_the_most_frequent_action_is_done() -> None:
    result, endpoint = await solved("agent_tree_search(budget=0,samples=3,max_actions=5)", climb(2), climber("-1", "+1", "+1"))
    assert [turn["action"] for turn in result.artifacts["turns"]] == ["+1", "+1"]
    assert result.answer == "+1\n+1" and endpoint.completions == 6


async def test_what_cannot_be_undone_happens_only_once_and_only_after_it_was_decided_on() -> None:
    def jumper(model: str, request: ChatRequest, number: int) -> str:
        said = request.messages[-1].text
        if "You judge" in request.messages[0].text:
            return f"STATUS: {'success' if NOT_DONE in said else 'on track'}"
        return "Thought: t\nAction: " + ("+1" if "on stair 0" in said and "Action 1" not in said else "+9" if number % 2 else "+1")

    before = len(Walked.performed)
    result, _ = await solved("agent_tree_search(samples=2,max_actions=6)", climb(10), jumper)
    assert result.answer == "+1\n+9"
    jumps = [way for way in Walked.performed[before:] if "+9" in way]
    assert jumps == [("+1", "+9")]


async def test_where_it_is_not_allowed_what_cannot_be_undone_never_happens() -> None:
    before = len(Walked.performed)
    for budget in (0, 5):
        path = f"agent_tree_search(irreversible=false,samples=2,budget={budget},max_actions=3)"
        result, _ = await solved(path, climb(99), climber("+9", "+9"))
        assert result.outcome == "failed" and result.artifacts["turns"] == []
    assert not any("+9" in way for way in Walked.performed[before:])


async def test_after_what_cannot_be_undone_no_other_instance_does_it_again() -> None:
    """The stairs have no snapshots: from then on there is no search, for a search would have to jump again."""

    def jumping_first(model: str, request: ChatRequest, number: int) -> str:
        return climber("+1" if "Action 1" in request.messages[-1].text else "+9")(model, request, number)

    before = len(Walked.performed)
    result, _ = await solved("agent_tree_search(samples=1,depth=1,max_actions=3)", climb(99), jumping_first)
    assert [turn["action"] for turn in result.artifacts["turns"]] == ["+9", "+1", "+1"]
    assert [search["visited"] for search in result.artifacts["searches"]] == [1, 0, 0]
    assert len([way for way in Walked.performed[before:] if way == ("+9",)]) == 1


def shopper(errand: Errand, fill: str, every: int) -> Any:
    """Draws another action instead of the right one at every so many samples, and judges rightly."""

    def answer(model: str, request: ChatRequest, number: int) -> str:
        text = request.messages[-1].text
        done = text.count("\nAction ")
        if "You judge" in request.messages[0].text:
            actions = [line.partition(": ")[2] for line in text.splitlines() if line.startswith("Action ")]
            return f"STATUS: {'off track' if actions != list(errand.way[:done]) else 'success' if done == len(errand.way) else 'on track'}"
        action = errand.way[min(done, len(errand.way) - 1)] if done < len(errand.way) else "stop[done]"
        return f"Thought: go\nAction: {action if number % every else fill}"

    return answer


@pytest.mark.parametrize("snapshots", [True, False])
async def test_errands_in_the_shop_are_done(snapshots: bool) -> None:
    for errand in await errands(Shop(seed=2, snapshots=snapshots), 5, 5):
        player = shopper(errand, "goto[/orders/sample]", 2 if snapshots else 4)
        result, _ = await solved("agent_tree_search(samples=4,branching=2,depth=4,budget=12)", errand.task, player)
        actions = [turn["action"] for turn in result.artifacts["turns"]]
        assert await errand.met(actions), (errand.goal, actions)
        assert len((await played(errand.shop, actions)).visit.orders) == len(errand.wanted.orders)


async def test_going_back_costs_steps_only_without_snapshots() -> None:
    errand = (await errands(Shop(seed=2), 5, 1))[0]
    steps = []
    for snapshots in (True, False):
        task = AgentTask(environment="shop", parameters={"seed": 2, "snapshots": snapshots}, goal=errand.goal)
        result, _ = await solved("agent_tree_search(samples=4,branching=2)", task, shopper(errand, "goto[/about]", 4))
        steps.append((result.artifacts["environment_steps"], [turn["action"] for turn in result.artifacts["turns"]]))
    assert steps[0][0] < steps[1][0] and steps[0][1] == steps[1][1]


@pytest.mark.parametrize("path", ["agent_tree_search(samples=2)", "lats(children=2)"])
async def test_a_question_is_answered_with_tools_and_the_tasks_verifier_decides(path: str) -> None:
    def asker(model: str, request: ChatRequest, number: int) -> str:
        text = request.messages[-1].text
        if "You judge" in request.messages[0].text:
            return "STATUS: on track"
        if "You score" in request.messages[0].text:
            return f'{{"scores": {[6] * text.count("end of candidate")}}}'
        return 'Action: stop[{"n": 391}]' if "Observation 1: 391" in text else "Action: calculator[17 * 23]"

    result, _ = await solved(path, chat("How much is 17 * 23?", response_format=JSON), asker)
    assert (result.answer, result.outcome) == ('{"n": 391}', "verified")


async def test_a_message_that_names_an_environment_is_worked_on_there_and_a_mistake_is_told() -> None:
    result, _ = await solved("agent_tree_search", chat('environment: blocksworld\nparameters: {"blocks": 3, "seed": 1}'), stacker)
    assert result.verified
    with pytest.raises(InvalidTask, match="did you mean shop"):
        await solved("agent_tree_search", chat("environment: shopp\ngoal: x"), stacker)


@pytest.mark.parametrize("path", ["agent_tree_search", "agent_tree_search(budget=0)", "agent_tree_search(budget=1)", "lats"])
async def test_nonsense_from_the_model_ends_in_a_failure_that_says_so(path: str) -> None:
    result, endpoint = await solved(path, TOWERS, lambda *_: "Sorry, I cannot.")
    assert (result.outcome, result.answer) == ("failed", None) and result.detail
    assert endpoint.calls <= 4


async def test_a_judge_who_says_nothing_readable_leaves_the_score_of_the_place_before() -> None:
    result, _ = await solved("agent_tree_search(budget=2,depth=1,max_actions=1)", climb(9), climber("+1", "-1", status="who knows"))
    assert result.artifacts["searches"][0]["score"] == 0.5


@pytest.mark.parametrize("requests", [0, 1, 5, 12])
@pytest.mark.parametrize("path", ["agent_tree_search", "lats"])
async def test_a_small_budget_ends_in_a_limit_with_what_was_done(path: str, requests: int) -> None:
    result, _ = await solved(path, AgentTask(environment="blocksworld", parameters={"blocks": 5, "seed": 1}), stacker, requests=requests)
    assert result.outcome == "limit" and result.usage.requests <= requests


async def test_the_same_action_again_and_again_ends_the_work() -> None:
    result, _ = await solved("agent_tree_search(budget=0,samples=1)", climb(99), climber("+1"))
    assert result.outcome == "failed" and "+1 was repeated" in result.detail and len(result.artifacts["turns"]) == 5


async def test_when_the_real_environment_fails_the_run_fails_with_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Walked, "fails_at", 2)
    with pytest.raises(EffectFailed, match="the floor gave way"):
        await solved("agent_tree_search(budget=0,samples=1)", climb(99), climber("+1"))


async def test_unknown_tools_are_refused_by_name() -> None:
    with pytest.raises(InvalidParams, match="no tool is called shell"):
        await solved("agent_tree_search(tools=[shell])", TOWERS, stacker)


async def test_searches_of_width_four_are_the_same_for_any_latencies() -> None:
    seen = set()
    for seed in range(8):
        draw = random.Random(seed).random
        endpoint = SimulatedEndpoint(stacker, name="sim", latency=lambda draw=draw: draw() * 0.001)
        runtime = Runtime(REGISTRY, Endpoints({"sim": endpoint}, default="sim"), prompt_hash=lambda id: load(id).hash)
        journal = MemoryJournal()
        spec = parse_spec("agent_tree_search(width=4,samples=4,commit_on_pop=true)/sim:m", REGISTRY)
        result = await runtime.execute(Order(spec, TOWERS), journal, run_id="run_1")
        assert orjson.dumps((await runtime.replay(journal)).model_dump(mode="json")) == orjson.dumps(result.model_dump(mode="json"))
        seen.add((result.model_dump_json(), tuple(sorted((record.path, record.fp) for record in journal.recorded.effects.values()))))
    assert len(seen) == 1


@pytest.mark.parametrize(("reply", "thought", "action"), [
    ("Thought: a\nAction: click[5]", "a", "click[5]"), ("**Thought:** a\n**Action:** `click[5]`", "a", "click[5]"),
    ("Action: type[4][two words]\nObservation: made up\nAction: stop[x]", "", "type[4][two words]"), ("Action 3: back", "", "back"),
    ("<think>Action: no</think>Thought: so\n\nAction:\npick-up a", "so", "pick-up a"),
    ("Action: stop[line one\nline two]", "", "stop[line one\nline two]"),
    ("Thought: the Action: part comes\nAction: back\nand so on", "the Action: part comes", "back"),
])
def test_actions_are_read_as_models_write_them(reply: str, thought: str, action: str) -> None:
    move = read_move(reply)
    assert move is not None and (move.thought, move.action) == (thought, action)


@pytest.mark.parametrize("reply", ["", "click[5]", "Thought: only", "Action:", "Action: ``", "Observation: x"])
def test_what_is_no_action_is_not_read(reply: str) -> None:
    assert read_move(reply) is None


@pytest.mark.parametrize(("reply", "score"), [
    ("x\nSTATUS: success", 1.0), ("status: On-Track.", 0.5), ("STATUS: **off track**", 0.0), ("STATUS: on track\nSTATUS: success", 1.0),
    ("<think>STATUS: success</think>", None), ("it is a success", None),
])
def test_a_status_is_read(reply: str, score: float | None) -> None:
    assert read_status(reply) == score
