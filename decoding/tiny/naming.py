"""How the blocks of a task are called in English, and the small grammar of lists and sentences."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

LETTERS = tuple("abcdefgh")
COLOURS = ("red", "green", "blue", "yellow", "white", "black", "orange", "purple", "brown")
NUMBERED = tuple(f"b{number}" for number in range(1, 10))


@dataclass(frozen=True, slots=True)
class Naming:
    """What the blocks of one task are called in English."""

    blocks: tuple[str, ...]
    """Their names in PDDL."""
    kind: str
    """*bare* (a), *capital* (A), *block* (block a) or *colour* (the red block)."""
    stands: str
    """What a block does in its place: is, stands, sits …"""
    stand: str
    """… and several blocks do."""

    def full(self, name: str) -> str:
        """The block as the subject of a sentence."""
        match self.kind:
            case "colour":
                return f"the {name} block"
            case "block":
                return f"block {name}"
            case "capital":
                return name.upper()
            case _:
                return name

    def short(self, name: str, random: Random) -> str:
        """The block as the one below another."""
        return f"the {name} one" if self.kind == "colour" and random.random() < 0.5 else self.full(name)

    def listing(self) -> str:
        """All blocks by name: ``a, b and c``."""
        return joined([name.upper() if self.kind == "capital" else name for name in self.blocks])

    def upwards(self, random: Random, tower: Sequence[str], verb: str = "is ") -> str:
        """A tower of two blocks or more: ``a is at the bottom, then b, and c on top``."""
        bottom, *between, top = tower
        link = random.choice(("then {}", "{} on it")) if between else ""
        middle = [link.format(self.full(name)) for name in between]
        end = f"{', ' if between else ' '}and {self.full(top)} on top"
        return ", ".join([f"{self.full(bottom)} {verb}at the bottom", *middle]) + end


def naming(random: Random, blocks: int) -> Naming:
    """Names for this many blocks (at most 8)."""
    kind = random.choice(("bare", "bare", "capital", "block", "colour"))
    if kind == "colour":
        names = tuple(random.sample(COLOURS, blocks))
    elif kind in ("bare", "block") and random.random() < 0.5:
        names = tuple(sorted(random.sample(NUMBERED, blocks))) if random.random() < 0.5 else NUMBERED[:blocks]
    else:
        names = tuple(sorted(random.sample(LETTERS, blocks))) if random.random() < 0.5 else LETTERS[:blocks]
    stands, stand = random.choice((("is", "are"), ("stands", "stand"), ("sits", "sit")))
    return Naming(names, kind, stands, stand)


def joined(parts: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def sentence(text: str) -> str:
    """With a capital at the start, unless it starts with the name of a block, and a full stop."""
    first, second = [*re.split(r"[ ,]+", text), ""][:2]
    named = first in NUMBERED or (first in LETTERS and second != "tower")
    return f"{text if named else text[0].upper() + text[1:]}."
