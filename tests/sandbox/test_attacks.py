"""Hostile programs, each run as they are: all contained, none passed, and honest ones unhurt.

Needs ``EUDOXUS_DATA`` with ``attacks/index.json``, which says of each what must not happen.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eudoxus.sandbox import Limits, Program, RunResult, Sandbox
from eudoxus.sandbox.split_tests import whole_check

from .conftest import TO_JUDGE, processes, settled

ATTACKS = Path(os.environ.get("EUDOXUS_DATA", "/nowhere"), "attacks")
INDEX: dict[str, Any] = json.loads(ATTACKS.joinpath("index.json").read_text()) if ATTACKS.exists() else {"attacks": [], "default": {}}
DEFAULT = INDEX["default"]
pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not ATTACKS.exists(), reason="EUDOXUS_DATA does not point at the set of attacks"),
]
HONEST = "def solve(n):\n    return n * n + 1\n"
CANARY = "sandbox_canary.txt"
PLACES = ("/tmp", "/dev/shm", "/var/tmp", "/run/lock", ".")


@pytest.fixture(scope="module", autouse=True)
def canaries() -> Iterator[None]:
    """Files with a secret where attacks look for them."""
    planted = [Path(folder, CANARY) for folder in {os.getcwd(), tempfile.gettempdir(), str(Path.home())}]
    for path in planted:
        path.write_text("SECRET-CANARY")
    yield
    for path in planted:
        path.unlink()


@pytest.fixture(scope="module", autouse=True)
def listener() -> Iterator[socket.socket]:
    """Somebody who listens on an abstract unix socket."""
    with socket.socket(socket.AF_UNIX) as found:
        with contextlib.suppress(OSError):  # another test run has the name
            found.bind("\0sbx-canary")
            found.listen()
        found.setblocking(False)
        yield found


async def attempt(sandbox: Sandbox, attack: dict[str, Any], file: str, setup: str) -> RunResult:
    entry = attack.get("entry", DEFAULT["entry"])
    program = Program(code=ATTACKS.joinpath(file).read_text(), entry=entry, setup=setup)
    tests = [whole_check(attack.get("check", DEFAULT["check"]), entry)]
    return await sandbox.run(program, tests, limits=Limits(**DEFAULT["limits"], call_s=4))


@pytest.mark.parametrize("attack", INDEX["attacks"], ids=lambda attack: attack["file"].removesuffix(".py"))
async def test_an_attack_comes_to_nothing(sandbox: Sandbox, attack: dict[str, Any], listener: socket.socket):
    if attack.get("needs") == "numpy" and not sandbox.slots[0].jail.interpreter.numpy:
        pytest.skip("numpy is not installed for the interpreter in the jail")
    first = "import numpy\n" + HONEST if attack.get("needs") == "numpy" else HONEST  # its zygotes are started at first use and stay
    assert (await sandbox.run(Program(code=first, entry="solve", setup=TO_JUDGE), [])).outcome == "passed"
    await asyncio.sleep(0.05)  # until the spare children are there again
    before, litter = len(processes()), found_litter()
    for setup in ("", TO_JUDGE):
        start = time.monotonic()
        result = await attempt(sandbox, attack, attack["file"], setup)
        took = time.monotonic() - start

        judged_right(attack, result)
        assert took <= attack.get("max_wall_s", DEFAULT["max_wall_s"])
        assert len(result.stdout) + len(result.stderr) <= attack.get("max_output_bytes", DEFAULT["max_output_bytes"])
        if "then" in attack:
            judged_right(attack["then"], await attempt(sandbox, attack, attack["then"]["file"], setup))
    # What the index asks to be checked on the host, for every attack:
    following = await sandbox.run(Program(code=HONEST, entry="solve"), [whole_check(DEFAULT["check"], "solve")])
    assert (following.outcome, following.retried) == ("passed", False)
    assert await settled(before) == before
    assert found_litter() == litter
    with pytest.raises(OSError):
        listener.accept()


def judged_right(expected: dict[str, Any], result: RunResult) -> None:
    said = result.model_dump_json()
    for text in (*expected.get("forbid_output", ()), "SECRET-CANARY"):
        assert text not in said
    if expected["expected_verdict"] == "passed":
        assert result.outcome == "passed", said
        assert all(test.outcome == "passed" for test in result.tests)
    else:
        assert result.outcome not in ("passed", "infra_error", "invalid_test"), said
        assert not all(test.outcome == "passed" for test in result.tests)


def found_litter() -> set[tuple[str, str]]:
    """Files of the attacks, and shared memory of any user other than root."""
    names = ("stash", "sbx_", "PWNED", "pwned", "evil", "bomb", "x")
    found = {(place, name) for place in PLACES if os.path.isdir(place) for name in os.listdir(place) if name.startswith(names)}
    with open("/proc/sysvipc/shm") as table:
        return found | {("shm", line.split()[1]) for line in table.readlines()[1:]}
