"""Random formulas and symbols, for tests."""

from __future__ import annotations

from random import Random

from hypothesis import strategies as st

from eudoxus.decoding.ltl.automaton import Symbol
from eudoxus.decoding.ltl.formula import FALSE, LAST, TRUE, Atom, Binary, Formula, Unary

NAMES = ("a", "b", "c")
ALPHABET = tuple(Symbol(name) for name in NAMES)
LEAVES = (*map(Atom, NAMES), TRUE, FALSE, LAST)
UNARY, BINARY = ("!", "X", "N", "F", "G"), ("&", "|", "->", "<->", "U", "R", "W")

formulas = st.recursive(st.sampled_from(LEAVES), lambda inner: st.one_of(
    st.builds(Unary, st.sampled_from(UNARY), inner), st.builds(Binary, st.sampled_from(BINARY), inner, inner)), max_leaves=12)


def random_formula(random: Random, depth: int) -> Formula:
    kind = random.random()
    if depth == 0 or kind < 0.15:
        return random.choice(LEAVES)
    if kind < 0.55:
        return Unary(random.choice(UNARY), random_formula(random, depth - 1))
    return Binary(random.choice(BINARY), random_formula(random, depth - 1), random_formula(random, depth - 1))
