"""``llmfp(form=python)``: the code generator of LLMFP (arXiv 2410.12112, §3), whose z3 script runs in the sandbox.

Nothing that a script says counts by itself. The constraints that it leaves are solved again by a z3 of ours; where both agree, what that
one found is the answer, by the authority ``solver``; what cannot be solved again is told as the script's own word.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from eudoxus.prompts import render
from eudoxus.runtime import Context, Result
from eudoxus.runtime.errors import BudgetSpent, InvalidTask
from eudoxus.solvers.attempts import Assessing, form, in_words
from eudoxus.solvers.check import Check, CheckResult
from eudoxus.solvers.replies import Wrong, asked, held_to, json_in, program_in, validated
from eudoxus.solvers.scripts import MOST_CODE, MUST, REFUSED, TRACKED, AskPermission, Claim, Script, Scripted
from eudoxus.solvers.task import FormulationTask
from eudoxus.solvers.telling import MOST_VALUES

PROMPTS = ["llmfp/script", "llmfp/assess_script"]
FIRST = "(this is the first time)"
_TOLERANCE = Fraction(1, 10**6)
"""Of an objective that a script tells as a float, in proportion where it is above 1."""


_WRITTEN = re.compile(r"-?[0-9]{1,1000}(/[0-9]{1,1000}|\.[0-9]{1,1000})?")


class Judgement(BaseModel):
    """What the model says of its script."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    right: bool
    why: str = Field("", max_length=20_000)


@dataclass(slots=True)
class Outcome:
    """A script and what came of it. ``check`` is what our own z3 says; None where the script leaves no constraints that it can take."""

    code: str
    claim: Claim | None
    check: CheckResult | None = None
    doubt: str = ""
    """Why there is only the script's word."""

    @property
    def confirmed(self) -> bool:
        """Whether our own z3 found the answer too."""
        return self.check is not None and not self.doubt

    @property
    def sentences(self) -> list[str]:
        if self.confirmed:
            assert self.check is not None
            return _found(self.check)
        if self.claim is None:
            return [f"No answer: {self.doubt}."]
        objective = "" if self.claim.objective is None else f" with the objective {self.claim.objective}"
        return [f"The script says: {self.claim.status}{objective}.", *_values(self.claim.values)]

    @property
    def artifacts(self) -> dict[str, Any]:
        return {"script": self.code, "claim": self.claim.model_dump(mode="json") if self.claim else None,
                "check": self.check.model_dump(mode="json") if self.check else None}


@dataclass(slots=True)
class Progress:
    outcome: Outcome | None = None
    judgements: list[Judgement] = field(default_factory=list)

    @property
    def judged(self) -> str:
        if not self.judgements:
            return "was not checked"
        last = self.judgements[-1]
        return "was judged by the model alone" + ("" if last.right else f"; its last objection: {last.why}")

    @property
    def artifacts(self) -> dict[str, Any]:
        made = self.outcome.artifacts if self.outcome else {}
        return made | {"assessments": [one.model_dump(mode="json") for one in self.judgements]}


async def permitted(task: FormulationTask, ctx: Context) -> None:
    """Raises :class:`InvalidTask` where the operator does not allow scripts, and for a task that brings a formulation."""
    if not (await ctx.perform(AskPermission())).allowed:
        raise InvalidTask(REFUSED, param="params.form")
    if task.formulation is not None:
        raise InvalidTask("a script is written from the description; a formulation that is there is taken by form=json",
                          param="task.formulation")


async def scripted(
    task: FormulationTask, params: Assessing, ctx: Context, definition: str, constants: str, *, by_model: bool
) -> Result:
    """Write a script, run it, hold its result against its constraints, and while the model rates it wrong, write it anew.

    ``by_model``: whether the model tells what was found, before the lines of the templates.
    """
    work, material = Progress(), {"task": task.description, "query": task.query or "(none: find the optimum)", "data": constants,
                                  "definition": definition}
    try:
        work.outcome = await written(material, params, ctx.scope("script"), FIRST)
        for iteration in range(params.max_iters):
            if not work.outcome.confirmed and work.outcome.claim is None:
                break  # there is nothing to be judged
            said = await judged(material, work.outcome, params, ctx.scope("assess", iteration))
            work.judgements.append(said)
            ctx.emit("formulation.assessed", **said.model_dump(mode="json"))
            if said.right:
                break
            before = f"{work.outcome.code}\n\nWhat is wrong with it: {said.why}"
            work.outcome = await written(material, params, ctx.scope("anew", iteration), before)
    except Wrong as complaint:
        if work.outcome is None:
            return Result(answer=None, outcome="failed", detail=f"the model's answer cannot be used: {complaint}", artifacts=work.artifacts)
        work.judgements.append(Judgement(right=False, why=f"(what came then cannot be used: {complaint})"[:20_000]))
    except BudgetSpent as refusal:
        if work.outcome is None:
            raise
        return concluded(work, work.outcome.sentences).model_copy(update={"outcome": "limit", "detail": str(refusal)})
    words = await in_words(work.outcome.sentences, task, params, ctx.scope("tell"), by_model=by_model and work.outcome.confirmed)
    return concluded(work, [words])


async def written(material: dict[str, str], params: Assessing, ctx: Context, before: str) -> Outcome:
    """A script that ran, and what came of it. Raises :class:`Wrong`."""
    async def ran(answer: str) -> Outcome:
        code = program_in(answer)
        if len(code) > MOST_CODE:
            raise Wrong(f"the script has {len(code):,} characters; at most {MOST_CODE:,} are run")
        ctx.emit("formulation.script", code=code)
        found = await ctx.perform(Script(code=code, seconds=min(params.seconds, 290.0), memory_mb=min(params.memory_mb, 16128)))
        if found.status in ("refused", "unavailable"):
            return Outcome(code, None, doubt=found.message)
        if found.status == "wrong":
            raise Wrong(f"the script: {found.message}")
        return await held_against(code, found, params, ctx)

    request = render("llmfp/script", **material, before=before)
    return await asked(ctx, form(request, params, {}), ran, params.retries)


