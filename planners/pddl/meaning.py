"""Checks of what a problem means: facts that nothing can make true, goals that cannot be reached, facts that exclude each other."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator, Mapping, Sequence

from eudoxus.planners.pddl.findings import MOST_FINDINGS, Finding
from eudoxus.planners.pddl.formulas import Atom, Holds, Not, ground, show
from eudoxus.planners.pddl.invariants import Invariant, invariants
from eudoxus.planners.pddl.model import Domain, Fitting, Problem, conjuncts, objects_of
from eudoxus.planners.pddl.operators import Operator, operators
from eudoxus.planners.pddl.reachability import MOST_STEPS, Reached, matches, reach

MOST_EXPLAINED = 5
"""Unreachable parts of a goal whose cause is looked for."""
MOST_CAUSES = 100_000
"""Facts looked at on the way to all causes."""
MOST_COUNTED = 200_000
"""Facts and objects, times invariants, of problems whose facts are weighed against each other."""


def misgivings(problem: Problem, domain: Domain, *, search: bool = True) -> Iterator[Finding]:
    """What is wrong or suspicious about the meaning of the problem; reachability only with ``search``, for which names must be right."""
    ways = operators(domain)
    reached = reach(domain, problem, until=frozenset(_wanted(problem)), ways=ways) if search else None
    out_of_reach = reached is None or not reached.complete or any(atom not in reached.facts for atom in _wanted(problem))
    yield from _static(problem, ways, certain=out_of_reach)
    yield from _refused(problem, ways)
    if reached is not None and not reached.complete:
        yield Finding(rule="not_checked", severity="warning", where="goal", atom="",
                      expected=f"whether the goal can be reached was not found out: it takes more than {MOST_STEPS:,} steps")
    elif reached is not None:
        yield from _unreachable(problem, ways, reached)
    yield from _already(problem)
    known = invariants(domain)
    things = objects_of(domain, problem)
    if (len(things) + len(problem.init) + len(_wanted(problem))) * len(known) > MOST_COUNTED:
        yield Finding(rule="not_checked", severity="warning", where="init", atom="",
                      expected="whether facts exclude each other was not found out: there are too many of them")
    else:
        yield from _excluding(problem, known)
        yield from _unbalanced(problem, domain, known, things)


def _wanted(problem: Problem) -> list[Atom]:
    return [part.atom for part in conjuncts(problem.goal) if isinstance(part, Holds)]


def _static(problem: Problem, ways: Sequence[Operator], *, certain: bool) -> Iterator[Finding]:
    """Predicates that actions need, no action makes true and no initial fact states."""
    made = {atom[0] for operator in ways for atom in operator.adds} | {fact[0] for fact in problem.init}
    needed: dict[str, list[str]] = {}
    for operator in ways:
        for atom in operator.condition.positive:
            if atom[0] not in made:
                needed.setdefault(atom[0], []).append(operator.action)
    for name, actions in needed.items():
        asking = list(dict.fromkeys(actions))
        yield Finding(rule="static_empty", severity="error" if certain else "warning", where="init", atom=f"({name} …)",
                      expected=f"there is no initial fact with {name}, which {_listed(asking)} need{'s' * (len(asking) == 1)} "
                               "and no action can make true; list all of them")


def _refused(problem: Problem, ways: Sequence[Operator]) -> Iterator[Finding]:
    """Parts of the goal that say ``not`` about what holds for ever, or about what is asked for as well."""
    deleted = {atom[0] for operator in ways for atom in operator.deletes}
    init, wanted = set(problem.init), set(_wanted(problem))
    for part in conjuncts(problem.goal):
        if isinstance(part, Not) and isinstance(part.part, Holds):
            atom = part.part.atom
            if atom in wanted:
                yield Finding(rule="unreachable_goal", where="goal", atom=f"(not {show(atom)})",
                              expected=f"the goal asks for {show(atom)}, too")
            elif atom in init and atom[0] not in deleted:
                yield Finding(rule="unreachable_goal", where="goal", atom=f"(not {show(atom)})",
                              expected=f"{show(atom)} holds at the start and no action can make it false")


def _unreachable(problem: Problem, ways: Sequence[Operator], reached: Reached) -> Iterator[Finding]:
    causes = _Causes(ways, reached)
    missed = [atom for atom in dict.fromkeys(_wanted(problem)) if atom not in reached.facts]
    for number, atom in enumerate(missed[:MOST_FINDINGS]):
        cause = causes.of(atom) if number < MOST_EXPLAINED else ""
        yield Finding(rule="unreachable_goal", where="goal", atom=show(atom),
                      expected=f"no sequence of actions can make it true{cause and ': '}{cause}")


class _Causes:
    """Looks for the first thing on the way to a goal that no action makes true at all; gives up after :data:`MOST_CAUSES`."""

    def __init__(self, ways: Sequence[Operator], reached: Reached) -> None:
        self._makers: dict[str, list[tuple[Operator, Atom]]] = {}
        for operator in ways:
            for added in operator.adds:
                self._makers.setdefault(added[0], []).append((operator, added))
        self._facts: dict[str, list[Atom]] = {}
        for fact in reached.facts:
            self._facts.setdefault(fact[0], []).append(fact)
        self._left = MOST_CAUSES

    def of(self, goal: Atom) -> str:
        """The cause in words; empty when looking for it would take too long."""
        waiting, seen = deque([(goal, "")]), {goal: None}
        together = ""
        while waiting:
            atom, because = waiting.popleft()
            makers = [(operator, binding) for operator, added in self._makers.get(atom[0], ())
                      if (binding := matches(added, atom)) is not None]
            if not makers:
                return f"{show(atom)} {because}does not hold at the start and no action makes it true"
            for operator, binding in makers:
                missing = [needed for part in operator.condition.positive if not self._possible(needed := ground(part, binding))]
                if self._left < 0:
                    return ""
                together = together or ("" if missing else f"{operator.action} could, but its preconditions never hold together")
                for needed in missing:
                    if needed not in seen:
                        seen[needed] = None
                        waiting.append((needed, f"(which {operator.action} needs) "))
        circle = [show(atom) for atom in seen]
        return together or f"none of {_listed(circle)} holds at the start, and each of them takes another of them to become true"

    def _possible(self, needed: Atom) -> bool:
        """Whether some reachable fact matches."""
        for fact in self._facts.get(needed[0], ()):
            self._left -= 1
            if self._left < 0 or matches(needed, fact) is not None:
                return True
        self._left -= 1
        return False


def _already(problem: Problem) -> Iterator[Finding]:
    init = set(problem.init)
    parts = list(conjuncts(problem.goal))
    if parts and all(
        (isinstance(part, Holds) and part.atom in init)
        or (isinstance(part, Not) and isinstance(part.part, Holds) and part.part.atom not in init) for part in parts
    ):
        yield Finding(rule="goal_holds", severity="warning", where="goal", atom="",
                      expected="the goal holds at the start already, so the plan is empty")


def _excluding(problem: Problem, known: Sequence[Invariant]) -> Iterator[Finding]:
    """Parts of the goal that never hold at the same time."""
    told: set[frozenset[Atom]] = set()
    for invariant in known:
        start = invariant.groups(problem.init)
        for key, atoms in invariant.groups(dict.fromkeys(_wanted(problem))).items():
            pair = frozenset(atoms[:2])
            if len(atoms) > 1 and len(start.get(key, ())) <= 1 and pair not in told:
                told.add(pair)
                yield Finding(rule="goal_conflict", severity="warning", where="goal", atom=" ".join(map(show, atoms[:2])),
                              expected=f"at most one of these holds at a time, by {invariant}")


def _unbalanced(problem: Problem, domain: Domain, known: Sequence[Invariant], things: Mapping[str, tuple[str, ...]]) -> Iterator[Finding]:
    """Objects that stand out at the start: several facts of a kind of which all others have one, or none."""
    told: set[frozenset[Atom]] = set()
    for invariant in known:
        groups = invariant.groups(dict.fromkeys(problem.init))
        single = sum(len(facts) == 1 for facts in groups.values())
        several = [facts for key, facts in groups.items() if key and len(facts) > 1]
        if len(several) < single:
            for facts in several[:MOST_EXPLAINED]:
                pair = frozenset(facts[:2])
                if pair not in told:
                    told.add(pair)
                    yield Finding(rule="init_conflict", severity="warning", where="init", atom=" ".join(map(show, facts[:2])),
                                  expected=f"at most one of these holds at a time for everything else, by {invariant}")
        if invariant.kept and single > 1 and not several:
            yield from _lacking(invariant, groups, domain, things, single)


def _lacking(invariant: Invariant, groups: Mapping[tuple[str, ...], object], domain: Domain, things: Mapping[str, tuple[str, ...]],
             single: int) -> Iterator[Finding]:
    """Objects without any of the facts of which all others of their type have one."""
    if len(next(iter(groups))) != 1:
        return
    part = min(invariant.parts)
    declared = domain.predicate(part.predicate)
    if declared is None:
        return
    fits, wanted = Fitting(domain), declared.places[part.keys[0] - 1].types
    missing = [name for name, types in things.items() if (name,) not in groups and fits(types, wanted)]
    if len(missing) < single:
        for name in missing[:MOST_EXPLAINED]:
            choices = " or ".join(str(each).replace("?1", name) for each in sorted(invariant.parts))
            yield Finding(rule="init_conflict", severity="warning", where="init", atom=name,
                          expected=f"nothing is said about it where everything else of its kind has one of {choices}")


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(itertools.islice(names, 4))
    return shown if len(names) <= 4 else f"{shown} and {len(names) - 4} more"
