"""The language of the tiny model: block-stacking tasks in English, each with the PDDL problem that says the same, made from a seed.

A task is two arrangements of 2 to 8 blocks. Its English is put together from several ways to name the blocks, to tell how they
stand, and to say what is wanted; the problem is written beside it, in the order in which the English tells things. One task in ten,
chosen by a digest of what it means, never occurs in training and is what the model is tested on.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random

from eudoxus.decoding.tiny.naming import Naming, joined, naming, sentence

Tower = tuple[str, ...]
"""Blocks from the table up."""
Fact = tuple[str, ...]
"""A predicate and its arguments."""
Meaning = tuple[frozenset[str], frozenset[Fact], frozenset[Fact]]
"""Objects, initial facts and goal of a problem."""

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")
HELD_OUT_OF = 10
"""One task in this many is kept for tests."""
KEPT = (
    ((("a", "b", "c", "d"),), (("d", "c", "b", "a"),)),
    ((("red", "green"), ("blue",), ("yellow",)), (("red", "yellow", "blue"),)),
    ((("b1", "b2", "b3"), ("b4", "b5", "b6")), (("b1", "b4", "b2"), ("b6", "b3", "b5"))),
)
"""Tasks that Eudoxus ships, as towers at the start and towers that are wanted: kept from training whatever their digest."""


ARITY = {"on": 2, "on-table": 1, "clear": 1, "arm-empty": 0}
_FACTS = r"((?: \([a-z0-9 -]+\))+)"
_LAYOUT = re.compile(r"```pddl\n\(define \(problem blocks\) \(:domain blocksworld\)\n\(:objects((?: [a-z0-9]+)+) - block\)\n"
                     rf"\(:init{_FACTS}\)\n\(:goal \(and{_FACTS}\)\)\)\n```")


@dataclass(frozen=True, slots=True)
class Sample:
    """One task, and what it means."""

    english: str
    objects: tuple[str, ...]
    init: tuple[Fact, ...]
    goal: tuple[Fact, ...]

    @property
    def pddl(self) -> str:
        """The problem file, in the compact layout that the model learns."""
        return (f"(define (problem blocks) (:domain blocksworld)\n(:objects {' '.join(self.objects)} - block)\n"
                f"(:init {_written(self.init)})\n(:goal (and {_written(self.goal)})))")

    @property
    def answer(self) -> str:
        """The problem file in a fence: what the model answers."""
        return f"```pddl\n{self.pddl}\n```"

    @property
    def meaning(self) -> Meaning:
        """What the problem says, whatever the order in which it says it."""
        return frozenset(self.objects), frozenset(self.init), frozenset(self.goal)

    @property
    def held_out(self) -> bool:
        """Whether the task is kept for tests; the same for tasks that mean the same, however they are told."""
        starting = frozenset(self.init)
        towers = frozenset(fact for fact in self.goal if fact[0] == "on")
        if (starting, towers) in _KEPT_FACTS:
            return True
        meaning = "\n".join(_written([fact]) for fact in (*sorted(self.init), ("wanted",), *sorted(self.goal)))
        return hashlib.sha256(meaning.encode()).digest()[0] % HELD_OUT_OF == 0


def samples(seed: int, blocks: Sequence[int], *, held_out: bool) -> Iterator[Sample]:
    """An endless stream of tasks of ``blocks`` blocks each (one of these numbers, 2 to 8, drawn for each task).

    The same seed gives the same stream. With ``held_out`` only tasks that no training stream contains, else only the others.
    Raises :class:`ValueError` for a number of blocks outside 2 to 8.
    """
    if not blocks or min(blocks) < 2 or max(blocks) > 8:
        raise ValueError(f"blocks = {list(blocks)}: numbers from 2 to 8 are expected")
    random = Random(seed)
    while True:
        made = sample(random, random.choice(blocks))
        if made.held_out == held_out:
            yield made


def read(answer: str) -> Meaning | None:
    """What an answer in the model's layout says; None if it is anything else or uses an unknown predicate or number of arguments."""
    found = _LAYOUT.fullmatch(answer.strip())
    if found is None:
        return None
    facts = [frozenset(tuple(fact.split()) for fact in re.findall(r"\(([^)]*)\)", part)) for part in found.groups()[1:]]
    if any(ARITY.get(fact[0]) != len(fact) - 1 for part in facts for fact in part):
        return None
    return frozenset(found[1].split()), facts[0], facts[1]


