"""Where the answer stands in a reply: a discriminated union by ``kind``, each bounded in time."""

from __future__ import annotations

import json
import re
import textwrap
from abc import ABC, abstractmethod
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from eudoxus.agents import answers, quantities
from eudoxus.agents.problem.patterns import Pattern, compiled, searched
from eudoxus.agents.programs import program
from eudoxus.agents.scores import json_values
from eudoxus.runtime.task import AnswerFormat

_FENCE = re.compile(r"[ \t]*(```+|~~~+)[ \t]*([\w+#.-]*)")
_POINTER = re.compile(r"(?:/(?:[^~/]|~[01])*)*")


class AnswerExtractor(BaseModel, ABC):
    """Finds the answer in a reply. Subclasses are told apart by their ``kind``."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    compares: ClassVar[AnswerFormat] = "text"
    """As what two answers are compared."""

    @property
    def expected(self) -> str:
        """What is looked for, in words."""
        return "any text"

    def __call__(self, reply: str) -> str | None:
        """The answer in ``reply``, what a reasoning model thought aloud left out; None when there is none."""
        return self.read(reply.rpartition("</think>")[2])

    @abstractmethod
    def read(self, text: str) -> str | None: ...


class Whole(AnswerExtractor):
    """The whole reply."""

    kind: Literal["whole"] = "whole"

    def read(self, text: str) -> str | None:
        return text.strip() or None


class Final(AnswerExtractor):
    r"""What stands after ``Answer:``, in ``<answer>`` tags, in ``\boxed{}`` or after "the answer is"; without any, the whole reply."""

    kind: Literal["final"] = "final"

    def read(self, text: str) -> str | None:
        return answers.extract(text, "text") or text.strip() or None


class Regex(AnswerExtractor):
    """What a regular expression finds: its group if it has one, else all of the match."""

    kind: Literal["regex"] = "regex"
    pattern: Pattern
    """In RE2's syntax, with at most one group: ``x = (-?\\d+)``."""
    which: Literal["first", "last"] = "last"
    """Which match counts."""

    @field_validator("pattern")
    @classmethod
    def _one_group(cls, pattern: str) -> str:
        if (groups := compiled(pattern).groups) > 1:
            raise ValueError(f"expected at most one group, found {groups}; (?:…) groups without being one")
        return pattern

    @property
    def expected(self) -> str:
        return f"something that matches {self.pattern}"

    def read(self, text: str) -> str | None:
        found = None
        for found in compiled(self.pattern).finditer(searched(text)):
            if self.which == "first":
                break
        if found is None:
            return None
        said = found[compiled(self.pattern).groups]
        return None if said is None else str(said).strip()


class Number(AnswerExtractor):
    """The number that the reply announces as its answer, else the last number in it."""

    kind: Literal["number"] = "number"
    compares = "number"

    @property
    def expected(self) -> str:
        return "a number"

    def read(self, text: str) -> str | None:
        return answers.extract(text, "number") or quantities.find(text)


class Block(AnswerExtractor):
    """The last fenced block."""

    kind: Literal["block"] = "block"
    language: str | None = Field(None, max_length=40)
    """Only blocks marked so, as ``python`` in a fence that begins with three backticks and ``python``."""
    compares = "code"

    @property
    def expected(self) -> str:
        return f"a fenced block{f' of {self.language}' if self.language else ''}"

    def read(self, text: str) -> str | None:
        found = [body for language, body in blocks_of(text) if self.language is None or language.lower() == self.language.lower()]
        return found[-1] if found else None


class Program(AnswerExtractor):
    """The program that the reply answers with: the last fenced block that defines something, else the last one, else a reply of code."""

    kind: Literal["program"] = "program"
    compares = "code"

    @property
    def expected(self) -> str:
        return "a program in a fenced block"

    def read(self, text: str) -> str | None:
        return program(text)


class Json(AnswerExtractor):
    """A place in the last JSON object or list of the reply, fenced or not."""

    kind: Literal["json"] = "json"
    pointer: str = Field("", max_length=1_000)
    """A JSON pointer (RFC 6901): ``/route/0/city``; empty for the whole value. Texts come without quotes, anything else as JSON."""

    @field_validator("pointer")
    @classmethod
    def _is_pointer(cls, pointer: str) -> str:
        if not _POINTER.fullmatch(pointer):
            raise ValueError("expected a JSON pointer such as /route/0/city (RFC 6901), or nothing for the whole value")
        return pointer

    @property
    def expected(self) -> str:
        return f"JSON with a value at {self.pointer}" if self.pointer else "a JSON object or list"

    def read(self, text: str) -> str | None:
        values = json_values(text)
        if not values:
            return None
        found = values[-1]
        for part in self.pointer.split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            if isinstance(found, dict) and name in found:
                found = found[name]
            elif isinstance(found, list) and name.isascii() and name.isdigit() and len(name) < 10 and int(name) < len(found):
                found = found[int(name)]
            else:
                return None
        return _shown(found)


Extractor = Annotated[Whole | Final | Regex | Number | Block | Program | Json, Field(discriminator="kind")]


def blocks_of(text: str) -> list[tuple[str, str]]:
    """The fenced blocks of ``text``: their language and what stands in them, without the indentation of the fence. In linear time."""
    found, opened, language, body = list[tuple[str, str]](), "", "", list[str]()
    for line in text.splitlines():
        fence = _FENCE.match(line)
        if not opened and fence:
            opened, language, body = fence[1], fence[2], []
        elif opened and fence and fence[1].startswith(opened) and not line[fence.end():].strip() and not fence[2]:
            found.append((language, textwrap.dedent("\n".join(body)).strip("\n")))
            opened = ""
        elif opened:
            body.append(line)
    return found


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
