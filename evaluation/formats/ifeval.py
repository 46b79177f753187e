"""Prompts with verifiable instructions: IFEval (Zhou et al. 2023, arXiv 2311.07911), and files like its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from eudoxus.decoding.instructions import Instruction, instruction
from eudoxus.evaluation.dataset import Item
from eudoxus.evaluation.files import rows, text_of
from eudoxus.evaluation.grading import InstructionGrader
from eudoxus.runtime import ChatTask, Message
from eudoxus.runtime.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class Prompt:
    """One line of a file: a prompt, and the instructions in it."""

    key: str
    prompt: str
    instructions: tuple[Instruction, ...]


def prompts(content: bytes) -> Iterator[Prompt]:
    """``key``, ``prompt``, ``instruction_id_list`` and, for each of these, ``kwargs``; arguments that are null count as not given.

    Raises :class:`InvalidRequest` naming the line, also for an instruction that is not known.
    """
    for number, row in enumerate(rows(content), start=1):
        keys, kwargs = row.get("instruction_id_list"), row.get("kwargs")
        if not isinstance(keys, list) or not keys or not isinstance(kwargs, list) or len(keys) != len(kwargs):
            raise InvalidRequest(f"row {number}: expected instruction_id_list and as many kwargs", param="dataset")
        given = tuple(_instruction(key, arguments, number) for key, arguments in zip(keys, kwargs, strict=True))
        yield Prompt(str(row.get("key", number)), text_of(row, "prompt", at=f"row {number}"), given)


def items(content: bytes) -> Iterator[Item]:
    """The prompts as tasks: strategies see the prompt only."""
    for one in prompts(content):
        yield Item(f"ifeval/{one.key}", ChatTask(messages=(Message(role="user", content=one.prompt),)), InstructionGrader(one.instructions))


def _instruction(key: Any, kwargs: Any, row: int) -> Instruction:
    try:
        return instruction(str(key), kwargs if isinstance(kwargs, dict) else {})
    except InvalidRequest as error:
        raise InvalidRequest(f"row {row}: {error}", param="dataset") from None
