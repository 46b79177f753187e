"""Searching bodies that fit together."""

from __future__ import annotations

import itertools
import tracemalloc
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eudoxus.agents.code.parsel.combinations import Body, Combinations, Trial, arranged

NAMES = "abcdef"
CHAIN = {name: tuple(NAMES[at + 1 : at + 3]) for at, name in enumerate(NAMES)}
"""Each calls the next two."""


class Oracle:
    """Runs trials: a function's constraints hold exactly when all bodies that it needs are right."""

    def __init__(self, uses: dict[str, tuple[str, ...]], k: int, right: dict[str, set[int]], tested: str, seed: int = 1) -> None:
        self.bodies = {name: [Body(name, f"{name}{at}", frozenset(uses[name])) for at in range(k)] for name in uses}
        self.right = {body for name in uses for at, body in enumerate(self.bodies[name]) if at in right[name]}
        self.tried: list[Trial] = []
        self.search = Combinations(arranged(list(uses), uses, tested), self.bodies, set(tested), Random(seed), {})

    def run(self, batch: int = 8, most: int = 10**9) -> list[str] | None:
        while len(self.tried) < most and (trials := self.search.ask(batch)):
            assert len(set(trials)) == len(trials) <= batch
            for trial in trials:
                self.tried.append(trial)
                self.search.tell(trial, sum(body in self.right for body in trial.bodies) / len(trial.bodies))
        return sorted(body.code for body in self.search.found[0]) if self.search.found else None


def in_order(right: dict[str, set[int]], k: int) -> int:
    """Executions when the product is tried in order until the first right combination."""
    for count, numbers in enumerate(itertools.product(range(k), repeat=len(right)), start=1):
        if all(number in right[name] for name, number in zip(right, numbers, strict=True)):
            return count
    raise AssertionError


@pytest.mark.parametrize(("tested", "most"), [("abcdef", 48), ("ace", 3 * 64), ("ad", 2 * 512)])
def test_one_right_combination_of_six_functions_with_eight_bodies_is_found_without_the_product(tested: str, most: int, record_property):
    right = {name: {at + 2} for at, name in enumerate(NAMES)}
    oracle = Oracle(CHAIN, 8, right, tested)
    tracemalloc.start()
    assert oracle.run() == sorted(f"{name}{at + 2}" for at, name in enumerate(NAMES))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    record_property("executions", len(oracle.tried))
    print(f"constraints on {tested}: {len(oracle.tried)} executions; in order {in_order(right, 8)} of {8**6}; peak {peak // 1024} KiB")
    assert len(oracle.tried) <= most < in_order(right, 8)
    assert len(set(oracle.tried)) == len(oracle.tried)
    assert peak < 2 << 20


def test_partial_success_leads_to_the_right_combination_where_only_the_root_is_tested():
    right = {name: {at + 2} for at, name in enumerate(NAMES)}
    counts = []
    for seed in range(3):
        oracle = Oracle(CHAIN, 8, right, "a", seed=seed)
        assert oracle.run(most=20_000)
        counts.append(len(oracle.tried))
    print(f"constraints on the root only, each exercising one function: {counts} executions of {8**6}")
    assert max(counts) < in_order(right, 8) / 4


def test_a_product_of_ten_to_the_fourteen_is_no_trouble():
    names = [f"f{at}" for at in range(8)]
    oracle = Oracle(dict.fromkeys(names, ()), 60, {name: {59} for name in names}, "".join([]), seed=0)
    oracle.search = Combinations(names, oracle.bodies, set(names), Random(0), {})
    assert oracle.run(batch=32) == [f"{name}59" for name in names]
    assert len(oracle.tried) <= 8 * 60


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_combination_is_found_exactly_when_there_is_one(data: st.DataObject):
    names = "abcd"
    uses = {name: tuple(data.draw(st.lists(st.sampled_from(names), max_size=2, unique=True))) for name in names}
    right = {name: data.draw(st.sets(st.integers(0, 2), max_size=2)) for name in names}
    tested = "".join(data.draw(st.sets(st.sampled_from(names))))
    oracle = Oracle(uses, 3, right, tested, seed=data.draw(st.integers(0, 5)))
    found = oracle.run(batch=data.draw(st.sampled_from([1, 3, 16])))

    def fits(numbers: tuple[int, ...]) -> bool:
        good = {name for name, number in zip(names, numbers, strict=True) if number in right[name]}
        needed, todo = set(), list(tested)
        while todo:
            name = todo.pop()
            if name not in needed:
                needed.add(name)
                todo += uses[name]
        return needed <= good

    assert (found is not None) == any(fits(numbers) for numbers in itertools.product(range(3), repeat=4))
    if found is not None:
        assert fits(tuple(int(code[1]) for code in found))
    else:
        assert oracle.search.exhausted


def test_without_constraints_different_combinations_come_as_many_as_are_wanted():
    bodies = {name: [Body(name, f"{name}{at}") for at in range(4)] for name in "abc"}
    search = Combinations("abc", bodies, set(), Random(0), {})
    assert search.ask(1, enough=50) == []
    assert len(set(search.found)) == 50
    assert search.ask(1, enough=100) == []
    assert len(set(search.found)) == 64 and search.exhausted


def test_what_a_body_does_not_call_is_not_tried_with_it():
    bodies = {"a": [Body("a", "a0", frozenset()), Body("a", "a1", frozenset("b"))], "b": [Body("b", "b0"), Body("b", "b1")]}
    search = Combinations(["b", "a"], bodies, {"a"}, Random(0), {})
    asked = {tuple(body.code for body in trial.bodies) for trial in search.ask(10)}
    assert asked == {("a0",), ("b0", "a1"), ("b1", "a1")}


def test_tested_functions_come_as_early_as_what_they_call_allows():
    uses = {"main": ("left", "right"), "left": ("low",), "right": (), "low": ()}
    assert arranged(uses, uses, {"main", "left", "right"}) == ["right", "low", "left", "main"]
