"""HumanEval Pro and MBPP Pro (Yu et al. 2024, arXiv 2412.21199): a base problem, and a harder one whose solution uses the base's.

``raw_problem, raw_solution, new_problem, new_solution, test_code``: the prompt holds both problems, the answer must define both
functions, and the asserts in ``test_code`` call the new one.
"""

from __future__ import annotations

from collections.abc import Iterator

from eudoxus import sandbox
from eudoxus.agents.code import CodeTask
from eudoxus.agents.code.statement import entry_point_in
from eudoxus.evaluation.dataset import Item
from eudoxus.evaluation.files import rows, text_of
from eudoxus.evaluation.grading import CheckGrader, Part
from eudoxus.runtime.errors import InvalidRequest

_ASKED = """Solve a base problem and a harder problem that builds on it. Write one program that defines both functions; the second one \
should call the first where that helps.

# Base problem
{base}

# Harder problem
{new}
"""


def items(content: bytes, set: str) -> Iterator[Item]:
    """``set`` names the tasks: ``HumanEvalPro/0``. Raises :class:`InvalidRequest` for a row that lacks a member."""
    for number, row in enumerate(rows(content), start=1):
        at = f"row {number}"
        base, solved = text_of(row, "raw_problem", at=at), text_of(row, "raw_solution", at=at)
        new, answer = text_of(row, "new_problem", at=at), text_of(row, "new_solution", at=at)
        reference = f"{_joined(base, solved)}\n\n{_joined(new, answer)}"
        tests = text_of(row, "test_code", at=at)
        entry = _called(tests, _joined(new, answer), at)
        task = CodeTask(statement=_ASKED.format(base=base.strip("\n"), new=new.strip("\n")), entry_point=entry)
        check = Part("test", sandbox.Test(code=tests, name="test"))
        yield Item(f"{set}/{row.get('id', number - 1)}", task, CheckGrader(task, (check,), reference=reference))


def _joined(problem: str, solution: str) -> str:
    """A problem and the text that continues it: the body of its last function, or that function itself."""
    return f"{problem.rstrip()}\n{solution}"


def _called(tests: str, program: str, at: str) -> str:
    """The function of ``program`` that the first of the ``tests`` calls."""
    found = entry_point_in(program, [line for line in tests.splitlines() if line.startswith("assert")])
    if found is None:
        raise InvalidRequest(f"{at}: the tests call no function of the solution", param="dataset")
    return found
