"""Questions in words with one gold answer.

GSM8K (Cobbe et al. 2021, arXiv 2110.14168) and BIG-Bench Hard (Suzgun et al. 2022, arXiv 2210.09261).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from eudoxus.evaluation.dataset import Item
from eudoxus.evaluation.files import document, rows, text_of
from eudoxus.evaluation.grading import AnswerGrader
from eudoxus.runtime import ChatTask, Message
from eudoxus.runtime.errors import InvalidRequest
from eudoxus.runtime.task import AnswerFormat

HOW = {
    "number": "Think step by step. Then end with a line of the form \"Answer: 42\", with nothing but the number after the colon.",
    "choice": "Think step by step. Then end with a line of the form \"Answer: (A)\", with the letter of the right option.",
    "text": "Think step by step. Then end with a line of the form \"Answer: …\", with nothing but the answer after the colon.",
}
_LETTER = re.compile(r"\(([A-Z])\)")
_SHOT = "\n\nQ: "


def gsm8k(content: bytes) -> Iterator[Item]:
    """``question`` and ``answer``, whose gold number stands after ``####``. Raises :class:`InvalidRequest`."""
    for number, row in enumerate(rows(content)):
        gold = text_of(row, "answer", at=f"row {number + 1}").rpartition("####")[2].strip()
        if not gold:
            raise InvalidRequest(f"row {number + 1}: no number stands after ####", param="dataset")
        yield question(f"gsm8k/{number}", text_of(row, "question", at=f"row {number + 1}"), gold, "number")


def bbh(content: bytes, task: str) -> Iterator[Item]:
    """``examples`` of ``input`` and ``target``, or recorded ``outputs``, of whose few-shot prompt the last question is taken."""
    said = document(content)
    given = (said.get("examples") or said.get("outputs")) if isinstance(said, dict) else None
    if not isinstance(given, list):
        raise InvalidRequest("expected an object with 'examples'", param="dataset")
    for number, row in enumerate(given):
        asked, gold = last_question(text_of(row, "input", at=f"example {number}")), text_of(row, "target", at=f"example {number}").strip()
        letter = _LETTER.fullmatch(gold)
        yield question(f"{task}/{number}", asked, letter[1] if letter else gold, "choice" if letter else "text")


def last_question(prompt: str) -> str:
    """The question at the end of a few-shot prompt, or the prompt itself."""
    if _SHOT not in prompt:
        return prompt.strip()
    return prompt.rpartition(_SHOT)[2].rpartition("\nA:")[0].strip()


def question(id: str, text: str, gold: str, format: AnswerFormat) -> Item:
    """One question, asked by a message that says how to answer."""
    asked = Message(role="user", content=f"{text.strip()}\n\n{HOW[format]}")
    return Item(id, ChatTask(messages=(asked,), answer_format=format), AnswerGrader(gold, format))
