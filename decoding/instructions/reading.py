"""Words, sentences and paragraphs of a text, in time linear in its length."""

from __future__ import annotations

import re
import string

_WORDS = re.compile(r"\S+")
_WORD = re.compile(r"\w+")
_TOKEN = re.compile(r"[^\W_]+(?:[-'’.&/][^\W_]+)*")
_END = re.compile(r"[.?!…。！？।]")
_AFTER_END = ".?!…。！？।\"'”’»)]}*_`"
_WIDE = "。！？।"
"""Ends that need no space behind them."""
_ABBREVIATIONS = frozenset(_WORDS.findall(
    "mr mrs ms dr prof rev hon st gen col capt lt sgt maj gov sen rep pres supt messrs mme mlle fr vs eg ie e.g i.e cf ca approx est dept "
    "univ bros ave blvd rd mt ft ed eds"))
_BEFORE_NUMBERS = frozenset(_WORDS.findall("no nos vol vols fig figs eq eqs sec ch chap p pp art op"))
"""Abbreviations only where a digit follows."""
_MAY_END = frozenset(_WORDS.findall(
    "etc al a.m p.m u.s u.k u.n d.c ph.d m.d b.a m.a b.sc m.sc j.d jr sr inc ltd co corp jan feb apr aug sep sept oct nov dec"))
"""Abbreviations that may also stand at the end of a sentence."""
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def words(text: str) -> list[str]:
    """Runs of letters, digits and underscores: ``it's`` is two."""
    return _WORD.findall(text)


def tokens(text: str) -> list[str]:
    """Words as a reader sees them: ``it's``, ``well-known`` and ``U.S`` are one each."""
    return _TOKEN.findall(text)


def bare_words(text: str) -> list[str]:
    """What stands between spaces, in small letters and without ASCII punctuation."""
    return text.lower().translate(_NO_PUNCTUATION).split()


def without_punctuation(text: str) -> str:
    """``text`` without ASCII punctuation."""
    return text.translate(_NO_PUNCTUATION)


def sentences(text: str) -> list[str]:
    """The sentences of ``text``. Each ends with ``.``, ``?``, ``!``, ``…`` or their like, before a space; line breaks end none.

    A point ends none after an abbreviation or an initial, in a number, or after the number of an item; three points end one where a
    capital follows.
    """
    found, begin, at = list[str](), 0, 0
    while mark := _END.search(text, at):
        end = mark.end()
        while end < len(text) and text[end] in _AFTER_END:
            end += 1
        at = end
        if (end == len(text) or text[end].isspace() or text[end - 1] in _WIDE) and _ends(text, begin, mark.start(), end):
            found.append(text[begin:end].strip())
            begin = end
    found.append(text[begin:].strip())
    return [one for one in found if any(character.isalnum() for character in one)]


def _ends(text: str, begin: int, mark: int, end: int) -> bool:
    """Whether the marks from ``mark`` to ``end`` end the sentence that began at ``begin``."""
    marks = text[mark:end]
    if any(one in "?!。！？।" for one in marks):
        return True
    following = text[end:end + 40].lstrip().lstrip("\"'“‘([*_")[:1]
    if "..." in marks or "…" in marks:
        return not following.islower()
    word = _last_word(text, begin, mark)
    if word.isdigit() and not text[max(begin, text.rfind("\n", begin, mark) + 1):mark - len(word)].strip(" \t*-#("):
        return False  # the number of an item, at the beginning of a line
    if word.lower() in _ABBREVIATIONS or (word.lower() in _BEFORE_NUMBERS and following.isdigit()):
        return False
    if word.lower() in _MAY_END:
        return not following.islower()
    return not (len(word) == 1 and word.isupper() and word != "I" and following.isupper())


def _last_word(text: str, begin: int, end: int) -> str:
    """The word before a point, points inside it included: ``e.g``."""
    start = end
    while start > max(begin, end - 40) and (text[start - 1].isalnum() or text[start - 1] == "."):
        start -= 1
    return text[start:end]


def settled(begun: str) -> str:
    """``begun`` without a last word that a continuation might lengthen."""
    end = len(begun)
    while end and (begun[end - 1].isalnum() or begun[end - 1] == "_"):
        end -= 1
    return begun[:end]
