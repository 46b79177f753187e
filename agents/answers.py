r"""Final answers inside replies: finding them, and telling whether two of them say the same.

An answer stands after ``Answer:``, in ``<answer>`` tags, in ``\boxed{}``, after ``####`` or after "the answer is", sought in this order.
Never is a whole reply taken for an answer. What two replies must share to count as one answer depends on the format: the value of a
number, the letter of a choice, the syntax tree of code, the words of a text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from eudoxus.agents import quantities
from eudoxus.agents.choices import choice, options_in, unannounced
from eudoxus.agents.programs import program, same_program
from eudoxus.runtime.task import AnswerFormat

_LINE = re.compile(r"^[^\w<\n]*(?:(?:the|my|final|correct)\s+)*answer\b[^\w\n:]*:[*_ \t]*", re.IGNORECASE | re.MULTILINE)
_TAGS = re.compile(r"<answer>(.{0,2000}?)</answer>", re.IGNORECASE | re.DOTALL)
_BOXED = re.compile(r"\\(?:boxed|fbox)\s*\{")
_HASHES = re.compile(r"^####[ \t]*", re.MULTILINE)
_SAID = re.compile(
    r"\banswer\b[*_ \t]*(?:(?:is|are|would be|must be|should be|=)(?:[*_ \t]*:)?|:)[*_ \t]*(?:therefore |thus |simply )?", re.IGNORECASE
)
_SENTENCE_END = re.compile(r"(?<=[a-z0-9)\]}>\"'*%]{2})[.!?]\s+(?=[A-Z\"'(*])|(?<=[\d)%])\.\s+(?=[A-Z])")
_BEGINS_WITH_NUMBER = re.compile(r"[-+(]?(?:[$€£¥₹]|\d|\.\d|\\[dt]?frac)")
_MAX_NEXT_LINE = 80
_MAX_BOXED = 1000
_PLACES = 8
"""So many announcements of one kind are looked at, from the last one backwards."""

_PLAIN_WORDS = re.compile(r"^(yes|no|true|false)\b\s*(?:[,.;:!(–—-]|$)", re.IGNORECASE)
_LATEX_TEXT = re.compile(r"\\(?:text|textbf|mathrm|mathbf|textit|operatorname)\s*\{([^{}]*)\}")
_PROSE_MARKS = re.compile(r"[!?;\"'“”‘’`´«»…()]|(?<!\d)[.,:]|[.,:](?!\d)|[*_]{2}|(?<=\w)-(?=\w)")
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")


def extract(text: str, format: AnswerFormat, *, options: Mapping[str, str] | None = None, cut_off: bool = False) -> str | None:
    """The final answer of the reply ``text``, or None when there is none to be found.

    ``options`` (letter → text) lets an option be named by its text. ``cut_off`` says that the reply ended at a limit of tokens: then
    its last line does not count, nor an answer that nothing announces, nor a fenced block that is still open.
    """
    text = _thought_out(text)
    if cut_off:
        text = text.rpartition("\n")[0]
    if format == "code":
        return program(text, after=_last_mark(text), closed=cut_off)
    for said in _marked(text):
        if (found := _read(said, format, options or {})) is not None:
            return found
    last = "" if cut_off else text.strip().rpartition("\n")[2]
    if format == "number":
        return quantities.find(last)
    return unannounced(last) if format == "choice" else None


def same(a: str, b: str, format: AnswerFormat) -> bool:
    """Whether two extracted answers say the same. Reflexive and symmetric; with rounded numbers not always transitive."""
    if a == b:
        return True
    if format == "code":
        return same_program(a, b)
    if format == "number":
        one, two = quantities.parse(a), quantities.parse(b)
        if one is not None and two is not None:
            return quantities.same(one, two)
    return normal(a) == normal(b)


def infer(task: str, replies: Sequence[str]) -> AnswerFormat:
    """The format of the answers in ``replies`` to ``task``.

    *number* when all announced answers are numbers (of one unit), *choice* when the task lists lettered options and the answers name
    them, *code* when the replies answer in fenced blocks, else *text*.
    """
    said = [next(_marked(_thought_out(reply)), None) for reply in replies]
    announced = [answer for answer in said if answer is not None]
    numbers = [quantities.parse(answer) for answer in announced]
    units = {number.unit for number in numbers if number is not None and number.unit and not number.known and number.unit != "%"}
    if numbers and None not in numbers and len(units) <= 1:
        return "number"
    listed = options_in(task)
    chosen = [reply for reply in replies if extract(reply, "choice", options=listed) is not None] if listed else []
    if 2 * len(chosen) > len(replies):
        return "choice"
    if 2 * len(announced) <= len(replies) and any(program(reply) is not None for reply in replies):
        return "code"
    return "text"


def normal(text: str) -> str:
    """``text`` without what does not matter between two wordings: case, articles, prose punctuation, spacing.

    Text without a letter or digit (``} ] >``) keeps all its signs.
    """
    text = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    if not any(c.isalnum() for c in text):
        return text
    bare = " ".join(_PROSE_MARKS.sub(lambda m: "" if m[0] in "'‘’´" else " ", text).split())
    return " ".join(_ARTICLES.sub(" ", bare).split()) or bare or text


def _thought_out(text: str) -> str:
    """The reply after the model's hidden reasoning."""
    return text.rpartition("</think>")[2]


