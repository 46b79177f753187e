"""A second reading of the tiny language: from the English alone to who stands on whom, by patterns, with nothing from the generator."""

from __future__ import annotations

import re
from itertools import pairwise

Facts = frozenset[tuple[str, ...]]
GOAL = re.compile(r"(put|i want|build|in the end|turn|reverse)\b")


def read_english(english: str) -> tuple[Facts, Facts]:
    """The facts ``on`` and ``on-table`` at the start, and those that are wanted."""
    *told, wanted = [plain(sentence) for sentence in english.removesuffix(".").split(". ")]
    assert GOAL.match(wanted), wanted
    start: set[tuple[str, ...]] = set()
    for sentence in told:
        start |= stands(sentence)
    free = {name for sentence in told for name in said_free(sentence)}
    covered = {fact[2] for fact in start if fact[0] == "on"}
    assert not free & covered, "a block that is said to be free has another on it"
    return frozenset(start), frozenset(wants(wanted, frozenset(start)))


def plain(sentence: str) -> str:
    """In small letters, every block by its bare name, and ``TOWER`` for a tower."""
    text = re.sub(r"\b[Aa] tower\b", "TOWER", sentence).replace("TOWER", "\0").lower().replace("\0", "TOWER")
    text = re.sub(r"\bthe (?!end)(\w+) (?:block|one)\b", r"\1", text)
    return re.sub(r"(?<!every )\bblock (\w+)\b", r"\1", text)


def stands(sentence: str) -> set[tuple[str, ...]]:
    """What one sentence says of the start."""
    sentence = re.sub(r"^in the (left|right) tower ", "", sentence)
    if "at the bottom" in sentence:
        return tower(names(sentence.split(": ")[-1]))
    if ": " in sentence and "on the table: " in sentence:
        return {("on-table", name) for name in listed(sentence.split(": ")[1])}
    if re.search(r"\b(are|stand|sit) on the table$", sentence):
        return {("on-table", name) for name in listed(re.sub(r" (are|stand|sit) on the table$", "", sentence))}
    if re.match(r"nothing is|there are|i have|the arm|the hand", sentence) or sentence.endswith("free"):
        return set()
    found = set()
    for clause in re.split(r", | and ", sentence.removeprefix("only ")):
        above, below = re.fullmatch(r"(\w+)(?: is| stands| sits)?(?: alone)? on (the table|\w+)", clause).groups()
        found.add(("on-table", above) if below == "the table" else ("on", above, below))
    return found


def said_free(sentence: str) -> list[str]:
    found = re.fullmatch(r"nothing is on (.*)|(.*) (?:is|are) free", sentence)
    return listed(found[1] or found[2]) if found else []


def wants(sentence: str, start: Facts) -> set[tuple[str, ...]]:
    """What the last sentence asks for."""
    if re.match(r"turn|reverse", sentence):
        order = [fact[1] for fact in start if fact[0] == "on-table"]
        above = {fact[2]: fact[1] for fact in start if fact[0] == "on"}
        while order[-1] in above:
            order.append(above[order[-1]])
        assert "bottom" not in sentence or names(re.search(r"(\w+ (?:is )?at the bottom.*)", sentence)[1]) == [order[-1], order[0]]
        return tower(order[::-1])
    if "all blocks" in sentence or "every block" in sentence:
        return {("on-table", fact[1]) for fact in start}
    if "TOWER" in sentence:
        parts = re.split(r"TOWER", re.sub(r", (all )?standing on the table$", "", sentence))[1:]
        return {fact for part in parts for fact in tower(names(part.removesuffix(", and ")))}
    return {("on", above, below) for above, below in re.findall(r"(\w+) (?:should be |to be )?on (\w+)", sentence)}


def names(text: str) -> list[str]:
    """Blocks from the bottom up."""
    text = text.strip().removeprefix("with ")
    if text.endswith("from bottom to top"):
        return text.removesuffix(" from bottom to top").split(", ")
    bottom, rest = re.fullmatch(r"(\w+) (?:is )?at the bottom,? (.*)", text).groups()
    *middle, top = [part for part in re.split(r", and |, |^and ", rest) if part]
    return [bottom, *(part.removeprefix("then ").removesuffix(" on it") for part in middle), top.removesuffix(" on top")]


def listed(text: str) -> list[str]:
    return re.split(r", | and ", text)


def tower(blocks: list[str]) -> set[tuple[str, ...]]:
    return {("on-table", blocks[0]), *(("on", above, below) for below, above in pairwise(blocks))}
