"""The line that tells how an evaluation goes on."""

from __future__ import annotations

from eudoxus.evaluation.grading import Grade
from eudoxus.evaluation.records import Recorded
from eudoxus.evaluation.runner import State
from eudoxus.evaluation.spending import Purse
from eudoxus.runtime import Usage
from eudoxus.service.progress import in_short


def test_it_tells_score_rate_cost_and_time_left(monkeypatch):
    recorded = Recorded(grades={(f"t/{number}", 0): Grade(solved=number < 3, score=0.0) for number in range(10)})
    state = State(100, recorded, Purse(spent=Usage(requests=20, cost=0.5)), before=5, started=1000.0)
    monkeypatch.setattr("eudoxus.evaluation.runner.time.monotonic", lambda: 1010.0)
    assert in_short(state) == "30.0 % solved, 0.5/s, 20 requests, $0.5000, 3:00 left"


def test_before_anything_is_graded_there_is_no_rate():
    assert in_short(State(10, Recorded(), Purse(), before=0)) == "nothing graded yet, 0 requests"
