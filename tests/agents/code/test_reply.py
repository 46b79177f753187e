"""Programs out of replies, as models write them."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eudoxus.agents.code import CodeTask, NoProgram, program_in
from eudoxus.sandbox import Matrix, Program, Test
from eudoxus.sandbox.split_tests import setup_of_prompt
from tests.agents.code.recorded import humaneval, needs_data, rows

TASK = CodeTask(statement='from typing import List\n\n\ndef total(xs: List[int]) -> int:\n    """The sum."""\n')
BODY = "    found = 0\n    for x in xs:\n        found += x\n    return found\n"
WHOLE = f"def total(xs):\n{BODY}"


def total_of(reply: str, task: CodeTask = TASK) -> Any:
    """What the program in the reply makes of 1, 2 and 3. These replies are our own: they may run here."""
    names: dict[str, Any] = {}
    exec(program_in(reply, task), names)
    return names["total"]([1, 2, 3])


@pytest.mark.parametrize("reply", [
    WHOLE,
    f"```python\n{WHOLE}```",
    f"Sure! Here is it:\n```Python\n{WHOLE}```\nIt runs in O(n).",
    f"~~~\n{WHOLE}~~~",
    f"```python\n{WHOLE}",
    f"Here is the program:\n\n{WHOLE}",
    f"[PYTHON]\n{WHOLE}[/PYTHON]",
    f"<code>\n{WHOLE}</code>",
    f"<think>\n```python\ndef total(xs): return 7\n```\n</think>\n```python\n{WHOLE}```",
    f"I think so.</think>\n{WHOLE}",
    BODY,
    f"```python\n{BODY}```",
    "return sum(xs)",
    f"{TASK.statement}{BODY}",
    f"{BODY}\n\ndef other(): pass\n\nif __name__ == '__main__':\n    print(other())\n",
    f"{BODY}import nothing_such\n\nclass Other(nothing_such.Base):\n    pass\n",
    "    return plus(xs)\n\ndef plus(xs):\n    return sum(xs)\n\nprint(total([1]))\n",
    WHOLE.replace("    ", "\t"),
    "def total(xs):\n\tfound = 0\n        \n\tfor x in xs:\n\t    found += x\n        \n\treturn found",
    WHOLE.replace("\n", "\r\n"),
    "\n".join(f"    {line}" for line in WHOLE.splitlines()),
    "\n".join(f"{'...' if line.startswith(' ') else '>>>'} {line}" for line in WHOLE.splitlines()) + "\n>>> total([1])\n1\n",
    f"```python\n{WHOLE}```\nFor example:\n```python\nprint(total([1, 2]))\n```\n",
    f"{WHOLE}\nprint(total([1, 2, 3]))\nassert total([]) == 0\n",
    f"{WHOLE}\nexample = [1, 2]\nresult = total(example)\nfor r in [result]:\n    print(r)\n",
    f"{WHOLE}\nimport doctest\ndoctest.testmod()\n",
    f"{WHOLE}\nn = int(input())\nprint(n)\n",
    f"{WHOLE}\n\ndef unfinished(a, b):\n    return a +",
    f"{WHOLE}\n\nprint(total([1, 2",
    "First helpers:\n```\ndef plus(a, b):\n    return a + b\n```\nthen\n```\ndef total(xs):\n    return reduce(plus, xs, 0)\n```",
    "def total(xs):\n    return reduce(lambda a, b: a + b, xs)",
    "def total(xs: List[int]) -> Optional[int]:\n    return math.floor(sum(xs))",
    "from __future__ import annotations\n\ndef total(xs):\n    return reduce(lambda a, b: a + b, xs)",
    "class Solution:\n    def total(self, xs):\n        return sum(xs)",
    f"```python\ndef total(xs):\n    return 0\n```\nThat is wrong. Corrected:\n```python\n{WHOLE}```",
    "total = sum",
    "def total(xs):\n    return sum(xs) if xs != [\u00a00] else 0".replace("\u00a0", " \u00a0"),
    "def total(xs):\n    “The sum.”\n    return sum(xs)".replace("“", '"""').replace("”", '"""'),
])
def test_the_program_is_found_and_runs(reply: str):
    assert total_of(reply) == 6


def test_helpers_of_helpers_come_along_in_their_order():
    header = "START = 0\n\ndef start():\n    return START\n\ndef unused():\n    return 1\n\ndef total(xs):\n    '''The sum.'''\n"
    code = program_in("def total(xs):\n    return sum(xs, start())", CodeTask(statement=header))
    assert code.startswith("START = 0\ndef start():\n    return START\n") and "unused" not in code


def test_what_shows_the_program_does_not_run_with_it():
    code = program_in(f"{WHOLE}\nprint(total([1]))\nassert total([1]) == 2\nif __name__ == '__main__':\n    exit()\n", TASK)
    assert "print" not in code and "assert" not in code and "__main__" not in code


def test_settings_and_constants_at_the_top_level_stay():
    code = program_in(f"import sys\nsys.setrecursionlimit(5000)\nSTART = int('0')\n{WHOLE}", TASK)
    assert "setrecursionlimit" in code and "START" in code


def test_helpers_and_imports_of_the_header_come_with_a_body():
    header = 'import math\n\ndef half(n):\n    return n / 2\n\ndef total(xs):\n    """Half the sum, rounded up."""\n'
    for reply in ("    return math.ceil(half(sum(xs)))", "def total(xs):\n    return math.ceil(half(sum(xs)))"):
        assert total_of(reply, CodeTask(statement=header)) == 3


@pytest.mark.parametrize(("reply", "said"), [
    ("", "holds no program; expected a function called total"),
    ("I cannot do that.", "cannot be compiled|does not define"),
    ("```python\ndef sum_up(xs):\n    return sum(xs)\n```", "does not define a function called total; it defines sum_up"),
    ("```python\ndef total(xs:\n    return sum(xs)\n```", "cannot be compiled: SyntaxError in line 1"),
    ("<think>\ndef total(xs): return 1\n", "holds no program"),
    ("def total(xs):", "cannot be compiled"),
])
def test_why_there_is_no_program_is_said_to_the_model(reply: str, said: str):
    with pytest.raises(NoProgram, match=said):
        program_in(reply, TASK)


def test_without_a_name_the_program_must_define_some_function():
    task = CodeTask(statement="Write something that adds numbers.")
    assert task.entry_point is None
    assert program_in(f"```\n{WHOLE}```", task).startswith("def total")
    with pytest.raises(NoProgram, match="does not define a function"):
        program_in("```\nx = 1\n```", task)


@given(st.text(max_size=400) | st.lists(st.sampled_from(
    ["def total(xs):", "    return xs", "```", "```python", ">>> total(1)", "<think>", "</think>", "\t", "class A:", "return", "(", '"""'],
), max_size=12).map("\n".join))
def test_any_reply_gives_a_program_that_compiles_or_a_reason(reply: str):
    try:
        compile(program_in(reply, TASK), "program", "exec")
    except NoProgram as problem:
        assert str(problem)


