"""Our own plan validator: applies a plan step by step and says exactly what does not hold.

It shares no code with any planner, so a plan that passes is right for this domain and problem whoever found it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from pydantic import BaseModel, ConfigDict

from eudoxus.planners.pddl.errors import PddlError
from eudoxus.planners.pddl.formulas import (
    And,
    Atom,
    Binding,
    Condition,
    Costs,
    Effect,
    Equal,
    Every,
    ForEach,
    Holds,
    Makes,
    Not,
    Or,
    Some,
    Typed,
    When,
    ground,
    show,
    show_condition,
)
from eudoxus.planners.pddl.model import Action, Domain, Problem, conjuncts, objects_of

MOST_STEPS = 100_000
MOST_EVALUATIONS = 2_000_000
"""Conditions looked at in one validation; nested quantifiers over many objects would otherwise take for ever."""

_LINE = re.compile(r"^\s*(?:\d+(?:\.\d+)?\s*[:.)]\s*)?\(([^()]*)\)\s*(?:\[[^\]]*\]\s*)?(?:;.*)?$")


class PlanVerdict(BaseModel):
    """Whether a plan reaches the goal, and if not, the first thing that keeps it from doing so."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    valid: bool
    length: int
    """Steps of the plan."""
    cost: float | None = None
    """Total cost when the problem minimizes it, else the number of steps; None for a plan that is not valid."""
    message: str = ""
    failed_step: int | None = None
    """Number of the step that cannot be applied, from 1; None when all can and it is the goal that is missed."""


def parse_plan(text: str) -> list[str]:
    """The steps of a plan as planners write it, one ``(action object …)`` per line; numbers before them and comments are skipped.

    Raises :class:`PddlError` for any other line, with its number, and for more than 100,000 steps.
    """
    steps = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith(";"):
            continue
        found = _LINE.match(line)
        if found is None or not found[1].strip():
            raise PddlError(f"expected a step such as (pick-up b1), found {line.strip()[:60]!r}", line=number, column=1)
        steps.append(f"({' '.join(found[1].lower().split())})")
        if len(steps) > MOST_STEPS:
            raise PddlError(f"the plan has more than {MOST_STEPS:,} steps", line=number, column=1)
    return steps


def validate(domain: Domain, problem: Problem, plan: Sequence[str] | str) -> PlanVerdict:
    """The verdict on ``plan``: its text, or its steps such as ``(stack b1 b2)``.

    Raises :class:`PddlError` when the text is no plan or the quantifiers are too large to be checked.
    """
    steps = [tuple(step[1:-1].split()) for step in parse_plan(plan if isinstance(plan, str) else "\n".join(plan))]
    world = _World(domain, problem)
    for number, step in enumerate(steps, start=1):
        complaint = world.apply(step)
        if complaint:
            return PlanVerdict(valid=False, length=len(steps), message=f"step {number}, {show(step)}: {complaint}", failed_step=number)
    missed = world.unmet(problem.goal, {})
    if missed:
        after = f"after all {len(steps)} steps" if steps else "in the initial state, which an empty plan does not change,"
        return PlanVerdict(valid=False, length=len(steps), message=f"{after} the goal is not reached: {_listed(missed)}")
    cost = world.cost if problem.minimize and domain.has_costs else float(len(steps))
    return PlanVerdict(valid=True, length=len(steps), cost=cost, message="every step can be taken and the goal holds in the end")


def outcome(domain: Domain, problem: Problem, plan: Sequence[str]) -> frozenset[Atom]:
    """The facts at the end of ``plan``. Raises :class:`PddlError` when it does not solve the problem."""
    verdict = validate(domain, problem, plan)
    if not verdict.valid:
        raise PddlError(f"the plan does not solve the problem: {verdict.message}")
    world = _World(domain, problem)
    for step in parse_plan("\n".join(plan)):
        world.apply(tuple(step[1:-1].split()))
    return frozenset(world.state)


