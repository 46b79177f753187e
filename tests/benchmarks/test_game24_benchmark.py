"""The Game of 24 benchmark: a player that plays by its rates, and figures that add up."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import orjson
import pytest

from benchmarks.game24 import CONTENDERS, measured
from benchmarks.player24 import Player, Rates, rates, reachable, solution, steps
from eudoxus.agents.search.game24 import Game24Task
from eudoxus.prompts import render
from eudoxus.runtime import Registry, parse_spec

DATA = Path(os.environ.get("EUDOXUS_DATA", "nowhere")) / "search"
CERTAIN = {(left, can): (can, 0, not can) for left in (2, 3) for can in (True, False)}
RATES = Rates({4: 9, 3: 6, 2: 4}, {4: 1, 3: 1, 2: 1}, {4: 0, 3: 0, 2: 0}, CERTAIN, 1.0)
STATE = tuple(map(Fraction, (4, 9, 10, 13)))


def test_the_player_knows_what_can_be_reached() -> None:
    assert reachable(STATE) and not reachable(tuple(map(Fraction, (1, 1, 1, 1))))
    assert not Game24Task(numbers=(4, 9, 10, 13)).complaint(solution(STATE))
    assert any(reachable(after) for _, after in steps(STATE))


def test_a_perfect_player_lists_a_winning_step_and_judges_rightly() -> None:
    player = Player(RATES, 0)
    listed = player("m", render("game24/steps", numbers="4 9 10 13", target="24", count="8"), 0).splitlines()
    assert any(reachable(after) for line, after in steps(STATE) if line in listed)
    judged = player("m", render("game24/judge", states="1. 4 6\n2. 1 2", target="24", count="2"), 0)
    assert [line.split()[-1] for line in judged.splitlines()] == ["sure", "impossible"]
    answer = player("m", render("game24/question", numbers="4 9 10 13", target="24"), 0)
    assert not Game24Task(numbers=(4, 9, 10, 13)).complaint(answer)


def test_the_player_repeats_itself_and_another_seed_is_another_player() -> None:
    request = render("game24/steps", numbers="4 9 10 13", target="24", count="8")
    said = [Player(RATES, 1)("m", request, number) for number in range(40)]
    assert said == [Player(RATES, 1)("m", request, number) for number in range(40)]
    assert 20 < said.count(max(set(said), key=said.count)) < 40
    assert any(Player(RATES, seed)("m", request, 0) != said[0] for seed in range(2, 6))


def test_every_contender_is_a_specification() -> None:
    for path in CONTENDERS.values():
        parse_spec(f"{path}/sim:m", Registry.installed())


@pytest.mark.skipif(not (DATA / "game24.csv").is_file(), reason="needs the puzzles (EUDOXUS_DATA)")
async def test_on_the_puzzles_a_search_beats_a_single_answer() -> None:
    found = await measured(DATA, puzzles=4, seeds=1)
    assert found["best-first, width 1"].solved > found["one answer"].solved
    assert found["ToT, siblings judged in one request"].requests < found["the same, 1 sample"].requests
    assert rates(orjson.loads((DATA / "calibration.json").read_bytes())).rho == 0.8
