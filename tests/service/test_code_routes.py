"""Choosing among programs over HTTP."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

RIGHT, WRONG = "def double(n):\n    return n + n\n", "def double(n):\n    return n * n\n"
TESTS = {"tests": ["assert double(2) == 4"], "generated": ["assert double(3) == 6", "assert double(0) == 0"]}


def select(http: httpx2.Client, **body: Any) -> dict[str, Any]:
    said = http.post("/v1/code/select", json=body)
    assert said.status_code == 200, said.text
    found: dict[str, Any] = said.json()
    return found


def test_candidates_are_run_and_ranked(http: httpx2.Client):
    found = select(http, candidates=[WRONG, RIGHT, RIGHT, "def double(n): return", "nonsense ("], **TESTS)
    assert found["best"] == 1 and found["selector"] == "two_tier"
    assert [place["candidate"] for place in found["ranking"]] == [1, 2, 0, 3, 4]
    assert [place["group"] for place in found["ranking"]] == [0, 0, 1, 2, None]
    assert found["matrix"]["rows"] == [[True, False, True], *[[True, True, True]] * 2, [False] * 3, None]
    assert found["matrix"]["trusted"] == [True, False, False]
    assert (found["complete"], found["verdict"]) == (True, "final")
    assert found["ranking"][2]["trusted_passed"] == 1 and found["ranking"][2]["passed"] == 2
    assert "cannot be compiled" in found["ranking"][4]["problem"]


def test_replies_of_a_model_and_bodies_are_candidates_too(http: httpx2.Client):
    body = "    return n + n"
    found = select(http, candidates=[f"Here:\n```python\n{RIGHT}```", body], statement='def double(n):\n    """Twice n."""\n', **TESTS)
    assert [place["passed"] for place in found["ranking"]] == [3, 3]


def test_the_rule_can_be_chosen(http: httpx2.Client):
    crowd = [WRONG, WRONG, RIGHT]
    assert select(http, candidates=crowd, selector="mbr_exec", **TESTS)["best"] == 0
    assert select(http, candidates=crowd, selector="max_pass", **TESTS)["best"] == 2


def test_a_matrix_is_ranked_without_running_anything(http: httpx2.Client):
    rows = [[True, False, False], [False, True, True], [False, True, True], None]
    assert select(http, matrix={"rows": rows, "trusted": [True, False, False]})["best"] == 0
    found = select(http, matrix={"rows": rows, "counts": [1, 5, 1, 1]}, selector="codet", alpha=100, beta0=10)
    assert (found["best"], found["verdict"]) == (1, "given")
    assert select(http, matrix={"rows": [None]})["best"] is None


@pytest.mark.parametrize(("body", "field"), [
    ({}, "matrix"),
    ({"candidates": [RIGHT]}, "candidates"),
    ({"candidates": [RIGHT], "tests": ["assert double(2) => 4"]}, "tests"),
    ({"candidates": [RIGHT], "generated": ["assert ("]}, "generated"),
    ({"candidates": [RIGHT], **TESTS, "matrix": {"rows": [[True]]}}, "matrix"),
    ({"matrix": {"rows": [[True], [True, False]]}}, "matrix"),
    ({"matrix": {"rows": [[True]]}, "selector": "best"}, "selector"),
    ({"matrix": {"rows": [[True]]}, "alpha": 0}, "alpha"),
    ({"candidates": [RIGHT], **TESTS, "setup": "("}, "setup"),
    ({"candidates": [RIGHT] * 500, "tests": ["assert double(2) == 4"] * 300}, "candidates"),
    ({"candidates": [RIGHT] * 501, **TESTS}, "candidates"),
    ({"candidates": [RIGHT], **TESTS, "entry_point": "two words"}, "entry_point"),
    ({"wishes": 1}, "wishes"),
])
def test_a_field_that_is_wrong_is_named(http: httpx2.Client, body: dict[str, Any], field: str):
    said = http.post("/v1/code/select", json=body)
    assert said.status_code == 422, said.text
    assert field in {error["pointer"].removeprefix("#/").partition("/")[0] for error in said.json()["errors"]}


def test_the_time_for_all_is_kept_and_what_was_not_reached_counts_as_not_passed(http: httpx2.Client):
    endless = "def double(n):\n    while True: pass\n"
    candidates = [f"{endless}# {n}\nX = {n}\n" for n in range(20)]
    found = select(http, candidates=candidates, seconds=1, limits={"wall_s": 5, "call_s": 5}, **TESTS)
    assert found["complete"] is False and all(not any(row) for row in found["matrix"]["rows"])
