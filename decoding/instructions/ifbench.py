"""Instructions of IFBench whose checks need no further library, with its keys (Pyatkin et al. 2025, arXiv 2507.02833)."""

from __future__ import annotations

import re
import string
from collections import Counter
from itertools import pairwise
from typing import ClassVar, Self

from pydantic import Field, model_validator

from eudoxus.decoding.instructions.base import FOLLOWED, MOST, Count, Finding, Instruction, Phrase, counted, exactly
from eudoxus.decoding.instructions.keywords import stands_alone
from eudoxus.decoding.instructions.reading import bare_words, sentences, without_punctuation, words

_CONJUNCTIONS = frozenset({"and", "but", "for", "nor", "or", "so", "yet"})
_EDGES = string.punctuation + " "
_LETTERED = re.compile(r"\W*[aA]\W*[bB]\W*[cC]\W*")
_CLOSES = {")": "(", "]": "[", "}": "{"}
_LONGEST_PRIME = 97
_PRIMES = frozenset(n for n in range(2, _LONGEST_PRIME + 1) if all(n % d for d in range(2, n)))


class WordCountRange(Instruction):
    """From so many to so many words."""

    key: ClassVar[str] = "count:word_count_range"
    min_words: Count
    max_words: Count

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.min_words > self.max_words:
            raise ValueError(f"min_words={self.min_words} is more than max_words={self.max_words}")
        return self

    def describe(self) -> str:
        return f"The response must contain between {self.min_words} and {self.max_words} words."

    def judge(self, text: str) -> Finding:
        found = len(words(text))
        if found < self.min_words:
            return counted(found, self.min_words, "words")
        return counted(found, self.max_words + 1, "words", "less than")

    def broken(self, begun: str) -> bool:
        return len(words(begun)) > self.max_words


class UniqueWordCount(Instruction):
    """So many different words."""

    key: ClassVar[str] = "count:unique_word_count"
    N: Count

    def describe(self) -> str:
        return f"Use at least {self.N} unique words in the response."

    def judge(self, text: str) -> Finding:
        return counted(len({word.strip(_EDGES) for word in text.lower().split()}), self.N, "unique words")


class Numbers(Instruction):
    """So many numbers."""

    key: ClassVar[str] = "count:numbers"
    N: Count

    def describe(self) -> str:
        return f"Include exactly {self.N} numbers in the response."

    def judge(self, text: str) -> Finding:
        return exactly(len(re.findall(r"\d+", without_punctuation(text))), self.N, "numbers")


class Conjunctions(Instruction):
    """So many different conjunctions."""

    key: ClassVar[str] = "count:conjunctions"
    small_n: int = Field(ge=0, le=len(_CONJUNCTIONS))

    def describe(self) -> str:
        return f"Use at least {self.small_n} different coordinating conjunctions in the response."

    def judge(self, text: str) -> Finding:
        used = {word.strip(_EDGES).lower() for word in text.split()} & _CONJUNCTIONS
        return counted(len(used), self.small_n, f"of the coordinating conjunctions {', '.join(sorted(_CONJUNCTIONS))}")


class Repeats(Instruction):
    """No word too often."""

    key: ClassVar[str] = "words:repeats"
    small_n: int = Field(ge=1, le=MOST)

    def describe(self) -> str:
        return f"The response should not repeat any word more than {self.small_n} times."

    def judge(self, text: str) -> Finding:
        word, often = next(iter(Counter(bare_words(text)).most_common(1)), ("", 0))
        if often <= self.small_n:
            return FOLLOWED
        return Finding(False, f'"{word[:40]}" stands there {often} times; expected at most {self.small_n}', self.small_n / often)

    def broken(self, begun: str) -> bool:
        end = len(begun)
        while end and not begun[end - 1].isspace():  # the last word may become another one
            end -= 1
        return any(often > self.small_n for often in Counter(bare_words(begun[:end])).values())


class NoConsecutive(Instruction):
    """Neighbouring words begin with different letters."""

    key: ClassVar[str] = "words:no_consecutive"

    def describe(self) -> str:
        return "No two consecutive words can share the same first letter."

    def judge(self, text: str) -> Finding:
        same = next((pair for pair in pairwise(bare_words(text)) if pair[0][0] == pair[1][0]), None)
        return FOLLOWED if same is None else Finding(False, f'"{same[0][:40]} {same[1][:40]}" begin with the same letter')

    def broken(self, begun: str) -> bool:
        return any(one[0] == other[0] for one, other in pairwise(bare_words(begun)))


