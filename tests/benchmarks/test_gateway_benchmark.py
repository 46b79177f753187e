"""The gateway benchmark: its mock endpoint, its load, its statistics, and the line that it ends with."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from benchmarks import gateway, load, mock_endpoint, peers
from benchmarks.contenders import body_for
from benchmarks.load import Load, percentile
from benchmarks.measure import Figures, Round, figures
from benchmarks.processes import Children, DidNotStart, free_port, weight
from benchmarks.report import BEST_OF_3, OURS, goals, table
from eudoxus.agents.scores import read_scores
from eudoxus.prompts import render
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
async def port() -> AsyncIterator[int]:
    server = await mock_endpoint.serve(0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def texts(request: dict) -> list[str]:
    answer = orjson.loads(mock_endpoint.completion(orjson.dumps({"model": "mock", **request})))
    return [choice["message"]["content"] for choice in answer["choices"]]


# -- the mock endpoint -----------------------------------------------------------------------------------------------------


def test_the_mock_gives_as_many_different_answers_as_asked_for():
    drawn = texts({"messages": [{"role": "user", "content": "Which city?"}], "n": 3})
    assert len(set(drawn)) == 3


def test_the_mock_scores_each_candidate_of_the_judge_prompt():
    asked = render("best_of_n/judge", task="Which city?", candidates="...", mark="m", count="3")
    (said,) = texts({"messages": [{"role": message.role, "content": message.content} for message in asked.messages]})
    assert len(read_scores(said, 3)) == 3


def test_the_mock_rates_with_a_number_where_only_a_number_is_wanted():
    messages = [{"role": "system", "content": "Respond with only a number."}, {"role": "user", "content": "Rate the above response:"}]
    assert texts({"messages": messages}) == ["7"]


# -- the load --------------------------------------------------------------------------------------------------------------


async def test_the_load_sends_every_request_once_and_times_it(port: int):
    before = mock_endpoint.MockProtocol.answered
    outcome = await load.run(Load(port, body_for("mock"), concurrency=4, requests=50, seconds=10))
    assert (len(outcome.latencies), outcome.errors) == (50, 0)
    assert mock_endpoint.MockProtocol.answered - before == 50
    assert 0 < max(outcome.latencies) <= outcome.seconds


async def test_the_load_ends_when_its_time_is_over(port: int):
    outcome = await load.run(Load(port, body_for("mock"), concurrency=2, requests=10**9, seconds=0.1))
    assert outcome.latencies
    assert outcome.seconds < 2


async def test_refusals_are_counted_as_errors_and_not_as_answers(port: int):
    outcome = await load.run(Load(port, b"", concurrency=1, requests=3, seconds=10))
    assert (len(outcome.latencies), outcome.errors) == (0, 3)
    assert outcome.first_error is not None
    assert "404" in outcome.first_error


@pytest.mark.parametrize(
    ("answer", "stays"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", True),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", False),
        (b"HTTP/1.0 200 OK\r\n\r\n{}", False),
    ],
)
async def test_answers_end_where_http_says_that_they_end(answer: bytes, stays: bool):
    reader = asyncio.StreamReader()
    reader.feed_data(answer)
    if not stays:
        reader.feed_eof()
    assert await load.read_answer(reader) is stays


# -- the statistics --------------------------------------------------------------------------------------------------------


def test_percentiles_are_values_that_occurred():
    values = [float(number) for number in range(100, 0, -1)]
    assert percentile(values, 0.5) == 50
    assert percentile(values, 0.99) == 99
    assert percentile([3.0], 0.99) == 3


def one(p50: float, cpu: float) -> Round:
    return Round(p50=p50, p99=2 * p50, rate=1000 / p50, cpu=cpu, calls=1, answers=10, errors=0)


def test_added_latency_is_compared_within_the_round_and_not_across_rounds():
    # A disturbed second round slows both alike: it adds nothing to what the gateway adds.
    found = figures([one(3, 0.3), one(13, 0.9), one(4, 0.5)], [one(1, 0.01), one(11, 0.02), one(2, 0.01)])
    assert (found.p50_ms, found.added_p50_ms, found.added_p99_ms) == (4, 2, 4)
    assert (found.cpu_ms, found.cpu_ms_lowest, found.cpu_ms_highest) == (0.5, 0.3, 0.9)


def costing(cpu: float) -> Figures:
    return figures([one(1, cpu)], [one(1, 0.01)])


def test_a_goal_is_judged_where_it_is_met_worst():
    calm = {OURS: costing(0.5), "optillm none": costing(25), "pass-through aiohttp": costing(0.3)}
    busy = {OURS: costing(0.9), "optillm none": costing(15), "pass-through aiohttp": costing(0.3)}
    by_what = {goal["what"]: goal for goal in goals({1: calm, 32: busy})}
    optillm = by_what["CPU per request, eudoxus direct / optillm none"]
    assert (optillm["goal"], optillm["measured"], optillm["met"]) == (0.05, 0.06, False)


def test_a_goal_without_its_measurement_is_neither_met_nor_missed():
    found = goals({1: {BEST_OF_3: costing(0.9)}})
    unmeasured = [goal for goal in found if goal["measured"] is None]
    assert len(unmeasured) == 4
    assert all(goal["met"] is None for goal in unmeasured)
    assert next(goal for goal in found if "best_of_n" in goal["what"])["met"] is True


def test_the_table_names_what_is_absent_and_why():
    shown = table({"by_clients": {1: {OURS: costing(0.5)}}, "peak_mib": {OURS: 100.0}, "absent": {"litellm proxy": "no matching version"}})
    assert "absent: litellm proxy: no matching version" in shown


# -- processes -------------------------------------------------------------------------------------------------------------


async def test_leaving_ends_a_child_and_the_children_of_it(tmp_path: Path):
    parent = (
        "import subprocess, sys; print(subprocess.Popen(['sleep', '60']).pid, flush=True); sys.stdin.read(); import time; time.sleep(60)"
    )
    with Children(tmp_path) as children:
        process = children.start("parent", [sys.executable, "-c", parent], environment={}, on=os.sched_getaffinity(0))
        while not (said := (tmp_path / "parent.log").read_text()).endswith("\n"):
            await asyncio.sleep(0.01)
    assert process.returncode is not None
    grandchild = Path(f"/proc/{said.strip()}/stat")
    await until(lambda: not grandchild.exists() or grandchild.read_text().rpartition(")")[2].split()[0] == "Z")


def test_a_server_that_ends_before_it_answers_is_reported_with_its_last_words(tmp_path: Path):
    with Children(tmp_path) as children:
        process = children.start(
            "broken", [sys.executable, "-c", "raise SystemExit('no such option')"], environment={}, on={*os.sched_getaffinity(0)}
        )
        with pytest.raises(DidNotStart, match="no such option"):
            children.await_answer("broken", process, free_port(), b"{}", seconds=10)


def test_processor_time_of_children_counts_as_their_parents():
    before = weight(os.getpid())
    subprocess.run([sys.executable, "-c", "sum(range(10**7))"], check=True)
    after = weight(os.getpid())
    assert after.cpu_seconds - before.cpu_seconds >= 0.05
    assert after.peak_mib > 10


def test_a_peer_that_cannot_be_installed_says_so(tmp_path: Path):
    unheard_of = peers.Peer("unheard", "unheard", (("--no-index", "a-package-that-nobody-has==1.0"),))
    with pytest.raises(peers.NotInstalled, match="a-package-that-nobody-has"):
        peers.installed(unheard_of, tmp_path)


# -- the whole -------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_tiny_run_measures_eudoxus_and_ends_with_one_json_object():
    program = (
        "import orjson; from benchmarks.gateway import line, measured;"
        "print(orjson.dumps(line(measured(quick=True, clients=(2,), rounds=1, seconds=0.1), quick=True)).decode())"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert (said["benchmark"], said["quick"]) == ("gateway", True)
    assert all(set(goal) == {"what", "goal", "measured", "met"} for goal in said["goals"])
    at = said["figures"]["clients"]["2"]
    assert at[OURS]["errors"] == at[BEST_OF_3]["errors"] == 0
    assert at[OURS]["upstream_calls"] == 1
    # Three answers come from one request for n=3; the judge's is the second.
    assert at[BEST_OF_3]["upstream_calls"] == 2
    assert {name for name in said["figures"]["absent"] if "aiohttp" not in name} == {"optillm none", "optillm bon", "litellm proxy"}


def test_the_numbers_of_clients_are_those_that_the_goals_speak_of():
    assert gateway.CLIENTS == (1, 32, 256)