def sample(random: Random, blocks: int) -> Sample:
    """One task of ``blocks`` blocks. What is wanted does not hold at the start."""
    names = naming(random, blocks)
    start = (tuple(random.sample(names.blocks, blocks)),) if random.random() < 0.1 else arranged(random, names.blocks)
    listed, told, init = _start_told(random, names, start)
    wanted, goal = _goal_told(random, names, start)
    extras = _asides(random, names, start)
    english = " ".join([told, *extras, wanted])
    order = names.blocks if listed else tuple(dict.fromkeys(name for fact in init for name in fact[1:]))
    under = {fact[2] for fact in init if fact[0] == "on"}
    clear = [("clear", name) for name in order if name not in under]
    return Sample(english, order, (*init, *clear, ("arm-empty",)), goal)


def arranged(random: Random, blocks: Sequence[str]) -> tuple[Tower, ...]:
    """The blocks in towers: each on one of the towers there are, or on the table, with equal chance."""
    towers: list[Tower] = []
    for block in random.sample(list(blocks), len(blocks)):
        place = random.randrange(len(towers) + 1)
        towers[place:place + 1] = [(*towers[place], block) if place < len(towers) else (block,)]
    return tuple(towers)


def standing(towers: Iterable[Tower]) -> tuple[Fact, ...]:
    """The facts of the towers, each from the table up."""
    return tuple(fact for tower in towers
                 for fact in (("on-table", tower[0]), *(("on", above, below) for below, above in pairwise(tower))))


def _written(facts: Iterable[Fact]) -> str:
    return " ".join(f"({' '.join(fact)})" for fact in facts)


_KEPT_FACTS = {
    (frozenset((*standing(start), *(("clear", tower[-1]) for tower in start), ("arm-empty",))),
     frozenset(fact for fact in standing(goal) if fact[0] == "on"))
    for start, goal in KEPT
}


def _start_told(random: Random, names: Naming, start: Sequence[Tower]) -> tuple[bool, str, tuple[Fact, ...]]:
    """How the blocks stand: whether all are listed first, the words, and the facts in the order in which they are told."""
    count = NUMBERS[len(names.blocks)]
    if len(start) == 1 and random.random() < 0.4:
        stand = f"{count} blocks {names.listing()} stand in one tower on the table: {names.upwards(random, start[0])}"
        return True, sentence(stand), standing(start)
    listing = random.choice(("", f"there are {count} blocks, {names.listing()}", f"I have {count} blocks: {names.listing()}"))
    opening = sentence(listing) + " " if listing else random.choice(("", f"There are {count} blocks. "))
    tell = random.choice((_one_by_one, _table_first, _tower_by_tower, _tower_by_tower))
    told, facts = tell(random, names, start)
    return bool(listing), opening + told, facts


def _one_by_one(random: Random, names: Naming, start: Sequence[Tower]) -> tuple[str, tuple[Fact, ...]]:
    """Every fact by itself, in any order."""
    facts = random.sample(standing(start), sum(map(len, start)))
    clauses = [_where(names, fact, random) for fact in facts]
    if random.random() < 0.5:
        return " ".join(map(sentence, clauses)), tuple(facts)
    return sentence(joined(clauses)), tuple(facts)


def _table_first(random: Random, names: Naming, start: Sequence[Tower]) -> tuple[str, tuple[Fact, ...]]:
    """The blocks on the table together, then the others."""
    facts = standing(start)
    below = [fact for fact in facts if fact[0] == "on-table"]
    above = [fact for fact in facts if fact[0] == "on"]
    listed = joined([names.full(fact[1]) for fact in below])
    if len(below) == 1:
        first = sentence(f"only {listed} stands on the table")
    else:
        first = random.choice((sentence(f"{NUMBERS[len(below)]} of them stand directly on the table: {listed}"),
                               sentence(f"{listed} {names.stand} on the table")))
    return " ".join((first, *(sentence(_where(names, fact, random)) for fact in above))), (*below, *above)


def _tower_by_tower(random: Random, names: Naming, start: Sequence[Tower]) -> tuple[str, tuple[Fact, ...]]:
    """Tower after tower."""
    labels: Sequence[str] = ("",) * len(start)
    if len(start) == 2 and random.random() < 0.5:
        labels = ("in the left tower ", "in the right tower ")
    style = random.choice((_chain, _bottom_up, _top_down))
    told = [style(random, names, tower, label) for label, tower in zip(labels, start, strict=True)]
    return " ".join(sentence(words) for words, _ in told), tuple(fact for _, facts in told for fact in facts)


def _chain(random: Random, names: Naming, tower: Tower, label: str) -> tuple[str, tuple[Fact, ...]]:
    """From the table up, each block on the one before it."""
    links = [f"{names.full(above)} on {names.short(below, random)}" for below, above in pairwise(tower)]
    return label + joined([f"{names.full(tower[0])} {names.stands} on the table", *links]), standing([tower])