def _marked(text: str) -> Iterator[str]:
    """What stands at the places where a reply announces its answer, the surest first."""
    for found in _last(_LINE, text):
        if said := _line_after(text, found.end()):
            yield said
    for found in _last(_TAGS, text):
        if said := _bare(found[1]):
            yield said
    for found in _last(_BOXED, text):
        if said := _bare(_braced(text, found.end())):
            yield said
    for found in _last(_HASHES, text):
        if said := _line_after(text, found.end()):
            yield said
    for found in _last(_SAID, text):
        if said := _bare(_SENTENCE_END.split(_line_after(text, found.end()), maxsplit=1)[0]):
            yield said


def _line_after(text: str, start: int) -> str:
    """The rest of the line; when it is empty, the next line with text if that is short."""
    line, _, rest = text[start:].partition("\n")
    if not line.strip(" *_\t"):
        line = rest.strip().partition("\n")[0]
        if len(line) > _MAX_NEXT_LINE or line.startswith(("```", "~~~")):
            return ""
    if boxed := list(_BOXED.finditer(line)):
        line = _braced(line, boxed[-1].end())
    return _bare(line)


def _braced(text: str, start: int) -> str:
    """From ``start`` to the brace that closes the one before it; empty when none does."""
    depth = 1
    for i in range(start, min(len(text), start + _MAX_BOXED)):
        depth += {"{": 1, "}": -1}.get(text[i], 0) if text[i - 1] != "\\" else 0
        if depth == 0:
            return text[start:i]
    return ""


def _bare(text: str) -> str:
    """Without emphasis, quotes, mathematics marks and the full stop around it."""
    text = _LATEX_TEXT.sub(r"\1", text)
    before = None
    while text != before:
        before, text = text, text.strip().removesuffix(".")
        for mark in ("**", "__", "`", "$", '"', "'", "*"):
            if len(text) > 2 * len(mark) and text.startswith(mark) and text.endswith(mark):
                text = text[len(mark) : -len(mark)]
        if text.count("**") % 2:
            text = text.strip("*")
    return text


def _read(said: str, format: AnswerFormat, options: Mapping[str, str]) -> str | None:
    if format == "number":
        if quantities.parse(said) is not None:
            return said
        return quantities.find(said, last=_BEGINS_WITH_NUMBER.match(said) is None)
    if format == "choice":
        spelled = [letter for letter, option in options.items() if normal(option) == normal(said)]
        return spelled[0] if len(spelled) == 1 else choice(said, options)
    plain = _PLAIN_WORDS.match(said)
    return plain[1] if plain else said


def _last_mark(text: str) -> int:
    """Where the last line ``Answer:`` ends; 0 when there is none."""
    return max((found.end() for found in _LINE.finditer(text)), default=0)


def _last(pattern: re.Pattern[str], text: str) -> list[re.Match[str]]:
    """The last few matches, the very last first."""
    return list(pattern.finditer(text))[: -_PLACES - 1 : -1]
