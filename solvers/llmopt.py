"""LLMOPT (Jiang et al., ICLR 2025, arXiv 2410.13213, §3): five elements first, then the formulation, then self-correction.

The elements are sets, parameters, variables, objective and constraints. Beyond the paper: the formulation is data instead of a Pyomo
program, so nothing of the model's is executed. The paper's training is no part of this.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from eudoxus.prompts import render
from eudoxus.runtime import Context, Result, strategy
from eudoxus.runtime.errors import BudgetSpent, InvalidTask
from eudoxus.solvers.attempts import PROMPTS, Attempt, Draft, Solving, attempted, concluded, form, language
from eudoxus.solvers.llmfp import constants, shown, without_data
from eudoxus.solvers.replies import Wrong, asked, held_to, json_in, validated
from eudoxus.solvers.task import FormulationTask

ELEMENTS = ("Sets", "Parameters", "Variables", "Objective", "Constraints")


class LLMOPT(Solving):
    corrections: int = Field(3, ge=0, le=12)
    """Self-corrections at most, each with 1 judgement; 0 leaves them out."""
    retries: int = Field(2, ge=0, le=5)
    """How often an answer that cannot be read or makes no sense may be corrected, each time with what is wrong."""


class Correction(BaseModel):
    """What the model says of its own work."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    elements: bool
    """Whether the five elements say what the problem says."""
    formulation: bool
    """Whether the formulation says what the elements say."""
    analysis: str = ""

    @property
    def right(self) -> bool:
        return self.elements and self.formulation


@strategy("llmopt", takes=FormulationTask, prompts=[*PROMPTS, "llmopt/elements", "llmopt/formulate", "llmopt/correct"],
          calls="1 for the five elements, 1 for the formulation, then up to corrections times 1 judgement and what it wants done anew; "
                "each up to retries more; and runs of a solver")
async def llmopt(task: FormulationTask, params: LLMOPT, ctx: Context) -> Result:
    """Write the problem down as five elements, formulate them as data, solve, and correct what the model finds wrong with its own work.

    ``best_effort`` by the authority ``solver``: the result is right for the formulation, which is among the artifacts with the elements;
    whether that says what the description says was judged by the model alone. ``failed`` when no formulation can be solved. A spent
    budget gives ``limit`` with what there is.
    """
    if task.formulation is not None:
        raise InvalidTask("llmopt writes the formulation itself; one that is there is taken by llmfp", param="task.formulation")
    made: dict[str, Any] = {}
    attempt: Attempt | None = None
    try:
        elements = made["elements"] = await written(task, params, ctx.scope("elements"), "")
        attempt = await formulated(task, elements, params, ctx.scope("formulate"), "")
        judged = "was not checked"
        for number in range(params.corrections):
            said = await corrected(task, elements, attempt, params, ctx.scope("correct", number))
            made.setdefault("corrections", []).append(said.model_dump(mode="json"))
            judged = "was judged by the model alone" + ("" if said.right else f"; its last objection: {said.analysis}")
            if said.right:
                break
            here = ctx.scope("anew", number)
            if not said.elements:
                elements = made["elements"] = await written(task, params, here.scope("elements"), remark(elements, said))
            old = shown(without_data(attempt.draft, task)["formulation"])
            attempt = await formulated(task, elements, params, here.scope("formulate"), remark(old, said))
    except Wrong as complaint:
        if attempt is None:
            return Result(answer=None, outcome="failed", detail=f"the model's answer cannot be used: {complaint}", artifacts=made)
        judged = f"was judged by the model alone; its last correction cannot be used: {complaint}"
    except BudgetSpent as refusal:
        if attempt is None:
            raise
        answer = "\n".join(attempt.sentences) if attempt.settled else None
        return Result(answer=answer, outcome="limit", authority="solver" if answer else "none", detail=str(refusal),
                      artifacts=attempt.artifacts | made)
    return concluded(attempt, "\n".join(attempt.sentences), judged, **made)


async def written(task: FormulationTask, params: LLMOPT, ctx: Context, before: str) -> str:
    """The five elements, as text below their headings. Raises :class:`Wrong` where one is missing."""
    async def read(answer: str) -> str:
        text = answer.rpartition("</think>")[2].strip()
        missing = [name for name in ELEMENTS if not any(
            line.strip(" #*:").lower().startswith(name.lower()) for line in text.splitlines())]
        if missing:
            raise Wrong(f"the heading {' and the heading '.join(missing)} is missing: each of the five begins a line")
        return text

    request = render("llmopt/elements", task=problem(task), data=constants(task), before=before or "(this is the first time)")
    return await asked(ctx, form(request, params, {}), read, params.retries)


async def formulated(task: FormulationTask, elements: str, params: LLMOPT, ctx: Context, before: str) -> Attempt:
    """The elements as a formulation, solved. Raises :class:`Wrong`."""
    async def solved(answer: str) -> Attempt:
        return await attempted(Draft.read(answer, task).model_copy(update={"edits": ()}), params, ctx)

    request = render("llmopt/formulate", language=language(), task=problem(task), data=constants(task), elements=elements,
                     before=before or "(this is the first time)")
    held = await held_to(Draft, ctx, structured=params.structured, units=bool(task.units))
    return await asked(ctx, form(request, params, held), solved, params.retries)


async def corrected(task: FormulationTask, elements: str, attempt: Attempt, params: LLMOPT, ctx: Context) -> Correction:
    """What the model says of elements, formulation and result. Raises :class:`Wrong`."""
    async def read(answer: str) -> Correction:
        return validated(Correction, json_in(answer))

    request = render("llmopt/correct", language=language(), task=problem(task), data=constants(task), elements=elements,
                     formulation=shown(without_data(attempt.draft, task)["formulation"]), result="\n".join(attempt.sentences))
    return await asked(ctx, form(request, params, await held_to(Correction, ctx, structured=params.structured)), read, params.retries)


def problem(task: FormulationTask) -> str:
    """Description and query: here the query is part of the problem."""
    return "\n\n".join(filter(None, [task.description, task.query]))


def remark(old: str, said: Correction) -> str:
    """What was written before, and what is wrong with it."""
    return f"{old}\n\nWhat is wrong with it: {said.analysis}"
