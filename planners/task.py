"""Planning tasks: a domain in PDDL, and in English what is and what is wanted; or a world in English, whose domain is to be written."""

from __future__ import annotations

import functools
import re
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from eudoxus.planners.domains import ShippedDomain, shipped
from eudoxus.planners.engines import EngineName
from eudoxus.planners.pddl import Domain, PddlError, check_domain, extract, parse_domain
from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, ChatTask, Message, Task
from eudoxus.runtime.errors import InvalidTask

_FENCE = re.compile(r"^[ \t]*```[^\n`]*\n(.*?)(?:^[ \t]*```[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)
_DEFINES_DOMAIN = re.compile(r"\(\s*define\s*\(\s*domain\b", re.IGNORECASE)
_TASK_LINE = re.compile(r"^[ \t]*task[ \t]*:", re.IGNORECASE | re.MULTILINE)
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_NAMED = re.compile(r"^[ \t]*domain[ \t]*[:=][ \t]*`?([\w-]+)`?[ \t.]*$", re.IGNORECASE | re.MULTILINE)


class WorkedExample(BaseModel):
    """A task of the same domain with its translation: the model learns the form from it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    description: str = Field(min_length=1, max_length=100_000)
    """The task in English."""
    problem: str = Field(min_length=1, max_length=1_000_000)
    """The same as a problem in PDDL."""
    plan: str | None = Field(None, min_length=1, max_length=1_000_000)
    """A plan for it, one ``(action object …)`` per line, for strategies that show plans; without it a planner finds one."""


class PlanningTask(Task):
    """Find a plan for what ``description`` asks."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
    kind: ClassVar[str] = "planning"

    description: str = Field(min_length=1, max_length=100_000)
    """The situation and the goal in English."""
    domain: str = Field(min_length=1, max_length=1_000_000)
    """The domain in PDDL, or the name of a shipped domain (``blocksworld``, ``gripper``)."""
    example: WorkedExample | None = None
    """A worked example of the same domain. Shipped domains bring their own; without any, one of another domain shows the form."""
    second_example: WorkedExample | None = None
    """Another one, shown after ``example``."""
    engine: EngineName = "auto"
    """The planner; ``auto`` takes the best that is installed."""
    seconds: float = Field(10.0, gt=0, le=300)
    """Processor time for the planner."""

    @field_validator("domain")
    @classmethod
    def _domain_can_be_used(cls, domain: str) -> str:
        if domain in shipped():
            return domain
        if "(" not in domain:
            raise ValueError(f"no domain is called {domain[:60]!r}: give one in PDDL, or one of {', '.join(shipped())}")
        try:
            findings = check_domain(_parsed(domain))
        except PddlError as error:
            raise ValueError(f"the domain cannot be read: {error}") from None
        if findings:
            raise ValueError(f"the domain does not fit together: {'; '.join(map(str, findings[:3]))}")
        return domain

    @model_validator(mode="after")
    def _first_things_first(self) -> Self:
        if self.second_example and not self.example:
            raise ValueError("second_example is given without example: give the first one there")
        return self

    @property
    def shipped(self) -> ShippedDomain | None:
        """The shipped domain, when the task names one."""
        return shipped().get(self.domain)

    @property
    def examples(self) -> tuple[WorkedExample, ...]:
        """The worked examples of this domain: those of the task, else the shipped domain's."""
        if self.example:
            return (self.example, self.second_example) if self.second_example else (self.example,)
        return (example_of(self.shipped),) if self.shipped else ()

    @property
    def pddl(self) -> str:
        """The text of the domain."""
        return self.shipped.pddl if self.shipped else self.domain

    @property
    def parsed(self) -> Domain:
        return _parsed(self.pddl)

    def request(self, **defaults: Any) -> ChatRequest:
        """The task as a direct question for a plan, without a planner."""
        return render("llm_plus_p/question", domain=self.pddl, task=self.description).model_copy(update=defaults)

    @classmethod
    def from_chat(cls, task: ChatTask) -> Self:
        """Read the domain from a fenced PDDL block or the name of a shipped one, and the description from what the user says besides.

        Raises :class:`InvalidTask` showing a message that would work.
        """
        said = [message.text for message in task.messages]
        words = "\n\n".join(message.text for message in task.messages if message.role == "user")
        try:
            domain = next((found for text in reversed(said) if (found := _domain_in(text))), None)
            if domain is None:
                domain = _shipped_name(words) or _shipped_name("\n".join(said))
                words = _NAMED.sub("", words)
            description = _without_domains(words).strip()
            if domain is None or not description:
                raise InvalidTask(_how_to_ask("no domain was found" if domain is None else "no description was found"), param="messages")
            return cls(description=description, domain=domain)
        except PddlError as error:
            raise InvalidTask(_how_to_ask(str(error)), param="messages") from None
        except ValidationError as error:
            reason = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
            raise InvalidTask(_how_to_ask(reason), param="messages") from None


class DomainTask(Task):
    """Write the domain of a world that is described in English, and with ``description`` solve a task in it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
    kind: ClassVar[str] = "domain"

    world: str = Field(min_length=1, max_length=100_000)
    """In English: what there is in the world, and what can be done when and with what effect."""
    actions: dict[str, str] | None = Field(None, min_length=1, max_length=100)
    """The actions by name, each described in English; without them the model says which there are."""
    description: str | None = Field(None, min_length=1, max_length=100_000)
    """A situation and a goal in this world, to be planned for; without it only the domain is written."""
    engine: EngineName = "auto"
    """The planner; ``auto`` takes the best that is installed."""
    seconds: float = Field(10.0, gt=0, le=300)
    """Processor time for the planner."""

    @field_validator("actions")
    @classmethod
    def _actions_have_names(cls, actions: dict[str, str] | None) -> dict[str, str] | None:
        for name in actions or {}:
            if not _NAME.fullmatch(name):
                raise ValueError(f"the action {name[:60]!r} needs a name of lower-case letters, digits, - and _ that begins with a letter")
        return actions

    def request(self, **defaults: Any) -> ChatRequest:
        """The task as a direct question."""
        actions = [f"{name}: {about}" for name, about in (self.actions or {}).items()]
        words = "\n\n".join(filter(None, [self.world, "\n".join(actions), self.description or "Write a PDDL domain for this world."]))
        return ChatRequest(messages=(Message(role="user", content=words),)).model_copy(update=defaults)

    @classmethod
    def from_chat(cls, task: ChatTask) -> Self:
        """The world is what the user says; what follows a line ``Task:`` is the task in it. Raises :class:`InvalidTask`."""
        words = "\n\n".join(message.text for message in task.messages if message.role == "user")
        world, _, description = (part.strip() for part in _partition(words))
        if not world:
            raise InvalidTask("a world is needed: describe what there is and what can be done, then a line 'Task:' and the task in it. "
                              "This message would work:\n\nA lamp can be switched on and off.\n\nTask: the lamp is off; switch it on.",
                              param="messages")
        return cls(world=world, description=description or None)


def _partition(words: str) -> tuple[str, str, str]:
    """The words before and after the last line that begins with ``Task:``."""
    found = list(_TASK_LINE.finditer(words))
    return (words[:found[-1].start()], found[-1][0], words[found[-1].end():]) if found else (words, "", "")


def example_of(domain: ShippedDomain) -> WorkedExample:
    """The worked example that a shipped domain brings."""
    return WorkedExample(description=domain.example_description, problem=domain.example_problem)


@functools.lru_cache(maxsize=64)
def _parsed(text: str) -> Domain:
    return parse_domain(text)


def _domain_in(text: str) -> str | None:
    """The last domain in PDDL that the text holds, in a fenced block or bare."""
    blocks = [found[1].strip() for found in _FENCE.finditer(text) if _DEFINES_DOMAIN.search(found[1])]
    if blocks:
        return blocks[-1]
    return extract(text, "domain").source if _DEFINES_DOMAIN.search(text) else None


def _without_domains(text: str) -> str:
    """The text without domains in blocks and without the first few bare ones."""
    text = _FENCE.sub(lambda found: "" if _DEFINES_DOMAIN.search(found[1]) else found[0], text)
    for _ in range(4):
        found = _DEFINES_DOMAIN.search(text)
        if found is None:
            break
        domain = extract(text[found.start():], "domain").source
        after = text[found.start():].removeprefix(domain)
        text = text[:found.start()] + (after if len(after) < len(text) - found.start() else "")
    return text


def _shipped_name(text: str) -> str | None:
    """The domain after ``Domain:``, else the one shipped domain that the text names; blanks and hyphens in names do not count."""
    explicit = _NAMED.findall(text)
    if explicit:
        return str(explicit[-1]).lower()
    named = [name for name in shipped() if re.search(rf"\b{'[ _-]?'.join(name)}\b", text, re.IGNORECASE)]
    return named[0] if len(named) == 1 else None


def _how_to_ask(reason: str) -> str:
    return (
        f"planning needs a domain and a description of the task, but {reason}. Put the domain in a ```pddl block, or name a shipped one "
        f"({', '.join(shipped())}), and describe the task beside it. This message would work:\n\n"
        "Domain: blocksworld\n\nBlock a stands on block b, and b stands on the table. Nothing is on a, and the arm is empty. Put b on a."
    )
