"""Questions that the harness asks a program itself, and what it makes of the answers: compared with what they must be, or handed on."""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from eudoxus.sandbox.codec import CodecError, decode, equal, short
from eudoxus.sandbox.inside.wire import Malformed
from eudoxus.sandbox.model import Call, CallRecord, Case, Raised
from eudoxus.sandbox.values import Keeping
from eudoxus.sandbox.verdict import Judgement, raised

SHOWN = 200
MOST_SHOWN = 20
"""Cases that did not pass whose call is kept."""
_BRIEF = 100
_PASSED = Judgement("passed")


class Question(NamedTuple):
    """A case, ready to be asked of any program."""

    case: Case
    rest: bytes
    """The frame's JSON after its number."""
    expected: Any = None
    keeping: Keeping | None = None
    """Where the value is handed on instead of compared."""


def prepared(entry: str, cases: Sequence[Case]) -> list[Question]:
    """The questions that ask ``entry`` for each case."""
    return [Question(case, _rest(entry, case), decode(case.expected)) for case in cases]


def wanted(entry: str, calls: Iterable[Call], keeping: Keeping) -> list[Question]:
    """The questions that ask ``entry`` for its values, of which ``keeping`` hands on what has room."""
    return [Question(Case(args=call.args, kwargs=call.kwargs), _rest(entry, call), keeping=keeping) for call in calls]


def _rest(entry: str, call: Call) -> bytes:
    body: dict[str, Any] = {"f": entry, "a": call.args}
    if call.kwargs:
        body["k"] = call.kwargs
    return json.dumps(body, separators=(",", ":"))[1:].encode()


class Comparing:
    """Answers, compared with what they must be; the first that are wrong are kept for people."""

    def __init__(self, entry: str) -> None:
        self._entry = entry
        self._shown = 0

    def judged(self, question: Question, frame: dict[str, Any]) -> Judgement:
        """The verdict on one answer. Raises ``Malformed`` for what is none."""
        case = question.case
        if "x" in frame:
            error = raised(frame["x"])
            if case.raises is not None and is_a(error.type, case.raises):
                return _PASSED
            calls = self.kept(case, None, f"{error.type}: {error.msg}")
            return Judgement("error", error if calls else _brief(error), calls=calls)
        if "v" not in frame:
            raise Malformed("an answer without a value")
        if question.keeping is not None:
            return question.keeping.kept(frame["v"])
        try:
            value = decode(frame["v"])
        except CodecError as error:
            raise Malformed(f"an answer of another form: {error}") from None
        if case.raises is None and equal(value, question.expected):
            return _PASSED
        return Judgement("failed", calls=self.kept(case, short(value, SHOWN), None))

    def kept(self, case: Case, value: str | None, error: str | None) -> list[CallRecord]:
        """The call, for the first cases that are wrong."""
        self._shown += 1
        if self._shown > MOST_SHOWN:
            return []
        args = [*(short(decode(arg), SHOWN) for arg in case.args), *(f"{k}={short(decode(v), SHOWN)}" for k, v in case.kwargs.items())]
        return [CallRecord(function=self._entry, args=", ".join(args), value=value, raised=error and error[:SHOWN])]


def _brief(error: Raised) -> Raised:
    """The exception of one case among many: all of them together would make a thousand times what the program is."""
    return Raised(type=error.type[:_BRIEF], msg=error.msg[:_BRIEF], line=error.line)


def is_a(name: str, wanted: str) -> bool:
    """Whether the built-in exception ``name`` is ``wanted``, or a subclass of it."""
    found, base = getattr(builtins, name, None), getattr(builtins, wanted, None)
    return isinstance(found, type) and isinstance(base, type) and issubclass(found, base)
