"""LLMFP (Hao et al., ICLR 2025, arXiv 2410.12112, §3): define, formulate, solve, tell, self-assess and modify.

Beyond the paper: the formulation is data instead of a program, so nothing of the model's is executed; what checks and solver find wrong
goes back in their own words; a question is a change of the formulation, and both optima are told; of a contradiction its constraints.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from eudoxus.planners.llm_plus_p import LLMPlusP, llm_plus_p
from eudoxus.planners.task import DomainTask, PlanningTask
from eudoxus.planners.text_to_domain import TextToDomain, text_to_domain
from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, ChatTask, Context, Message, Result, strategy
from eudoxus.runtime.errors import BudgetSpent, InvalidTask
from eudoxus.solvers import scripted
from eudoxus.solvers.attempts import PROMPTS, Assessing, Attempt, Draft, Edits, attempted, concluded, form, in_words, language
from eudoxus.solvers.replies import Wrong, asked, held_to, json_in, validated
from eudoxus.solvers.task import FormulationTask

MOST_SHOWN = 20_000
"""Characters of the values that are shown for self-assessment."""
_UNITS = ('A formulation has one member more here, "units": {"x": "t"}, with the units of your variables and of constants of your own, '
          'written like those above, "1" for what has none. What is added or compared must have the same unit; multiply with a constant '
          'to convert.')
_PUBLISHED: dict[str, Any] = {"max_iters": 5, "retries": 5, "prose": "model", "lean": False}


class LLMFP(Assessing):
    preset: Literal["paper"] | None = None
    """``paper``: the stages and limits as published, max_iters=5, retries=5, prose=model; what is given besides still holds."""
    form: Literal["json", "python"] = "json"
    """What the model writes: a formulation as data; or, where the operator allows it, a z3 script in Python, which runs in the sandbox."""
    lean: bool = False
    """Whether definition and formulation are one completion; of ``form=python`` whether the script is written without a definition."""
    prose: Literal["template", "model"] = "template"
    """Who tells the result: templates alone, or before them the model in 1 more completion."""

    @model_validator(mode="before")
    @classmethod
    def _as_published(cls, given: Any) -> Any:
        return {**_PUBLISHED, **given} if isinstance(given, dict) and given.get("preset") == "paper" else given


class Definition(BaseModel):
    """What is to be decided, in words; the answer of the definer."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: Literal["optimization", "planning"]
    goal: str = Field(min_length=1)
    variables: tuple[str, ...] = ()
    reasoning: str | tuple[str, ...] = ""
    """How the variables are tied to each other; for the model's own use, and not handed on (as in the paper)."""
    constraints: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        lines = [f"Goal: {self.goal}", "To be decided:", *(f"- {one}" for one in self.variables),
                 "What must hold:", *(f"- {one}" for one in self.constraints)]
        return "\n".join(lines)


class Step(BaseModel):
    """What a self-assessment says of one step."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    right: bool
    why: str = ""
    modified: dict[str, Any] | None = None


class Assessment(BaseModel):
    """Ratings of the steps; of *define* only where it was one."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    define: Step | None = None
    formulate: Step


@dataclass(slots=True)
class Work:
    """How far a run has come."""

    definition: Definition | None = None
    attempt: Attempt | None = None
    assessments: list[Assessment] = field(default_factory=list)

    @property
    def judged(self) -> str:
        if not self.assessments:
            return "was not checked"
        last = self.assessments[-1]
        doubt = "" if last.formulate.right else f"; its last objection: {last.formulate.why or (last.define.why if last.define else '')}"
        return f"was judged by the model alone{doubt}"

    @property
    def artifacts(self) -> dict[str, Any]:
        found = {"definition": self.definition.model_dump(mode="json")} if self.definition else {}
        return found | {"assessments": [one.model_dump(mode="json") for one in self.assessments]}


@strategy("llmfp", takes=FormulationTask,
          prompts=[*PROMPTS, "llmfp/define", "llmfp/formulate", "llmfp/lean", "llmfp/edit", "llmfp/assess", *scripted.PROMPTS,
                    *text_to_domain.prompts],
          calls="1 definition, 1 formulation, up to max_iters self-assessments; each up to retries more; and runs of a solver. With "
                "form=python 1 script instead of the formulation, and 1 more after each self-assessment that finds it wrong. A task "
                "that is one of planning: 1 definition, then those of text_to_domain")
