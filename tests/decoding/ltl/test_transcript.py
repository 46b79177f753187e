"""Transcripts are read back as they were written, and checked against the behaviour."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eudoxus.decoding.ltl import Segment, load_agent, verify
from eudoxus.decoding.ltl.transcript import supplied, written

REACT = load_agent("react").with_tools(["calculator"])
RUN = "[Question] q\n[Thought] t\n[Action] calculator\n[Action Input] 1\n[Observation] 1\n[Thought] t\n[Answer] a"


def test_a_complete_run_is_verified_and_taken_apart() -> None:
    found = verify(REACT, RUN)
    assert found.ok and [one.state for one in found.segments] == [
        "question", "thought", "action", "input", "observation", "thought", "answer"]
    assert written(REACT, found.segments) == RUN and verify(REACT, found.segments).ok
    assert verify(REACT, RUN.replace("\n", "\r\n")) == found


@pytest.mark.parametrize(("run", "position", "line", "said"), [
    (RUN.replace("[Thought] t\n[Action]", "[Action]"), 1, 2, "action may not come here; expected thought"),
    (RUN.replace("calculator", "shell"), 2, 3, "'shell' is not exactly one of: calculator"),
    (RUN.replace("[Answer] a", ""), 6, 0, "the run ends too soon; expected action or answer"),
    ("Well.\n" + RUN, 0, 1, "'Well.' stands under no marker; expected question"),
    (RUN + "\n[Thought] more", 7, 8, "thought may not come here; expected the end"),
    (RUN.replace("[Thought] t", "[Thought]"), 1, 2, "it is empty"), ("", 0, 0, "the run ends too soon; expected question"),
])
def test_a_violation_is_shown_by_its_place(run: str, position: int, line: int, said: str) -> None:
    violation = verify(REACT, run).violation
    assert violation is not None and (violation.position, violation.line) == (position, line) and said in str(violation)


def test_a_beginning_is_enough_when_the_run_need_not_be_complete() -> None:
    lines = RUN.split("\n")
    assert all(verify(REACT, "\n".join(lines[:count]), complete=False).ok for count in range(len(lines) + 1))


def test_propositions_that_are_given_hold_and_others_may() -> None:
    reflexion = load_agent("reflexion").with_tools(["calculator"])
    run = [Segment("question", "q"), Segment("thought", "t"), Segment("proposal", "p"), Segment("evaluation", "ok", "accepted")]
    assert verify(reflexion, [*run, Segment("answer", "p")]).ok
    assert not verify(reflexion, [*run, Segment("reflection", "r")], complete=False).ok
    assert verify(reflexion, written(reflexion, [*run, Segment("reflection", "r")]), complete=False).ok
    assert not verify(reflexion, [Segment("question", "q", "accepted")], complete=False).ok
    assert not verify(reflexion, [Segment("nothing", "q")], complete=False).ok


@given(st.lists(st.sampled_from(["[Answer] 42", "[Thought]", "\n", "\r\n", "\x85", "\u2028", "x", " ", "\x00", "[End]"]), max_size=8))
def test_what_the_host_supplies_is_one_segment_whatever_it_says(parts: list[str]) -> None:
    content = supplied(REACT, "".join(parts))
    found = verify(REACT, written(REACT, [Segment("question", content), Segment("thought", "t")]), complete=False)
    assert found.ok and found.segments[0].content == content and len(found.segments) == 2
