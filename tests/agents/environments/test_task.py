"""Agent tasks are read, checked and refused with a sentence that helps."""

from __future__ import annotations

import pytest

from eudoxus.agents.environments import AgentTask, Instance, setting, settings
from eudoxus.agents.environments.blocksworld import Blocksworld
from eudoxus.agents.environments.registry import settings as published
from eudoxus.agents.environments.shop import Shop
from eudoxus.agents.environments.task import WORKS
from eudoxus.runtime import ChatTask, Context, Message, Registry
from eudoxus.runtime.errors import InvalidTask


def chat(text: str) -> ChatTask:
    return ChatTask(messages=(Message(role="user", content=text),))


def test_the_shipped_environments_are_published() -> None:
    assert settings() == published()
    assert {"blocksworld": Blocksworld, "shop": Shop}.items() <= settings().items()
    assert setting("shop", {"seed": 2}) == Shop(seed=2)


def test_a_task_is_read_from_chat() -> None:
    task = AgentTask.from_chat(chat("Please help.\nEnvironment: blocksworld\nparameters: {\"blocks\": 3,\n \"seed\": 4}\n"))
    assert (task.setting, task.goal) == (Blocksworld(blocks=3, seed=4), "")
    task = AgentTask.from_chat(chat(WORKS))
    assert (task.setting, task.goal) == (Shop(seed=3), "Put two of the cheapest lamp into the cart.")


@pytest.mark.parametrize(("text", "complaint"), [
    ("Book a flight.", "names no environment"), ("environment: shops\ngoal: x", "did you mean shop"),
    ("environment: shop", "so the task must"),
    ("environment: blocksworld\nparameters: [1]", "JSON object"), ("environment: blocksworld\nparameters: {", "cannot be read"),
    ('environment: blocksworld\nparameters: {"blocks": 9}', "blocks='9'"),
    ('environment: shop\nparameters: {"pages": 9}\ngoal: x', "'pages'"),
])
def test_what_cannot_be_read_shows_a_message_that_would_work(text: str, complaint: str) -> None:
    with pytest.raises(InvalidTask, match=complaint) as refused:
        AgentTask.from_chat(chat(text))
    assert WORKS in str(refused.value)


def test_a_typed_task_names_the_field_at_fault() -> None:
    with pytest.raises(InvalidTask, match="no environment is called 'moon'"):
        Registry((), (AgentTask,)).task({"kind": "agent", "environment": "moon", "goal": "land"})


async def test_a_shop_has_no_public_test_of_the_goal_and_a_plan_of_blocks_has(ctx: Context) -> None:
    assert await AgentTask(environment="shop", goal="x").verify(ctx, "click[1]") is None
    assert await AgentTask(environment="blocksworld").verify(ctx, "") is not None


def test_as_plain_chat_it_asks_for_the_actions() -> None:
    asked = AgentTask(environment="blocksworld", parameters={"seed": 2}).request(temperature=0.3)
    assert "pick-up X" in asked.messages[-1].text and "At the beginning" in asked.messages[-1].text and asked.temperature == 0.3


@pytest.mark.parametrize(("snapshots", "steps"), [(True, 0), (False, 2)])
async def test_an_instance_is_brought_back_by_a_snapshot_or_by_doing_it_all_again(snapshots: bool, steps: int, ctx: Context) -> None:
    instance = Instance(Shop(seed=1, snapshots=snapshots).open())
    await instance.begin(ctx)
    await instance.do(ctx, "click[6]")
    there = await instance.do(ctx, "click[6]")
    token, path = await instance.environment.snapshot(ctx), instance.path
    assert path == ("click[6]", "click[6]")
    await instance.do(ctx, "goto[/cart]")
    before = instance.steps
    await instance.go(ctx, path, token)
    assert (instance.path, instance.steps - before) == (path, steps)
    again = await instance.do(ctx, "nonsense")
    assert again.state == there.state
    before = instance.steps
    await instance.go(ctx, [*path, "nonsense", "goto[/cart]"])
    assert instance.steps - before == 1, "what is on the way is not done again"
