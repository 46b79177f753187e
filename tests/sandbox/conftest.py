"""Sandboxes of real processes, one per module and backend."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from eudoxus.sandbox import Sandbox, SandboxSettings, SandboxUnavailable

TO_JUDGE = "x = 1"
"""A set-up that has to be executed, and changes nothing: tests that are plain data go to a judge with it."""


async def opened(backend: str, **settings: object) -> Sandbox:
    """A sandbox of this backend; skips the test where the machine has none."""
    if backend == "bwrap" and shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    try:
        return await Sandbox.open(SandboxSettings(backend=backend, **settings))  # type: ignore[arg-type]
    except SandboxUnavailable as error:
        pytest.skip(str(error))


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["bwrap", "lockdown"])
async def sandbox(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    """One slot."""
    found = await opened(request.param, slots=1)
    yield found
    await found.aclose()


def processes() -> set[int]:
    """All processes that descend from this one."""
    parents: dict[int, int] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = Path("/proc", entry, "stat").read_text().rpartition(")")[2].split()
                if stat[0] != "Z":
                    parents[int(entry)] = int(stat[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
    found = {os.getpid()}
    while grown := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= grown
    return found - {os.getpid()}


async def settled(count: int, within_s: float = 20.0) -> int:
    """How many descendants there are, once it is ``count`` or the time is over."""
    end = time.monotonic() + within_s
    while len(processes()) != count and time.monotonic() < end:
        await asyncio.sleep(0.01)
    return len(processes())