async def llmfp(task: FormulationTask, params: LLMFP, ctx: Context) -> Result:
    """Define the problem, formulate it as data, solve it, tell the result, and have the model assess and modify what it wrote.

    ``best_effort`` by the authority ``solver``: the optimum, or the proof that there is no solution with the constraints that contradict
    each other, is right for the formulation, which is among the artifacts; whether that says what the description says was judged by the
    model alone. ``failed`` when no formulation can be solved: ``detail`` says why. A spent budget gives ``limit`` with what there is.
    With ``form=python`` the authority is ``solver`` only where a z3 of ours found the answer again, else ``none``: see ``scripted``.
    A task that asks for a sequence of actions goes to ``text_to_domain``, or to ``llm_plus_p`` where it brings a domain in PDDL.
    """
    work = Work()
    try:
        return await until_right(task, params, ctx, work)
    except Wrong as complaint:
        return Result(answer=None, outcome="failed", detail=f"the model's answer cannot be used: {complaint}", artifacts=work.artifacts)
    except BudgetSpent as refusal:
        if work.attempt is None:
            raise
        answer = "\n".join(work.attempt.sentences) if work.attempt.settled else None
        return Result(answer=answer, outcome="limit", authority="solver" if answer else "none", detail=str(refusal),
                      artifacts=work.attempt.artifacts | work.artifacts)


async def until_right(task: FormulationTask, params: LLMFP, ctx: Context, work: Work) -> Result:
    """The loop: define, formulate, solve, and while the model rates a step wrong, go on with its modification."""
    if params.form == "python":
        await scripted.permitted(task, ctx.scope("permission"))
    if task.formulation is None and not params.lean:
        work.definition = await defined(task, params, ctx.scope("define"))
        if work.definition.kind == "planning":
            return await planned(task, ctx.scope("plan"))
    if params.form == "python":
        definition = work.definition.shown if work.definition else "(this step was not taken)"
        return await scripted.scripted(task, params, ctx, definition, constants(task), by_model=params.prose == "model")
    work.attempt = await formulated(task, params, ctx.scope("formulate"), work.definition)
    for iteration in range(params.max_iters):
        if await assessed_right(task, params, ctx.scope("assess", iteration), work):
            break
    words = "" if not work.attempt.settled else await in_words(
        work.attempt.sentences, task, params, ctx.scope("tell"), by_model=params.prose == "model")
    return concluded(work.attempt, words, work.judged, **work.artifacts)


async def defined(task: FormulationTask, params: LLMFP, ctx: Context) -> Definition:
    """What is to be decided and what must hold, of the task without its question. Raises :class:`Wrong`."""
    async def read(answer: str) -> Definition:
        return validated(Definition, json_in(answer))

    request = render("llmfp/define", task=task.description, data=constants(task))
    return await asked(ctx, form(request, params, await held_to(Definition, ctx, structured=params.structured)), read, params.retries)


async def formulated(task: FormulationTask, params: LLMFP, ctx: Context, definition: Definition | None) -> Attempt:
    """The formulation of the task, and what the question changes in it, solved. Raises :class:`Wrong`."""
    async def solved(answer: str) -> Attempt:
        return await attempted(Draft.read(answer, task), params, ctx, given=task.formulation is not None)

    question = task.query or "(none: find the optimum)"
    if task.formulation is not None:
        request = render("llmfp/edit", language=language(), task=task.description, query=question,
                         formulation=shown(without_data(Draft.of({}, task), task)["formulation"]), data=constants(task))
    elif definition is None:
        request = render("llmfp/lean", language=language(), task=task.description, query=question, data=constants(task))
    else:
        request = render("llmfp/formulate", language=language(), task=task.description, query=question, data=constants(task),
                         definition=definition.shown)
    held = await held_to(Edits if task.formulation is not None else Draft, ctx, structured=params.structured, units=bool(task.units))
    return await asked(ctx, form(request, params, held), solved, params.retries)


