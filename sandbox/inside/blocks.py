"""Block trace: a program's syntax tree with a mark at the head of every block, and what the marks have seen.

It runs in the candidate's process, so a trace is text for prompts and never evidence.
"""

from __future__ import annotations

import ast
import sys
from collections import deque
from collections.abc import Mapping
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any, Literal

from eudoxus.sandbox.plain import clean, short

KEPT = 5
"""First visits, and as many last ones, of a block that are shown with their variables."""
MOST_RECORDS = 2_000
"""Visits of all blocks whose variables are looked at, between two questions."""
MOST_NAMES = 40
MOST_VALUE = 80
_MOST_LINES = 100_000
_MARK = "__eudoxus_block__"
_HIDDEN = frozenset(map(id, (BuiltinFunctionType, FunctionType, ModuleType, type)))
_frame = sys._getframe


class Trace:
    """The marked program and its records. ``lines`` mode only tells which lines ran; a line counts when its block was entered."""

    def __init__(self, source: str, filename: str, mode: Literal["lines", "blocks"]) -> None:
        tree = ast.parse(source, filename)
        self._mode = mode
        self._blocks: list[list[int]] = []
        tree.body = self._marked(tree.body)
        self.code: CodeType = compile(ast.fix_missing_locations(tree), filename, "exec", dont_inherit=True)
        self._visits = [0] * len(self._blocks)
        self._start()

    @property
    def names(self) -> dict[str, Any]:
        """What the program needs among its globals."""
        return {_MARK: self._visits if self._mode == "lines" else self._enter}

    def take(self) -> dict[str, Any]:
        """Everything since the last call, as JSON: ``lines``, or ``blocks`` with first and last line, visits and variables."""
        if self._mode == "lines":
            seen: dict[str, Any] = {"lines": sorted({line for i, block in enumerate(self._blocks) if self._visits[i] for line in block})}
        else:
            blocks = [self._block(i) for i in range(len(self._blocks)) if self._visits[i]]
            seen = {"blocks": blocks, "dropped": sum(block["visits"] - len(block["snapshots"]) for block in blocks)}
        self._start()
        return seen

    def _start(self) -> None:
        self._visits[:] = [0] * len(self._blocks)
        self._left = MOST_RECORDS
        self._first: list[list[dict[str, Any]]] = [[] for _ in self._blocks]
        self._last: list[deque[dict[str, Any]]] = [deque(maxlen=KEPT) for _ in self._blocks]

    def _block(self, i: int) -> dict[str, Any]:
        lines = self._blocks[i]
        snapshots = [*self._first[i], *self._last[i]]
        return {"id": i, "first_line": lines[0], "last_line": lines[-1], "visits": self._visits[i], "snapshots": snapshots}

    def _enter(self, i: int) -> None:
        """Called at the head of block ``i``."""
        self._visits[i] += 1
        if self._left > 0:
            self._left -= 1
            kept = self._first[i]
            shot = {"visit": self._visits[i], "step": MOST_RECORDS - self._left, "locals": _variables(_frame(1).f_locals)}
            (kept if len(kept) < KEPT else self._last[i]).append(shot)

    def _marked(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        """The statements with a mark before each straight run of them: at the start, and after each compound statement."""
        marked: list[ast.stmt] = []
        block: list[int] | None = None
        for n, statement in enumerate(statements):
            if not _must_stay_first(statement, n) and block is None:
                block = [statement.lineno]
                marked.append(self._mark(len(self._blocks), statement))
                self._blocks.append(block)
            marked.append(statement)
            if block is not None:
                block.append(_header_end(statement))
            if self._mark_inside(statement) and not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                block = None
        return marked

    def _mark_inside(self, statement: ast.stmt) -> bool:
        """Mark the blocks of a compound statement; whether it is one."""
        branches = [*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())]
        places = [(statement, "body"), *((branch, "body") for branch in branches), (statement, "orelse"), (statement, "finalbody")]
        inner = [(node, field) for node, field in places if getattr(node, field, None)]
        for node, field in inner:
            setattr(node, field, self._marked(getattr(node, field)))
        return bool(inner)

    def _mark(self, i: int, before: ast.stmt) -> ast.stmt:
        name = ast.Name(_MARK, ast.Load())
        if self._mode == "lines":
            target = ast.Subscript(name, ast.Constant(i), ast.Store())
            return ast.copy_location(ast.Assign([target], ast.Constant(1)), before)
        return ast.copy_location(ast.Expr(ast.Call(name, [ast.Constant(i)], [])), before)


def checked(found: object) -> dict[str, Any]:
    """What of a trace from a program's process has the form of one, with texts that can be written down."""
    trace = found if type(found) is dict else {}
    told: dict[str, Any] = {}
    if type(trace.get("lines")) is list:
        told["lines"] = [line for line in trace["lines"][:_MOST_LINES] if _small(line)]
    if type(trace.get("blocks")) is list:
        told["blocks"] = [_checked_block(block) for block in trace["blocks"][:MOST_RECORDS] if type(block) is dict]
        told["dropped"] = _number(trace.get("dropped"))
    return told


def _checked_block(block: dict[str, Any]) -> dict[str, Any]:
    snapshots = block.get("snapshots")
    kept = [
        {"visit": _number(shot.get("visit")), "step": _number(shot.get("step")), "locals": _checked_locals(shot.get("locals"))}
        for shot in (snapshots[: 2 * KEPT] if type(snapshots) is list else ()) if type(shot) is dict
    ]
    return {key: _number(block.get(key)) for key in ("id", "first_line", "last_line", "visits")} | {"snapshots": kept}


def _checked_locals(found: object) -> dict[str, str]:
    texts = list(found.items())[:MOST_NAMES] if type(found) is dict else []
    return {clean(name, MOST_VALUE): clean(value, MOST_VALUE) for name, value in texts if type(value) is str}


def _small(found: object) -> bool:
    return type(found) is int and abs(found) < 2**53


def _number(found: Any) -> int:
    return found if _small(found) else 0


def _must_stay_first(statement: ast.stmt, n: int) -> bool:
    """A docstring, or an import from ``__future__``."""
    if isinstance(statement, ast.ImportFrom):
        return statement.module == "__future__"
    value = statement.value if n == 0 and isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _header_end(statement: ast.stmt) -> int:
    """The last line of a simple statement, or of a compound one's header."""
    for field in ("test", "iter", "subject"):
        part = getattr(statement, field, None)
        if isinstance(part, ast.expr):
            return part.end_lineno or statement.lineno
    return statement.lineno if hasattr(statement, "body") else statement.end_lineno or statement.lineno


def _variables(found: Mapping[str, Any]) -> dict[str, str]:
    """Short texts of variables: no functions, modules, classes or names that begin with two underscores."""
    shown: dict[str, str] = {}
    for name, value in list(found.items()):
        if id(type(value)) not in _HIDDEN and name[:2] != "__":
            shown[clean(name, MOST_VALUE)] = short(value, MOST_VALUE)
            if len(shown) == MOST_NAMES:
                break
    return shown
