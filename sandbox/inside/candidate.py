"""The candidate's side: holds the program and nothing of the tests, and answers calls of its functions. Nothing it sends is believed."""

from __future__ import annotations

import builtins
import contextlib
import linecache
import random
import sys
from collections.abc import Callable
from types import CoroutineType, ModuleType
from typing import Any, Literal

from eudoxus.sandbox.codec import CodecError, clean, decode, encode
from eudoxus.sandbox.inside.blocks import Trace
from eudoxus.sandbox.inside.remote import MOST_NAMES
from eudoxus.sandbox.inside.wire import FRAME_BYTES, Channel, Closed, Oversized
from eudoxus.sandbox.plain import DEPTH, NODES, mro, name_of, type_dict

MODULE = "candidate"
STACK_BYTES = 64 << 20
"""Of the C stack, which recursion through C code (a sort's key, a cache's wrapper) takes up to 1 KiB a level of."""
MOST_FRAMES = 10
MOST_MESSAGE = 500

_BUILT_IN = {id(found): name for name, found in vars(builtins).items() if isinstance(found, type) and found.__name__ == name}
_EXCEPTIONS = {key: name for key, name in _BUILT_IN.items() if issubclass(getattr(builtins, name), BaseException)}
_args = type_dict(BaseException)["args"].__get__
_traceback = type_dict(BaseException)["__traceback__"].__get__


def serve(payload: dict[str, Any], channel: int) -> None:
    """Load the program, say hello, and answer frames until one says ``end`` or the other side is gone."""
    limits = payload.get("limits") or {}
    wire = Channel(channel, limits.get("frame_bytes", FRAME_BYTES), most_sent=payload.get("most_sent"), deadlines=False)
    sys.setrecursionlimit(recursion_limit())
    random.seed(payload.get("seed", 0))
    filename = payload.get("filename") or "candidate.py"
    with contextlib.suppress(Closed):
        try:
            program = Program(payload["code"], filename, payload.get("trace"), limits)
        except BaseException as error:  # noqa: BLE001  (the program may raise anything)
            wire.write({"load": described(error, filename)})
            return
        finally:
            flush()
        wire.write(program.hello())
        _answer_all(program, wire)


def _answer_all(program: Program, wire: Channel) -> None:
    while True:
        ask = wire.read()
        if "end" in ask:
            return
        reply = program.answer(ask)
        flush()
        try:
            wire.write(reply)
        except Oversized as error:
            wire.write({"s": ask["s"], "x": {"type": "TooLarge", "msg": str(error), "line": None, "frames": []}})