async def assessed_right(task: FormulationTask, params: LLMFP, ctx: Context, work: Work) -> bool:
    """Whether it is over: the model rates all steps right, or its modification cannot be used. Else the first wrong step counts as it was
    modified, and what follows from it is done anew."""
    assert work.attempt is not None

    async def modified(answer: str) -> tuple[Assessment, Attempt | Definition | None]:
        said = validated(Assessment, json_in(answer))
        if work.definition and said.define and not said.define.right:
            return said, validated(Definition, said.define.modified, "define.modified")
        if said.formulate.right:
            return said, None
        if said.formulate.modified is None:
            raise Wrong("formulate.modified: say how it is right, in the form of an answer of that step")
        return said, await attempted(Draft.of(said.formulate.modified, task), params, ctx, given=task.formulation is not None)

    request = form(assessment(task, work.attempt, work.definition), params, await held_to(Assessment, ctx, structured=params.structured))
    try:
        said, change = await asked(ctx, request, modified, params.retries)
        work.assessments.append(said)
        ctx.emit("formulation.assessed", **said.model_dump(mode="json"))
        if isinstance(change, Definition):
            work.definition = change
            change = await formulated(task, params, ctx.scope("formulate"), change)
    except Wrong as complaint:
        work.assessments.append(Assessment(formulate=Step(right=False, why=f"(the assessment cannot be used: {complaint})")))
        return True
    work.attempt = change or work.attempt
    return change is None


def assessment(task: FormulationTask, attempt: Attempt, definition: Definition | None) -> ChatRequest:
    """The question whether the steps are right: all that was made is in it."""
    values = shown({name: chosen(table) for name, table in attempt.found.values.items()})
    made = without_data(attempt.draft, task)
    given = task.formulation is not None
    return render(
        "llmfp/assess", language=language(), task=task.description, query=task.query or "(none: find the optimum)", data=constants(task),
        given=shown(made["formulation"]) if given else "(none)", definition=definition.shown if definition else "(this step was not taken)",
        formulation=shown({"edits": made["edits"]} if given else made),
        result="\n".join(attempt.sentences), values=values[:MOST_SHOWN] + ("…" if len(values) > MOST_SHOWN else ""))


def chosen(table: Any) -> Any:
    """Of a table of values what is neither 0 nor false: most of a choice is not chosen."""
    return {key: value for key, value in table.items() if value} if isinstance(table, dict) else table


def without_data(draft: Draft, task: FormulationTask) -> dict[str, Any]:
    """The draft as the model wrote it: what is among the data is shown there."""
    document = draft.shown["formulation"]
    params = {name: value for name, value in document.get("params", {}).items() if name not in task.constants}
    rest = {name: part for name, part in document.items() if name != "params"}
    return {"formulation": ({"params": params} if params else {}) | rest, "edits": draft.shown.get("edits", [])}


async def planned(task: FormulationTask, ctx: Context) -> Result:
    """The task as one of planning: the question is the goal."""
    words = "\n\n".join(filter(None, [task.description, task.query]))
    data = f"\n\nData:\n{constants(task)}" if task.constants else ""
    try:
        if "(define" in words:
            planning = PlanningTask.from_chat(ChatTask(messages=(Message(role="user", content=words + data),)))
            return await ctx.apply(llm_plus_p, LLMPlusP(), planning)
        world = DomainTask(world=task.description + data, description=task.query or task.description)
        return await ctx.apply(text_to_domain, TextToDomain(), world)
    except (InvalidTask, ValidationError) as error:
        return Result(answer=None, outcome="failed", detail=f"this is a task of planning, and cannot be read as one: {error}")


def constants(task: FormulationTask) -> str:
    """The data, one constant a line."""
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" + (f"  (in {task.units[name]})" if name in task.units else "")
             for name, value in task.constants.items()]
    if task.units:
        lines.append(_UNITS)
    return "\n".join(lines) or "(none)"


def shown(value: Any) -> str:
    """JSON for a model."""
    return json.dumps(value, ensure_ascii=False)
