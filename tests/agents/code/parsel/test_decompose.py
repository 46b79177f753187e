"""Parsel programs for real statements: only their prompts are read, neither solutions nor tests."""

from __future__ import annotations

import ast

from eudoxus.agents.code.parsel.decompose import surroundings, usable
from eudoxus.agents.code.parsel.parse import parse
from eudoxus.agents.code.statement import function_in
from eudoxus.agents.code.task import CodeTask
from eudoxus.runtime import Completion
from tests.agents.code.recorded import humaneval, needs_data


@needs_data
def test_the_root_of_a_program_for_each_humaneval_statement_has_its_header():
    for number, row in humaneval().items():
        task = CodeTask(statement=row["prompt"], entry_point=row["entry_point"])
        assert task.header is not None and task.entry_point is not None
        node = function_in(task.header, task.entry_point)
        assert node is not None, number
        arguments = ", ".join(argument.arg for argument in node.args.args)
        program = usable(Completion(text=f"```parsel\n{task.entry_point}({arguments}): what is asked\n```"), task, 7)
        target = surroundings(task)
        opening = ast.parse(f"{target.opening(program.root)}\n    pass\n").body[0]
        assert isinstance(opening, ast.FunctionDef)
        assert ast.dump(opening.args) == ast.dump(node.args), number
        reply = f"```python\n{target.opening(program.root)}\n    return None\n```"
        whole = target.compose(program, [target.body(reply, program.root, program)], told=True)
        defined = [part.name for part in ast.parse(whole).body if isinstance(part, ast.FunctionDef)]
        assert defined.count(task.entry_point) == 1 and defined[-1] == task.entry_point
        assert parse(str(program).partition("#*#*#\n")[2]).root == program.root


def test_helpers_of_a_header_exist_once_and_the_function_to_be_written_does_not():
    task = CodeTask(statement='import math\n\n\ndef low(n):\n    return math.floor(n)\n\n\ndef high(n: float, step: int = 1) -> int:\n'
                              '    """The next multiple of step above n."""\n')
    target = surroundings(task)
    assert target.setup == "import math\n\ndef low(n):\n    return math.floor(n)" and "high" not in target.setup
    program = usable(Completion(text="```parsel\nhigh(n, step): next\n```"), task, 7)
    assert program.root.signature == "high(n: float, step: int = 1) -> int"
    reply = "```python\nimport math\ndef high(n: float, step: int = 1) -> int:\n    return low(n) // step * step + step\n```"
    whole = target.compose(program, [target.body(reply, program.root, program)])
    assert whole.count("import math") == 1 and whole.count("def low") == 1
