"""Formal planning with repair (Hao, Chen, Zhang, Fan: NAACL 2025, arXiv 2404.11891): wishes → steps → named constraints → solver.

Where the wishes contradict each other, the solver says which and works out the smallest changes; a person accepts, refuses or changes them,
and it is solved again. Beyond the paper: the changes are computed instead of guessed, so no agent searches for them.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from eudoxus.prompts import render
from eudoxus.runtime import Context, Result, strategy
from eudoxus.runtime.errors import BudgetSpent, InvalidTask
from eudoxus.solvers.attempts import PROMPTS, Attempt, Draft, Solving, attempted, concluded, form, in_order, in_words, language
from eudoxus.solvers.edits import edited
from eudoxus.solvers.formulation.document import Formulation
from eudoxus.solvers.formulation.errors import FormulationError
from eudoxus.solvers.llmfp import constants
from eudoxus.solvers.replies import Wrong, asked, held_to, json_in, validated
from eudoxus.solvers.solving import Solve
from eudoxus.solvers.suggestions import suggestions, wishes_in
from eudoxus.solvers.task import FormulationTask, RepairTask, Suggestion


class FormalPlanner(Solving):
    retries: int = Field(2, ge=0, le=5)
    """How often an answer that cannot be read or makes no sense may be corrected, each time with what is wrong."""
    prose: Literal["template", "model"] = "template"
    """Who tells a plan: templates alone, or before them the model in 1 more completion. Clashes and repairs are told by templates."""


class Section(BaseModel):
    """One concern, such as transport, and what must be written down for it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    section: str = Field(min_length=1)
    steps: tuple[str, ...] = Field(min_length=1)


class Steps(BaseModel):
    """The answer to the first question."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    steps: tuple[Section, ...] = Field(min_length=1)

    @property
    def shown(self) -> str:
        return "\n".join(line for one in self.steps for line in (f"# {one.section}", *(f"- {step}" for step in one.steps)))


@strategy("formal_planner", takes=(FormulationTask, RepairTask), prompts=[*PROMPTS, "formal_planner/steps", "formal_planner/formulate"],
          calls="1 for the steps, 1 for the formulation, each up to retries more, and runs of a solver; a repair asks no model")
async def formal_planner(task: FormulationTask | RepairTask, params: FormalPlanner, ctx: Context) -> Result:
    """Write the wishes down as named constraints and solve them; where they contradict each other, suggest what would help.

    ``best_effort`` by the authority ``solver``: the best plan; or the proof that there is none, with the wishes that contradict each
    other, and among the artifacts ``suggestions``, each solved with its ``edits``. A task of kind ``repair`` carries the formulation
    with what a person makes of them (``accept``, ``modify``, ``refuse``), and is solved again. ``failed`` when the model's formulation
    cannot be used: ``detail`` says why. A spent budget gives ``limit``.
    """
    if isinstance(task, RepairTask):
        return await answered(await repaired(task, params, ctx), "is not checked in a repair", "", params, ctx)
    if task.formulation is not None:
        raise InvalidTask("formal_planner writes the formulation itself; one that is there is taken by a task of kind repair, or by llmfp",
                          param="task.formulation")
    try:
        steps = await stepwise(task, params, ctx.scope("steps"))
        attempt = await formulated(task, steps, params, ctx.scope("formulate"))
    except Wrong as complaint:
        return Result(answer=None, outcome="failed", detail=f"the model's answer cannot be used: {complaint}")
    words = ""
    if attempt.found.status in ("optimal", "feasible"):
        words = await in_words(attempt.sentences, task, params, ctx.scope("tell"), by_model=params.prose == "model")
    return await answered(attempt, "was not checked", words, params, ctx, steps=steps.model_dump(mode="json")["steps"])


async def stepwise(task: FormulationTask, params: FormalPlanner, ctx: Context) -> Steps:
    """What is to be written down, concern by concern, in English. Raises :class:`Wrong`."""
    async def read(answer: str) -> Steps:
        return validated(Steps, json_in(answer))

    request = render("formal_planner/steps", task=task.description, query=wishes(task), data=constants(task))
    return await asked(ctx, form(request, params, await held_to(Steps, ctx, structured=params.structured)), read, params.retries)


async def formulated(task: FormulationTask, steps: Steps, params: FormalPlanner, ctx: Context) -> Attempt:
    """The steps as named constraints, solved. Raises :class:`Wrong`."""
    async def solved(answer: str) -> Attempt:
        draft = Draft.read(answer, task).model_copy(update={"edits": ()})
        return await attempted(draft, params, ctx)

    request = render("formal_planner/formulate", language=language(), task=task.description, query=wishes(task), data=constants(task),
                     steps=steps.shown)
    held = await held_to(Draft, ctx, structured=params.structured, units=bool(task.units))
    return await asked(ctx, form(request, params, held), solved, params.retries)


async def repaired(task: RepairTask, params: FormalPlanner, ctx: Context) -> Attempt:
    """The formulation as a person changes it, solved. Raises :class:`InvalidTask` for a change that makes no sense."""
    formulation = kept(task.formulation, task.refuse)
    try:
        changed = edited(formulation, (*task.accept, *task.modify))
    except (FormulationError, ValidationError) as error:
        raise InvalidTask(f"accept and modify: {error}", param="task") from None
    attempt = Attempt(Draft(formulation=changed), in_order(await ctx.perform(Solve(formulation=changed, **params.limits))))
    if attempt.base.status == "invalid":
        raise InvalidTask(f"the formulation makes no sense: {' '.join(attempt.sentences)}", param="task.formulation")
    return attempt


def kept(formulation: Formulation, refused: tuple[str, ...]) -> Formulation:
    """The formulation with the refused constraints firm. Raises :class:`InvalidTask` for a name that it has not."""
    known = {one.name for one in formulation.constraints}
    for name in refused:
        if name not in known:
            raise InvalidTask(f"refuse: there is no constraint {name!r}; there are {', '.join(sorted(known)) or 'none'}",
                              param="task.refuse")
    return formulation.model_copy(update={"constraints": tuple(
        one.model_copy(update={"firm": True}) if one.name in refused else one for one in formulation.constraints)})


async def answered(attempt: Attempt, judged: str, words: str, params: FormalPlanner, ctx: Context, **artifacts: Any) -> Result:
    """The plan; or what stands against it, with suggestions."""
    if attempt.found.status != "infeasible":
        return concluded(attempt, words or "\n".join(attempt.sentences), judged, **artifacts)
    try:
        offered = await suggestions(attempt.draft.formulation, attempt.found, params, ctx)
    except BudgetSpent:
        offered = []
    ctx.emit("formulation.suggested", suggestions=[one.words for one in offered])
    return concluded(attempt, dilemma(attempt, offered), judged, **artifacts, suggestions=[
        one.model_dump(mode="json", by_alias=True, exclude_defaults=True) for one in offered])


def dilemma(attempt: Attempt, offered: list[Suggestion]) -> str:
    """Which wishes contradict each other, and a numbered list of what would help."""
    loose = wishes_in(attempt.found.core, attempt.draft.formulation)
    against = f"There is no plan that meets all of these: {', '.join(loose)}." if loose else attempt.sentences[0]
    if not offered:
        return f"{against}\nNo change was found that helps and leaves firm what is firm."
    return "\n".join([against, "", "It would help to do one of these:", *(f"{at}. {one.words}" for at, one in enumerate(offered, start=1))])


def wishes(task: FormulationTask) -> str:
    """What the plan is to be like."""
    return task.query or "(all is in the task)"
