"""Groups of programs that give the same outputs, and the attempts at a task that they make."""

from __future__ import annotations

from collections.abc import Sequence

from eudoxus.agents.induction.execution import Output, Tried
from eudoxus.agents.induction.grids import Grid, written
from eudoxus.agents.induction.task import InductionTask
from eudoxus.runtime import Result
from eudoxus.runtime.errors import BudgetSpent


def clusters(programs: Sequence[Tried]) -> list[list[Tried]]:
    """Programs with the same outputs on all train and test inputs together, in the order of their first ones (Wang et al. 2024, §2.3)."""
    found: dict[tuple[Output, ...], list[Tried]] = {}
    for one in programs:
        found.setdefault((*one.train, *one.test), []).append(one)
    return list(found.values())


def groups(programs: Sequence[Tried]) -> list[list[Tried]]:
    """Programs with the same outputs on the test inputs together, the likeliest group first, in each the best program first.

    Groups with a program that is right on all train pairs come first: those with a grid for every test input, then those of more programs;
    programs that fail on train pairs but agree on the test inputs count as votes. The other groups follow by their best program, then by
    votes.
    """
    found: dict[tuple[Output, ...], list[Tried]] = {}
    for one in programs:
        found.setdefault(one.test, []).append(one)
    ranked = [sorted(group, key=lambda one: one.rank, reverse=True) for group in found.values()]

    def likelihood(group: list[Tried]) -> tuple[object, ...]:
        best, votes = group[0], len(group)
        return (True, best.complete, votes, *best.rank) if best.passed else (False, *best.rank, votes)

    return sorted(ranked, key=likelihood, reverse=True)


def attempts(programs: Sequence[Tried], task: InductionTask, most: int) -> list[list[Grid]]:
    """For each test input at most ``most`` different grids: those of the first groups that have one."""
    found = list[list[Grid]]()
    ordered = groups(programs)
    for at in range(len(task.test)):
        grids = dict.fromkeys(output for group in ordered if not isinstance(output := group[0].test[at], str))
        found.append(list(grids)[:most])
    return found


def answer(programs: Sequence[Tried], task: InductionTask, most: int) -> str | None:
    """The attempts as an answer; None where no program gave a grid for any test input."""
    found = attempts(programs, task, most)
    return written(found) if any(found) else None


def result(programs: Sequence[Tried], task: InductionTask, most: int, refusal: BudgetSpent | None, **artifacts: object) -> Result:
    """What the programs come to: ``verified`` by ``public_tests`` where that of all first attempts is right on all train pairs."""
    ordered, said = groups(programs), answer(programs, task, most)
    if said is None:
        what = f"gives a grid for a test input; of the first one: {programs[0].test[0]}" if programs else "could be found in any reply"
        why = str(refusal or f"no program {what}")
        return Result(answer=None, outcome="limit" if refusal else "failed", detail=why, artifacts=artifacts)
    best = ordered[0][0]
    told = {
        "program": best.program, "hypothesis": best.hypothesis, "train_right": sum(best.right), "programs": len(programs),
        "groups": [{"votes": len(group), "train_right": sum(group[0].right)} for group in ordered[:16]], **artifacts,
    }
    if best.passed and best.complete and best.final:
        return Result(answer=said, outcome="verified", authority="public_tests", artifacts=told)
    right = f"the program is right on {sum(best.right)} of {len(best.right)} train pairs"
    return Result(answer=said, authority="public_tests", detail=right, artifacts=told)
