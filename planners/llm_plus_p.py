"""LLM+P (Liu et al. 2023, arXiv 2304.11477): the model translates the task into PDDL, a planner solves it, and the plan is told.

Beyond the paper: what checks and planner find wrong goes back to the model, and of several translations the one that most agree on counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from eudoxus.decoding.constrained import PROMPTS as CONSTRAINED
from eudoxus.decoding.constrained import constrained
from eudoxus.decoding.errors import ConstraintViolation
from eudoxus.planners.draft import Draft, agreeing, read_draft
from eudoxus.planners.engines import EngineName, PlanResult
from eudoxus.planners.english import in_words, told
from eudoxus.planners.formulation import correction, translation
from eudoxus.planners.grammar import problem_grammar
from eudoxus.planners.pddl import PddlError, PlanVerdict, validate, with_requirements
from eudoxus.planners.solve import Solve
from eudoxus.planners.task import PlanningTask
from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, Completion, Context, Params, Result, strategy
from eudoxus.runtime.errors import BudgetSpent

PROMPTS = ["llm_plus_p/problem", "llm_plus_p/problem_structured", "llm_plus_p/example", "llm_plus_p/example_elsewhere",
           "llm_plus_p/repair", "llm_plus_p/repair_structured", "llm_plus_p/tell", *CONSTRAINED]


class LLMPlusP(Params):
    engine: EngineName | None = None
    """The planner by name, such as auto or fast-downward; None takes the task's."""
    seconds: float | None = Field(None, gt=0, le=300)
    """Processor time for the planner, up to 300 seconds; None takes the task's."""
    optimal: bool = False
    """Whether only a plan that is proved to be cheapest will do; it takes far longer."""
    repairs: int = Field(3, ge=0, le=3)
    """How often the model is asked again when its problem cannot be read, does not fit the domain, or has no plan."""
    samples: int = Field(1, ge=1, le=16)
    """Translations drawn. Those that say the same up to the names of objects form a group, and the largest group that has a plan counts."""
    temperature: float | None = Field(0.0, ge=0, le=2)
    """Sampling temperature of the translations: 0 as in the paper, 0.7 for several samples unless it is given. null leaves it to the
    endpoint."""
    context: Literal["example", "none"] = "example"
    """Whether worked examples are shown; ``none`` is the paper's baseline without context."""
    structure: bool | None = None
    """Whether the model may tell grids and rows by macros in JSON; None: where the domain has a fixed relation among things of one type."""
    grammar: bool = False
    """Hold answers to the domain's grammar: by the endpoint where it takes grammars, else by checking and asking again. Not with
    structure."""
    nl_plan: Literal["template", "model"] = "template"
    """Who tells the plan in English: templates, or the model in 1 more completion."""

    @property
    def heat(self) -> float | None:
        """The temperature of a translation."""
        return 0.7 if self.samples > 1 and "temperature" not in self.model_fields_set else self.temperature

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if self.grammar and self.structure:
            raise ValueError("grammar allows PDDL only: give grammar=true or structure=true, not both")
        return self


@dataclass(frozen=True, slots=True)
class Attempt:
    """One problem of the model, and what became of it."""

    draft: Draft
    votes: int = 1
    """Samples that say the same."""
    found: PlanResult | None = None
    """None when the problem could not be given to a planner."""
    verdict: PlanVerdict | None = None
    """What our validator says of the plan, if there is one."""

    @property
    def solved(self) -> bool:
        return self.verdict is not None and self.verdict.valid

    @property
    def objections(self) -> list[str]:
        """What the model is told to put right; nothing where it is not the problem's fault."""
        if not self.draft.usable:
            return [str(finding) for finding in self.draft.errors]
        warnings = [str(finding) for finding in self.draft.findings]
        return [OBJECTIONS[self.found.status].format(message=self.found.message), *warnings] \
            if self.found and self.found.status in OBJECTIONS else []


