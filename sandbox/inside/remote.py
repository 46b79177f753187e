"""The candidate as the tests see it: plain functions and classes whose every call is a question over the channel."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Mapping
from json import dumps
from os import urandom
from threading import Lock
from time import monotonic
from typing import Any, NoReturn

from eudoxus.sandbox.codec import CodecError, NotPlain, TooLarge, clean, decode, encode, short
from eudoxus.sandbox.inside.blocks import checked
from eudoxus.sandbox.inside.wire import Channel, Malformed, Oversized, WireError
from eudoxus.sandbox.plain import DEPTH, NODES

MOST_NAMES = 1_000
"""That a hello announces: of functions, of classes, and of methods of a class."""
TRACE_BYTES = 16 << 20
"""Of the traces of all tests; the report has no room for more."""
SHOWN = 200
"""Characters of a call's arguments and of its value in the report."""
_FORWARDED = frozenset(f"__{name}__" for name in ["call", "len", "getitem", "setitem", "delitem", "contains", "iter", "str", "repr"])
"""Special methods that are asked of the candidate's objects. Not comparisons: an ``==`` that the candidate answers proves nothing."""
_RAISABLE: dict[str, type[BaseException]] = {
    name: found for name, found in vars(builtins).items() if isinstance(found, type) and issubclass(found, BaseException)
} | {"TooLarge": TooLarge, "NotPlain": NotPlain}


class Halt(BaseException):
    """Ends a test whose candidate can no longer be asked; not an Exception, so that a test's ``except`` does not go on."""


class _Raw(dict[str, Any]):
    """A reply that is not a value."""


_METHOD = object()


