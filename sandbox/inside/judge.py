"""The judge's side: holds the tests, asks the candidate by calls of plain data, and alone says what passed."""

from __future__ import annotations

import builtins
import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from opcode import opmap
from time import monotonic
from types import CodeType, FunctionType, ModuleType
from typing import Any

from eudoxus.sandbox.codec import clean
from eudoxus.sandbox.inside.remote import Remote
from eudoxus.sandbox.inside.wire import Channel, Late, WireError

MODULES = ("candidate", "solution", "main", "your_module")
"""Names under which a test may import the candidate's functions."""
MOST_MESSAGE = 500
DETAILS_BYTES = 4 << 20
"""Of the report, after which tests are reported without calls and messages: a candidate that fills it must not keep verdicts out."""


def judge(payload: dict[str, Any], channel: int, report: int) -> None:
    """Run the tests in order and report each; stop with a fault where the candidate breaks the protocol or does not answer in time."""
    out = Channel(report, deadlines=False)
    tests = payload["tests"]
    out.write({"begin": len(tests)})
    remote = Remote(Channel(channel), payload)
    try:
        hello = remote.hello()
    except WireError as error:
        out.write({"fault": _fault(error), "msg": f"while loading: {error}"})
        return
    if "load" in hello:
        out.write({"load": hello["load"]})
        return
    random.seed(payload.get("seed", 0))
    with _no_exit():
        try:
            bench = Bench(payload, remote)
        except BaseException as error:  # noqa: BLE001  (the set-up may be written by a model)
            out.write({"fault": "invalid_test", "msg": f"the set-up raised {_told(error)}"})
            return
        details = 0
        for i, test in enumerate(tests):
            found = {"i": i, **bench.run(i, test)}
            details += out.write(found if details < DETAILS_BYTES else _brief(found))
            if remote.fault is not None:
                out.write({"fault": _fault(remote.fault), "msg": str(remote.fault)})
                return
    remote.end()
    out.write({"end": len(tests)})


class Bench:
    """What the tests share: the set-up's names, and stubs in place of the candidate's functions."""

    def __init__(self, payload: dict[str, Any], remote: Remote) -> None:
        """Run the set-up. Raises what it raises."""
        self._remote = remote
        self._own: set[str] = set()
        """Names that the test binds."""
        self._seed = payload.get("seed", 0)
        self._trace = bool(payload.get("trace"))
        self._names: dict[str, Any] = {"__name__": "tests", "__builtins__": builtins}
        setup = payload.get("setup") or ""
        if setup:
            exec(compile(setup, "<setup>", "exec", dont_inherit=True), self._names)  # noqa: S102  (in the jail)
        entry = payload.get("entry")
        for name in (*payload.get("names", ()), *([entry] if entry else ())):
            self._names[name] = remote.function(name)
        for name in payload.get("classes", ()):
            self._names[name] = remote.proxy(name)
        self._entry = self._names[entry] if entry else None
        if entry:
            self._names["candidate"] = self._entry
        for module in MODULES:
            sys.modules[module] = _Module(module, self._names, remote, self._own)

    def run(self, i: int, test: dict[str, Any]) -> dict[str, Any]:
        """Run one test: its outcome, milliseconds, kept calls, and what was raised."""
        remote = self._remote
        remote.begin(test.get("mutates") or ())
        random.seed(self._seed)
        start = monotonic()
        outcome, raised = "passed", None
        try:
            code = compile(test["code"], f"<test {i}>", "exec", dont_inherit=True)
            names = self._namespace(code)
            remote.stops = not _STOPS.isdisjoint(_used(code))
            exec(code, names)  # noqa: S102  (in the jail)
            if not remote.calls:
                self._run_functions(code, names)
        except BaseException as error:  # noqa: BLE001  (a test may raise anything)
            raised = error
            outcome = _outcome(error, remote)
        trace = remote.trace() if self._trace else None
        if remote.fault is not None:  # whatever the test made of it
            outcome = _fault(remote.fault)
        elif not remote.calls:
            outcome = "invalid_test"
        found: dict[str, Any] = {"o": outcome, "ms": round((monotonic() - start) * 1000, 3), "calls": remote.kept}
        if outcome != "passed":
            found["x"] = _exception(raised, remote, f"<test {i}>")
        if trace is not None:
            found["trace"] = trace
        return found

    def _namespace(self, code: CodeType) -> dict[str, Any]:
        """The shared names, and for those that only the test uses a stub of the candidate's, or the library module of that name.

        Nothing that Python, the set-up or the test defines is ever replaced: a candidate may define ``abs``, and poly of the prompt too.
        """
        names = dict(self._names)
        self._own.clear()
        self._own |= _bound(code)
        missing = _used(code) - names.keys() - _BUILT_IN
        for name in missing - _bound(code) if missing else ():
            if name in self._remote.names and name not in self._remote.classes:
                names[name] = self._remote.function(name)
            elif name in sys.stdlib_module_names:
                names[name] = __import__(name)
            elif name in self._remote.classes:
                names[name] = self._remote.proxy(name)
        return names

    def _run_functions(self, code: CodeType, names: dict[str, Any]) -> None:
        """A test that only defines functions: call ``check`` with the entry, or every ``test…`` without arguments."""
        check = names.get("check")
        if self._entry is not None and type(check) is FunctionType and check.__globals__ is names:
            check(self._entry)
            return
        for name, found in list(names.items()):
            if name.startswith("test") and type(found) is FunctionType and found.__globals__ is names and not found.__code__.co_argcount:
                found()


