"""Lettered options: reading them from a task, and the letter from an answer."""

from __future__ import annotations

import re
from collections.abc import Mapping

_OPTION = re.compile(r"(?:^[ \t]*|(?<=\s))\(([A-Z])\)[ \t]+|^[ \t]*(?:[-*][ \t]+)?(?:\*\*)?([A-Z])[.):](?:\*\*)?[ \t]+", re.MULTILINE)
_LETTER = re.compile(
    r"[^\w(\[{]*(?:(?i:(?:the|correct|right|best)\s+)*(?i:option|choice|answer|letter)s?\s*(?:is\s+)?:?\s*)?[*\"'`]*"
    r"(?:[(\[{]+\s*([A-Za-z])\s*[)\]}]+|([A-Z])(?=$|[\s.):,;*\]–—/-])|([a-z])(?=$|[.):*]))",
)
_ANOTHER = re.compile(r"[.):*]*\s*(,\s*and\b|,|and\b|&|or\b|/)\s*(?:[Oo]ption\s+)?[(\[]?([A-Z])[)\]]?(?=$|[\s.):,;*])")
_VERB = re.compile(r" (?:is|was|are|because|since|as|by|with|and|or)\b| [^A-Za-z]")
_BRACKETED = re.compile(r"[(\[]([A-Z])[)\]]")
_A_LETTER_ALONE = 3


def options_in(task: str) -> dict[str, str]:
    """The lettered options that ``task`` lists last, letter → text; empty when it lists none. They begin at A and leave none out."""
    marks = list(_OPTION.finditer(task))
    runs: list[dict[str, str]] = []
    ends = [*(mark.start() for mark in marks[1:]), len(task)]
    for mark, end in zip(marks, ends, strict=False):
        letter = mark[1] or mark[2]
        if letter == "A":
            runs.append({})
        if runs and letter == chr(ord("A") + len(runs[-1])):
            runs[-1][letter] = task[mark.end() : end].strip().partition("\n")[0].strip()
    whole = [run for run in runs if len(run) > 1]
    return whole[-1] if whole else {}


def choice(said: str, options: Mapping[str, str]) -> str | None:
    """The letter that ``said`` begins with, or several as ``A,C``.

    None when there is none, when it is no option, and when ``said`` wavers (A or B).
    """
    found = _LETTER.match(said)
    if found is None:
        return None
    rest = said[found.end() :]
    if found[2] in ("A", "I") and rest.startswith(" ") and not _VERB.match(rest):
        return None
    letters = {next(group for group in found.groups() if group).upper()}
    while another := _ANOTHER.match(rest):
        if another[1] in ("or", "/"):
            return None
        letters.add(another[2])
        rest = rest[another.end() :]
    return None if options and not letters <= set(options) else ",".join(sorted(letters))


def unannounced(line: str) -> str | None:
    """The letter in a last line that announces no answer: the last one in brackets, or the line itself."""
    bracketed = _BRACKETED.findall(line)
    if bracketed:
        return str(bracketed[-1])
    return choice(line, {}) if len(line) <= _A_LETTER_ALONE else None
