"""The Game of 24: steps are checked exactly, and answers too."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eudoxus.agents.search import Rejected
from eudoxus.agents.search.game24 import Game24, Game24Task, read_step
from eudoxus.runtime import ChatTask, Message
from eudoxus.runtime.errors import InvalidTask
from tests.agents.search.models import steps

TASK = Game24Task(numbers=(4, 9, 10, 13))


@pytest.mark.parametrize("answer", [
    "(10 - 4) * (13 - 9)", "Answer: (10-4)*(13-9) = 24", "We get\n(13 − 9) × (10 − 4) = 24", "`(13-9)*(10-4)`",
    "The answer is (13-9)*(10-4).",
])
def test_a_right_expression_is_accepted_as_models_write_it(answer: str) -> None:
    assert TASK.complaint(answer) == ""


@pytest.mark.parametrize(("answer", "said"), [
    ("10 * 4 - 13", "uses"), ("10 + 4 + 9 + 13", "is 36, not 24"), ("none", "no expression"), ("", "no expression"),
    ("__import__('os') + 4 + 9 + 10 + 13", "no expression"), ("(10 - 4) * (13 - 9) ** 1", "no expression"),
    ("4 / (9 - 9) + 10 + 13", "no expression"),
    ("(" * 5000 + "1", "no expression"), ("10 - 4 * 13 - 9 if 1 else 2", "no expression"),
])
def test_a_wrong_answer_is_told_what_is_wrong(answer: str, said: str) -> None:
    assert said in TASK.complaint(answer)


@pytest.mark.parametrize(("line", "step"), [
    ("13 - 9 = 4 (left: 4 4 10)", (13, "-", 9)), ("10 × 4 = 40", (10, "*", 4)), ("8/3 + 1 = 11/3", (Fraction(8, 3), "+", 1)),
    ("  (10) ÷ (4) = 2.5", (10, "/", 4)), ("-2 * 3 = -6", (-2, "*", 3)),
])
def test_steps_are_read_as_models_write_them(line: str, step: Any) -> None:
    assert step in read_step(line)


@pytest.mark.parametrize(("line", "numbers", "after"), [
    ("12 / 1/2 = 24 (left: 24)", ("12", "1/2"), 24), ("12 / (1/2) = 24", ("12", "1/2"), 24),
    ("1/2 * 12 = 6 (left: 6 18)", ("1/2", "12", "18"), 6),
    ("12/1/2 = 24", ("1/2", "12"), 24), ("48 - (-3) = 51 (left: 1 51)", ("48", "-3", "1"), 51),
    ("5 - -3 = 8 (left: 3 8)", ("5", "-3", "3"), 8),
])
def test_of_the_readings_of_a_step_the_one_whose_numbers_are_there_counts(line: str, numbers: Any, after: int) -> None:
    state = tuple((Fraction(number), number) for number in numbers)
    found = Game24(TASK).apply(state, line)
    assert not isinstance(found, Rejected) and after in [number for number, _ in found]


@given(st.text(max_size=60))
def test_any_line_is_a_step_or_not_one(line: str) -> None:
    assert isinstance(Game24(TASK).apply(Game24(TASK).root(), line), tuple | Rejected)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 13), min_size=4, max_size=4), st.randoms(use_true_random=False))
def test_whatever_is_played_to_the_end_is_accepted_by_the_verifier(numbers: list[int], random: Any) -> None:
    task = Game24Task(numbers=tuple(numbers))
    problem = Game24(task)
    state = problem.root()
    while len(state) > 1:
        held = tuple(number for number, _ in state)
        options = steps(held)
        after = [problem.apply(state, text) for text, _ in random.sample(options, len(options))]
        state = next((found for found in after if not isinstance(found, Rejected)), state[:0])
    answer = problem.goal(state) if state else None
    assert answer is None or task.complaint(answer.text) == ""


@pytest.mark.parametrize(("step", "why"), [
    ("4 + 4 = 8", "not both there"), ("5 + 9 = 14", "not both there"), ("hello", "not a step"), ("", "not a step"),
])
def test_an_impossible_step_is_rejected_with_its_reason(step: str, why: str) -> None:
    found = Game24(TASK).apply(Game24(TASK).root(), step)
    assert isinstance(found, Rejected) and why in found.reason


def test_a_number_that_is_there_twice_can_be_used_twice() -> None:
    problem = Game24(Game24Task(numbers=(4, 4)))
    assert isinstance(problem.apply(problem.root(), "4 + 4 = 8"), Rejected), "8 is not 24"
    assert problem.key(problem.root()) == (4, 4)


@pytest.mark.parametrize("said", ["4 9 10 13", "Make 24 of 4, 9, 10 and 13.", "Use the numbers 4 9 10 13 to obtain 24"])
def test_the_numbers_are_read_from_a_message(said: str) -> None:
    assert Game24Task.from_chat(ChatTask(messages=(Message(role="user", content=said),))).numbers == (4, 9, 10, 13)


def test_a_message_without_numbers_gets_one_that_would_work() -> None:
    with pytest.raises(InvalidTask, match="this message would work: 4 9 10 13"):
        Game24Task.from_chat(ChatTask(messages=(Message(role="user", content="let us play"),)))
