"""The target ``pddl_plan``: functions return plans, lists of steps such as "(stack a b)", and our plan validator decides constraints.

Where a function of a robot's program was tried in a household simulator (§4.3 of the paper), here it is applied to a PDDL problem.
"""

from __future__ import annotations

import ast
import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from eudoxus import sandbox
from eudoxus.agents.code.parsel.language import Function, ParselError, Program
from eudoxus.agents.code.parsel.targets.base import Job, Tries
from eudoxus.agents.code.parsel.targets.python import Python
from eudoxus.planners.desk import domain_text
from eudoxus.planners.pddl import PddlError, parse_domain, parse_problem, validate
from eudoxus.planners.pddl.formulas import And
from eudoxus.runtime import Context
from eudoxus.runtime.result import Authority

EXPECTED = ("executable", "goal")
"""Every step can be taken from the initial state on; and the problem's goal holds in the end besides."""
MOST_STEPS = 2_000
MOST_STEP = 500
"""Characters of one step."""
_MARK = "parsel plan "


class PddlPlan(Python):
    """Plans for one problem of one domain, both in PDDL; the domain may be a shipped one's name."""

    name: ClassVar[str] = "pddl_plan"
    prompt: ClassVar[str] = "parsel/body_plan"
    authority: Authority = "exact"

    def __init__(self, domain: str, problem: str, *, limits: sandbox.Limits | None = None) -> None:
        """Raises :class:`PddlError` or :class:`InvalidRequest` for what cannot be read."""
        super().__init__(limits=limits)
        self._domain, self._problem = parse_domain(domain_text(domain)), parse_problem(problem)
        self._texts = domain_text(domain).strip(), problem.strip()

    def context(self) -> str:
        return f"The domain:\n\n{self._texts[0]}\n\nThe problem:\n\n{self._texts[1]}"

    def faults(self, program: Program) -> list[ParselError]:
        return plan_faults(program)

    def checks(self, function: Function) -> tuple[str, ...]:
        calls = [ast.unparse(ast.parse(f"{function.name}({c.arguments}\n)")) for c in function.constraints]
        return tuple(f"{call} -> {c.expected}" for call, c in zip(calls, function.constraints, strict=True))

    async def tried(self, ctx: Context, jobs: Sequence[Job]) -> list[Tries]:
        return await ctx.map("plan", jobs, self._one)

    async def _one(self, ctx: Context, job: Job) -> Tries:
        """The program says its plans, the validator judges them, and a test makes sure that these are what the function returns."""
        calls = [check.rpartition(" -> ")[0] for check in job.checks]
        said = await ctx.perform(sandbox.Run(program=sandbox.Program(code=job.code + _telling(calls)), limits=self._limits))
        plans = _plans(said.stdout, len(calls))
        wanted = [check.rpartition(" -> ")[2] for check in job.checks]
        complaints = [
            "no list of steps came back" if plan is None else await asyncio.to_thread(self._complaint, plan, want)
            for plan, want in zip(plans, wanted, strict=True)
        ]
        good = [at for at, complaint in enumerate(complaints) if not complaint]
        tests = tuple(sandbox.Test(code=f"assert {calls[at]} == {plans[at]!r}") for at in good)
        passed = [False] * len(calls)
        final = True
        if tests:
            run = sandbox.Run(program=sandbox.Program(code=job.code, entry=job.function), tests=tests, limits=self._limits)
            found = await ctx.perform(run)
            final = found.verdict == "final"
            for at, test in zip(good, found.tests, strict=True):
                passed[at] = test.outcome == "passed"
        return Tries(tuple(passed), final=final)

    def _complaint(self, plan: list[str], wanted: str) -> str:
        """What is wrong with a plan; empty when nothing is."""
        problem = self._problem if wanted == "goal" else replace(self._problem, goal=And())
        try:
            verdict = validate(self._domain, problem, plan)
        except PddlError as error:
            return str(error)
        return "" if verdict.valid else verdict.message


def plan_faults(program: Program) -> list[ParselError]:
    """What is wrong with a program of this target, whatever it is applied to."""
    values = [c for function in program.functions.values() for c in function.constraints if c.expected not in EXPECTED]
    bare = {
        name: replace(function, constraints=tuple(replace(c, expected="None") for c in function.constraints))
        for name, function in program.functions.items()
    }
    wrong = [ParselError(f"{c.expected[:80]!r}: expected {' or '.join(EXPECTED)}", line=c.line, column=c.column) for c in values]
    return sorted([*Python().faults(Program(bare)), *wrong], key=lambda error: (error.line, error.column))


def _telling(calls: Sequence[str]) -> str:
    """Code that prints what each call gives."""
    tries = "".join(
        f"\ntry:\n    print({_MARK!r} + _parsel_json_.dumps([{at}, {call}]))\nexcept Exception:\n    pass\n"
        for at, call in enumerate(calls)
    )
    return f"\nimport json as _parsel_json_\n{tries}"


def _plans(stdout: str, count: int) -> list[list[str] | None]:
    """The plans that a program printed, which nothing is believed of but that they are lists of short texts."""
    found: list[list[str] | None] = [None] * count
    for line in stdout.split("\n"):
        if not line.startswith(_MARK):
            continue
        try:
            told: Any = json.loads(line.removeprefix(_MARK))
        except (ValueError, RecursionError):
            continue
        if type(told) is list and len(told) == 2 and type(told[0]) is int and 0 <= told[0] < count and _is_plan(told[1]):
            found[told[0]] = told[1]
    return found


def _is_plan(value: Any) -> bool:
    return type(value) is list and len(value) <= MOST_STEPS and all(type(step) is str and len(step) <= MOST_STEP for step in value)
