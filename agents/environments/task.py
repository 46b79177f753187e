"""Tasks for agents: an environment, and a goal in words."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Self

import orjson
from pydantic import ConfigDict, Field, model_validator

from eudoxus.agents.environments.base import Setting
from eudoxus.agents.environments.instance import Instance
from eudoxus.agents.environments.registry import setting
from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, ChatTask, Context, Task, Verdict
from eudoxus.runtime.errors import InvalidTask

MOST_ACTIONS = 200
"""Actions of a plan that are tried; the rest is left out."""
WORKS = 'environment: shop\nparameters: {"seed": 3}\ngoal: Put two of the cheapest lamp into the cart.'
"""A message from which a task can be read."""
_FIELD = re.compile(r"^[ \t]*(environment|parameters|goal)[ \t]*:[ \t]*", re.IGNORECASE | re.MULTILINE)
_LINE = re.compile(r"^\s*(?:\(?\d{1,3}[.):]|[-*•])?\s*(?:action\s*:\s*)?`?(.*?)`?\s*$", re.IGNORECASE)


class AgentTask(Task):
    """Reach ``goal`` in an environment."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
    kind: ClassVar[str] = "agent"

    environment: str
    """Name of an environment: ``blocksworld``, ``shop``, or one that another package publishes."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """The environment's parameters, such as its seed."""
    goal: str = Field("", max_length=20_000)
    """What to reach, in words. Empty where the environment sets the goal itself."""

    @model_validator(mode="after")
    def _exists(self) -> Self:
        if not self.setting.judges_plans and not self.goal.strip():
            raise ValueError(f"goal: {self.environment} sets no goal, so the task must")
        return self

    @property
    def setting(self) -> Setting:
        """The environment with its parameters. Raises ValueError."""
        return setting(self.environment, self.parameters)

    @property
    def question(self) -> str:
        """The goal and what is known about the environment, in words."""
        about = self.setting.open().about
        return f"{self.goal.strip()}\n\n{about}".strip()

    def request(self, **defaults: Any) -> ChatRequest:
        """The task for a model that cannot act: it is asked for the actions, one a line."""
        environment = self.setting.open()
        return render("environments/plan", task=self.question, actions=environment.actions).model_copy(update=defaults)

    async def verify(self, ctx: Context, answer: str) -> Verdict | None:
        """What the environment's public test of the goal says after the actions in ``answer``, one a line; None where it has none."""
        if not self.setting.judges_plans:
            return None
        instance = Instance(self.setting.open())
        seen = await instance.begin(ctx)
        for number, action in enumerate(actions_in(answer), start=1):
            if seen.done:
                break
            if instance.effect(action) == "irreversible":
                return Verdict(ok=False, feedback=f"action {number}, {action[:80]}, cannot be undone, and a check does not carry it out")
            seen = await instance.do(ctx, action)
            if seen.impossible:
                return Verdict(ok=False, score=0.0, feedback=f"action {number}, {action[:80]}: {seen.text[:300]}")
        return seen.verdict

    @classmethod
    def from_chat(cls, task: ChatTask) -> Self:
        """From lines ``environment:``, ``parameters:`` (JSON) and ``goal:`` of the last user message."""
        said = next((message.text for message in reversed(task.messages) if message.role == "user"), "")
        fields = fields_in(said)
        if "environment" not in fields:
            raise InvalidTask(f"the task names no environment; this message would work:\n{WORKS}", param="messages")
        try:
            parameters = orjson.loads(fields.get("parameters") or "{}")
            if not isinstance(parameters, dict):
                raise ValueError("parameters: a JSON object is expected")
            return cls(environment=fields["environment"], parameters=parameters, goal=fields.get("goal", ""))
        except ValueError as error:
            said = f"the task cannot be read: {_first_line(error)}; this message would work:\n{WORKS}"
            raise InvalidTask(said, param="messages") from None


def fields_in(text: str) -> dict[str, str]:
    """The texts after ``environment:``, ``parameters:`` and ``goal:``, each up to the next of them."""
    marks = list(_FIELD.finditer(text))
    ends = [*(found.start() for found in marks[1:]), len(text)]
    return {found[1].lower(): text[found.end() : end].strip() for found, end in zip(marks, ends, strict=False)}


def actions_in(answer: str) -> list[str]:
    """The actions that an answer lists, one a line, without numbers, bullets and fences."""
    lines = [line for line in answer.rpartition("</think>")[2].splitlines() if not line.strip().startswith("```")]
    return [found for line in lines if (found := _LINE.sub(r"\1", line).strip())][:MOST_ACTIONS]


def _first_line(error: ValueError) -> str:
    from pydantic import ValidationError

    if isinstance(error, ValidationError):
        return str(error.errors(include_url=False)[0]["msg"]).removeprefix("Value error, ")
    return str(error)
