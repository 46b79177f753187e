"""Thoughts, judgements and what is asked for again: read as models write them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eudoxus.agents.code.asking import Unreadable
from eudoxus.agents.code.judging import read_judgement
from eudoxus.agents.code.thoughts import MOST_CHARACTERS, normalised, read_thought, read_thoughts, told
from eudoxus.agents.search import Proposal


def pairs(proposals: list[Proposal[str]]) -> list[tuple[str, float]]:
    return [(one.action, round(one.prior, 3)) for one in proposals]


@pytest.mark.parametrize("reply", [
    '[{"thought": "a", "reasonableness": 0.6}, {"thought": "b", "reasonableness": 0.4}]',
    'First I look.\n```json\n[{"Thought-1": "a", "Reasonableness": 0.6},\n {"Thought-2": "b", "Reasonableness": "0.4"}]\n```\nDone.',
    '{"thoughts": [{"thought": "a", "reasonableness": "60%"}, {"thought": "b", "reasonableness": 0.4}]}',
    '{"thought": "a", "reasonableness": 0.6}\n{"thought": "b", "reasonableness": 0.4}',
    'Like [1, 2]: [{"id": 1, "thought": "a", "reasonableness": 0.6}, {"thought": "a"}, 7, {"thought": "b", "reasonableness": 0.4}]',
])
def test_thoughts_are_read_whatever_stands_around_them(reply: str) -> None:
    assert pairs(read_thoughts(reply, 3)) == [("a", 0.6), ("b", 0.4)]


@pytest.mark.parametrize("reply", ["", "1. sort\n2. count", '[{"thought": "a", "reason', "[]", '[{"thought": "", "reasonableness": 1}]',
                                   '["a", "b"]', '{"plan": "a"}', "[" * 5000])
def test_a_reply_without_thoughts_is_unreadable(reply: str) -> None:
    with pytest.raises(Unreadable):
        read_thoughts(reply, 3)


def test_a_missing_prior_makes_all_equally_likely_and_odd_ones_are_cut_to_the_range() -> None:
    assert pairs(read_thoughts('[{"thought": "a"}, {"thought": "b", "reasonableness": 0.9}]', 3)) == [("a", 0.5), ("b", 0.5)]
    odd = '[{"thought": "a", "reasonableness": -3}, {"thought": "b", "reasonableness": 9}]'
    assert pairs(read_thoughts(odd, 3)) == [("a", 0), ("b", 1)]


def test_thoughts_past_the_number_asked_for_and_characters_past_the_limit_are_left_out() -> None:
    listed = json.dumps([{"thought": f"{n}" * 5000, "reasonableness": 0.1} for n in range(9)])
    found = read_thoughts(listed, 2)
    assert len(found) == 2 and all(len(one.action) <= MOST_CHARACTERS + 2 for one in found)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_normalised_priors_add_up_to_one_and_keep_their_order(priors: list[float]) -> None:
    made = [one.prior for one in normalised([Proposal(str(n), prior) for n, prior in enumerate(priors)])]
    assert sum(made) == pytest.approx(1)
    assert all(a <= b or x >= y for a, x in zip(made, priors, strict=True) for b, y in zip(made, priors, strict=True))


@given(st.text())
def test_any_reply_gives_thoughts_or_is_unreadable(reply: str) -> None:
    for read in (lambda text: read_thoughts(text, 3), read_thought, read_judgement):
        try:
            assert read(reply)
        except Unreadable as problem:
            assert str(problem)


@pytest.mark.parametrize("reply", ["Sort first.", "New thought: Sort first.", '**Thought 2**: "Sort first."', "```\nSort first.\n```"])
def test_one_thought_is_read_without_its_label(reply: str) -> None:
    assert read_thought(reply) == "Sort first."


def test_blank_thoughts_are_not_told() -> None:
    assert told(["a", "", "b"]) == "1. a\n2. b" and told([""]) == "(none)"


@pytest.mark.parametrize(("reply", "score"), [
    ('{"explanation": "1. fine", "score": 0.85}', 0.85),
    ('1. It sorts.\n2. It counts.\n```json\n{"evaluation": "-0.5", "explanation": "x"}\n```', -0.5),
    ('{"score": 0.1} … on second thought {"score": 0.9}', 0.9),
    ("Score: 0.7", 0.7),
    ('{"explanation": "says "five" times", "score": -1.0}', -1.0),
    ('{"score": 7}', 1.0),
    ("The **score** is -.25.", -0.25),
])
def test_the_judge_s_score_is_the_number_that_is_named_so(reply: str, score: float) -> None:
    assert read_judgement(reply).score == score


@pytest.mark.parametrize("reply", ["1. It is right.", "", '{"score": null}', '{"score": true}', '{"score": NaN}', "0.9"])
def test_a_number_that_nothing_names_is_no_score(reply: str) -> None:
    with pytest.raises(Unreadable):
        read_judgement(reply)