class _World:
    """The state during a validation."""

    def __init__(self, domain: Domain, problem: Problem) -> None:
        self.domain = domain
        self.state: set[Atom] = set(problem.init)
        self.cost = 0.0
        self._things = objects_of(domain, problem)
        self._values = dict(problem.values)
        self._evaluations = 0

    def apply(self, step: Atom) -> str:
        """Take ``step``; what keeps it from being taken, or an empty text."""
        action = self.domain.action(step[0])
        if action is None:
            return f"the domain has no action {step[0]}"
        complaint, binding = self._bind(action, step)
        if complaint:
            return complaint
        missed = self.unmet(action.precondition, binding)
        if missed:
            return f"its precondition does not hold: {_listed(missed)}"
        gone, made = set[Atom](), set[Atom]()
        for effect in action.effects:
            for part, inner in self._happening(effect, binding):
                if isinstance(part, Costs):
                    amount = part.amount if isinstance(part.amount, float) else self._values.get(ground(part.amount, inner))
                    if amount is None:
                        return f"its cost {show(ground(part.amount, inner))} has no initial value"  # type: ignore[arg-type]
                    self.cost += amount
                else:
                    (made if part.value else gone).add(ground(part.atom, inner))
        self.state -= gone
        self.state |= made
        return ""

    def unmet(self, condition: Condition, binding: Binding) -> list[str]:
        """The parts of the condition that do not hold, in PDDL."""
        return [show_condition(part, binding) for part in conjuncts(condition) if not self._holds(part, binding)]

    def _bind(self, action: Action, step: Atom) -> tuple[str, dict[str, str]]:
        if len(step) - 1 != len(action.parameters):
            return f"{action.name} takes {len(action.parameters)} objects, found {len(step) - 1}: {action.form}", {}
        for word, parameter in zip(step[1:], action.parameters, strict=True):
            types = self._things.get(word)
            if types is None:
                return f"there is no object {word}", {}
            if not self.domain.fits(types, parameter.types):
                return f"{word} is of type {' or '.join(types)}, but {parameter} is asked for", {}
        return "", {parameter.name: word for parameter, word in zip(action.parameters, step[1:], strict=True)}

    def _holds(self, condition: Condition, binding: Binding) -> bool:
        self._count()
        match condition:
            case Holds(atom):
                return ground(atom, binding) in self.state
            case Equal(left, right):
                return binding.get(left, left) == binding.get(right, right)
            case Not(part):
                return not self._holds(part, binding)
            case And(parts):
                return all(self._holds(part, binding) for part in parts)
            case Or(parts):
                return any(self._holds(part, binding) for part in parts)
            case Every(variables, part):
                return all(self._holds(part, inner) for inner in self._choices(variables, binding))
            case Some(variables, part):
                return any(self._holds(part, inner) for inner in self._choices(variables, binding))

    def _happening(self, effect: Effect, binding: Binding) -> Iterator[tuple[Makes | Costs, Binding]]:
        match effect:
            case When(condition, effects):
                if self._holds(condition, binding):
                    for part in effects:
                        yield from self._happening(part, binding)
            case ForEach(variables, effects):
                for inner in self._choices(variables, binding):
                    for part in effects:
                        yield from self._happening(part, inner)
            case _:
                yield effect, binding

    def _choices(self, variables: Sequence[Typed], binding: Binding) -> Iterator[Binding]:
        fitting = [[name for name, types in self._things.items() if self.domain.fits(types, v.types)] for v in variables]
        for chosen in itertools.product(*fitting):
            self._count()
            yield {**binding, **{variable.name: word for variable, word in zip(variables, chosen, strict=True)}}

    def _count(self) -> None:
        self._evaluations += 1
        if self._evaluations > MOST_EVALUATIONS:
            raise PddlError(f"validating takes more than {MOST_EVALUATIONS:,} evaluations of conditions")


def _listed(parts: list[str]) -> str:
    shown = ", ".join(parts[:5])
    return shown if len(parts) <= 5 else f"{shown} and {len(parts) - 5} more"
