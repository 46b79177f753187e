"""From a formula to its minimal automaton by progression: what remains to be shown after each position (Bacchus & Kabanza 1998, for LTLf).

A state is what remains, as a minimal disjunction of sets of obligations for the next position. Besides formulas there are two obligations
about the trace itself: that a next position exists, and that none does. Minimal disjunctions of a monotone function are finite in number,
so the construction ends.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Sequence

from eudoxus.decoding.ltl.automaton import Automaton, Effort, Symbol
from eudoxus.decoding.ltl.errors import SpecTooLarge
from eudoxus.decoding.ltl.formula import FALSE, TRUE, Atom, Binary, Constant, Formula, Unary

MOST_CONJUNCTS = 200
"""Sets of obligations in one state."""
MOST_NODES = 20_000
"""Nodes of a formula in negation normal form, in which each <-> doubles what it joins."""

GOES_ON, ENDS = Constant("(a next position)"), Constant("(no next position)")

Remains = frozenset[frozenset[Formula]]
"""A disjunction of conjunctions of obligations."""

_NEVER: Remains = frozenset()
_DONE: Remains = frozenset([frozenset()])


def automaton(formula: Formula, alphabet: Sequence[Symbol], effort: Effort | None = None) -> Automaton:
    """The minimal automaton of the non-empty runs over ``alphabet`` that satisfy ``formula``.

    Raises :class:`SpecTooLarge` when that takes more than the limits allow.
    """
    if _nodes(formula) > MOST_NODES:
        raise SpecTooLarge(f"a formula with <-> inside <-> grows to more than {MOST_NODES:,} nodes", param="behavior")
    progressed, spent = _progression(), effort or Effort()

    def step(remains: Remains, symbol: Symbol) -> Remains:
        spent.spend(len(remains) ** 2 // 4)
        return _any_of(_all_of(progressed(obligation, symbol.holding) for obligation in together) for together in remains)

    start: Remains = frozenset([frozenset([positive(formula)])])
    return Automaton.built(alphabet, start, step, lambda remains: any(together <= {ENDS} for together in remains), spent)


def positive(formula: Formula, negated: bool = False) -> Formula:
    """Negation normal form over ! (of atoms), &, |, X, N, U and R; the negation of ``formula`` if ``negated``."""
    match formula:
        case Atom():
            return Unary("!", formula) if negated else formula
        case Constant("last"):
            return Unary("X", TRUE) if negated else Unary("N", FALSE)
        case Constant(name):
            return FALSE if (name == "true") == negated else TRUE
        case Unary("!", of):
            return positive(of, not negated)
        case Unary("X" | "N" as op, of):
            return Unary({"X": "N", "N": "X"}[op] if negated else op, positive(of, negated))
        case Unary("F" | "G" as op, of):
            return Binary("U", TRUE, positive(of, negated)) if (op == "F") != negated else Binary("R", FALSE, positive(of, negated))
        case Binary("&" | "|" | "U" | "R" as op, left, right):
            other = {"&": "|", "|": "&", "U": "R", "R": "U"}[op]
            return Binary(other if negated else op, positive(left, negated), positive(right, negated))
        case Binary("->", left, right):
            return positive(Binary("|", Unary("!", left), right), negated)
        case Binary("<->", left, right):
            same = Binary("|", Binary("&", left, right), Binary("&", Unary("!", left), Unary("!", right)))
            return positive(same, negated)
        case Binary("W", left, right):
            return positive(Binary("R", right, Binary("|", left, right)), negated)
    raise AssertionError(f"no formula: {formula}")


def _nodes(formula: Formula) -> int:
    match formula:
        case Unary(_, of):
            return 1 + _nodes(of)
        case Binary(op, left, right):
            return 1 + (_nodes(left) + _nodes(right)) * (2 if op == "<->" else 1)
    return 1


def _progression() -> Callable[[Formula, frozenset[str]], Remains]:
    """``progressed(φ, holding)``: what must hold at the next position for φ to hold at one where exactly ``holding`` hold."""

    @functools.cache
    def progressed(formula: Formula, holding: frozenset[str]) -> Remains:
        match formula:
            case Atom(name):
                return _DONE if name in holding else _NEVER
            case Unary("!", Atom(name)):
                return _NEVER if name in holding else _DONE
            case Unary("X", of):
                return _all_of([_now(of), _now(GOES_ON)])
            case Unary("N", of):
                return _any_of([_now(of), _now(ENDS)])
            case Binary("&", left, right):
                return _all_of([progressed(left, holding), progressed(right, holding)])
            case Binary("|", left, right):
                return _any_of([progressed(left, holding), progressed(right, holding)])
            case Binary("U", left, right):
                later = _all_of([progressed(left, holding), _now(formula), _now(GOES_ON)])
                return _any_of([progressed(right, holding), later])
            case Binary("R", left, right):
                later = _any_of([progressed(left, holding), _now(formula), _now(ENDS)])
                return _all_of([progressed(right, holding), later])
        return _DONE if formula in (TRUE, GOES_ON) else _NEVER

    return progressed


def _now(obligation: Formula) -> Remains:
    """The obligation itself, for the next position."""
    if obligation == TRUE:
        return _DONE
    return _NEVER if obligation == FALSE else frozenset([frozenset([obligation])])


def _any_of(options: Iterable[Remains]) -> Remains:
    return _smallest({together for option in options for together in option})


def _all_of(parts: Iterable[Remains]) -> Remains:
    joined: Remains = _DONE
    for part in parts:
        if len(joined) * len(part) > MOST_CONJUNCTS**2:
            raise _too_many()
        joined = _smallest({one | other for one in joined for other in part})
        if not joined:
            break
    return joined


def _smallest(conjunctions: Collection[frozenset[Formula]]) -> Remains:
    """Without contradictions, and without what a smaller set implies."""
    possible = sorted((one for one in conjunctions if not {GOES_ON, ENDS} <= one), key=len)
    kept = list[frozenset[Formula]]()
    for one in possible:
        if not any(smaller <= one for smaller in kept):
            kept.append(one)
            if len(kept) > MOST_CONJUNCTS:
                raise _too_many()
    return frozenset(kept)


def _too_many() -> SpecTooLarge:
    return SpecTooLarge(f"a formula branches into more than {MOST_CONJUNCTS} alternatives; split it into several checks", param="behavior")
