"""Asking z3 whether constraints can be met, as an effect: journaled, so that a replay has the outcome without the solver."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from eudoxus.planners.engines.process import Bounds, Ended, folder, run
from eudoxus.runtime import Effect
from eudoxus.solvers import z3
from eudoxus.solvers.gating import Goal, Script, gate
from eudoxus.solvers.second_opinion import Opinion, second_opinion
from eudoxus.solvers.smtlib import MOST_CHARACTERS, Expression, Refused, write

Status = Literal["sat", "unsat", "unknown", "timeout", "memory", "invalid", "crashed", "unavailable", "disputed"]
"""*unknown*: z3 gave up, or its time was over; where something is optimised, ``model`` is then the best that it found. *invalid*: the text
was refused, or z3 cannot make sense of it. *unavailable*: z3 is not installed. *disputed*: z3 and cvc5 contradict each other."""

MOST_VALUES = 1_000
"""Values of a model that are kept."""
MOST_OUTPUT = 1_000_000
_OPTIONS = "(set-option :produce-models true)\n(set-option :produce-unsat-cores true)\n(set-option :smt.core.minimize true)\n"
"""z3 keeps the last one only where nothing is optimised."""


class Objective(BaseModel):
    """What became of one objective, or of the soft assertions with one ``:id``. Several are met in their order, as z3 does."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["minimize", "maximize", "soft"]
    what: str
    """The term; of *soft* the ``:id``."""
    status: z3.Ended
    value: str | None = None
    """The optimum, or what is not attained, as a whole number or a fraction; of *soft* the weight of what does not hold. With *unknown*
    what it comes to in the model."""


