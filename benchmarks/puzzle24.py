"""The Game of 24 solved by program: steps, reachability, solutions, and the check of an answer.

Standard library only, so that peers can load it.
"""

from __future__ import annotations

import ast
import re
from fractions import Fraction
from functools import lru_cache
from itertools import permutations

State = tuple[Fraction, ...]
"""The numbers that are left, in ascending order."""
TARGET = 24
_STEP = re.compile(r"^\s*(-?[\d./]+)\s*([-+*/])\s*(-?[\d./]+|\(-?[\d./]+\))\s*=")


def read(text: str) -> State:
    """The numbers in a text of numbers. Raises ValueError where a word is none."""
    return tuple(sorted(Fraction(word.strip("()")) for word in text.split()))


def shown(state: State) -> str:
    """The numbers of a state, as prompts show them."""
    return " ".join(map(str, state))


def steps(state: State) -> list[tuple[str, State]]:
    """All steps from a state, as lines of the prompts' form, with the states that they lead to; one line a state."""
    found: dict[State, str] = {}
    for i, j in permutations(range(len(state)), 2):
        for sign, made in _made(state[i], state[j]):
            rest = tuple(sorted([*(n for k, n in enumerate(state) if k not in (i, j)), made]))
            found.setdefault(rest, f"{state[i]} {sign} {state[j]} = {made} (left: {shown(rest)})")
    return [(line, rest) for rest, line in found.items()]


@lru_cache(maxsize=500_000)
def reachable(state: State) -> bool:
    """Whether the target can be made of a state."""
    if len(state) == 1:
        return state[0] == TARGET
    return any(reachable(after) for _, after in steps(state))


def solution(state: State) -> str:
    """An expression that makes the target of a state, which must be reachable."""
    held = [(n, str(n)) for n in state]
    while len(held) > 1:
        held = next(after for after in _combined(held) if reachable(tuple(sorted(n for n, _ in after))))
    return held[0][1]


def assembled(numbers: State, lines: list[str]) -> str | None:
    """The expression that steps written as lines amount to; None unless they are right and make the target of all numbers."""
    held = [(n, str(n)) for n in numbers]
    for line in lines:
        made = _taken(held, line)
        if made is None:
            return None
        held = made
    return held[0][1] if len(held) == 1 and held[0][0] == TARGET else None


def right(numbers: State, answer: str) -> bool:
    """Whether the last line of an answer holds an expression of just these numbers that makes the target."""
    expression = answer.strip().rpartition("\n")[2].lower().replace("answer:", "").split("=")[0].strip(" `*.")
    used: list[Fraction] = []
    try:
        value = _value(ast.parse(expression[:400], mode="eval").body, used)
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError, MemoryError):
        return False
    return value == TARGET and sorted(used) == sorted(numbers)


def after(state: State, line: str) -> State | None:
    """The state after the step that a line describes, worked out anew; None when the step is not possible."""
    made = _taken([(n, str(n)) for n in state], line)
    return tuple(sorted(n for n, _ in made)) if made is not None else None


def _taken(held: list[tuple[Fraction, str]], line: str) -> list[tuple[Fraction, str]] | None:
    found, rest, taken = _STEP.match(line), list(held), list[tuple[Fraction, str]]()
    if found is None:
        return None
    for side in (found[1], found[3]):
        try:
            number = Fraction(side.strip("()"))
        except (ValueError, ZeroDivisionError):
            return None
        one = next((one for one in rest if one[0] == number), None)
        if one is None:
            return None
        rest.remove(one)
        taken.append(one)
    made = next((value for sign, value in _made(taken[0][0], taken[1][0]) if sign == found[2]), None)
    return None if made is None else [*rest, (made, f"({taken[0][1]} {found[2]} {taken[1][1]})")]


def _combined(held: list[tuple[Fraction, str]]) -> list[list[tuple[Fraction, str]]]:
    found = []
    for i, j in permutations(range(len(held)), 2):
        rest = [one for k, one in enumerate(held) if k not in (i, j)]
        found += [[*rest, (made, f"({held[i][1]} {sign} {held[j][1]})")] for sign, made in _made(held[i][0], held[j][0])]
    return found


def _made(left: Fraction, right: Fraction) -> list[tuple[str, Fraction]]:
    return [("+", left + right), ("-", left - right), ("*", left * right), *([("/", left / right)] if right else [])]


def _value(node: ast.expr, used: list[Fraction]) -> Fraction:
    match node:
        case ast.Constant(value=int() as number) if not isinstance(number, bool):
            used.append(Fraction(number))
            return Fraction(number)
        case ast.BinOp(left=left, op=op, right=right):
            signs: dict[type, str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
            made = dict(_made(_value(left, used), _value(right, used)))
            if (sign := signs.get(type(op))) in made:
                return made[sign]
    raise ValueError("not an expression of numbers and + - * /")