class Alphabet(Instruction):
    """Words in the order of the alphabet."""

    key: ClassVar[str] = "words:alphabet"

    def describe(self) -> str:
        return "Each word must start with the next letter of the alphabet, looping back to A after Z."

    def judge(self, text: str) -> Finding:
        found = bare_words(text)
        if not found or found[0][0] not in string.ascii_lowercase:
            return Finding(False, "the first word does not begin with a letter from A to Z")
        for done, (one, other) in enumerate(pairwise(found), start=1):
            wanted = string.ascii_lowercase[(string.ascii_lowercase.index(one[0]) + 1) % 26]
            if other[0] != wanted:
                return Finding(False, f'after "{one[:40]}" comes "{other[:40]}"; expected a word with {wanted}', done / len(found))
        return FOLLOWED

    def broken(self, begun: str) -> bool:
        return bool(bare_words(begun)) and not self.judge(begun).ok


class Palindromes(Instruction):
    """Ten palindromes."""

    key: ClassVar[str] = "words:palindrome"

    def describe(self) -> str:
        return "Include at least 10 single-word palindromes, each at least 5 characters long."

    def judge(self, text: str) -> Finding:
        return counted(sum(len(word) >= 5 and word == word[::-1] for word in bare_words(text)), 10, "palindromes of 5 or more characters")


class PrimeLengths(Instruction):
    """Words as long as a prime number."""

    key: ClassVar[str] = "words:prime_lengths"

    def describe(self) -> str:
        return "Use only words with lengths that are prime numbers."

    def judge(self, text: str) -> Finding:
        found = without_punctuation(text).split()
        others = [word for word in found if len(word) not in _PRIMES]
        if not others:
            return FOLLOWED
        return Finding(False, f'"{others[0][:40]}" has {len(others[0])} letters, which is no prime number', 1 - len(others) / len(found))


class SentenceKeyword(Instruction):
    """A keyword in the n-th sentence."""

    key: ClassVar[str] = "sentence:keyword"
    word: Phrase
    N: int = Field(ge=1, le=MOST)
    """Which sentence, from 1."""

    def describe(self) -> str:
        return f'The response must include the keyword "{self.word}" in sentence {self.N}.'

    def judge(self, text: str) -> Finding:
        found = sentences(text)
        if len(found) < self.N:
            return counted(len(found), self.N, "sentences")
        there = stands_alone(self.word, found[self.N - 1])
        return FOLLOWED if there else Finding(False, f'sentence {self.N} does not hold "{self.word}": {found[self.N - 1][:120]}', 0.5)


class NewLine(Instruction):
    """Each word on a line of its own."""

    key: ClassVar[str] = "format:newline"

    def describe(self) -> str:
        return "Write each word on a new line."

    def judge(self, text: str) -> Finding:
        said = without_punctuation(text).strip()
        return exactly(sum(bool(line) for line in said.split("\n")), len(said.split()), "lines")

    def broken(self, begun: str) -> bool:
        return any(len(without_punctuation(line).split()) > 1 for line in begun.split("\n"))


class Options(Instruction):
    """One of several answers and nothing else."""

    key: ClassVar[str] = "format:options"
    options: Phrase
    """Between slashes, ``or`` or commas: ``yes/no/maybe``."""

    def describe(self) -> str:
        return f"Answer with one of the following options: {self.options}. Do not give any explanation."

    def judge(self, text: str) -> Finding:
        between = "/" if "/" in self.options else "or" if "or" in self.options else ","
        listed = [option.strip() for option in self.options.split(between)]
        if _LETTERED.match(self.options):
            ok = text in listed
        else:
            ok = text.strip(_EDGES).lower() in [option.strip(_EDGES).lower() for option in listed]
        return FOLLOWED if ok else Finding(False, f"it is none of the options {self.options}")


class Parentheses(Instruction):
    """Brackets within brackets."""

    key: ClassVar[str] = "format:parentheses"

    def describe(self) -> str:
        return "Nest parentheses (and [brackets {and braces}]) at least 5 levels deep."

    def judge(self, text: str) -> Finding:
        opened, deepest, best = list[str](), 0, 0
        for character in text:
            if character in "([{":
                opened.append(character)
                deepest = max(deepest, len(opened))
            elif character in _CLOSES and opened and opened[-1] == _CLOSES[character]:
                opened.pop()
                best = max(best, deepest)
            elif character in _CLOSES:
                opened, deepest = [], 0
        return counted(best, 5, "levels of brackets that are closed")


IFBENCH: tuple[type[Instruction], ...] = (
    WordCountRange, UniqueWordCount, Numbers, Conjunctions, Repeats, NoConsecutive, Alphabet, Palindromes, PrimeLengths, SentenceKeyword,
    NewLine, Options, Parentheses,
)
