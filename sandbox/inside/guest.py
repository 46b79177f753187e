"""What runs in WebAssembly: judge and candidate in one interpreter. They exchange plain data, but there is no wall between them."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from typing import Any

from eudoxus.sandbox.inside.candidate import Program, described, flush, recursion_limit
from eudoxus.sandbox.inside.judge import Bench
from eudoxus.sandbox.inside.remote import Remote
from eudoxus.sandbox.inside.wire import Oversized, pack, unpack

FILENAME = "candidate.py"


def run(order: dict[str, Any], tell: Callable[[bytes], object]) -> None:
    """Load the program, then run the tests, or ask the questions; ``tell`` gets a frame's JSON for each, as from judge or candidate."""
    sys.setrecursionlimit(recursion_limit())
    random.seed(order["seed"])

    def say(message: dict[str, Any]) -> None:
        try:
            tell(pack(message)[4:])
        except Oversized as error:
            tell(pack({"s": message.get("s"), "x": {"type": "TooLarge", "msg": str(error), "line": None, "frames": []}})[4:])

    if order["questions"] is None:
        say({"begin": len(order["tests"])})
    try:
        program = Program(order["code"], FILENAME, order["trace"], {})
    except BaseException as error:  # noqa: BLE001  (the program may raise anything)
        say({"load": described(error, FILENAME)})
        return
    finally:
        flush()
    if order["questions"] is not None:
        say(program.hello())
        for question in order["questions"]:
            say(program.answer(question))
            flush()
        return
    remote = Remote(_Beside(program), order)  # type: ignore[arg-type]
    remote.hello()
    try:
        bench = Bench(order, remote)
    except BaseException as error:  # noqa: BLE001  (the set-up may be written by a model)
        say({"fault": "invalid_test", "msg": f"the set-up raised {type(error).__name__}"})
        return
    for i, test in enumerate(order["tests"]):
        say({"i": i, **bench.run(i, test)})
        flush()
        if remote.fault is not None:
            say({"fault": "protocol_error", "msg": str(remote.fault)})
            return
    say({"end": len(order["tests"])})


class _Beside:
    """A channel to a program in the same interpreter."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._reply: dict[str, Any] = program.hello()

    def write(self, message: dict[str, Any], deadline: float | None = None) -> None:
        self._reply = self._program.answer(unpack(pack(message)[4:]))

    def read(self, deadline: float | None = None) -> dict[str, Any]:
        return unpack(pack(self._reply)[4:])

    def refuse_unasked(self) -> None:
        """Nothing can arrive that was not asked for."""
