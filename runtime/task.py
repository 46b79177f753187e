"""Tasks: what a strategy is asked to do. The ground floor knows chat; other packages add their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import jsonschema_rs
import orjson
from pydantic import BaseModel, ConfigDict, Field

from eudoxus.runtime.chat import ChatRequest
from eudoxus.runtime.errors import InvalidTask
from eudoxus.runtime.result import Verdict

if TYPE_CHECKING:
    from eudoxus.runtime.context import Context

AnswerFormat = Literal["text", "number", "choice", "code"]


class Task(BaseModel):
    """Base of every task. A task carries its verifier when it has one, and never the grader of a benchmark.

    Subclasses are pydantic models with a ``kind``; they are registered by being named in a strategy's ``takes``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: ClassVar[str]

    def request(self, **defaults: Any) -> ChatRequest:
        """The task as a chat request; ``defaults`` fill the sampling fields that the task leaves open."""
        raise InvalidTask(f"a task of kind {self.kind!r} cannot be asked as plain chat")

    async def verify(self, ctx: Context, answer: str) -> Verdict | None:
        """The verdict of the task's own verifier on one answer, or None when the task has none."""
        return None

    def extract(self, reply: str) -> str | None:
        """The answer inside a reply, for tasks that say where it stands; None for the others, and when it is not there."""
        return None

    @classmethod
    def from_chat(cls, task: ChatTask) -> Self:
        """Read a task of this kind from chat messages. Raises :class:`InvalidTask` showing a message that would work."""
        raise InvalidTask(f"a task of kind {cls.kind!r} cannot be read from chat messages", param="messages")


_ASKED: dict[str, Any] = dict.fromkeys(ChatRequest.model_fields)
"""The fields of a request, all open."""


class ChatTask(ChatRequest, Task):
    """A conversation to be answered. Messages and sampling fields are OpenAI's.

    With ``response_format`` of type ``json_schema`` or ``json_object`` the task has an exact verifier: the answer must parse and validate.
    """

    kind: ClassVar[str] = "chat"

    answer_format: AnswerFormat | None = None
    """What the answer is, for comparing answers; None lets the strategy decide from the answers."""
    carried: int = Field(0, ge=0)
    """How many of the last messages carry the answer of an earlier step of a sequence."""

    def request(self, **defaults: Any) -> ChatRequest:
        said = {name: value for name, value in self.__dict__.items() if value is not None and name in _ASKED}
        return ChatRequest.model_construct(**{**_ASKED, **defaults, **said})

    async def verify(self, ctx: Context, answer: str) -> Verdict | None:
        form = (self.response_format or {}).get("type")
        if form not in ("json_schema", "json_object"):
            return None
        try:
            value = orjson.loads(answer)
        except orjson.JSONDecodeError as error:
            return Verdict(ok=False, feedback=f"the answer is not JSON: {error}")
        if form == "json_object":
            return Verdict(ok=isinstance(value, dict), score=float(isinstance(value, dict)), feedback="the answer is not a JSON object")
        schema = self.response_format["json_schema"].get("schema", {}) if self.response_format else {}
        try:
            validator = jsonschema_rs.validator_for(schema, offline=True)  # a reference in a request must not make us fetch anything
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as error:
            raise InvalidTask(f"response_format: not a JSON schema: {error}", param="response_format") from None
        complaint = next(iter(validator.iter_errors(value)), None)
        if complaint is None:
            return Verdict(ok=True, score=1.0)
        return Verdict(ok=False, feedback=f"the answer breaks its JSON schema: {complaint.message}")
