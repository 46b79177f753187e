"""Planning tasks, and how they are read from chat."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from eudoxus.planners.domains import shipped
from eudoxus.planners.task import PlanningTask, WorkedExample
from eudoxus.runtime import ChatTask, Message
from eudoxus.runtime.errors import InvalidTask

OWN = "(define (domain switch)\n (:predicates (lit))\n (:action press :parameters () :effect (lit)))"


def chat(*texts: str) -> ChatTask:
    return ChatTask(messages=tuple(Message(role="user", content=text) for text in texts))


def test_the_shipped_tasks_are_tasks_of_their_domains():
    tasks = [json.loads(task) for domain in shipped().values() for task in domain.tasks]
    assert len(tasks) == 4
    for task in tasks:
        assert task.pop("kind") == "planning"
        assert PlanningTask.model_validate(task).parsed.name == task["domain"]


@pytest.mark.parametrize("text", [
    f"Please turn on the light.\n\n```pddl\n{OWN}\n```",
    f"```\n{OWN}\n```\nPlease turn on the light.",
    f"{OWN}\n\nPlease turn on the light.",
    f"Please turn on the light.\n{OWN}",
])
def test_a_domain_in_the_message_is_taken_and_the_rest_is_the_description(text: str):
    task = PlanningTask.from_chat(chat(text))
    assert task.domain == OWN
    assert task.description == "Please turn on the light."


def test_the_domain_may_stand_in_an_earlier_message():
    messages = (Message(role="system", content=f"```pddl\n{OWN}\n```"), Message(role="user", content="Light!"))
    task = PlanningTask.from_chat(ChatTask(messages=messages))
    assert (task.domain, task.description) == (OWN, "Light!")


@pytest.mark.parametrize("text", [
    "Domain: blocksworld\n\nPut a on b.", "domain = Blocksworld\nPut a on b.",
])
def test_a_shipped_domain_can_be_named_on_a_line_of_its_own(text: str):
    task = PlanningTask.from_chat(chat(text))
    assert (task.domain, task.description) == ("blocksworld", "Put a on b.")


@pytest.mark.parametrize("text", [
    "In the blocks world: put a on b.", "A blocksworld task: put a on b.", "A Blocks-World task: put a on b.",
])
def test_a_shipped_domain_can_be_named_in_passing(text: str):
    task = PlanningTask.from_chat(chat(text))
    assert (task.domain, task.description) == ("blocksworld", text)


@pytest.mark.parametrize(("text", "said"), [
    ("Put a on b.", "no domain was found"),
    ("Is this a task for blocksworld or for gripper?", "no domain was found"),
    ("Domain: blocksworld", "no description was found"),
    (f"```pddl\n{OWN}\n```", "no description was found"),
    ("Domain: chess\nMate in two.", "no domain is called 'chess'"),
    ("```pddl\n(define (domain d) (:durative-action a))\n```\nGo.", "a durative action"),
    ("```pddl\n(define (domain d) (:action a :parameters () :effect (q)))\n```\nGo.", "action a: (q): the domain has no predicate q"),
])
def test_a_message_that_cannot_be_read_gets_one_that_would_work(text: str, said: str):
    with pytest.raises(InvalidTask) as caught:
        PlanningTask.from_chat(chat(text))
    assert said in str(caught.value)
    assert caught.value.param == "messages"
    example = str(caught.value).split("This message would work:\n\n")[1]
    assert PlanningTask.from_chat(chat(example)).domain == "blocksworld"


@pytest.mark.parametrize("wrong", [
    {"seconds": 0}, {"seconds": 301}, {"engine": "magic"}, {"domain": "chess"}, {"domain": "(define"}, {"description": ""},
])
def test_fields_out_of_range_are_refused(wrong: dict[str, object]):
    with pytest.raises(ValidationError):
        PlanningTask.model_validate({"description": "x", "domain": "blocksworld"} | wrong)


def test_a_second_example_needs_a_first():
    with pytest.raises(ValidationError, match="second_example is given without example"):
        PlanningTask.model_validate({"description": "x", "domain": "blocksworld", "second_example": {"description": "y", "problem": "(z)"}})


def test_the_examples_of_the_task_come_before_those_of_the_shipped_domain():
    task = PlanningTask(description="x", domain="gripper")
    assert [example.problem for example in task.examples] == [shipped()["gripper"].example_problem]
    own = WorkedExample(description="y", problem="(z)")
    assert task.model_copy(update={"example": own}).examples == (own,)
    assert PlanningTask(description="x", domain=OWN).examples == ()


async def test_a_planning_task_can_be_asked_directly():
    task = PlanningTask(description="Put a on b.", domain="blocksworld")
    request = task.request(temperature=0.5)
    assert "Put a on b." in request.messages[-1].text
    assert "(define (domain blocksworld)" in request.messages[-1].text
    assert request.temperature == 0.5
    assert request.prompt is not None
    assert request.prompt.startswith("llm_plus_p/question@")
