"""Models for tests that play the Game of 24 by program, from the text of the prompts alone."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import permutations

from eudoxus.runtime import ChatRequest

SIGNS = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b}


def reachable(numbers: tuple[Fraction, ...], target: int = 24) -> bool:
    if len(numbers) == 1:
        return numbers[0] == target
    return any(reachable(after, target) for _, after in steps(numbers))


def steps(numbers: tuple[Fraction, ...]) -> list[tuple[str, tuple[Fraction, ...]]]:
    found = {}
    for i, j in permutations(range(len(numbers)), 2):
        for sign, work in SIGNS.items():
            if sign == "/" and numbers[j] == 0:
                continue
            made = work(numbers[i], numbers[j])
            rest = tuple(sorted([*(n for k, n in enumerate(numbers) if k not in (i, j)), made]))
            found.setdefault(f"{numbers[i]} {sign} {numbers[j]} = {made} (left: {' '.join(map(str, rest))})", rest)
    return list(found.items())


def player(model: str, request: ChatRequest, number: int) -> str:
    """Lists steps, winning ones in the middle of others, and judges rightly."""
    asked = request.messages[-1].text
    if asked.startswith("Numbers:"):
        numbers = tuple(Fraction(n) for n in re.search(r"Numbers: (.*)", asked)[1].split())
        listed = steps(numbers)
        good = [text for text, after in listed if reachable(after)][:2]
        bad = [text for text, after in listed if not reachable(after)][:4]
        if "up to 1 " in asked:
            return [*good, *bad][number % (len(good) + len(bad))]
        return "\n".join([*bad[:2], *good, "7 + 1000 = 1007 (left: nothing)", "so much for that", *bad[2:]])
    states = re.findall(r"^(\d+)\. (.+)$", asked, re.MULTILINE)
    if "BEST" in asked:
        places = [place for place, text in states if reachable(tuple(Fraction(n) for n in text.split()))]
        return f"After some thought.\nBEST: {places[number % len(places)] if places else 1}"
    labels = {True: "likely", False: "impossible"}
    return "\n".join(f"{place}. tried some: {labels[reachable(tuple(Fraction(n) for n in text.split()))]}" for place, text in states)