OBJECTIONS = {
    "unsolvable": "the planner proved that no sequence of actions leads from these initial facts to this goal. If the task can be done, "
                  "then a fact that is true at the start is missing (also one that goes without saying), one is listed that is not true, "
                  "or the goal asks for more than the description",
    "exhausted": "the planner searched every situation that can be reached from these initial facts, and none fulfils the goal: a fact "
                 "that is true at the start is missing, or the goal asks for more than the description",
    "input_error": "the planner cannot read the file: {message}",
}
"""What is said to the model for each outcome of the planner that another problem can change."""


@strategy("llm_plus_p", takes=PlanningTask, prompts=PROMPTS,
          calls="samples completions, up to repairs more while there is no plan, and a run of a planner for each different problem")
async def llm_plus_p(task: PlanningTask, params: LLMPlusP, ctx: Context) -> Result:
    """Translate, plan, validate, and tell the plan step by step.

    ``verified`` by the authority ``solver`` means that the plan reaches the goal of the problem that the model wrote; whether that
    problem says what the description says is not checked. ``failed`` when the model's problem stays unusable or the planner finds no
    plan: ``detail`` says why, and the problem is among the artifacts, with all attempts when there were several. A spent budget gives
    ``limit`` with what there is.
    """
    attempts: list[Attempt] = []
    try:
        return await until_solved(task, params, ctx, attempts)
    except BudgetSpent as refusal:
        if not attempts:
            raise
        return Result(answer=None, outcome="limit", detail=str(refusal), artifacts=artifacts(attempts))


async def until_solved(task: PlanningTask, params: LLMPlusP, ctx: Context, attempts: list[Attempt]) -> Result:
    """The loop: translate, plan with what most samples say, and while there is no plan have the best attempt repaired."""
    question = translation(task, context=params.context, structure=False if params.grammar else params.structure)
    drafts = await translate(question, task, params, ctx, params.samples)
    for repair in range(params.repairs + 1):
        round_of = len(attempts)
        for group in agreeing(drafts, task.parsed):
            attempts.append(await attempted(group, task, params, ctx))
            if attempts[-1].solved:
                return await answered(task, params, ctx, attempts)
        faulty = repairable(attempts[round_of:])
        if faulty is None or repair == params.repairs:
            break
        drafts = await translate(correction(task, faulty.draft, faulty.objections), task, params, ctx.scope("repair", repair))
        if any(drafts[0].same_as(attempt.draft) for attempt in attempts):
            return failed(attempts, repeated=True)
    return failed(attempts)


async def translate(request: ChatRequest, task: PlanningTask, params: LLMPlusP, ctx: Context, samples: int = 1) -> list[Draft]:
    """One question to the model, and what its answers say as problems of the domain."""
    asked = request.model_copy(update={"temperature": params.heat})
    completions = await held(asked, task, ctx, samples) if params.grammar else await ctx.complete(asked, samples)
    drafts = [read_draft(completion, task.parsed) for completion in completions]
    for draft in drafts:
        ctx.emit("planning.problem", problem=draft.source, changes=list(draft.changes), findings=[str(f) for f in draft.findings])
    return drafts


async def held(request: ChatRequest, task: PlanningTask, ctx: Context, samples: int) -> list[Completion]:
    """Answers that are of the domain's grammar; where the model gives none, its last ones: the checks say what is wrong with them."""
    try:
        answers = await constrained(ctx, request, problem_grammar(task.parsed), samples)
    except ConstraintViolation as problem:
        return list(problem.replies)
    return [one.completion.model_copy(update={"text": one.text}) for one in answers]


async def attempted(group: Sequence[Draft], task: PlanningTask, params: LLMPlusP, ctx: Context) -> Attempt:
    """Plan with the first draft of the group, and validate the plan with our own validator."""
    draft = group[0]
    if not draft.usable or draft.problem is None:
        return Attempt(draft, len(group))
    source, added = with_requirements(task.pddl, task.parsed)
    if added:
        ctx.emit("planning.domain", changes=list(added))
    found = await ctx.perform(Solve(
        domain=source, problem=draft.source, engine=params.engine or task.engine, mode="optimal" if params.optimal else "fast",
        seconds=params.seconds or task.seconds))
    if found.status != "solved":
        return Attempt(draft, len(group), found)
    try:
        verdict = validate(task.parsed, draft.problem, found.plan)
    except PddlError as error:
        verdict = PlanVerdict(valid=False, length=len(found.plan), message=str(error))
    return Attempt(draft, len(group), found, verdict)


