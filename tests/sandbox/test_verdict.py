"""Verdicts from reports and ends: no report that is not whole passes, whatever else it holds."""

from __future__ import annotations

import signal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from eudoxus.sandbox.verdict import LOST, Circumstances, Ended, Judgement, answered, judged, raised, summary

FINE = Ended(confined=True, status=0, cpu_ms=1.0, maxrss_kb=10_000)
SEEN = Circumstances(FINE, cpu_s=5)


def killed_by(number: int, cpu_ms: float = 1.0) -> Circumstances:
    return Circumstances(Ended(True, number, cpu_ms), cpu_s=5)


def report(*outcomes: str, end: bool = True) -> list[dict[str, Any]]:
    frames: list[dict[str, Any]] = [{"begin": len(outcomes)}, *({"i": i, "o": o, "ms": 0.1, "calls": []} for i, o in enumerate(outcomes))]
    return [*frames, {"end": len(outcomes)}] if end else frames


def test_a_whole_report_is_believed():
    verdict = judged(2, report("passed", "failed"), FINE, SEEN)
    assert (verdict.outcome, [test.outcome for test in verdict.tests]) == ("failed", ["passed", "failed"])
    assert judged(2, report("passed", "passed"), FINE, SEEN).outcome == "passed"


def test_a_report_without_its_end_record_does_not_pass():
    assert judged(2, report("passed", "passed", end=False), FINE, SEEN).outcome == "invalid_test"


def test_tests_out_of_order_or_missing_or_too_many_do_not_pass():
    frames = report("passed", "passed", "passed")
    for wrong in (
        [frames[0], frames[2], frames[1], *frames[3:]],
        [*frames[:2], *frames[3:]],
        [*frames, frames[-1]],
        frames[1:],
        [*frames[:-1], {"i": 3, "o": "passed"}, frames[-1]],
        [*frames[:-1], {"end": 2}],
        [*frames[:-1], {"end": True}],
    ):
        assert judged(3, wrong, FINE, SEEN).outcome != "passed"
    assert judged(2, frames, FINE, SEEN).outcome != "passed"


def test_what_was_killed_for_being_late_does_not_pass():
    assert judged(1, report("passed"), FINE, SEEN._replace(late=True)).outcome == "timeout"
    assert answered(1, [Judgement("passed")], None, None, SEEN._replace(late=True)).outcome == "timeout"


def test_how_the_candidate_ended_names_what_the_judge_saw_as_a_broken_channel():
    frames = [*report("passed", "protocol_error", "passed")[:3], {"fault": "protocol_error", "msg": "the channel ended"}]
    for seen, outcome, number in (
        (SEEN, "protocol_error", None),
        (killed_by(signal.SIGSEGV), "crashed", 11),
        (killed_by(signal.SIGKILL), "crashed", 9),
        (killed_by(signal.SIGKILL, cpu_ms=5500), "timeout", 9),
        (killed_by(signal.SIGXCPU), "timeout", signal.SIGXCPU),
        (killed_by(signal.SIGKILL)._replace(dismissed=True), "protocol_error", None),
        (SEEN._replace(overflowed=True), "output_limit", None),
    ):
        verdict = judged(3, frames, FINE, seen)
        assert (verdict.outcome, verdict.signal) == (outcome, number)
        assert [test.outcome for test in verdict.tests] == ["passed", outcome, outcome]
        assert verdict.reached == 2


def test_an_exit_status_is_no_evidence():
    for status in (0, 256, 70 << 8):
        assert judged(1, [{"begin": 1}], FINE, Circumstances(Ended(True, status))).outcome == "invalid_test"
        assert answered(1, [], None, ("protocol_error", "ended"), Circumstances(Ended(True, status))).outcome == "protocol_error"


def test_only_what_ended_before_it_ran_anything_is_an_infrastructure_error():
    assert judged(1, [], LOST, SEEN).outcome == "infra_error"
    assert judged(1, [], FINE, Circumstances(LOST)).outcome == "infra_error"
    assert answered(1, [], None, ("protocol_error", ""), Circumstances(LOST)).outcome == "infra_error"


def test_limits_have_outcomes_of_their_own():
    memory = {"i": 0, "o": "error", "x": {"type": "MemoryError", "msg": ""}}
    assert judged(1, [{"begin": 1}, memory, {"end": 1}], FINE, SEEN).outcome == "memory"
    assert judged(1, [{"begin": 1}, {"load": {"type": "MemoryError", "msg": ""}}], FINE, SEEN).outcome == "memory"
    full = {"i": 0, "o": "error", "x": {"type": "OSError", "msg": "File too large"}}
    assert judged(1, [{"begin": 1}, full, {"end": 1}], FINE, SEEN).outcome == "error"
    assert judged(1, [{"begin": 1}, full, {"end": 1}], FINE, SEEN._replace(overflowed=True)).outcome == "output_limit"


def test_tests_that_do_not_test_count_only_where_nothing_failed():
    assert summary([Judgement("passed"), Judgement("invalid_test"), Judgement("failed")]) == "failed"
    assert summary([Judgement("passed"), Judgement("invalid_test")]) == "invalid_test"
    assert summary([]) == "passed"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20), lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["type", "msg", "line", "frames", "f", "a", "v", "x"]), inner, max_size=4), max_leaves=8,
)
FRAMES = st.lists(
    st.dictionaries(st.sampled_from(["begin", "end", "i", "o", "x", "ms", "calls", "load", "fault", "msg"]), JSON, max_size=5)
    | st.builds(lambda i, o: {"i": i, "o": o}, st.integers(0, 3), st.sampled_from(["passed", "failed", "timeout", "infra_error"]))
    | st.sampled_from([{"begin": 2}, {"end": 2}, {"begin": 0}, {"end": 0}]),
    max_size=6,
)
ENDS = st.builds(Ended, st.booleans(), st.sampled_from([0, 256, 9, 11, 24, 25, 0x7F]), st.sampled_from([0.0, 9000.0]))
SEENS = st.builds(Circumstances, ENDS, st.booleans(), st.booleans(), st.booleans(), st.sampled_from([1.0, 5.0]))


@given(st.integers(0, 3), FRAMES, ENDS, SEENS)
def test_any_report_gives_a_verdict_and_only_a_whole_one_passes(
    count: int, frames: list[dict[str, Any]], judge: Ended, seen: Circumstances
):
    verdict = judged(count, frames, judge, seen)
    assert len(verdict.tests) == count
    assert 0 <= verdict.reached <= count
    if verdict.outcome == "passed":
        assert not seen.late
        assert len(frames) == count + 2
        assert [frame.get("o") for frame in frames[1:-1]] == ["passed"] * count
        assert (frames[0]["begin"], frames[-1]["end"]) == (count, count)
    if verdict.outcome == "infra_error":
        assert not (judge.confined and seen.candidate.confined)


@given(JSON)
def test_any_json_makes_an_exception_that_can_be_shown(found: Any):
    raised(found).model_dump_json()