class Remote:
    """Asks the candidate. One question at a time, each with a number that cannot be guessed and a deadline.

    ``fault`` is set at the first broken rule and stays: no question after it is asked.
    """

    def __init__(self, channel: Channel, payload: Mapping[str, Any]) -> None:
        self._channel = channel
        self._call_s = float(payload["call_s"])
        self._deadline = float(payload["deadline"])
        self._keep = int(payload.get("keep_calls", 0))
        self._lock = Lock()
        self._mutates: dict[str, list[int]] = {}
        self._trace_room = TRACE_BYTES
        self.stops = False
        """Whether the test speaks of StopIteration; else it arrives as a RuntimeError, for it would end a loop over the test's cases."""
        self._made: dict[str, Any] = {}
        self.names: frozenset[str] = frozenset()
        self.classes: dict[str, list[str]] = {}
        self.fault: WireError | None = None
        self.begin(())

    def begin(self, mutates: Iterable[tuple[str, int]]) -> None:
        """A new test, in which the arguments at these places (function, index) are copied back after each call."""
        self.calls = 0
        self.kept: list[dict[str, str]] = []
        self.raised: BaseException | None = None
        self.raised_at: dict[str, Any] = {}
        self._mutates = {}
        for name, place in mutates:
            self._mutates.setdefault(name, []).append(place)

    def hello(self) -> dict[str, Any]:
        """The candidate's first frame, checked: ``{"load": …}``, or names and classes to be read from here. Raises ``WireError``."""
        try:
            frame = self._channel.read(self._deadline)
        except MemoryError:
            raise Malformed("a hello that takes too much memory") from None
        if "load" in frame:
            return {"load": _checked_exception(frame["load"])}
        names, classes = frame.get("names"), frame.get("classes")
        if type(names) is not list or type(classes) is not dict or len(names) > MOST_NAMES or len(classes) > MOST_NAMES:
            raise Malformed("a hello of another form")
        if not _texts(names) or not all(map(_texts, classes.values())) or any(len(methods) > MOST_NAMES for methods in classes.values()):
            raise Malformed("a hello of another form")
        self.names = frozenset(names or ())
        self.classes = classes
        return frame

    def function(self, name: str) -> Callable[..., Any]:
        """A plain function that asks the candidate's function of that name."""

        def stub(*args: Any, **kwargs: Any) -> Any:
            return self._call(name, {"f": name}, args, kwargs)

        stub.__name__ = stub.__qualname__ = name
        stub.__module__ = "candidate"
        found: Callable[..., Any] = self._made.setdefault(name, stub)
        return found

    def proxy(self, name: str) -> type:
        """A class whose objects live in the candidate: its constructor, methods and attributes are asked there."""
        key = "class " + name
        if key not in self._made:
            self._made[key] = _proxy(self, name, self.classes.get(name, []))
        made: type = self._made[key]
        return made

    def made(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
        """The handle of a new object of the candidate's class ``name``."""
        reply = self._call(name, {"new": name}, args, kwargs)
        if type(reply) is not _Raw:
            self._break(Malformed("a reply without handle"))
        return int(reply["h"])

    def attribute(self, name: str, handle: int, asked: str) -> Any:
        """An attribute's value, or ``_METHOD``."""
        reply = self._call(f"{name}.{asked}", {"h": handle, "get": asked}, (), {})
        return _METHOD if type(reply) is _Raw else reply

    def trace(self) -> dict[str, Any] | None:
        """What the program's trace has seen since the last test: untrusted, for prompts. None where it cannot be asked."""
        try:
            found = self._ask({"trace": 1}).get("trace")
        except Halt:
            return None
        if type(found) is not dict:
            self.fault = Malformed("a trace of another form")
            return None
        told = checked(found)
        self._trace_room -= len(dumps(told))
        return told if self._trace_room >= 0 else {}

    def end(self) -> None:
        """Let the candidate go; whether it hears that does not matter."""
        try:
            self._channel.write({"end": 1}, monotonic() + 0.1)
        except WireError:
            return

    def _call(self, shown: str, question: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Ask; the value, or the candidate's exception raised here. Raises ``NotPlain`` for arguments that cannot be sent."""
        question["a"] = self._arguments(question, args)
        if kwargs:
            question["k"] = {key: encode(value, opaque=False) for key, value in kwargs.items()}
        back = self._mutates.get(shown)
        if back:
            question["m"] = back
        self.calls += 1
        kept = None
        if len(self.kept) < self._keep:
            shown_args = [*(short(arg, SHOWN) for arg in args), *(f"{key}={short(value, SHOWN)}" for key, value in kwargs.items())]
            kept = {"f": shown, "a": ", ".join(shown_args)}
            self.kept.append(kept)
        reply = self._ask(question)
        if "x" in reply:
            error = self._exception(reply["x"])
            if kept is not None:
                kept["x"] = clean(f"{reply['x']['type']}: {reply['x']['msg']}", SHOWN)
            raise error
        if ("new" in question and type(reply.get("h")) is int) or ("get" in question and reply.get("c") == 1):
            return _Raw(reply)
        return self._value(reply, kept, args, back or ())

    def _arguments(self, question: dict[str, Any], args: tuple[Any, ...]) -> list[Any]:
        """The arguments as JSON; objects that live in the candidate are named by their handles."""
        handles = {str(i): arg._handle for i, arg in enumerate(args) if isinstance(type(arg), _ProxyType)}
        if handles:
            question["o"] = handles
            args = tuple(None if isinstance(type(arg), _ProxyType) else arg for arg in args)
        found: list[Any] = encode(list(args), depth=DEPTH + 1, opaque=False)
        return found

    def _value(self, reply: dict[str, Any], kept: dict[str, str] | None, args: tuple[Any, ...], back: Iterable[int]) -> Any:
        try:
            if "v" not in reply:
                raise NotPlain("a reply without value")
            value = decode(reply["v"], depth=DEPTH, nodes=NODES, iterators=True)
            returned = reply.get("m", {})
            for place in back:
                if place < len(args):
                    _copy_back(args[place], decode(returned[str(place)]))
        except (CodecError, KeyError, TypeError, ValueError, AttributeError) as error:
            self._break(Malformed(f"a reply of another form: {error}"))
        if kept is not None:
            kept["v"] = short(value, SHOWN)
        return _ready(value) if reply.get("w") == 1 else value

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            if self.fault is not None:
                raise Halt(str(self.fault))
            number = int.from_bytes(urandom(6), "big")
            question["s"] = number
            deadline = min(monotonic() + self._call_s, self._deadline)
            channel = self._channel
            try:
                channel.refuse_unasked()
                channel.write(question, deadline)
                reply = channel.read(deadline)
                if type(reply.get("s")) is not int or reply["s"] != number:
                    raise Malformed("an answer to another question")
                channel.refuse_unasked()
            except Oversized as error:
                raise TooLarge(f"arguments make {error}") from None
            except WireError as error:
                self.fault = error
                raise Halt(str(error)) from None
            except BaseException:  # a signal or a lack of memory in the middle: what comes next would answer this question
                self.fault = Malformed("the question was broken off")
                raise
            return reply

    def _break(self, fault: WireError) -> NoReturn:
        self.fault = fault
        raise Halt(str(fault))

    def _exception(self, found: Any) -> BaseException:
        """The candidate's exception, made of a built-in class."""
        try:
            told = _checked_exception(found)
        except Malformed as error:
            self._break(error)
        kind = _RAISABLE.get(told["type"], Exception)
        if kind in (StopIteration, StopAsyncIteration) and not self.stops:
            kind = RuntimeError
        try:
            raised = kind(*decode(found["a"], iterators=True)) if "a" in found else kind(told["msg"])
            if isinstance(raised, UnicodeError):
                _check_range(raised)
        except Exception:  # noqa: BLE001  (a class that wants other arguments)
            raised = RuntimeError(told["msg"])
        self.raised = raised
        self.raised_at = told
        return raised


def _texts(found: Any) -> bool:
    return type(found) is list and all(type(text) is str for text in found)


def _checked_exception(found: Any) -> dict[str, Any]:
    """Type, message, line and frames out of untrusted JSON. Raises ``Malformed``."""
    if type(found) is not dict or type(found.get("type")) is not str or type(found.get("msg")) is not str:
        raise Malformed("an exception of another form")
    line, frames = found.get("line"), found.get("frames")
    if type(line) is int and abs(line) >= 1 << 31:
        line = None
    if type(frames) is not list or not all(type(f) is list and len(f) == 2 and type(f[0]) is int and type(f[1]) is str for f in frames):
        raise Malformed("an exception of another form")
    told = [[number, clean(function, 100)] for number, function in frames[-10:]]
    return {"type": clean(found["type"], 100), "msg": clean(found["msg"], 500), "line": line if type(line) is int else None, "frames": told}


def _check_range(error: UnicodeError) -> None:
    """Raise ValueError where the text of the error would read beyond its object, which ends the process in some versions of Python."""
    start, end, broken = (getattr(error, name, None) for name in ("start", "end", "object"))
    if start is not None and not 0 <= start <= end <= len(broken):  # type: ignore[operator, arg-type]
        raise ValueError("a range that is none")


def _copy_back(target: Any, value: Any) -> None:
    """Make ``target`` equal to ``value`` in place, if it can change. Raises TypeError or ValueError for another kind of object."""
    base = next((base for base in (list, bytearray, dict, set) if isinstance(target, base)), None)
    if base is not None and type(value) is not base:
        raise TypeError("an argument that changed its type")
    if base is dict or base is set:
        target.clear()
        target.update(value)
    elif base is not None or type(target).__name__ == "ndarray":
        target[:] = value


async def _ready(value: Any) -> Any:
    return value


class _ProxyType(type):
    """The class of classes whose objects live in the candidate."""


def _proxy(remote: Remote, name: str, methods: list[str]) -> type:
    def start(self: Any, *args: Any, **kwargs: Any) -> None:
        self.__dict__["_handle"] = remote.made(name, args, kwargs)

    def method(called: str) -> Callable[..., Any]:
        def ask(self: Any, *args: Any, **kwargs: Any) -> Any:
            return remote._call(f"{name}.{called}", {"h": self._handle, "f": called}, args, kwargs)

        ask.__name__, ask.__qualname__ = called, f"{name}.{called}"
        return ask

    def attribute(self: Any, asked: str) -> Any:
        if asked[:2] == "__":
            raise AttributeError(asked)
        value = remote.attribute(name, self._handle, asked)
        return method(asked).__get__(self) if value is _METHOD else value

    known = {m: method(m) for m in methods if m.isidentifier() and (m[:2] != "__" or m in _FORWARDED)}
    return _ProxyType(name, (), {**known, "__init__": start, "__getattr__": attribute, "__module__": "candidate"})