class _Module(ModuleType):
    """The candidate's module as tests import it."""

    def __init__(self, name: str, names: dict[str, Any], remote: Remote, own: set[str]) -> None:
        super().__init__(name)
        self._own = own
        self._names = names
        self._remote = remote

    def __getattr__(self, name: str) -> Any:
        remote = self._remote
        if name in self._names:
            return self._names[name]
        if name not in remote.names:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return remote.proxy(name) if name in remote.classes else remote.function(name)

    @property
    def __all__(self) -> list[str]:
        """Not what the test has of its own, or has imported before: a candidate may announce ``isclose``."""
        had = sys._getframe(1).f_locals
        return [name for name in self._remote.names if name not in _BUILT_IN and name not in self._own and name not in had]


_STOPS = frozenset(("StopIteration", "StopAsyncIteration"))
_BUILT_IN = frozenset(vars(builtins))


def _used(code: CodeType) -> set[str]:
    """Names that the code and its functions look up, attributes among them."""
    used = set(code.co_names)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            used |= _used(inner)
    return used


_STORES = frozenset((opmap["STORE_NAME"], opmap["STORE_GLOBAL"]))
_EXTENDED = opmap["EXTENDED_ARG"]


def _bound(code: CodeType) -> set[str]:
    """Names that the code itself binds: by import, assignment or definition. Read off the byte code: ``dis`` takes longer than the test."""
    bound = set()
    high = 0
    for operation, low in zip(code.co_code[::2], code.co_code[1::2], strict=True):
        if operation in _STORES:
            bound.add(code.co_names[high | low])
        high = (high | low) << 8 if operation == _EXTENDED else 0
    return bound


class _Exit(BaseException):
    """A test called ``os._exit``."""


@contextmanager
def _no_exit() -> Iterator[None]:
    """While it lasts, ``os._exit`` and ``os.abort`` raise: a test that ends the judge would look like a broken judge."""

    def refuse(*_: object) -> None:
        raise _Exit("the test tried to exit")

    real = os._exit, os.abort
    os._exit = os.abort = refuse  # type: ignore[assignment]
    try:
        yield
    finally:
        os._exit, os.abort = real


def _outcome(error: BaseException, remote: Remote) -> str:
    if remote.raised is not None and error is remote.raised:
        return "error"
    if isinstance(error, SystemExit | _Exit | KeyboardInterrupt) or not remote.calls:
        return "invalid_test"
    return "failed" if isinstance(error, AssertionError) else "error"


def _brief(found: dict[str, Any]) -> dict[str, Any]:
    kept = {**found, "calls": []}
    if "x" in found:
        kept["x"] = {"type": clean(found["x"]["type"], 40), "msg": "", "line": found["x"]["line"], "frames": []}
    return kept


def _fault(error: WireError) -> str:
    return "timeout" if isinstance(error, Late) else "protocol_error"


def _told(error: BaseException) -> str:
    try:
        return clean(f"{type(error).__name__}: {error}", MOST_MESSAGE)
    except Exception:  # noqa: BLE001  (a __str__ of the test's own)
        return type(error).__name__


def _exception(error: BaseException | None, remote: Remote, filename: str) -> dict[str, Any]:
    """What was raised: from the candidate with the lines in its file, from the test with the line in the test."""
    if remote.fault is not None:
        return {"type": type(remote.fault).__name__, "msg": str(remote.fault), "line": None, "frames": []}
    if error is None:
        return {"type": "InvalidTest", "msg": "the test never calls the candidate", "line": None, "frames": []}
    found: dict[str, Any] = {"type": type(error).__name__, "msg": _told(error).partition(": ")[2], "line": None, "frames": []}
    if error is remote.raised:
        return {**found, **remote.raised_at}
    step = error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == filename:
            found["line"] = step.tb_lineno
        step = step.tb_next
    return found
