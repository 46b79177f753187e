"""Plans as models write them, read without a problem to check them by: their steps are actions of the domain, nothing more is known."""

from __future__ import annotations

import re
from collections.abc import Sequence

from eudoxus.planners.pddl import Domain, PddlError, parse_plan
from eudoxus.planners.solve import Solve
from eudoxus.planners.task import PlanningTask, WorkedExample
from eudoxus.runtime import Context

_FENCE = re.compile(r"^[ \t]*```[^\n`]*\n(.*?)(?:^[ \t]*```|\Z)", re.DOTALL | re.MULTILINE)
_STEP = re.compile(r"^\s*(?:[-*]|\d+\s*[:.)])?\s*(\([^()]+\))", re.MULTILINE)
_THOUGHT_ENDS = re.compile(r"</think(?:ing)?>")


def read_plan(answer: str) -> list[str]:
    """The steps in the last fenced block, else those on lines of their own. Raises :class:`PddlError` when there is no plan."""
    spoken = _THOUGHT_ENDS.split(answer)[-1]
    blocks = _FENCE.findall(spoken)
    if blocks:
        return parse_plan(blocks[-1])
    found = _STEP.findall(spoken)
    if not found:
        raise PddlError("the answer holds no plan: expected a block with one (action object …) per line")
    return parse_plan("\n".join(found))


def misfit(plan: Sequence[str], domain: Domain) -> str:
    """What is wrong with the first step that is no action of the domain with all its objects; empty when every step is one."""
    for number, step in enumerate(plan, start=1):
        name, *objects = step[1:-1].split()
        action = domain.action(name)
        if action is None:
            known = ", ".join(action.name for action in domain.actions)
            return f"step {number}, {step}: the domain has no action {name}; it has: {known}"
        if len(objects) != len(action.parameters):
            return f"step {number}, {step}: {name} takes {len(action.parameters)} objects, found {len(objects)}: {action.form}"
    return ""


async def worked_example(task: PlanningTask, ctx: Context) -> tuple[WorkedExample, list[str]] | None:
    """A worked example of the task's domain with a plan for it, which a planner finds where the example brings none.

    None when there is no example or no planner finds its plan within the task's time.
    """
    for example in task.examples:
        if example.plan:
            return example, parse_plan(example.plan)
    for example in task.examples:
        found = await ctx.perform(Solve(domain=task.pddl, problem=example.problem, engine=task.engine, seconds=task.seconds))
        if found.status == "solved":
            return example, found.plan
    return None