def _top_down(random: Random, names: Naming, tower: Tower, label: str) -> tuple[str, tuple[Fact, ...]]:
    """From the top down to the table."""
    facts = standing([tower])[::-1]
    links = [f"{names.full(fact[1])} on {names.short(fact[2], random) if fact[0] == 'on' else 'the table'}" for fact in facts]
    return label + joined([links[0].replace(" on ", f" {names.stands} on ", 1), *links[1:]]), facts


def _bottom_up(random: Random, names: Naming, tower: Tower, label: str) -> tuple[str, tuple[Fact, ...]]:
    """The blocks in their order, from the table up."""
    if len(tower) == 1:
        return f"{label}{names.full(tower[0])} {names.stands} alone on the table", standing([tower])
    return f"{label or 'a tower stands on the table: '}{names.upwards(random, tower)}", standing([tower])


def _where(names: Naming, fact: Fact, random: Random) -> str:
    place = "the table" if fact[0] == "on-table" else names.short(fact[2], random)
    return f"{names.full(fact[1])} {names.stands} on {place}"


def _asides(random: Random, names: Naming, start: Sequence[Tower]) -> list[str]:
    """What goes without saying, and is sometimes said: what is free, and the empty arm."""
    tops = joined([names.full(tower[-1]) for tower in start])
    free = random.choice((f"nothing is on {tops}", f"{tops} {'is' if len(start) == 1 else 'are'} free"))
    empty = random.choice(("the arm is empty", "the arm holds nothing", "nothing is in the robot's hand", "the hand is empty"))
    return [sentence(said) for said, chance in ((free, 0.25), (empty, 0.5)) if random.random() < chance]


def _goal_told(random: Random, names: Naming, start: Sequence[Tower]) -> tuple[str, tuple[Fact, ...]]:
    """What is wanted, in words and as facts in the order in which it is told."""
    if len(start) == 1 and random.random() < 0.5:
        return _reversed(random, names, start[0])
    have = set(standing(start))
    if random.random() < 0.05 and len(start) < len(names.blocks):
        return random.choice(("Put all blocks on the table.", "In the end every block should stand on the table.")), \
            tuple(("on-table", name) for name in (name for tower in start for name in tower))
    while True:
        towers = tuple(tower for tower in arranged(random, names.blocks) if len(tower) > 1)
        if not towers or have.issuperset(standing(towers)):
            continue
        by_fact = random.random() < 0.4
        facts = tuple(fact for fact in standing(towers) if fact[0] == "on") if by_fact else standing(towers)
        if not have.issuperset(facts):
            return _facts_wanted(random, names, facts) if by_fact else (_towers_wanted(random, names, towers), facts)


def _reversed(random: Random, names: Naming, tower: Tower) -> tuple[str, tuple[Fact, ...]]:
    """The tower turned over."""
    bottom, top = names.full(tower[-1]), names.full(tower[0])
    result = random.choice(("", f", so that {bottom} is at the bottom and {top} on top", f", with {bottom} at the bottom and {top} on top"))
    verb = random.choice(("turn the tower upside down", "reverse the tower"))
    return sentence(verb + result), standing([tower[::-1]])


def _facts_wanted(random: Random, names: Naming, facts: Sequence[Fact]) -> tuple[str, tuple[Fact, ...]]:
    """Block on block, in any order."""
    facts = tuple(random.sample(facts, len(facts)))
    pairs = [(names.full(fact[1]), names.short(fact[2], random)) for fact in facts]
    if random.random() < 0.5:
        lead, each = random.choice((("put", "{} on {}"), ("I want", "{} to be on {}")))
        return sentence(f"{lead} {joined([each.format(*pair) for pair in pairs])}"), facts
    (above, below), *rest = pairs
    return sentence(joined([f"in the end {above} should be on {below}", *(f"{one} on {other}" for one, other in rest)])), facts


def _towers_wanted(random: Random, names: Naming, towers: Sequence[Tower]) -> str:
    """Towers, each from the bottom up; they stand on the table."""
    if random.random() < 0.5:
        listed = [f"a tower {', '.join(names.full(name) for name in tower)} from bottom to top" for tower in towers]
    else:
        listed = [f"a tower with {names.upwards(random, tower, verb='')}" for tower in towers]
    ending = random.choice(("", ", standing on the table" if len(towers) == 1 else ", all standing on the table"))
    lead = random.choice(("I want", "build", "in the end there should be"))
    return sentence(f"{lead} {', and '.join(listed)}{ending}")
