"""Tests that are plain data: asserts that a call of the entry with literals equals a literal.

There is nothing in them to execute, so no judge is needed: the harness asks the calls itself, as in mode ``io``, and compares. What is
not certainly such a test (anything that names, computes or draws something) goes to a judge; the outcomes are the same.
"""

from __future__ import annotations

import ast
import json
import re
import socket
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from itertools import accumulate
from operator import eq, is_
from typing import Any, NamedTuple

from eudoxus.sandbox.asking import Asking
from eudoxus.sandbox.codec import CodecError, clean, decode, encode, short
from eudoxus.sandbox.inside.wire import FRAME_BYTES as WHOLE_FRAME_BYTES
from eudoxus.sandbox.inside.wire import Malformed
from eudoxus.sandbox.model import CallRecord, Program, Raised, Test
from eudoxus.sandbox.plain import DEPTH
from eudoxus.sandbox.verdict import Judgement, raised
from eudoxus.sandbox.zygotes import monotonic

SHOWN = 200
"""Characters of a call's arguments in its record."""
DETAILS_CHARACTERS = 200_000
"""Of the exceptions of all tests, after which tests are reported without calls and messages, as a judge does."""
_MOST_CODE = 64 << 10
_REMEMBERED = 4 << 10
"""Characters of a text that is not read anew each time."""
_MOST_MESSAGE = 500
_SET = re.compile(r"\bset\s*\(")
"""An empty set is a call of what may have that name."""
_IMPORTABLE = frozenset((
    "bisect", "collections", "copy", "datetime", "decimal", "fractions", "functools", "heapq", "itertools", "math", "operator", "random",
    "re", "statistics", "string", "typing",
))
"""Modules whose import has no effect and does not fail."""
_TYPES = frozenset(("bool", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "object", "set", "str", "tuple"))
_GENERIC = {"List": 1, "Set": 1, "Optional": 1, "Iterable": 1, "Iterator": 1, "Sequence": 1, "Dict": 2, "Tuple": None, "Union": None}
"""Of typing, what takes so many types; None: any number."""
_REFUSED = (ValueError, TypeError, SyntaxError, RecursionError, MemoryError, CodecError)


class Claim(NamedTuple):
    """What one assert says of one call."""

    line: int
    message: str
    rest: bytes
    """The question's JSON after its number."""
    shown: str
    """The arguments, shortened."""
    held: Callable[[Any], bool]
    """Whether the value is as it must be. Raises what the comparison raises."""


def claims(program: Program, tests: Sequence[Test]) -> list[tuple[Claim, ...]] | None:
    """What each test claims; None where a test or the set-up has to be executed."""
    entry = program.entry
    if not entry or not _remembered(_inert, program.setup)(program.setup):
        return None
    found = []
    for test in tests:
        claimed = None if test.mutates else _remembered(_claims, test.code)(test.code, entry)
        if not claimed:
            return None
        found.append(claimed)
    return found


def _remembered(reading: Any, text: str) -> Any:
    """The cached ``reading``, or for a long text the one behind it: what is remembered is all in memory."""
    return reading if len(text) <= _REMEMBERED else reading.__wrapped__


@lru_cache(maxsize=1024)
def _claims(code: str, entry: str) -> tuple[Claim, ...] | None:
    try:
        body = _parsed(code)
        names, checks = {entry, "candidate"}, [node for node in body if isinstance(node, ast.FunctionDef)]
        if checks:
            body, name = _called(body, checks, entry)
            names.add(name)
        return tuple(claim for node in body for claim in _claimed(node, names, entry))
    except _REFUSED:
        return None


def _parsed(code: str) -> list[ast.stmt]:
    if len(code) > _MOST_CODE:
        raise ValueError("too long to be looked at here")
    if _SET.search(code):
        raise ValueError("what may be a call")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(code).body


