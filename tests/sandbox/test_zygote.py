"""A zygote and its children, seen from outside: what they hold, and that they end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from eudoxus.sandbox import Program, Sandbox, Test
from eudoxus.sandbox.inside.zygote import GO
from eudoxus.sandbox.launch import ENVIRONMENT, SPARES, launch
from eudoxus.sandbox.zygotes import Zygote, ZygoteFailed
from tests.waiting import until

from .conftest import opened, processes, settled

pytestmark = pytest.mark.asyncio(loop_scope="module")
ROOT = os.geteuid() == 0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bare() -> AsyncIterator[Sandbox]:
    found = await opened("lockdown", slots=1)
    yield found
    await found.aclose()


def zygote(sandbox: Sandbox, name: str = "candidate") -> Zygote:
    return sandbox.slots[0]._zygotes[name]


def children(pid: int | None) -> list[int]:
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                if int(Path("/proc", entry, "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                    found.append(int(entry))
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


@pytest.mark.skipif(not ROOT, reason="only root sees into processes that are not dumpable")
async def test_neither_code_nor_tests_are_ever_in_a_zygotes_memory(bare: Sandbox):
    program = Program(code="SECRET = 'needle-' + 'in-the-program'\ndef f(n): return 2\n", entry="f")
    await bare.run(program, [Test(code="assert f('needle-' 'in-the-test') == 2")])
    for name in ("candidate", "judge"):
        pid = zygote(bare, name)._pid
        for process in (pid, *children(pid)):
            assert not found_in_memory(process, b"needle-"), name


def found_in_memory(pid: int | None, needle: bytes) -> bool:
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            first, last = (int(end, 16) for end in line.split()[0].split("-"))
            if "r" in line.split()[1] and "[v" not in line:
                memory.seek(first)
                try:
                    if needle in memory.read(last - first):
                        return True
                except OSError:
                    continue
    return False


@pytest.mark.skipif(not ROOT, reason="only root sees into processes that are not dumpable")
async def test_a_zygote_has_an_empty_environment_few_descriptors_and_no_privileges(bare: Sandbox):
    os.environ["EUDOXUS_TEST_SECRET"] = "1"
    pid = zygote(bare)._pid
    environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    assert {entry.partition(b"=")[0].decode() for entry in environment if entry} == set(ENVIRONMENT)
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
    assert "0" not in status["Uid"].split()
    assert set(status["CapPrm"] + status["CapEff"] + status["CapBnd"] + status["CapAmb"]) == {"0"}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    for child in children(pid):
        links = sorted(os.readlink(f"/proc/{child}/fd/{fd}") for fd in os.listdir(f"/proc/{child}/fd"))
        assert not [link for link in links if link.startswith("/") and link != "/dev/null" and not link.startswith("/memfd:errors")], links


async def test_each_run_takes_a_spare_child_and_another_is_forked(bare: Sandbox):
    pid = zygote(bare)._pid
    await until(lambda: len(children(pid)) == SPARES)
    before = set(children(pid))
    await bare.run(Program(code="def f(n): return 2", entry="f"), [Test(code="assert f(1) == 2")])
    await until(lambda: len(children(pid)) == SPARES and set(children(pid)) != before)
    after = set(children(pid))
    assert len(before & after) == SPARES - 1


async def test_candidate_and_judge_run_under_users_of_their_own(bare: Sandbox):
    uids = {zygote(bare, name).info["uid"] for name in ("candidate", "judge")}
    assert 0 not in uids
    assert len(uids) == (2 if ROOT else 1)


async def test_a_zygote_ends_with_all_its_children_when_the_harness_is_gone(bare: Sandbox):
    before = len(processes())
    launched = launch(bare.slots[0].jail, uid=zygote(bare).info["uid"] if ROOT else None, numpy=False)
    launched.control.recv(64)
    launched.control.send(GO)
    assert json.loads(launched.control.recv(65536))["abi"] >= 1
    assert await settled(before + 1 + SPARES) == before + 1 + SPARES
    launched.control.close()
    launched.jobs.close()
    assert await asyncio.to_thread(launched.process.wait, 5) == 0
    assert await settled(before) == before


async def test_a_zygote_that_is_killed_takes_its_children_along(bare: Sandbox):
    started = await Zygote.start(bare.slots[0].jail, uid=zygote(bare).info["uid"] if ROOT else None)
    pids = children(started._pid)
    assert len(pids) == SPARES
    assert started._pid is not None
    os.kill(started._pid, signal.SIGKILL)
    await asyncio.wait_for(started.gone, 5)
    await until(lambda: not any(map(alive, pids)))
    assert started.broken
    started.end()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.skipif(not ROOT, reason="needs root to stay root")
async def test_a_zygote_of_root_that_is_given_no_other_user_does_not_serve(bare: Sandbox):
    with pytest.raises(ZygoteFailed):
        await Zygote.start(bare.slots[0].jail, uid=None)
