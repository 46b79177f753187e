"""Instructions on the form of a text, with the keys of IFEval (Zhou et al. 2023, arXiv 2311.07911, table 1)."""

from __future__ import annotations

import json
import re
from typing import ClassVar

from eudoxus.decoding.instructions.base import FOLLOWED, Count, Finding, Instruction, Phrase, counted, exactly

_OPTIONS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
_FENCE = re.compile(r"```(?:json|Json|JSON)?")
_HIGHLIGHT, _STRONG = re.compile(r"\*[^\n*]*\*"), re.compile(r"\*\*[^\n*]*\*\*")


class NumberPlaceholders(Instruction):
    """Placeholders in square brackets."""

    key: ClassVar[str] = "detectable_content:number_placeholders"
    num_placeholders: Count

    def describe(self) -> str:
        return f"The response must contain at least {self.num_placeholders} placeholders in square brackets, such as [address]."

    def judge(self, text: str) -> Finding:
        return counted(sum(map(_bracketed, text.split("\n"))), self.num_placeholders, "placeholders such as [address]")


class Postscript(Instruction):
    """A postscript."""

    key: ClassVar[str] = "detectable_content:postscript"
    postscript_marker: Phrase
    """How it begins: ``P.S.`` or ``P.P.S``."""

    def describe(self) -> str:
        return f"At the end of the response, add a postscript that starts with {self.postscript_marker.strip()}"

    def judge(self, text: str) -> Finding:
        marker = self.postscript_marker.strip()
        spaced = {"P.P.S": r"p\.\s?p\.\s?s", "P.S.": r"p\.\s?s\."}.get(marker, re.escape(marker.lower()))
        return FOLLOWED if re.search(spaced, text.lower()) else Finding(False, f"there is no postscript that starts with {marker}")


class NumberBulletLists(Instruction):
    """Bullet points."""

    key: ClassVar[str] = "detectable_format:number_bullet_lists"
    num_bullets: Count

    def describe(self) -> str:
        return f"The response must contain exactly {self.num_bullets} bullet points in markdown, such as:\n* This is a point.\n* And this."

    def judge(self, text: str) -> Finding:
        lines = [line.lstrip() for line in text.split("\n")]
        stars = sum(line.startswith("*") and len(line) > 1 and line[1] != "*" for line in lines)
        return exactly(stars + sum(line.startswith("-") for line in lines), self.num_bullets, "lines that begin with * or -")


class ConstrainedResponse(Instruction):
    """One of three answers."""

    key: ClassVar[str] = "detectable_format:constrained_response"

    def describe(self) -> str:
        return f"Answer with one of the following options: {', '.join(_OPTIONS)}"

    def judge(self, text: str) -> Finding:
        if any(option in text for option in _OPTIONS):
            return FOLLOWED
        return Finding(False, f"none of these stands there: {', '.join(_OPTIONS)}")


class NumberHighlightedSections(Instruction):
    """Highlighted passages."""

    key: ClassVar[str] = "detectable_format:number_highlighted_sections"
    num_highlights: Count

    def describe(self) -> str:
        return f"Highlight at least {self.num_highlights} sections of the response with markdown, i.e. *highlighted section*."

    def judge(self, text: str) -> Finding:
        single = [one for one in _HIGHLIGHT.findall(text) if one.strip("*").strip()]
        double = [one for one in _STRONG.findall(text) if one[2:-2].strip()]
        return counted(len(single) + len(double), self.num_highlights, "highlighted sections such as *this*")


class MultipleSections(Instruction):
    """Sections with numbered headings."""

    key: ClassVar[str] = "detectable_format:multiple_sections"
    section_spliter: Phrase
    """What each begins with, before its number: ``Section``."""
    num_sections: Count

    def describe(self) -> str:
        mark = self.section_spliter.strip()
        return f"The response must have {self.num_sections} sections. Each begins with {mark} and its number, such as:\n{mark} 1\n{mark} 2"

    def judge(self, text: str) -> Finding:
        mark = self.section_spliter.strip()
        found = len(re.findall(rf"{re.escape(mark)}\s?\d+", text))
        return counted(found, self.num_sections, f'sections that begin with "{mark} 1" and so on')