@pytest.mark.parametrize("piece", [
    "```\ndef total(:\n```\n", "def total(xs):\n    return (\n", "    x = 1\n return\n", ">>> def total(xs): (\n", "(", "'''", "<think>",
    "[PYTHON]\n", "class A:\n  def total(self): (\n", "import x.y as\n", "    if xs:\n", "print(total(1))\n", "def a(): return b\n",
    "```\ndef a(): return b\n```\n", "```\ndef total(): return b\n```\n", "def total(xs): 1 +\n",
])
def test_no_reply_holds_the_service_up(piece: str):
    begin = time.process_time()
    with contextlib.suppress(NoProgram):
        program_in((piece * (60_000 // len(piece)))[:60_000], TASK)
    assert time.process_time() - begin < 5


# -- recorded replies ------------------------------------------------------------------------------------------------------


def replies() -> list[tuple[str, str, bool | None]]:
    """Task, reply, and whether it is known to solve the task, of whole-function and body-only answers by eight models."""
    found: dict[tuple[str, str], bool | None] = {}
    for name in (
        "reflexion/simple_humaneval_gpt4_body", "reflexion/simple_humaneval_gpt4_fullfunc", "reflexion/simple_humaneval_text-davinci-003",
        "ldb/seed_humaneval_codellama", "ldb/seed_humaneval_gpt-3.5-turbo-0613", "ldb/seed_humaneval_gpt-4-1106-preview",
        "ldb/seed_humaneval_starcoder", "ldb/seed_humaneval_reflexion",
    ):
        for row in rows(f"{name}.jsonl.gz"):
            if row["solution"] and row["solution"].strip():
                found[row["task_id"], row["solution"]] = row.get("is_solved")
    return [(task, reply, solved) for (task, reply), solved in found.items()]


@needs_data
async def test_recorded_replies_parse_load_and_keep_their_verdicts():
    """Of every tenth task: all parse and load, and at least 98 % have the verdict that was recorded with them."""
    problems, count = humaneval(), Counter[str]()
    tasks = {id: CodeTask(statement=row["prompt"], entry_point=row["entry_point"]) for id, row in problems.items()}
    wrapped = [(id, reply, solved) for id, reply, solved in replies() if int(id.rpartition("/")[2]) % 10 == 0]
    for id, task in tasks.items():
        mine = [(program_in(reply if n % 2 else f"Sure:\n```python\n{reply}\n```\n", task), solved)
                for n, (other, reply, solved) in enumerate(wrapped) if other == id]
        if mine:
            check = Test(code=f"{problems[id]['test']}\ncheck({task.entry_point})\n")
            setup = setup_of_prompt(problems[id]["prompt"])
            programs = tuple(Program(code=code, entry=task.entry_point, setup=setup) for code, _ in mine)
            found = await Matrix(programs=programs, tests=(check,), mode="split").run()
            for (outcome,), (_, solved) in zip(found.outcomes, mine, strict=True):
                count["all"] += 1
                count["loaded"] += outcome != "load_error"
                count["as recorded"] += (outcome == "passed") == solved
    assert count["all"] > 80
    assert count["loaded"] == count["all"], count
    assert count["as recorded"] >= 0.98 * count["all"], count
