"""The crossword benchmark: puzzles that are squares, a player that answers the prompts, marks that add up."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.crossword_player import OWN, Puzzle, Solver
from benchmarks.crosswords import CONTENDERS, loaded, marked, marks
from eudoxus.agents.search.crosswords import read_words
from eudoxus.prompts import render
from eudoxus.runtime import Registry, Result, parse_spec

DATA = Path(os.environ.get("EUDOXUS_DATA", "nowhere")) / "search"
WORDS = sorted({word for puzzle in OWN for word in puzzle.words})


@pytest.mark.parametrize("puzzle", OWN, ids=lambda puzzle: puzzle.rows[0])
def test_our_puzzles_are_squares(puzzle: Puzzle) -> None:
    assert len(puzzle.rows) == puzzle.task.size and all(len(word) == puzzle.task.size for word in puzzle.words)


def test_the_player_lists_words_that_fit_and_sees_most_mistakes() -> None:
    puzzle = OWN[2]
    player = Solver(puzzle, WORDS, 0)
    listed = player("m", render("crosswords/steps", slots="h1. It beats in the chest: HEAR_", size="5", count="8"), 0)
    assert read_words(listed)[0][0] == "h1. heart"
    shown = "state 1\nh1. It beats in the chest: HEART\n\nstate 2\nh1. It beats in the chest: HEAVY"
    judged = [player("m", render("crosswords/judge", candidates=shown, size="5", count="2"), number) for number in range(30)]
    assert {reply.splitlines()[0].split()[-1] for reply in judged} >= {"sure"} and "2. looked at all places: impossible" in "".join(judged)


def test_marks_are_shares_of_letters_and_words() -> None:
    result = Result(answer=None, artifacts={"path": ["h1. bit", "h2. cat"]})
    assert marked(OWN[0], result) == (pytest.approx(3 / 9), pytest.approx(1 / 6))
    assert marked(OWN[0], Result(answer=None, artifacts={"path": ["h1. bit", "h2. ice", "h3. ten"]})) == (1, 1)


def test_the_contenders_solve_a_small_puzzle() -> None:
    for path in CONTENDERS.values():
        parse_spec(f"{path}/sim:m", Registry.installed())
    found = marks(CONTENDERS["ToT depth-first as in the paper"], OWN[:1], WORDS, seeds=1)
    assert found.runs == 1 and found.letters > 0 and found.requests > 2


@pytest.mark.skipif(not (DATA / "crosswords_mini0505.json").is_file(), reason="needs the puzzles (EUDOXUS_DATA)")
def test_the_usual_puzzles_are_read() -> None:
    test, every = loaded(DATA)
    assert (len(test), len(every)) == (20, 156)
    assert all(len(word) == 5 for puzzle in every for word in puzzle.words) and test[0].words[0] == "AGEND"
