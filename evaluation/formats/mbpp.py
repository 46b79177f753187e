"""MBPP (Austin et al. 2021, arXiv 2108.07732) as published: ``task_id, text|prompt, code, test_list``.

The first assert is shown to the strategy, which else could not know the function's name and arguments; all of them are the hidden check.
(The paper's own prompt shows all three.)
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


def items(content: bytes) -> Iterator[Item]:
    """Raises :class:`InvalidRequest` for a row that lacks a member."""
    for number, row in enumerate(rows(content), start=1):
        at = f"row {number}"
        tests = row.get("test_list")
        if not isinstance(tests, list) or not tests or not all(isinstance(test, str) for test in tests):
            raise InvalidRequest(f"{at}: expected 'test_list' as a list of asserts", param="dataset")
        imports = row.get("test_imports") or ([setup] if (setup := row.get("test_setup_code")) else [])
        code = text_of(row, "code", at=at)
        entry = entry_point_in(code, tests)
        if entry is None:
            raise InvalidRequest(f"{at}: the tests call no function", param="dataset")
        task = CodeTask(statement=text_of(row, "text", "prompt", at=at), entry_point=entry, tests=(tests[0],), tests_from="given")
        check = sandbox.Test(code="\n".join([*map(str, imports), *tests]) + "\n", name="tests")
        yield Item(f"MBPP/{row.get('task_id', number)}", task, CheckGrader(task, (Part("test", check),), reference=code))