def repairable(attempts: Iterable[Attempt]) -> Attempt | None:
    """The attempt that the model is asked to correct: one that was planned with, else the one with the fewest errors."""
    objectionable = [attempt for attempt in attempts if attempt.objections]
    return min(objectionable, key=lambda attempt: (not attempt.draft.usable, len(attempt.objections)), default=None)


async def answered(task: PlanningTask, params: LLMPlusP, ctx: Context, attempts: Sequence[Attempt]) -> Result:
    """The result of the last attempt, whose plan is valid."""
    last = attempts[-1]
    assert last.found is not None
    assert last.verdict is not None
    agreed = f"; {last.votes} of {params.samples} translations say the same" if params.samples > 1 else ""
    return Result(
        answer=await tell(last.found.plan, task, params, ctx), outcome="verified", authority="solver",
        detail=f"{last.found.engine} found the plan, and it was validated step by step against the problem that the model wrote; "
               f"whether that problem says what the description says was not checked{agreed}",
        artifacts=artifacts(attempts) | {"cost": last.verdict.cost},
    )


async def tell(plan: Sequence[str], task: PlanningTask, params: LLMPlusP, ctx: Context) -> str:
    """The plan for people: by templates, also where the model's words do not fit the steps or the budget has no room for them."""
    by_template = told(plan, task.parsed, task.pddl)
    if params.nl_plan == "template" or not plan:
        return by_template
    try:
        said = await ctx.complete(render("llm_plus_p/tell", task=task.description, steps="\n".join(plan), count=str(len(plan)))
                                  .model_copy(update={"temperature": params.heat}))
    except BudgetSpent:
        return by_template
    return in_words(said[0].text, plan) or by_template


def failed(attempts: Sequence[Attempt], *, repeated: bool = False) -> Result:
    """The result without a plan. The last attempt counts, because it was made knowing what is wrong with the others."""
    again = "; asked to correct it, the model wrote the same again" if repeated else ""
    return Result(answer=None, outcome="failed", detail=why(attempts[-1]) + again, artifacts=artifacts(attempts))


def why(attempt: Attempt) -> str:
    """In a sentence, why there is no plan."""
    found = attempt.found
    if found is None:
        return f"the model's problem cannot be used: {listed(attempt.draft)}"
    match found.status:
        case "solved":
            return f"{found.engine} gave a plan that does not work: {attempt.verdict.message if attempt.verdict else ''}"
        case "unsolvable":
            return (f"{found.engine} proved that the problem which the model wrote has no plan: either the task cannot be done, "
                    "or the problem does not say what the description says")
        case "timeout":
            return f"{found.engine} found no plan in time: {found.message}; allow more seconds"
        case "unavailable":
            return found.message
        case status:
            return f"{found.engine} found no plan ({status.replace('_', ' ')}): {found.message}"


def listed(draft: Draft) -> str:
    """The first errors, for a person."""
    more = f"; and {len(draft.errors) - 3} more" if len(draft.errors) > 3 else ""
    return "; ".join(str(finding) for finding in draft.errors[:3]) + more


def artifacts(attempts: Sequence[Attempt]) -> dict[str, Any]:
    """What was made: the last attempt, and all of them when there were several."""
    last = outline(attempts[-1])
    return last | ({"attempts": [outline(attempt) for attempt in attempts]} if len(attempts) > 1 else {})


def outline(attempt: Attempt) -> dict[str, Any]:
    draft, found = attempt.draft, attempt.found
    return {
        "problem": draft.source, "changes": list(draft.changes), "findings": [finding.model_dump() for finding in draft.findings],
        "engine": found.engine if found else None, "status": found.status if found else None,
        "plan": found.plan if found and found.status == "solved" else None,
    }