class CheckResult(BaseModel):
    """What came of a check. Every failure is an outcome, none an exception."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Status
    model: dict[str, str] = {}
    """With *sat*: values of constants, in SMT-LIB, and functions as definitions. With *unknown*: values with which all assertions hold."""
    core: list[str] = []
    """With *unsat*: names of assertions that contradict each other, as few as z3 can make them."""
    message: str = ""
    objectives: list[Objective] = []
    """With *sat*, and *unknown* with a model: of what the text minimises and maximises, in its order."""
    second: Opinion | None = None
    """Of another solver, where one was wanted."""


class Check(Effect[CheckResult]):
    """Decide satisfiability, and find optima. The digest covers the text, the limits, and what differs from the usual."""

    kind: ClassVar[str] = "solver"
    result: ClassVar[type[BaseModel]] = CheckResult

    text: str = Field(max_length=MOST_CHARACTERS)
    """SMT-LIB 2: declarations, definitions, assertions and objectives; see :func:`eudoxus.solvers.gating.gate`."""
    seconds: float = Field(5.0, gt=0, le=300)
    """Wall-clock time for the solver; a second opinion has as much again."""
    memory_mb: int = Field(512, ge=64, le=65536)
    """Memory for the solver, in MiB."""
    quantifiers: bool = False
    """Whether the text may have ``forall`` and ``exists``, with which a solver often does not come to an end."""
    confirm: bool = False
    """Whether cvc5 is asked too whether the assertions can hold together."""

    def digested(self) -> dict[str, Any]:
        optional = {"quantifiers", "confirm"}
        return {name: value for name, value in self.model_dump(mode="json").items() if name not in optional or value}

    async def run(self) -> CheckResult:
        """Nothing is raised but cancellation."""
        try:
            script = gate(self.text, quantifiers=self.quantifiers)
        except Refused as problem:
            return CheckResult(status="invalid", message=str(problem))
        found = await ask(script, seconds=self.seconds, memory_mb=self.memory_mb)
        if not self.confirm or found.status in ("invalid", "unavailable"):
            return found
        other = await second_opinion("\n".join(script.commands), seconds=self.seconds, memory_mb=self.memory_mb)
        if {found.status, other.status} == {"sat", "unsat"}:
            said = f"z3 says {found.status}, {other.solver} says {other.status}"
            return found.model_copy(update={"status": "disputed", "message": said, "second": other})
        return found.model_copy(update={"second": other})


async def ask(script: Script, *, seconds: float, memory_mb: int) -> CheckResult:
    """What z3 says about a script. Cancelling ends its process."""
    program = z3.executable()
    if program is None:
        return CheckResult(status="unavailable", message=z3.ABSENT)
    terms = " ".join(goal.what for goal in script.goals if goal.kind != "soft")
    optima = ["(get-objectives)", f"(get-value ({terms}))" if terms else ""] if script.goals else ["(get-unsat-core)"]
    soft = [f"(set-option :timeout {ceil(1000 * seconds)})"] if script.goals else []  # z3 then still says what it has found
    asked = [*soft, *script.commands, *(goal.command for goal in script.goals), "(check-sat)", "(get-model)", *filter(None, optima)]
    ended = await _run(program, asked, seconds + (z3.GRACE_S if soft else 0), memory_mb)
    found = _read(ended, script)
    if found.status == "unknown" and found.model:
        return await _incumbent(program, script, found, memory_mb)
    if found.status == "unsat" and script.goals and ended.seconds < seconds:  # where something is optimised, cores are not made small
        again = await _run(program, [*script.commands, "(check-sat)", "(get-unsat-core)"], seconds - ended.seconds, memory_mb)
        found = found.model_copy(update={"core": _read(again, script).core})
    return found


async def _incumbent(program: str, script: Script, found: CheckResult, memory_mb: int) -> CheckResult:
    """``found`` with the model of an optimisation that was broken off and what the objectives come to in it; without, where not all holds.

    z3 is asked again with every constant fixed: what it says after it was broken off may be no model at all.
    """
    fixed = [f"(assert (= {name} {value}))" for name, value in found.model.items()]
    optima = [goal.command for goal in script.goals]
    terms = " ".join(goal.what for goal in script.goals if goal.kind != "soft")
    asked = [*script.commands, *fixed, *optima, "(check-sat)", "(get-model)", "(get-objectives)", f"(get-value ({terms}))" if terms else ""]
    ended = await _run(program, [*filter(None, asked)], z3.GRACE_S, memory_mb)
    again = _read(ended, script)
    if again.status != "sat":
        return found.model_copy(update={"model": {}})
    objectives = [one.model_copy(update={"status": "open"}) for one in again.objectives]
    message = f"{found.message}; the model is the best that was found, and not proved to be the best there is"
    return found.model_copy(update={"model": again.model, "objectives": objectives, "message": message})


async def _run(program: str, commands: Sequence[str], seconds: float, memory_mb: int) -> Ended:
    async with folder("eudoxus-z3-") as place:
        place.joinpath("constraints.smt2").write_text(_OPTIONS + "\n".join(commands) + "\n", "utf-8")
        command = z3.command(program, "constraints.smt2", seconds, memory_mb)
        return await run(command, place, wall_seconds=seconds + z3.GRACE_S, bounds=Bounds(seconds + z3.GRACE_S, 2 * memory_mb))


def _read(ended: Ended, script: Script) -> CheckResult:
    """z3's output: errors in the text, the status, then what there is to it.

    z3 goes on after an error without what it could not read, so a status after an error counts for nothing.
    """
    if ended.stopped:
        return CheckResult(status="timeout" if ended.stopped == "time" else "memory", message=f"z3 was ended: out of {ended.stopped}")
    said = z3.answers(ended.output, MOST_OUTPUT)
    match said:
        case [["error", *_], *_]:
            complaint = z3.complaint(said)
            return CheckResult(status="memory" if "out of memory" in complaint else "invalid", message=complaint)
        case ["sat", *rest]:
            return CheckResult(status="sat", model=_model(rest, script), objectives=_objectives(rest, script.goals))
        case ["unsat", *rest]:
            return CheckResult(status="unsat", core=_core(rest, script))
        case [("unknown" | "timeout") as status, *rest]:
            late = " in time" if status == "timeout" else ""
            return CheckResult(status=status, message=f"z3 could not decide it{late}", model=_model(rest, script) if script.goals else {})
    return CheckResult(status="crashed", message=f"z3 ended with {ended.code}: {ended.output[-200:].strip()}")


def _model(said: Sequence[Expression], script: Script) -> dict[str, str]:
    """Values by name, without those of the names that assertions have."""
    found = dict[str, str]()
    for part in said[0] if said and isinstance(said[0], list) else []:
        match part:
            case ["define-fun", str(name), parameters, _, value] if name not in script.assertions and len(found) < MOST_VALUES:
                found[name] = write(part) if parameters else write(value)
    return found


def _core(said: Sequence[Expression], script: Script) -> list[str]:
    """Names in the first answer that is no error (there is no model), in the order of the text."""
    core = next((one for one in said if isinstance(one, list) and one[:1] != ["error"]), [])
    return [name for name in script.assertions if name in core]


def _objectives(said: Sequence[Expression], goals: Sequence[Goal]) -> list[Objective]:
    """z3 names each group of soft assertions once, where its first one stands."""
    told = list({goal.what if goal.kind == "soft" else at: goal for at, goal in enumerate(goals)}.values())
    match said:
        case [_, ["objectives", *bounds], *rest] if len(bounds) == len(told):
            reached = iter(rest[0] if rest and isinstance(rest[0], list) else [])
            return [_objective(goal, bound, bound if goal.kind == "soft" else next(reached, []))
                    for goal, bound in zip(told, bounds, strict=True)]
    return []


def _objective(goal: Goal, bound: Expression, reached: Expression) -> Objective:
    if not isinstance(bound, list) or not bound or not isinstance(reached, list) or not reached:
        return Objective(kind=goal.kind, what=goal.what, status="open")
    status, value = z3.optimum(bound[-1], reached[-1], "max" if goal.kind == "maximize" else "min")
    return Objective(kind=goal.kind, what=goal.what, status=status, value=None if value is None else str(value))