def _called(body: Sequence[ast.stmt], checks: Sequence[ast.FunctionDef], entry: str) -> tuple[list[ast.stmt], str]:
    """The body of a lone ``def check(candidate)`` that is called once with the entry, or left to be called, and its argument's name."""
    for node in body:
        match node:
            case ast.FunctionDef(name="check") if node is checks[0]:
                pass
            case ast.Assign([ast.Name("METADATA")], value):
                ast.literal_eval(value)
            case ast.Expr(ast.Call(ast.Name("check"), [ast.Name(given)], [])) if given in (entry, "candidate") and node is body[-1]:
                pass
            case ast.Expr(ast.Constant()):
                pass
            case _:
                raise ValueError("more than a check")
    match checks[0]:
        case ast.FunctionDef(
            args=ast.arguments([], [ast.arg(name, None)], None, [], [], None, []), body=claimed, decorator_list=[], returns=None
        ) if not {name, entry} & {"check", "METADATA"}:
            return claimed, name
    raise ValueError("a check of another form")


def _claimed(node: ast.stmt, names: set[str], entry: str) -> Iterator[Claim]:
    """The claim of an assert; nothing for what does nothing; ValueError for all else."""
    match node:
        case ast.Pass() | ast.Expr(ast.Constant()) | ast.Assert(ast.Constant(True)):
            return
        case ast.Assert(test, message):
            text = ast.literal_eval(message) if message else ""
            if type(text) is not str or test.lineno != node.lineno:  # which line is told of such an assert, interpreters disagree about
                raise ValueError("an assert of another form")
            call, held = _condition(test)
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in names):
                raise ValueError("not a call of the entry")
            args = [ast.literal_eval(arg) for arg in call.args]
            kwargs = {keyword.arg or "": ast.literal_eval(keyword.value) for keyword in call.keywords}
            if "" in kwargs or len(kwargs) < len(call.keywords):
                raise ValueError("keywords that are not all named")
            yield Claim(node.lineno, text, _question(entry, args, kwargs), _shown(args, kwargs), held)
        case _:
            raise ValueError("something to execute")


def _condition(test: ast.expr) -> tuple[ast.expr, Callable[[Any], bool]]:
    """The call, and what must hold for its value."""
    match test:
        case ast.Compare(ast.Call() as call, [ast.Eq()], [expected]):
            return call, _compared(eq, ast.literal_eval(expected), swapped=False)
        case ast.Compare(expected, [ast.Eq()], [ast.Call() as call]):
            return call, _compared(eq, ast.literal_eval(expected), swapped=True)
        case ast.Compare(ast.Call() as call, [ast.Is()], [ast.Constant(None | True | False as expected)]):
            return call, _compared(is_, expected, swapped=False)
        case ast.UnaryOp(ast.Not(), ast.Call() as call):
            return call, lambda value: not value
    return test, bool


def _compared(relation: Callable[[Any, Any], Any], expected: Any, *, swapped: bool) -> Callable[[Any], bool]:
    return (lambda value: bool(relation(expected, value))) if swapped else (lambda value: bool(relation(value, expected)))


def _question(entry: str, args: list[Any], kwargs: Mapping[str, Any]) -> bytes:
    body: dict[str, Any] = {"f": entry, "a": encode(args, depth=DEPTH + 1, opaque=False)}
    if kwargs:
        body["k"] = {key: encode(value, opaque=False) for key, value in kwargs.items()}
    return json.dumps(body, separators=(",", ":"))[1:].encode()