async def held_against(code: str, found: Scripted, params: Assessing, ctx: Context) -> Outcome:
    """What our own z3 says of the constraints, beside the claim. Raises :class:`Wrong` where the claim is not true of them."""
    if not found.constraints:
        return Outcome(code, found.claim, doubt="the script leaves no `solver` with its constraints, or too many to be read")
    check = await ctx.perform(Check(text=found.constraints, seconds=min(params.seconds, 300.0), memory_mb=max(64, params.memory_mb),
                                    quantifiers=True))
    ctx.emit("formulation.checked", status=check.status, objectives=[one.value for one in check.objectives])
    if check.status not in ("sat", "unsat"):
        return Outcome(code, found.claim, check, doubt=f"its constraints could not be solved again: {check.message or check.status}")
    for one in check.objectives:
        if one.status in ("unbounded", "not_attained"):
            ending = "has no limit: a constraint is missing" if one.status == "unbounded" else "comes ever closer to what none reaches"
            raise Wrong(f"the constraints in `solver`: what is to be {one.kind}d, {one.what[:200]}, {ending}")
    open_ones = [one for one in check.objectives if one.status == "open"]
    if (contradiction := _contradiction(found.claim, check)) and not open_ones:
        raise Wrong(contradiction)
    doubt = "z3 did not prove the optimum again" if open_ones else ""
    if found.claim and found.claim.status == "optimal" and found.claim.objective is not None and not check.objectives:
        doubt = "`solver` holds no objective, so that the optimum is the script's word"
    return Outcome(code, found.claim, check, doubt=doubt)


def _contradiction(claim: Claim | None, check: CheckResult) -> str:
    if claim is None or claim.status == "unknown":
        return ""
    if (claim.status == "infeasible") != (check.status == "unsat"):
        return f"`result` says {claim.status}, and z3 says {check.status} of the constraints in `solver`"
    own, said = _optimum(check), _number(claim.objective)
    if claim.status == "optimal" and own is not None and said is not None and abs(own - said) > _TOLERANCE * max(Fraction(1), abs(own)):
        return f"`result` says that the optimum is {claim.objective}, and of the constraints and the objective in `solver` it is {own}"
    return ""


def _optimum(check: CheckResult) -> Fraction | None:
    """Of a single objective."""
    terms = [one for one in check.objectives if one.kind != "soft"]
    return _number(terms[0].value) if len(terms) == 1 and len(check.objectives) == 1 else None


def _number(said: object) -> Fraction | None:
    """A number, or a text of one; none with an exponent, which may take all memory."""
    if isinstance(said, int | float) and not isinstance(said, bool):
        return Fraction(said)
    if not isinstance(said, str) or not _WRITTEN.fullmatch(said):
        return None
    try:
        return Fraction(said)
    except ZeroDivisionError:
        return None


async def judged(material: dict[str, str], outcome: Outcome, params: Assessing, ctx: Context) -> Judgement:
    """What the model says of its script and the result. Raises :class:`Wrong`."""
    async def read(answer: str) -> Judgement:
        said = validated(Judgement, json_in(answer))
        if not said.right and not said.why.strip():
            raise Wrong("why: say what is wrong")
        return said

    request = render("llmfp/assess_script", **material, script=outcome.code, result="\n".join(outcome.sentences))
    return await asked(ctx, form(request, params, await held_to(Judgement, ctx, structured=params.structured)), read, params.retries)


def concluded(work: Progress, lines: Sequence[str]) -> Result:
    """``solver`` where our own z3 found the answer; else nobody's word but the script's, which counts for nothing."""
    outcome = work.outcome
    assert outcome is not None
    if outcome.confirmed:
        return Result(
            answer="\n".join(lines), outcome="best_effort", authority="solver", artifacts=work.artifacts,
            detail=f"z3 solved the constraints that the script leaves; whether they say what the description says {work.judged}")
    if outcome.claim is None or outcome.claim.status == "unknown":
        return Result(answer=None, outcome="failed", detail=outcome.doubt or "the script found nothing out", artifacts=work.artifacts)
    return Result(answer="\n".join(lines), outcome="best_effort", authority="none", artifacts=work.artifacts,
                  detail=f"nothing but the script's word: {outcome.doubt}; whether it says what the description says {work.judged}")


def _found(check: CheckResult) -> list[str]:
    if check.status == "unsat":
        plain = [one.strip("|") for one in check.core]
        names = [one.removeprefix(TRACKED).removeprefix(MUST) for one in plain if one.startswith(TRACKED)]
        return [f"There is no solution: {', '.join(names)} {'cannot hold' if len(names) == 1 else 'cannot all hold together'}." if names
                else "There is no solution: the constraints contradict each other."]
    values = {name.strip("|"): value for name, value in check.model.items() if not name.startswith(f"|{MUST}")}
    best = [f"The optimum is {one.value}." if len(check.objectives) == 1 else f"{one.kind} {one.what}: {one.value}."
            for one in check.objectives]
    return [*(best or ["All constraints can hold together."]), *_values(values)]


def _values(values: dict[str, Any]) -> list[str]:
    """What is neither 0 nor false."""
    lines = [f"{name} = {value}" for name, value in sorted(values.items()) if value not in (0, "0", "0.0", "false", False, None)]
    return lines[:MOST_VALUES] + ([f"(and {len(lines) - MOST_VALUES} more)"] if len(lines) > MOST_VALUES else [])
