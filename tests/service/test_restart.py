"""What survives the death of the process: everything that was answered."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.service.upstream import Upstream
from tests.waiting import until

TASK: dict[str, Any] = {"messages": [{"role": "user", "content": "go"}]}
HERE = Path(__file__).parents[2]


class Process:
    """A service in a process of its own."""

    def __init__(self, data: Path, upstream: Upstream, grace: float = 5.0) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [sys.executable, "-m", "tests.service.server_program", str(data), upstream.url, str(grace), str(port)]
        self.process = subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.http = httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)
        deadline = time.monotonic() + 30
        while True:
            try:
                if self.http.get("/readyz").status_code == 200:
                    return
            except httpx2.HTTPError:
                assert self.process.poll() is None and time.monotonic() < deadline, "the service did not start"
            time.sleep(0.05)

    def kill(self, how: signal.Signals) -> str:
        self.process.send_signal(how)
        said, _ = self.process.communicate(timeout=30)
        self.http.close()
        return said.decode()


@pytest.fixture
def running(tmp_path: Path, upstream: Upstream) -> Iterator[Any]:
    started: list[Process] = []

    def start(grace: float = 5.0) -> Process:
        started.append(Process(tmp_path / "data", upstream, grace))
        return started[-1]

    yield start
    for process in started:
        if process.process.poll() is None:
            process.kill(signal.SIGKILL)


async def test_a_killed_run_goes_on_at_the_next_start_without_paying_again(running: Any, upstream: Upstream) -> None:
    upstream.held_from = 3
    first = running()
    run = first.http.post("/v1/runs", json={"strategy": "steps(count=8)/up:m", "task": TASK}).json()
    await until(lambda: len(upstream.bodies) == 4)
    first.kill(signal.SIGKILL)
    upstream.held_from = None
    second = running()
    ended = second.http.get(f"/v1/runs/{run['id']}", params={"wait": 30}).json()
    assert ended["status"] == "completed" and ended["usage"]["requests"] == 8
    asked = [body["messages"][0]["content"] for body in upstream.bodies]
    assert set(asked) == {f"step {i}" for i in range(8)} and len(asked) == 9, "the call in flight is asked again"
    events = second.http.get(f"/v1/runs/{run['id']}/events").text
    assert "event: run.resumed" in events and "event: run.completed" in events


async def test_on_a_signal_calls_in_flight_finish_and_the_run_waits_for_the_next_start(running: Any, upstream: Upstream) -> None:
    upstream.held_from = 1
    first = running()
    run = first.http.post("/v1/runs", json={"strategy": "steps(count=4)/up:m", "task": TASK}).json()
    await until(lambda: len(upstream.bodies) == 2)
    start = time.monotonic()
    threading.Timer(1.0, setattr, (upstream, "held_from", None)).start()
    log = first.kill(signal.SIGTERM)
    assert first.process.returncode == 0 and time.monotonic() - start < 20 and "Traceback" not in log, log
    ended = running().http.get(f"/v1/runs/{run['id']}", params={"wait": 30}).json()
    assert ended["status"] == "completed"
    assert [body["messages"][0]["content"] for body in upstream.bodies] == [f"step {i}" for i in range(4)], "nothing was asked twice"


async def test_event_streams_end_on_a_signal_with_a_last_word(running: Any, upstream: Upstream) -> None:
    upstream.delay = 1.0
    service = running(1.0)
    run = service.http.post("/v1/runs", json={"strategy": "steps(count=9)/up:m", "task": TASK}).json()
    seen: list[str] = []

    def watch() -> None:
        with httpx2.stream("GET", f"{service.http.base_url}/v1/runs/{run['id']}/events", timeout=30) as response:
            seen.extend(response.iter_lines())

    watcher = threading.Thread(target=watch)
    watcher.start()
    await until(lambda: any("call.started" in line or "run.in_progress" in line for line in seen))
    service.kill(signal.SIGTERM)
    watcher.join(10)
    assert not watcher.is_alive() and any("draining" in line for line in seen)


async def test_a_chat_run_whose_client_is_gone_is_marked_as_cancelled(running: Any, upstream: Upstream) -> None:
    upstream.held_from = 2
    first = running()

    def ask() -> None:
        with pytest.raises(httpx2.HTTPError):
            first.http.post("/v1/chat/completions", json={"model": "steps(count=50)/up:m", "messages": TASK["messages"]})

    client = threading.Thread(target=ask)
    client.start()
    await until(lambda: len(upstream.bodies) == 3)
    first.process.kill()
    first.process.communicate()
    client.join()
    upstream.held_from = None
    second = running()
    [run] = second.http.get("/v1/runs").json()["data"]
    await until(lambda: second.http.get(f"/v1/runs/{run['id']}").json()["status"] == "cancelled")
    ended = second.http.get(f"/v1/runs/{run['id']}").json()
    assert "restarted" in ended["error"]["message"] and ended["usage"]["requests"] >= 1


async def test_a_killed_evaluation_goes_on_at_the_next_start_without_asking_again(running: Any, upstream: Upstream) -> None:
    upstream.delay = 0.15
    first = running()
    plan = {"strategy": "steps(count=2)/up:m", "dataset": "examples", "tasks": ["examples/order"], "samples": 6, "concurrency": 1}
    made = first.http.post("/v1/evaluations", json=plan).json()
    await until(lambda: upstream.answered >= 5)
    first.kill(signal.SIGKILL)
    second = running()
    ended = second.http.get(made["links"]["self"], params={"wait": 30}).json()
    assert ended["status"] == "completed" and ended["progress"]["graded"] == 6 and ended["progress"]["requests"] == 12
    assert len(upstream.bodies) <= 13, "at most the call in flight is asked again"
    records = second.http.get(made["links"]["records"]).text.splitlines()
    assert len(records) == 12


async def test_on_a_signal_the_calls_of_an_evaluation_finish_and_it_waits_for_the_next_start(running: Any, upstream: Upstream) -> None:
    upstream.delay = 0.5
    first = running()
    plan = {"strategy": "direct/up:m", "dataset": "examples", "tasks": ["examples/order"], "samples": 4, "concurrency": 1}
    made = first.http.post("/v1/evaluations", json=plan).json()
    await until(lambda: len(upstream.bodies) >= 2)
    log = first.kill(signal.SIGTERM)
    assert first.process.returncode == 0 and "Traceback" not in log, log
    upstream.delay = 0.0
    ended = running().http.get(made["links"]["self"], params={"wait": 30}).json()
    assert ended["status"] == "completed" and len(upstream.bodies) == 4, "nothing was asked twice"


async def test_two_processes_on_one_store_do_not_take_each_others_runs(running: Any, upstream: Upstream) -> None:
    upstream.held_from = 3
    first = running()
    run = first.http.post("/v1/runs", json={"strategy": "steps(count=20)/up:m", "task": TASK}).json()
    second = running()
    await until(lambda: len(upstream.bodies) == 4)
    seen = second.http.get(f"/v1/runs/{run['id']}").json()
    assert seen["status"] == "in_progress"
    cancelled = second.http.post(f"/v1/runs/{run['id']}/cancel").json()
    assert cancelled["status"] == "cancelled"
    upstream.held_from = None
    await until(lambda: run["id"] not in str(first.http.get("/v1/runs", params={"status": "in_progress"}).json()))
    time.sleep(1.0)
    assert len(upstream.bodies) <= 5, "the first process was fenced off"
