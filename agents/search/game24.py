"""The Game of 24 (Yao et al. 2023, arXiv 2305.10601, §4.1): combine four numbers by + - * / into 24, each used once.

Steps are checked and the final expression is put together by program, so a model only has to find the steps.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Hashable
from fractions import Fraction
from typing import Any, ClassVar, Self

from pydantic import ConfigDict, Field

from eudoxus.agents.search.parts import Answer, Rejected, Unreadable
from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, ChatTask, Context, Task, Verdict
from eudoxus.runtime.errors import InvalidTask

Held = tuple[Fraction, str]
"""A number and how it was made."""
State = tuple[Held, ...]
"""What is left to combine, in ascending order."""

_OPERATIONS: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
}
_SIGNS = str.maketrans({"×": "*", "·": "*", "x": "*", "X": "*", "÷": "/", "−": "-", "–": "-", "∗": "*"})
_LEFT_SIDE = re.compile(r"^[^\d(-]*([-+*/().\d\s]+?)\s*=")
_HALVES = re.compile(r"(?<=[\d)])\s*([-+*/])\s*(?=[\d(-])")
_NUMBER = re.compile(r"-?\s*\d{1,40}(?:\.\d{1,40}|\s*/\s*\d{1,40})?")
_MOST_CHARACTERS = 400


class Game24Task(Task):
    """Make ``target`` of ``numbers``."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
    kind: ClassVar[str] = "game24"

    numbers: tuple[int, ...] = Field(min_length=2, max_length=6)
    """Two to six numbers."""
    target: int = 24
    """What to make of them."""

    def request(self, **defaults: Any) -> ChatRequest:
        numbers = " ".join(map(str, self.numbers))
        return render("game24/question", numbers=numbers, target=str(self.target)).model_copy(update=defaults)

    async def verify(self, ctx: Context, answer: str) -> Verdict:
        """Exact: the last expression of the answer is worked out with fractions."""
        complaint = self.complaint(answer)
        return Verdict(ok=not complaint, score=0.0 if complaint else 1.0, feedback=complaint)

    def complaint(self, answer: str) -> str:
        """What is wrong with an answer; empty when it is right."""
        expression = _expression(answer)
        try:
            used: list[int] = []
            value = _value(ast.parse(expression, mode="eval").body, used)
        except (SyntaxError, ValueError, ZeroDivisionError, RecursionError, MemoryError):
            return f"no expression can be read in {answer[-80:]!r}"
        if sorted(used) != sorted(self.numbers):
            return f"{expression} uses {sorted(used)}, but each of {sorted(self.numbers)} must be used once"
        return "" if value == self.target else f"{expression} is {value}, not {self.target}"

    @classmethod
    def from_chat(cls, task: ChatTask) -> Self:
        said = next((m.text for m in reversed(task.messages) if m.role == "user"), "")
        numbers = [int(found) for found in re.findall(r"(?<![\d.])\d{1,4}(?!\d|\.\d)", said)]
        if len(numbers) > 4 and 24 in numbers:
            numbers.remove(24)  # "make 24 of ..."
        if not 2 <= len(numbers) <= 6:
            raise InvalidTask("the Game of 24 needs two to six numbers; this message would work: 4 9 10 13", param="messages")
        return cls(numbers=tuple(numbers))


class Game24:
    """The problem as states and steps; a step is ``a op b``."""

    def __init__(self, task: Game24Task) -> None:
        self._task = task

    def root(self) -> State:
        return tuple(sorted((Fraction(number), str(number)) for number in self._task.numbers))

    def key(self, state: State) -> Hashable:
        return tuple(number for number, _ in state)

    def apply(self, state: State, action: str) -> State | Rejected:
        held = [number for number, _ in state]
        readings = read_step(action)
        if not readings:
            return Unreadable(f"not a step: {action[:60]!r}")
        possible = [step for step in readings if _there(step[0], step[2], held)]
        if not possible:
            return Rejected(f"{readings[0][0]} and {readings[0][2]} are not both there (any more)")
        left, sign, right = possible[0]
        if sign == "/" and right == 0:
            return Rejected("division by zero")
        rest, taken = list(state), list[str]()
        for number in (left, right):
            found = next(one for one in rest if one[0] == number)
            rest.remove(found)
            taken.append(found[1])
        made = _OPERATIONS[sign](left, right)
        if not rest and made != self._task.target:
            return Rejected(f"the last number is {made}, not {self._task.target}")
        return tuple(sorted([*rest, (made, f"({taken[0]} {sign} {taken[1]})")]))

    def goal(self, state: State) -> Answer | None:
        return Answer(state[0][1].removeprefix("(").removesuffix(")")) if len(state) == 1 else None


def numbers_of(state: State) -> str:
    """The numbers that are left, as prompts show them."""
    return " ".join(str(number) for number, _ in state)


def read_step(text: str) -> list[tuple[Fraction, str, Fraction]]:
    """What a line such as ``13 - 9 = 4 (left: 4 4 10)`` can mean: two numbers and the sign between them, perhaps none.

    ``12 / 1/2 = 24`` divides twelve by a half or a twelfth part by two; which of the numbers are there decides.
    """
    found = _LEFT_SIDE.match(text.translate(_SIGNS)) if len(text) <= _MOST_CHARACTERS else None
    if found is None:
        return []
    side = found[1]
    halves = [(_fraction(side[: sign.start()]), sign[1], _fraction(side[sign.end() :])) for sign in _HALVES.finditer(side)]
    return [(left, sign, right) for left, sign, right in halves if left is not None and right is not None]


def _fraction(text: str) -> Fraction | None:
    """A whole number, decimal or fraction, in parentheses or not."""
    plain = text.strip()
    while plain.startswith("(") and plain.endswith(")"):
        plain = plain[1:-1].strip()
    if not _NUMBER.fullmatch(plain):
        return None
    try:
        return Fraction("".join(plain.split()))
    except (ValueError, ZeroDivisionError):
        return None


def _there(left: Fraction, right: Fraction, held: list[Fraction]) -> bool:
    return held.count(left) > 1 if left == right else left in held and right in held


def _expression(answer: str) -> str:
    """The left side of the last line that holds a digit, without words before it."""
    lines = [line for line in answer.translate(_SIGNS).splitlines() if re.search(r"\d", line)]
    left = (lines[-1] if lines else "").split("=")[0]
    begins = re.search(r"[(\d]", left)
    return left[begins.start():][:_MOST_CHARACTERS].strip("`*. ") if begins else ""


def _value(node: ast.expr, used: list[int]) -> Fraction:
    """Work out an expression of whole numbers and the four operations. Raises ValueError for anything else."""
    match node:
        case ast.Constant(value=int() as number) if not isinstance(number, bool):
            used.append(number)
            return Fraction(number)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div() as op, right=right):
            signs: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
            return _OPERATIONS[signs[type(op)]](_value(left, used), _value(right, used))
    raise ValueError("not an expression of numbers and + - * /")
