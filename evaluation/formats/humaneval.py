"""HumanEval and what shares its format: ``task_id, prompt, entry_point, canonical_solution, test`` whose ``test`` defines ``check``."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from eudoxus.agents.code import CodeTask
from eudoxus.agents.code.syntax import complaint
from eudoxus.evaluation.dataset import Item
from eudoxus.evaluation.files import rows, text_of
from eudoxus.evaluation.grading import CheckGrader, Part
from eudoxus.sandbox.split_tests import setup_of_prompt, whole_check

_COMMENTS = re.compile(r"\A(?:[ \t]*(?:#.*)?\n)+")


def items(content: bytes) -> Iterator[Item]:
    """Raises :class:`InvalidRequest` for a row that lacks a member."""
    for number, row in enumerate(rows(content), start=1):
        at = f"row {number}"
        prompt, entry = text_of(row, "prompt", at=at), text_of(row, "entry_point", at=at).strip()
        solution = row.get("canonical_solution")
        reference = whole_program(prompt, entry, solution) if isinstance(solution, str) and solution.strip() else None
        task = CodeTask(statement=prompt, entry_point=entry)
        check = whole_check(text_of(row, "test", at=at).replace("\ncheck(" + entry + ")\n", "\n"), entry)
        yield Item(text_of(row, "task_id", at=at), task, CheckGrader(task, (Part("test", check),), setup_of_prompt(prompt), reference))


def whole_program(prompt: str, entry: str, text: str) -> str:
    """A solution as a program: ``text`` is the body that continues the prompt, or the whole function.

    A body whose indentation does not fit the prompt's docstring, as in MBPP, is indented anew.
    """
    if f"def {entry}" in text and not text.lstrip("\n")[:1].isspace():
        return f"{prompt}\n{text}"
    spaced, body = prompt.expandtabs(4), _COMMENTS.sub("", text).expandtabs(4)
    tried = (prompt + text, spaced + text.removeprefix(" ").expandtabs(4), spaced + textwrap.indent(textwrap.dedent(body), "    "))
    return next((program for program in tried if complaint(program) is None), tried[0])