class JsonFormat(Instruction):
    """Nothing but JSON."""

    key: ClassVar[str] = "detectable_format:json_format"

    def describe(self) -> str:
        return "The entire output should be JSON. It may stand in a markdown fence."

    def judge(self, text: str) -> Finding:
        inside = text.strip()
        fence = _FENCE.match(inside)
        inside = inside[fence.end():] if fence else inside
        try:
            json.loads(inside.removesuffix("```").strip())
        except (ValueError, RecursionError) as error:
            return Finding(False, f"it is not JSON: {str(error)[:200]}")
        return FOLLOWED


class Title(Instruction):
    """A title in double angular brackets."""

    key: ClassVar[str] = "detectable_format:title"

    def describe(self) -> str:
        return "The response must contain a title in double angular brackets, such as <<poem of joy>>."

    def judge(self, text: str) -> Finding:
        titled = any(map(_titled, text.split("\n")))
        return FOLLOWED if titled else Finding(False, "there is no title such as <<poem of joy>>")


class TwoResponses(Instruction):
    """Two different answers."""

    key: ClassVar[str] = "combination:two_responses"

    def describe(self) -> str:
        return "Give two different responses, separated by six asterisks and nothing else: ******"

    def judge(self, text: str) -> Finding:
        parts = [part.strip() for part in text.split("******")]
        if "" in parts[1:-1]:
            return Finding(False, "between two separators ****** stands nothing")
        answers = [part for part in parts if part]
        if len(answers) != 2:
            return exactly(len(answers), 2, "responses separated by ******")
        return FOLLOWED if answers[0] != answers[1] else Finding(False, "the two responses are the same", 0.5)


class RepeatPrompt(Instruction):
    """The request first, then the answer."""

    key: ClassVar[str] = "combination:repeat_prompt"
    prompt_to_repeat: str

    def describe(self) -> str:
        return f"First repeat this request word for word, with nothing before it, then give the answer: {self.prompt_to_repeat.strip()}"

    def judge(self, text: str) -> Finding:
        repeats = text.strip().lower().startswith(self.prompt_to_repeat.strip().lower())
        return FOLLOWED if repeats else Finding(False, "it does not begin with the request, word for word")

    def broken(self, begun: str) -> bool:
        said, asked = begun.lstrip().lower(), self.prompt_to_repeat.strip().lower()
        return said[:len(asked)] != asked[:len(said)]


class EndChecker(Instruction):
    """The last words."""

    key: ClassVar[str] = "startend:end_checker"
    end_phrase: Phrase

    def describe(self) -> str:
        return f"Finish the response with this exact phrase and no words after it: {self.end_phrase.strip()}"

    def judge(self, text: str) -> Finding:
        ends = text.strip().strip('"').lower().endswith(self.end_phrase.strip().lower())
        return FOLLOWED if ends else Finding(False, f'it does not end with "{self.end_phrase.strip()}"')


class Quotation(Instruction):
    """All of it in quotation marks."""

    key: ClassVar[str] = "startend:quotation"

    def describe(self) -> str:
        return "Wrap the entire response in double quotation marks."

    def judge(self, text: str) -> Finding:
        said = text.strip()
        quoted = len(said) > 1 and said[0] == said[-1] == '"'
        return FOLLOWED if quoted else Finding(False, "it does not begin and end with a double quotation mark")

    def broken(self, begun: str) -> bool:
        said = begun.lstrip()
        return bool(said) and said[0] != '"'


class NoComma(Instruction):
    """No comma."""

    key: ClassVar[str] = "punctuation:no_comma"

    def describe(self) -> str:
        return "Use no commas in the entire response."

    def judge(self, text: str) -> Finding:
        return FOLLOWED if "," not in text else Finding(False, f"there are {text.count(',')} commas")

    def broken(self, begun: str) -> bool:
        return "," in begun


def _bracketed(line: str) -> int:
    """How many pieces of ``line`` stand in square brackets. A pattern would take time quadratic in what is never closed."""
    found, at = 0, line.find("[")
    while at >= 0 and (end := line.find("]", at)) >= 0:
        found, at = found + 1, line.find("[", end)
    return found


def _titled(line: str) -> bool:
    """Whether something stands in double angular brackets in ``line``."""
    begin, end = line.find("<<"), line.rfind(">>")
    return 0 <= begin < end and bool(line[begin:end].lstrip("<").rstrip(">").strip())


FORMS: tuple[type[Instruction], ...] = (
    NumberPlaceholders, Postscript, NumberBulletLists, ConstrainedResponse, NumberHighlightedSections, MultipleSections, JsonFormat, Title,
    TwoResponses, RepeatPrompt, EndChecker, Quotation, NoComma,
)