class Program:
    """The program's module, and the objects that the tests have made of its classes."""

    def __init__(self, code: str, filename: str, trace: Literal["lines", "blocks"] | None, limits: dict[str, Any]) -> None:
        """Run the program. Raises what it raises."""
        self._filename = filename
        self._caps = {"depth": limits.get("depth", DEPTH), "nodes": limits.get("nodes", NODES)}
        self._objects: list[Any] = []
        self._trace: Trace | None = None
        module = ModuleType(MODULE)
        module.__file__ = filename
        self._names = vars(module)
        sys.modules[MODULE] = module  # dataclasses and typing look the module up
        linecache.cache[filename] = (len(code), None, code.splitlines(keepends=True), filename)
        if trace:
            self._trace = Trace(code, filename, trace)
            self._names.update(self._trace.names)
            compiled = self._trace.code
        else:
            compiled = compile(code, filename, "exec", dont_inherit=True)
        exec(compiled, self._names)  # noqa: S102  (that is what this process is for)

    def hello(self) -> dict[str, Any]:
        """Names of the public functions and classes that the program defines, and the methods of the classes."""
        names: list[str] = []
        classes: dict[str, list[str]] = {}
        for name, value in list(self._names.items()):
            if type(name) is str and name.isidentifier() and name[0] != "_" and len(names) < MOST_NAMES and self._defines(value):
                names.append(name)
                if isinstance(value, type):
                    classes[name] = _methods(value)
        return {"hello": 1, "names": names, "classes": classes}

    def _defines(self, value: object) -> bool:
        try:
            return callable(value) and getattr(value, "__module__", None) in (MODULE, None)
        except Exception:  # noqa: BLE001  (foreign attribute access)
            return False

    def answer(self, ask: dict[str, Any]) -> dict[str, Any]:
        """The reply to one call. Raises nothing that the program raises."""
        try:
            if "trace" in ask:
                return {"s": ask["s"], "trace": self._trace.take() if self._trace else {}}
            args = decode(ask.get("a", []), iterators=True, **self._caps)
            kwargs = {key: decode(value, iterators=True, **self._caps) for key, value in ask.get("k", {}).items()}
            for place, handle in ask.get("o", {}).items():
                args[int(place)] = self._objects[handle]
            return self._done(ask, args, kwargs)
        except BaseException as error:  # noqa: BLE001  (SystemExit and KeyboardInterrupt are answers too)
            return {"s": ask["s"], "x": described(error, self._filename)}

    def _done(self, ask: dict[str, Any], args: list[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
        reply: dict[str, Any] = {"s": ask["s"]}
        if "new" in ask:
            self._objects.append(self._named(ask["new"])(*args, **kwargs))
            return {**reply, "h": len(self._objects) - 1}
        if "get" in ask:
            value = getattr(self._objects[ask["h"]], ask["get"])
            return {**reply, "c": 1} if callable(value) else {**reply, "v": encode(value, **self._caps)}
        value = (getattr(self._objects[ask["h"]], ask["f"]) if "h" in ask else self._named(ask["f"]))(*args, **kwargs)
        if type(value) is CoroutineType:
            import asyncio  # slow to load and seldom needed

            value = asyncio.run(value)
            reply["w"] = 1
        reply["v"] = encode(value, **self._caps)
        if "m" in ask:
            reply["m"] = {str(place): encode(args[place], **self._caps) for place in ask["m"] if place < len(args)}
        return reply

    def _named(self, name: str) -> Callable[..., Any]:
        if name not in self._names:
            raise NameError(f"name {name!r} is not defined")
        found: Callable[..., Any] = self._names[name]
        return found


def _methods(kind: type) -> list[str]:
    return [m for base in mro(kind)[:-1] for m, found in type_dict(base).items() if type(m) is str and callable(found)][:MOST_NAMES]


def described(error: BaseException, filename: str) -> dict[str, Any]:
    """An exception as JSON: the nearest built-in class by identity, the message, the line and calls in the program's own file."""
    kind = type(error)
    name = name_of(kind) if isinstance(error, CodecError) else next(_EXCEPTIONS[id(base)] for base in mro(kind) if id(base) in _EXCEPTIONS)
    frames = _frames(error, filename)
    line = frames[-1][0] if frames else None
    if line is None and kind is SyntaxError and type(error.lineno) is int:  # type: ignore[attr-defined]
        line = error.lineno  # type: ignore[attr-defined]
    found = {"type": name, "msg": _message(error), "line": line, "frames": frames}
    with contextlib.suppress(Exception):
        found["a"] = encode(list(_args(error)), depth=4, nodes=40, opaque=False)
    return found


def _message(error: BaseException) -> str:
    try:
        return clean(str(error), MOST_MESSAGE)
    except BaseException:  # noqa: BLE001  (a __str__ of the program's own)
        return ""


def _frames(error: BaseException, filename: str) -> list[list[Any]]:
    """The last calls in the program's file, outermost first."""
    found: list[list[Any]] = []
    step = _traceback(error)
    while step is not None:
        code = step.tb_frame.f_code
        if code.co_filename == filename:
            found.append([step.tb_lineno, clean(code.co_name, 100)])
        step = step.tb_next
    return found[-MOST_FRAMES:]


def flush() -> None:
    """Give out what the program printed; it may have put anything in place of the streams."""
    with contextlib.suppress(BaseException):
        sys.stdout.flush()
        sys.stderr.flush()


def recursion_limit() -> int:
    """How deep the program may recurse, after making the stack larger where that is allowed.

    On a small stack 5,000 levels still work in Python code, but endless recursion through C code ends the process before the limit.
    """
    try:
        import resource
    except ImportError:  # in WebAssembly
        return 5_500
    with contextlib.suppress(OSError, ValueError):
        _, most = resource.getrlimit(resource.RLIMIT_STACK)
        resource.setrlimit(resource.RLIMIT_STACK, (STACK_BYTES if most == resource.RLIM_INFINITY else min(STACK_BYTES, most), most))
    soft, _ = resource.getrlimit(resource.RLIMIT_STACK)
    return 10_000 if soft == resource.RLIM_INFINITY or soft >= STACK_BYTES else 5_500
