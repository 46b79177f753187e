"""The RethinkMCTS benchmark: a programmer with the rates it says, and figures that add up."""

from __future__ import annotations

import pytest

from benchmarks.code_search import CONTENDERS, Cost, _asked, _cost, _interval, goals
from benchmarks.coder import MIX, Coder, Rates, is_right, rates_of
from eudoxus.prompts import render
from eudoxus.runtime import Registry, parse_spec


def program(coder: Coder, thought: str) -> str:
    return coder("m", render("rethink_mcts/program", problem="Problem 1.", thoughts=f"1. {thought}"), 0)


@pytest.mark.parametrize("right", [0.1, 0.45, 0.9])
def test_programs_are_right_as_often_as_the_rates_say_and_more_often_after_feedback(right: float) -> None:
    coders = [Coder(Rates(right), seed) for seed in range(1500)]
    share = [sum(is_right(program(coder, thought)) for coder in coders) / len(coders) for thought in ("t", "t.1r")]
    odds = 1.5**2 * right / (1 - right)
    assert share == pytest.approx([right, odds / (1 + odds)], abs=0.04)


def test_the_programmer_repeats_itself_whenever_it_is_asked() -> None:
    coder = Coder(Rates(0.5), 3)
    assert program(coder, "t.2") == program(Coder(Rates(0.5), 3), "t.2") != program(coder, "t.3")


def test_the_mix_covers_all_problems() -> None:
    found = [rates_of(number, 100) for number in range(100)]
    assert [found.count(rates) for _, rates in MIX] == [round(100 * share) for share, _ in MIX]


def test_every_contender_is_a_specification() -> None:
    for path in CONTENDERS.values():
        parse_spec(f"{path}/sim:m", Registry.installed())


async def test_a_sure_programmer_is_right_at_once() -> None:
    answer, calls = await _asked("rethink_mcts", Coder(Rates(1.0, doubt=0.0), 1), 1, 0.0)
    assert is_right(answer or "") and calls == 2


def test_figures_and_goals_add_up() -> None:
    cost = _cost([(True, 2), (False, 4)])
    assert (cost.solved, cost.calls, cost.calls_per_solved) == (50, 3, 6)
    assert _interval([1, -1]) == (0, pytest.approx(-196), pytest.approx(196))
    costs = {"our default": Cost(90, 1, 10, 2, 11), "published preset": Cost(90, 1, 40, 52, 44)}
    found = goals({1: (9.0, 97), 4: (4.0, 97), 8: (2.0, 97)}, costs, (0.0, -1.0, 1.0))
    assert [(goal["measured"], goal["met"]) for goal in found] == [(4.5, True), (0.25, True), (0.0, True)]
