"""What docs/solving.md shows works as shown."""

from __future__ import annotations

import json
import re
from pathlib import Path

from pydantic import TypeAdapter

from eudoxus.solvers.check import Check
from eudoxus.solvers.edits import Edit, compare
from eudoxus.solvers.formulation.document import Formulation
from eudoxus.solvers.solving import Solve
from eudoxus.solvers.task import FormulationTask
from eudoxus.solvers.telling import told, told_change

ROOT = Path(__file__).parent.parent.parent
GUIDE = (ROOT / "docs/solving.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


async def test_the_formulation_of_the_guide_has_the_solution_of_the_guide():
    formulation = Formulation.model_validate_json(blocks("json")[0])
    assert told(await Solve(formulation=formulation).run()) == blocks("text")[0].splitlines()
    edits = TypeAdapter(tuple[Edit, ...]).validate_json(re.findall(r"echo '(\[.*\])'", GUIDE)[0])
    assert told_change(await compare(formulation, edits)) == blocks("text")[1].splitlines()


def test_the_tasks_of_the_guide_are_tasks():
    bodies = [json.loads(found) for found in re.findall(r" -d '(\{.*?\n\})'", GUIDE, re.DOTALL)]
    tasks = [FormulationTask.model_validate({name: value for name, value in one["task"].items() if name != "kind"}) for one in bodies]
    assert [task.query is not None for task in tasks] == [True, True]


def test_the_dialogue_of_the_guide_is_the_one_that_was_recorded():
    answers = []
    for name in ("travel", "repair", "repaired"):
        lines = (ROOT / f"tests/cassettes/formal_planner_{name}.jsonl").read_text().splitlines()
        answers.append(json.loads(lines[-1])["result"])
    first, second, third = blocks("text")[2:5]
    assert answers[0]["answer"].split() == first.split()
    assert [one["words"] for one in answers[1]["artifacts"]["suggestions"]] == second.splitlines()
    assert answers[2]["answer"].split() == third.split()


async def test_the_smt_lib_of_the_guide_has_the_answer_of_the_guide():
    found = await Check(text=blocks("smt2")[0]).run()
    values = [f"{name} = {value}" for name, value in found.model.items()]
    objectives = [f"{one.kind} {one.what}: {one.status} {one.value}" for one in found.objectives]
    assert [found.status, *sorted(values, reverse=True), *objectives] == blocks("text")[-1].splitlines()
