"""A planning task: a domain in PDDL, and in English what is and what is wanted."""

from __future__ import annotations

import functools
import re
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from eudoxus.planners.domains import ShippedDomain, shipped
from eudoxus.planners.engines import EngineName
from eudoxus.planners.pddl import Domain, PddlError, check_domain, extract, parse_domain
from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, ChatTask, Task
from eudoxus.runtime.errors import InvalidTask

_FENCE = re.compile(r"^[ \t]*```[^\n`]*\n(.*?)(?:^[ \t]*```[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)
_DEFINES_DOMAIN = re.compile(r"\(\s*define\s*\(\s*domain\b", re.IGNORECASE)
_NAMED = re.compile(r"^[ \t]*domain[ \t]*[:=][ \t]*`?([\w-]+)`?[ \t.]*$", re.IGNORECASE | re.MULTILINE)


class WorkedExample(BaseModel):
    """A task of the same domain with its translation: the model learns the form from it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    description: str = Field(min_length=1, max_length=100_000)
    """The task in English."""
    problem: str = Field(min_length=1, max_length=1_000_000)
    """The same as a problem in PDDL."""


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

    @property
    def shipped(self) -> ShippedDomain | None:
        """The shipped domain, when the task names one."""
        return shipped().get(self.domain)

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