def _shown(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    return ", ".join([*(short(arg, SHOWN) for arg in args), *(f"{key}={short(value, SHOWN)}" for key, value in kwargs.items())])


# -- asking --------------------------------------------------------------------------------------------------------------------


class Claiming(Asking):
    """Asks the claims of each test in order, up to the first that does not hold."""

    def __init__(self, channel: socket.socket, tests: Sequence[Sequence[Claim]], entry: str, call_s: float, keep_calls: int) -> None:
        self._claims = [claim for claims in tests for claim in claims]
        self._firsts = {at - len(claims): at for claims, at in zip(tests, accumulate(map(len, tests)), strict=True)}
        self._last = max(self._firsts, default=0)
        self._entry = entry
        self._keep = keep_calls
        self._room = DETAILS_CHARACTERS
        self._before = monotonic()
        super().__init__(channel, [claim.rest for claim in self._claims], call_s, frame_bytes=WHOLE_FRAME_BYTES)

    def waits(self, at: int) -> bool:
        # The last test's claims go out together: should one not hold, what the others came to is not looked at.
        return at not in self._firsts and at < self._last

    def enough(self) -> bool:
        return len(self.tests) > self._last and self.tests[-1].outcome != "passed"

    def skips(self, at: int) -> bool:
        return at not in self._firsts and self.tests[at - 1].outcome != "passed"

    def judge(self, at: int, frame: dict[str, Any]) -> Judgement:
        claim = self._claims[at]
        now = monotonic()
        ms, self._before = 1000 * (now - self._before), now
        call = CallRecord(function=self._entry, args=claim.shown)
        if "x" in frame:
            error = raised(frame["x"])
            self._room -= len(error.type) + len(error.msg) + sum(len(name) for _, name in error.frames)
            if self._room < 0:
                return Judgement("error", Raised(type=error.type[:40], msg="", line=error.line), ms)
            return Judgement("error", error, ms, [call.model_copy(update={"raised": clean(f"{error.type}: {error.msg}", SHOWN)})])
        if "v" not in frame:
            raise Malformed("a reply without value")
        value = decode(frame["v"], iterators=True)
        calls = [call.model_copy(update={"value": short(value, SHOWN)})]
        try:
            if claim.held(object() if frame.get("w") == 1 else value):  # the value of a coroutine that the test does not await
                return Judgement("passed", None, ms, calls)
        except Exception as error:  # noqa: BLE001  (an array compared with a list)
            return Judgement("error", Raised(type=type(error).__name__, msg=clean(str(error), _MOST_MESSAGE), line=claim.line), ms, calls)
        return Judgement("failed", Raised(type="AssertionError", msg=clean(claim.message, _MOST_MESSAGE), line=claim.line), ms, calls)

    def verdicts(self) -> list[Judgement]:
        """By test, the one in which it stopped included."""
        found = []
        for first, end in self._firsts.items():
            asked = self.tests[first:end]
            if len(asked) < end - first:
                if not self.greeted:
                    break
                outcome, message = self.fault or ("protocol_error", "")
                call = CallRecord(function=self._entry, args=self._claims[first + len(asked)].shown)
                asked.append(Judgement(outcome, Raised(type="Fault", msg=message), 0.0, [call]))
            last = next((at for at, one in enumerate(asked) if one.outcome != "passed"), len(asked) - 1)
            calls = [call for one in asked[: last + 1] for call in one.calls]
            found.append(asked[last]._replace(ms=sum(one.ms for one in asked[: last + 1]), calls=calls[: self._keep]))
            if len(self.tests) < end:
                break
        return found


# -- the set-up ----------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def _inert(setup: str) -> bool:
    """Whether executing the set-up certainly has no effect on tests that name nothing of it, and raises nothing."""
    if not setup.strip():
        return True
    try:
        typing: set[str] = set()
        return all(_declares(node, typing) for node in _parsed(setup))
    except _REFUSED:
        return False


def _declares(node: ast.stmt, typing: set[str]) -> bool:
    match node:
        case ast.Pass() | ast.Expr(ast.Constant()):
            return True
        case ast.Import(names):
            return all(name.name in _IMPORTABLE for name in names)
        case ast.ImportFrom(module, names, 0) if module in _IMPORTABLE:
            if module == "typing":
                typing |= {name.name for name in names if name.asname is None}
            return all(name.name == "*" or hasattr(import_module(module), name.name) for name in names)
        case ast.FunctionDef(args=args, decorator_list=[]):
            given = [*args.posonlyargs, *args.args, *args.kwonlyargs, *filter(None, (args.vararg, args.kwarg))]
            notes = [note for note in (node.returns, *(arg.annotation for arg in given)) if note is not None]
            defaults = [default for default in (*args.defaults, *args.kw_defaults) if default is not None]
            return all(isinstance(default, ast.Constant) for default in defaults) and all(_names_type(note, typing) for note in notes)
    return False


def _names_type(note: ast.expr, typing: set[str]) -> bool:
    """Whether an annotation certainly evaluates."""
    match note:
        case ast.Constant(None | str()):
            return True
        case ast.Name(name):
            return name in _TYPES or (name in typing and (name in _GENERIC or name == "Any"))
        case ast.Subscript(ast.Name(name), inner) if name in typing and name in _GENERIC:
            parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            return bool(parts) and _GENERIC[name] in (None, len(parts)) and all(_names_type(part, typing) for part in parts)
    return False
