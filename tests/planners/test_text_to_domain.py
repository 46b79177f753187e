"""From a world in English to its domain, action by action."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import pytest
from pydantic import ValidationError

from eudoxus.planners.modelling import World, Written, Wrong
from eudoxus.planners.pddl import Domain, check_domain, parse_domain
from eudoxus.planners.task import DomainTask
from eudoxus.runtime import ChatRequest, ChatTask, Message
from eudoxus.runtime.errors import InvalidTask
from tests.planners.worlds import plan

TASK = DomainTask(world="A lamp can be switched on with a switch, and a lit lamp can be carried between rooms.")
OUTLINE = json.dumps({"name": "Lamps!", "types": {"lamp": "thing", "thing": "object", "room": "object"}, "actions": [
    {"name": "light", "about": "Light a lamp."}, {"name": "carry", "about": "Carry a lit lamp."}]})


def written(parameters: str, preconditions: str, effects: str, predicates: str = "") -> str:
    blocks = {"Parameters": parameters, "Preconditions": preconditions, "Effects": effects, "New predicates": predicates}
    return "\n".join(f"**{heading}**:\n```pddl\n{block}\n```" for heading, block in blocks.items())


LIGHT = written("?l - lamp", "(not (lit ?l))", "(lit ?l)", "(lit ?l - lamp) ; lamp ?l is lit\n(broken ?l - lamp)")
CARRY = written("?l - lamp ?a ?b - room", "(and (lit ?l) (in ?l ?a))", "(and (in ?l ?b) (not (in ?l ?a)))", "(in ?t - thing ?r - room)")
PROBLEM = """(define (problem p) (:domain lamps) (:objects l - lamp a b - room) (:init (in l a)) (:goal (in l b)))"""


def model(light: list[str], carry: list[str], *, outline: str = OUTLINE, problem: str = PROBLEM) -> Callable[[str, ChatRequest, int], str]:
    """Answers each question by what it asks for; the answers about an action in turn."""
    turns = {"light": iter(light), "carry": iter(carry)}

    def answer(name: str, request: ChatRequest, k: int) -> str:
        said = request.messages[1].text
        if "<action>" in said:
            return next(turns[said.partition("<action>\n")[2].partition(":")[0]])
        return problem if "<domain>" in said else outline
    return answer


async def test_the_actions_are_written_one_by_one_with_the_predicates_so_far():
    result, endpoint = await plan(TASK, model([LIGHT, LIGHT], [CARRY, CARRY]), "text_to_domain")
    assert (result.outcome, result.authority) == ("best_effort", "model")
    domain = parse_domain(result.artifacts["domain"])
    assert check_domain(domain) == []
    assert domain.name == "lamps"
    assert [action.form for action in domain.actions] == ["(light ?l)", "(carry ?l ?a ?b)"]
    assert result.answer == f"```pddl\n{result.artifacts['domain']}```"
    carrying = endpoint.requests[2][1].messages[1].text
    assert "(lit ?l - lamp) ; lamp ?l is lit" in carrying
    assert "light: Light a lamp." in carrying
    again = endpoint.requests[3][1].messages[1].text
    assert "You wrote this action before" in again
    assert "(in ?t - thing ?r - room)" in again
    assert endpoint.calls == 5


async def test_what_no_action_uses_is_left_out_in_the_end():
    result, _ = await plan(TASK, model([LIGHT, LIGHT], [CARRY, CARRY]), "text_to_domain")
    assert "broken" not in result.artifacts["domain"]
    assert [p.name for p in parse_domain(result.artifacts["domain"]).predicates] == ["lit", "in"]


async def test_a_third_pass_is_made_only_when_the_second_brings_something_new():
    _, endpoint = await plan(TASK, model([LIGHT] * 3, [CARRY] * 3), "text_to_domain(passes=3)")
    assert endpoint.calls == 5
    more = written("?l - lamp", "(not (lit ?l))", "(and (lit ?l) (warm ?l))", "(warm ?l - lamp)")
    _, endpoint = await plan(TASK, model([LIGHT, more, more], [CARRY] * 3), "text_to_domain(passes=3)")
    assert endpoint.calls == 7


@pytest.mark.parametrize(("wrong", "said"), [
    ("no", "the heading 'Parameters'"),
    (written("?l - lamp", " ".join(f"(a{i} ?l)" for i in range(21)), "(lit ?l)"), "more than 20 parts"),
    (written("?l - lamp", "(forall (?x - ghost) (lit ?x))", "(lit ?l)"), "'forall' is not supported"),
    (written("?l - ghost", "()", "(when (ghost) (lit ?l))"), "'when' is not supported"),
    (written("?l - ghost", "()", "(lit ?l)", "(lamp ?l)"), "the parameter ?l - ghost: there is no type ghost; there are: lamp,"),
    (written("?l - lamp", "()", "(lamp ?l)", "(lamp ?l)"), "is called like a type"),
    (written("?l - lamp", "()", "(lit ?l ?l)", "(lit ?l ?m - lamp)\n(lit ?l - lamp)"), "there is a predicate (lit ?l - lamp) already"),
    (written("?l - lamp", "()", "(hot ?l)", "(hot ?l)"), "say the type of ?l"),
    (written("?l - lamp", "()", "(hot ?l)", "(hot ?l - ghost)"), "there is no type ghost"),
    (written("?l - lamp", "()", "(hot ?l)"), "(hot ?l): the domain has no predicate hot"),
    (written("?l - lamp", "()", "(lit ?l ?l)"), "lit takes 1, found 2"),
    (written("?l - lamp", "()", "(lit ?m)"), "the variable ?m is not declared"),
    (written("?r - room", "()", "(lit ?r)"), "?r is of type room, but (lit ?l - lamp) takes lamp there"),
    (written("?l - lamp", "()", "()"), "the action has no effects"),
    (written("?l - lamp", "(and (lit ?l)", "(lit ?l)"), "Preconditions: 2 parentheses are opened and 1 closed"),
    (written("?l - lamp", "()", "(lit ?l) (lit ?l)"), "cannot be read"),
])
async def test_the_first_thing_that_is_wrong_with_an_action_is_told_in_the_order_of_the_paper(wrong: str, said: str):
    result, endpoint = await plan(TASK, model([LIGHT, LIGHT], [wrong, CARRY, CARRY]), "text_to_domain")
    assert result.artifacts["left_out"] == {}
    told = endpoint.requests[3][1]
    assert said in told.messages[-1].text
    assert told.prompt.startswith("text_to_domain/again@")


async def test_only_the_last_answer_is_shown_again_so_that_questions_do_not_grow():
    _, endpoint = await plan(TASK, model([LIGHT, LIGHT], ["no", "no!", "no?", CARRY, CARRY]), "text_to_domain")
    assert [len(request.messages) for _, request, _ in endpoint.requests] == [2, 2, 2, 4, 4, 4, 2, 2]


async def test_an_action_that_stays_wrong_is_left_out_and_named():
    result, endpoint = await plan(TASK, model([LIGHT, LIGHT], ["no", "no", "no", "no!", "no?"]), "text_to_domain(turns=2)")
    assert list(result.artifacts["left_out"]) == ["carry"]
    assert "left out: carry (the heading 'Parameters'" in result.detail
    assert [action.name for action in parse_domain(result.artifacts["domain"]).actions] == ["light"]
    assert endpoint.calls == 1 + 2 + 4


async def test_an_action_that_was_right_before_is_kept_when_the_second_pass_spoils_it():
    result, _ = await plan(TASK, model([LIGHT, "no", "no"], [CARRY, CARRY]), "text_to_domain")
    assert [action.name for action in parse_domain(result.artifacts["domain"]).actions] == ["light", "carry"]


async def test_without_any_action_there_is_no_domain():
    result, _ = await plan(TASK, model(["no"] * 9, ["no"] * 9), "text_to_domain(passes=1)")
    assert (result.outcome, result.answer) == ("failed", None)


async def test_a_task_in_the_world_is_planned_for():
    lit = written("?l - lamp", "()", "(lit ?l)", "(lit ?l - lamp)")
    task = TASK.model_copy(update={"description": "Bring the lamp to room b."})
    result, _ = await plan(task, model([lit, lit], [CARRY, CARRY]), "text_to_domain")
    assert result.artifacts["plan"] == ["(light l)", "(carry l a b)"]
    assert (result.outcome, result.authority) == ("best_effort", "solver")
    assert "the domain was written by the model, too" in result.detail
    assert result.answer.startswith("The plan has 2 steps")


async def test_a_spent_budget_gives_the_domain_so_far():
    result, _ = await plan(TASK, model([LIGHT], [CARRY]), "text_to_domain", requests=2)
    assert result.outcome == "limit"
    assert "(:action light" in result.answer
    task = TASK.model_copy(update={"description": "Bring the lamp to room b."})
    result, _ = await plan(task, model([LIGHT, LIGHT], [CARRY, CARRY]), "text_to_domain", requests=5)
    assert (result.outcome, result.answer) == ("limit", f"```pddl\n{result.artifacts['domain']}```")


@pytest.mark.parametrize(("outline", "said"), [
    ("no", "expected one JSON object"), ("[]", "expected one JSON object"), ('{"types": [], "actions": []}', "expected one JSON object"),
    ('{"types": {"a": "b"}, "actions": [{"name": "x", "about": ""}]}', "has above it 'b', which is no type"),
    ('{"types": {"a": "b", "b": "a"}, "actions": [{"name": "x", "about": ""}]}', "go round in a circle"),
    ('{"types": {"A b": "object"}, "actions": [{"name": "x", "about": ""}]}', "'a b' is no name"),
    ('{"types": {}, "actions": []}', "expected 1 to 100 actions"),
])
async def test_an_outline_that_cannot_be_used_is_asked_for_once_more(outline: str, said: str):
    answers = iter([outline, outline])
    result, endpoint = await plan(TASK, answers, "text_to_domain")
    assert (result.outcome, endpoint.calls) == ("failed", 2)
    assert said in result.detail
    assert said in endpoint.requests[1][1].messages[-1].text


async def test_given_actions_are_taken_as_they_are():
    task = TASK.model_copy(update={"actions": {"light": "Light it."}})
    result, endpoint = await plan(task, model([LIGHT, LIGHT], []), "text_to_domain")
    assert "light: Light it." in endpoint.requests[0][1].messages[1].text
    assert [action.name for action in parse_domain(result.artifacts["domain"]).actions] == ["light"]


def test_a_block_cannot_smuggle_in_a_second_action():
    world = World(Domain("w", types=MappingProxyType({"lamp": ("object",)})))
    smuggled = Written("?l - lamp", "()", "(lit ?l)) (:action other :parameters () :effect (lit ?l)", "(lit ?l - lamp)")
    with pytest.raises(Wrong):
        world.with_action("light", smuggled)


@pytest.mark.parametrize(("text", "world", "description"), [
    ("A lamp.\n\nTask: light it.", "A lamp.", "light it."), ("A lamp.", "A lamp.", None), ("A lamp.\nTASK :\nlight", "A lamp.", "light"),
])
def test_world_and_task_are_read_from_chat(text: str, world: str, description: str | None):
    task = DomainTask.from_chat(ChatTask(messages=(Message(role="user", content=text),)))
    assert (task.world, task.description) == (world, description)


def test_a_message_without_a_world_gets_one_that_would_work():
    with pytest.raises(InvalidTask, match="This message would work") as caught:
        DomainTask.from_chat(ChatTask(messages=(Message(role="user", content="Task: light"),)))
    example = str(caught.value).split("This message would work:\n\n")[1]
    assert DomainTask.from_chat(ChatTask(messages=(Message(role="user", content=example),))).description


@pytest.mark.parametrize("wrong", [{"world": ""}, {"actions": {}}, {"actions": {"Not a name": "x"}}, {"seconds": 0}])
def test_fields_out_of_range_are_refused(wrong: dict[str, Any]):
    with pytest.raises(ValidationError):
        DomainTask.model_validate({"world": "x"} | wrong)


def test_a_domain_task_can_be_asked_directly():
    task = DomainTask(world="A lamp.", actions={"light": "Light it."}, description="Do.")
    assert task.request(temperature=0.5).messages[0].text == "A lamp.\n\nlight: Light it.\n\nDo."
