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

from eudoxus.agents.search.parts import Answer, Rejected
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
_NUMBER = r"-?\d+(?:\.\d+|\s*/\s*\d+)?"
_STEP = re.compile(rf"^\W*?\(?({_NUMBER})\)?\s*([+*/-])\s*\(?({_NUMBER})\)?\s*=")
_PLAIN_STEP = re.compile(r"^[^\d(-]*\(?(-?\d+)\)?\s*([+*/-])\s*\(?(-?\d+)\)?\s*=")
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
        step = read_step(action)
        if step is None:
            return Rejected(f"not a step: {action[:60]!r}")
        left, sign, right = step
        rest = list(state)
        taken: list[str] = []
        for number in (left, right):
            found = next((held for held in rest if held[0] == number), None)
            if found is None:
                return Rejected(f"{number} is not there (any more)")
            rest.remove(found)
            taken.append(found[1])
        if sign == "/" and right == 0:
            return Rejected("division by zero")
        made = _OPERATIONS[sign](left, right)
        if not rest and made != self._task.target:
            return Rejected(f"the last number is {made}, not {self._task.target}")
        return tuple(sorted([*rest, (made, f"({taken[0]} {sign} {taken[1]})")]))

    def goal(self, state: State) -> Answer | None:
        return Answer(state[0][1].removeprefix("(").removesuffix(")")) if len(state) == 1 else None


def numbers_of(state: State) -> str:
    """The numbers that are left, as prompts show them."""
    return " ".join(str(number) for number, _ in state)


def read_step(text: str) -> tuple[Fraction, str, Fraction] | None:
    """The two numbers and the sign of a line such as ``13 - 9 = 4 (left: 4 4 10)``; None when there is none."""
    plain = text.translate(_SIGNS)
    found = _PLAIN_STEP.match(plain) or _STEP.match(plain)
    if found is None or len(text) > _MOST_CHARACTERS:
        return None
    try:
        return Fraction(found[1].replace(" ", "")), found[2], Fraction(found[3].replace(" ", ""))
    except (ValueError, ZeroDivisionError):
        return None


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
