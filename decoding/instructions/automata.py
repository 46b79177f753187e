"""Keywords, forbidden words and a range of words as one automaton over characters, and that as a right-linear grammar for any engine.

The states are a product: for each keyword how much of it has just been read (Knuth, Morris and Pratt; together these are the automaton of
Aho and Corasick with the set of keywords found so far), for each forbidden word where it may just stand, and how many words there were.
Only states are kept that can be reached and from which a text can still be completed. Texts are ASCII.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from eudoxus.decoding.errors import GrammarTooLarge, InvalidGrammar, Unsatisfiable
from eudoxus.decoding.grammar import Lark
from eudoxus.decoding.instructions.base import Instruction
from eudoxus.decoding.instructions.ifbench import WordCountRange
from eudoxus.decoding.instructions.keywords import Existence, ForbiddenWords
from eudoxus.decoding.instructions.lengths import NumberWords

MOST_KEYWORDS = 8
MOST_STATES = 10_000
"""States of the product that are looked at."""
CHARACTERS = ["\n", *map(chr, range(0x20, 0x7F))]
"""What texts are made of."""


class Part(Protocol):
    """One demand as an automaton. None is the state from which nothing can be accepted any more."""

    @property
    def name(self) -> str: ...
    def start(self) -> Hashable: ...
    def step(self, state: Hashable, character: str) -> Hashable | None: ...
    def accepts(self, state: Hashable) -> bool: ...


@dataclass(frozen=True)
class Contains:
    """``keyword`` occurs, whatever its case, also inside words. A state is the length of its longest beginning just read."""

    keyword: str

    @property
    def name(self) -> str:
        return f'the keyword "{self.keyword}"'

    def start(self) -> int:
        return 0

    def step(self, state: Hashable, character: str) -> int:
        assert isinstance(state, int)
        wanted = self.keyword.lower()
        if state == len(wanted):
            return state
        read = wanted[:state] + character.lower()
        return next(size for size in range(len(read), -1, -1) if read.endswith(wanted[:size]))

    def accepts(self, state: Hashable) -> bool:
        return state == len(self.keyword)


@dataclass(frozen=True)
class Lacks:
    r"""``word`` does not stand alone, as ``\b`` has it. A state is whether the last character belongs to a word, and how much of the word
    may just have been read, all of it included, which the next character confirms or refutes.
    """

    word: str

    @property
    def name(self) -> str:
        return f'the forbidden word "{self.word}"'

    def start(self) -> tuple[bool, frozenset[int]]:
        return False, frozenset()

    def step(self, state: Hashable, character: str) -> tuple[bool, frozenset[int]] | None:
        within, read = _as_lacking(state)
        now, word = _in_word(character), self.word.lower()
        if len(word) in read and now != within:
            return None
        begun = {0} if _in_word(word[0]) != within else set[int]()
        return now, frozenset(size + 1 for size in read | begun if size < len(word) and word[size] == character.lower())

    def accepts(self, state: Hashable) -> bool:
        within, read = _as_lacking(state)
        return not (len(self.word) in read and within)


@dataclass(frozen=True)
class Counts:
    """From ``low`` to ``high`` words. A state is whether a word is being read, and how many were begun, as far as that matters."""

    low: int
    high: int | None

    @property
    def name(self) -> str:
        if self.high is None:
            return f"at least {self.low} words"
        return f"{self.low} to {self.high} words" if self.low else f"at most {self.high} words"

    def start(self) -> tuple[bool, int]:
        return False, 0

    def step(self, state: Hashable, character: str) -> tuple[bool, int] | None:
        within, words = _as_counting(state)
        now = _in_word(character)
        words += now and not within
        if self.high is not None and words > self.high:
            return None
        return now, min(words, self.low if self.high is None else self.high)

    def accepts(self, state: Hashable) -> bool:
        return _as_counting(state)[1] >= self.low


@dataclass(frozen=True)
class Automaton:
    """A deterministic automaton without dead ends: from every state an accepted text can be completed."""

    classes: tuple[str, ...]
    """Characters between which no demand tells a difference, class by class."""
    moves: tuple[dict[int, int], ...]
    """State → class → next state. State 0 is the start."""
    accepting: frozenset[int]

    def accepts(self, text: str) -> bool:
        """Whether ``text`` meets all demands."""
        return self.state(text) in self.accepting

    def state(self, begun: str) -> int | None:
        """The state after ``begun``; None where no continuation can meet the demands."""
        state = 0
        for character in begun:
            at = next((number for number, members in enumerate(self.classes) if character in members), -1)
            if at not in self.moves[state]:
                return None
            state = self.moves[state][at]
        return state

    def shortest(self, begun: str = "") -> str | None:
        """A shortest continuation with which ``begun`` is accepted; None where there is none."""
        first = self.state(begun)
        waiting, seen = deque([(first, "")]), {first}
        while waiting:
            state, text = waiting.popleft()
            if state is None or state in self.accepting:
                return None if state is None else text
            for at, following in self.moves[state].items():
                if following not in seen:
                    seen.add(following)
                    waiting.append((following, text + _plainest(self.classes[at])))
        raise AssertionError("an automaton without dead ends accepts something")

    def lark(self) -> Lark:
        """One rule for each state: a character and the next state, or the end."""
        terminals, lines = dict[tuple[int, ...], str](), list[str]()
        for state, moves in enumerate(self.moves):
            to = dict[int, list[int]]()
            for at, following in moves.items():
                to.setdefault(following, []).append(at)
            ways = [f"{terminals.setdefault(tuple(classes), f'C{len(terminals)}')} {_rule(following)}" for following, classes in to.items()]
            ways += ['""'] if state in self.accepting else []
            lines.append(f"{_rule(state)}: {' | '.join(ways)}")
        lines += [f"{name}: /{_class(''.join(self.classes[at] for at in classes))}/" for classes, name in terminals.items()]
        return Lark("\n".join(lines) + "\n")


def automaton(keywords: Sequence[str] = (), forbidden: Sequence[str] = (), *, min_words: int = 0, max_words: int | None = None,
              ) -> Automaton:
    """The texts in which all ``keywords`` occur and no ``forbidden`` word stands alone, with so many words.

    Raises :class:`Unsatisfiable` naming demands that exclude each other, :class:`GrammarTooLarge`, and :class:`InvalidGrammar` for what is
    not ASCII, empty, or more than 8 keywords.
    """
    for word in (*keywords, *forbidden):
        if not word or any(character not in CHARACTERS for character in word):
            raise InvalidGrammar(f"{word!r}: expected a text of printable ASCII characters", param="keywords")
    if len(keywords) > MOST_KEYWORDS:
        raise InvalidGrammar(f"{len(keywords)} keywords; at most {MOST_KEYWORDS} are taken", param="keywords")
    if max_words is not None and min_words > max_words:
        raise Unsatisfiable(f"min_words is {min_words}, max_words is {max_words}", param="max_words")
    bounded = [Counts(min_words, max_words)] if min_words or max_words is not None else []
    parts: list[Part] = [*map(Contains, dict.fromkeys(keywords)), *map(Lacks, dict.fromkeys(forbidden)), *bounded]
    found = _product(parts)
    if found is None:
        core = [one for one in parts if _needed(one, parts)] or parts
        raise Unsatisfiable(f"no text meets all of these: {'; '.join(one.name for one in core)}", param="keywords")
    return found


def automaton_of(instructions: Iterable[Instruction]) -> Automaton | None:
    """The automaton of those instructions that one can hold: keywords, forbidden words and numbers of words; None without any such.

    Raises what :func:`automaton` raises.
    """
    keywords, forbidden, low, high = list[str](), list[str](), 0, list[int]()
    held = False
    for one in instructions:
        held = held or isinstance(one, Existence | ForbiddenWords | NumberWords | WordCountRange)
        match one:
            case Existence(keywords=words):
                keywords += words
            case ForbiddenWords(forbidden_words=words):
                forbidden += words
            case NumberWords(num_words=count, relation="at least"):
                low = max(low, count)
            case NumberWords(num_words=count):
                high.append(count - 1)
            case WordCountRange(min_words=least, max_words=most):
                low, high = max(low, least), [*high, most]
    if high and min(high) < 0:
        raise Unsatisfiable("less than 0 words", param="num_words")
    return automaton(keywords, forbidden, min_words=low, max_words=min(high, default=None)) if held else None


def _needed(one: Part, parts: list[Part]) -> bool:
    """Whether the others could be met without ``one``."""
    return _product([other for other in parts if other is not one]) is not None


def _product(parts: Sequence[Part]) -> Automaton | None:
    """The product without dead ends; None when it accepts nothing. Raises :class:`GrammarTooLarge`."""
    classes = _classes(parts)
    start = tuple(part.start() for part in parts)
    steps = [functools.cache(part.step) for part in parts]
    names, moves, order = {start: 0}, list[dict[int, int]](), [start]
    for here in order:
        moves.append({})
        for number, members in enumerate(classes):
            following = tuple(step(state, members[0]) for step, state in zip(steps, here, strict=True))
            if None in following:
                continue
            if following not in names:
                if len(order) >= MOST_STATES:
                    raise GrammarTooLarge(f"more than {MOST_STATES:,} states; take fewer keywords or fewer words", param="keywords")
                names[following] = len(order)
                order.append(following)
            moves[-1][number] = names[following]
    accepting = {number for number, states in enumerate(order) if all(part.accepts(one) for part, one in zip(parts, states, strict=True))}
    live = _live(moves, accepting)
    if 0 not in live:
        return None
    renamed = {state: at for at, state in enumerate(sorted(live))}
    kept = tuple({by: renamed[to] for by, to in moves[state].items() if to in live} for state in renamed)
    return Automaton(classes, kept, frozenset(renamed[state] for state in accepting))


def _classes(parts: Sequence[Part]) -> tuple[str, ...]:
    """Characters apart only where some demand tells them apart: letters of its words, and word from other characters."""
    told = {character.lower() for part in parts for character in getattr(part, "keyword", getattr(part, "word", ""))}
    found = dict[tuple[str, bool], str]()
    for character in CHARACTERS:
        small = character.lower()
        key = small if small in told else "", _in_word(character)
        found[key] = found.get(key, "") + character
    return tuple(found.values())


def _live(moves: Sequence[dict[int, int]], accepting: set[int]) -> set[int]:
    """The states from which an accepting one can be reached."""
    back = [set[int]() for _ in moves]
    for state, following in enumerate(moves):
        for to in following.values():
            back[to].add(state)
    live, waiting = set(accepting), list(accepting)
    while waiting:
        fresh = back[waiting.pop()] - live
        live |= fresh
        waiting += fresh
    return live


def _in_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _as_lacking(state: Hashable) -> tuple[bool, frozenset[int]]:
    assert isinstance(state, tuple)
    return state


def _as_counting(state: Hashable) -> tuple[bool, int]:
    assert isinstance(state, tuple)
    return state


def _rule(state: int) -> str:
    return f"q{state}" if state else "start"


def _plainest(members: str) -> str:
    """A space, else a small letter, if there is one."""
    return " " if " " in members else next(filter(str.islower, members), members[0])


def _class(members: str) -> str:
    """A class of characters in a regular expression."""
    escaped = {"\n": "\\n", **{character: f"\\{character}" for character in "\\]^-[/"}}
    return "[" + "".join(escaped.get(character, character) for character in members) + "]"
