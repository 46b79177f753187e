"""One formulation of a model: read, held against the task, solved, and told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from eudoxus.prompts import load, render
from eudoxus.runtime import ChatRequest, Context, Params, Result
from eudoxus.runtime.errors import BudgetSpent
from eudoxus.solvers.edits import Compared, Edit, compare_in, edited
from eudoxus.solvers.formulation.document import Formulation
from eudoxus.solvers.formulation.errors import FormulationError
from eudoxus.solvers.replies import Wrong, json_in, validated
from eudoxus.solvers.solving import Solution, Solve
from eudoxus.solvers.task import FormulationTask, ordered, stated
from eudoxus.solvers.telling import doubtful, told, told_change

SETTLED = frozenset(("optimal", "feasible", "infeasible"))
"""What a person can do something with. *unbounded* and *not_attained* mean that the formulation lacks something."""
PROMPTS = ["formulation/language", "formulation/again", "formulation/tell"]
"""Of every strategy here."""
_MEANT = {"sets", "params", "variables", "constraints", "templates", "objective", "outputs"}


class Solving(Params):
    """What every strategy that formulates can be told."""

    seconds: float = Field(20.0, gt=0, le=300)
    """For the solver, each time; finding out why there is no solution has as much again."""
    memory_mb: int = Field(1024, ge=64, le=16384)
    """Memory for the solver in MiB."""
    temperature: float | None = Field(0.0, ge=0, le=2)
    """Sampling temperature. null leaves it to the endpoint."""
    structured: bool | None = None
    """Whether answers are held to a JSON schema; None: where the endpoint declares that it can."""

    @property
    def limits(self) -> dict[str, Any]:
        """Of the solver."""
        return {"seconds": self.seconds, "memory_mb": self.memory_mb}


class Assessing(Solving):
    """What a strategy can be told besides that has the model assess its own work."""

    max_iters: int = Field(3, ge=0, le=10)
    """Self-assessments at most; 0 leaves them out."""
    retries: int = Field(2, ge=0, le=5)
    """How often an answer that cannot be read or makes no sense may be corrected, each time with what is wrong."""


class Draft(BaseModel):
    """A formulation, and what a question changes in it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    formulation: Formulation
    edits: tuple[Edit, ...] = Field((), max_length=100)

    @classmethod
    def read(cls, answer: str, task: FormulationTask) -> Self:
        """The draft of an answer, with the task's constants. Raises :class:`Wrong`."""
        said = json_in(answer)
        return cls.of(said if "formulation" in said or not said.keys() & _MEANT else {"formulation": said}, task)

    @classmethod
    def of(cls, said: Any, task: FormulationTask) -> Self:
        """The draft that is told as JSON; where the task has a formulation, only the edits are taken. Raises :class:`Wrong`."""
        if task.formulation is not None and isinstance(said, dict):
            draft = validated(cls, {"formulation": task.formulation, "edits": said.get("edits", ())})
        else:
            draft = validated(cls, said)
        return draft.model_copy(update={"formulation": stated(draft.formulation, task)})

    @property
    def shown(self) -> dict[str, Any]:
        """As JSON, without what goes without saying."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)


class Edits(BaseModel):
    """The answer where a formulation is given."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    edits: tuple[Edit, ...] = Field(max_length=100)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A draft and what came of it."""

    draft: Draft
    base: Solution
    compared: Compared | None = None
    """None where nothing is changed."""

    @property
    def found(self) -> Solution:
        """What the answer is about: the solution with the changes."""
        return self.compared.edited if self.compared else self.base

    @property
    def settled(self) -> bool:
        return self.found.status in SETTLED and self.base.status in SETTLED

    @property
    def sentences(self) -> list[str]:
        return told_change(self.compared) if self.compared else told(self.base)

    @property
    def artifacts(self) -> dict[str, Any]:
        """The formulation, the changes and the solutions, as JSON."""
        compared = {"edited": self.compared.edited.model_dump(mode="json"), "difference": self.compared.difference} if self.compared else {}
        return {"formulation": self.draft.shown["formulation"], "edits": self.draft.shown.get("edits", []),
                "solution": self.base.model_dump(mode="json"), **compared}


async def attempted(draft: Draft, params: Solving, ctx: Context, *, given: bool = False) -> Attempt:
    """Solve the draft, and with its edits. Raises :class:`Wrong` for one that makes no sense, with the place and the column, and, unless it
    was ``given``, for one that puts different units together."""
    ctx.emit("formulation.draft", **draft.shown)
    if draft.edits:
        try:
            edited(draft.formulation, draft.edits)
        except (FormulationError, ValidationError) as error:
            raise Wrong(str(error)) from None
        found = await compare_in(ctx, draft.formulation, draft.edits, **params.limits)
        compared = found.model_copy(update={"base": in_order(found.base), "edited": in_order(found.edited)})
        attempt = Attempt(draft, compared.base, compared)
    else:
        attempt = Attempt(draft, in_order(await ctx.perform(Solve(formulation=draft.formulation, **params.limits))))
    for solution, which in ((attempt.base, ""), (attempt.found, "with the edits: ")):
        ctx.emit("formulation.solved", status=solution.status, objective=solution.objective)
        if solution.status == "invalid":
            raise Wrong(which + told(solution)[0])
        if not given and (mixed := [one for one in solution.doubts if one.kind != "magnitude"]):
            raise Wrong("\n".join(f"{which}{doubtful(one)}" for one in mixed))
    if attempt.settled:
        ctx.best("\n".join(attempt.sentences))
    return attempt


def in_order(found: Solution) -> Solution:
    """The solution with its values in alphabetical order, as a journal keeps them: they are told to models and people in that order."""
    return found.model_copy(update={"values": ordered(found.values), "outputs": ordered(found.outputs)})


def concluded(attempt: Attempt, words: str, judged: str, **artifacts: Any) -> Result:
    """The result of an attempt: never ``verified``, because no solver can say whether the formulation says what the words say."""
    found = attempt.found
    if not attempt.settled:
        open_one = found if found.status not in SETTLED else attempt.base
        return Result(answer=None, outcome="failed", detail=" ".join(told(open_one)), artifacts=attempt.artifacts | artifacts)
    done = {"optimal": "found the optimum" if found.objective is not None else "found values that meet all constraints",
            "infeasible": "proved that there is no solution"}.get(found.status, "found a solution that is not proved to be the best")
    checked = "" if found.status == "infeasible" else ", and every constraint was evaluated on the values"
    return Result(
        answer=words, outcome="best_effort", authority="solver", artifacts=attempt.artifacts | artifacts,
        detail=f"{found.backend or 'the solver'} {done}{checked}; whether the formulation says what the description says {judged}")


async def in_words(lines: Sequence[str], task: FormulationTask, params: Solving, ctx: Context, *, by_model: bool) -> str:
    """The answer for people: by template, or in 1 completion; by template also where the budget has no room for it."""
    sentences = "\n".join(lines)
    if not by_model:
        return sentences
    request = render("formulation/tell", task=task.description, query=task.query or "What is best?", result=sentences)
    try:
        said = (await ctx.complete(request.model_copy(update={"temperature": params.temperature})))[0]
    except BudgetSpent:
        return sentences
    return f"{said.text.strip()}\n\n{sentences}" if said.text.strip() else sentences


def language() -> str:
    """What models are told about formulations."""
    return load("formulation/language").render()


def form(request: ChatRequest, params: Solving, extra: dict[str, Any]) -> ChatRequest:
    """The request with its sampling fields and its form."""
    return request.model_copy(update={"temperature": params.temperature, **extra})
