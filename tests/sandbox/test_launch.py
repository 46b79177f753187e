"""How zygotes are started: interpreters, bubblewrap, ordinary users."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from eudoxus.sandbox import Program, Test
from eudoxus.sandbox.launch import Interpreter, Jail, other_interpreter, own_interpreter, private_namespaces, shared_namespaces
from eudoxus.sandbox.zygotes import Zygote, ZygoteFailed
from tests.waiting import until

from .conftest import opened

ROOT = os.geteuid() == 0
NOBODY = 65534
REPOSITORY = Path(__file__).parents[2]
SCRIPT = """
import asyncio, json, os, sys
from eudoxus.sandbox import Program, Sandbox, SandboxSettings, SandboxUnavailable, Test

async def main(backend):
    try:
        sandbox = await Sandbox.open(SandboxSettings(backend=backend, slots=1))
    except SandboxUnavailable as error:
        return {"missing": error.missing}
    program = Program(code="import os\\ndef f(n): return (n + 1, os.getuid())", entry="f")
    outcomes = [(await sandbox.run(program, [Test(code=f"assert f(1)[0] == {n}")])).outcome for n in (2, 3)]
    report = sandbox.report()
    await sandbox.aclose()
    return {"uid": os.getuid(), "level": report.level, "isolated": report.isolated, "outcomes": outcomes}

print(json.dumps(asyncio.run(main(sys.argv[1]))))
"""


def test_the_service_s_own_interpreter_has_a_library_and_packages():
    own = own_interpreter()
    assert os.access(own.program, os.X_OK)
    assert os.path.exists(os.path.join(own.library[0], "json", "__init__.py"))
    assert any("site-packages" in folder or "dist-packages" in folder for folder in own.site)


def test_an_interpreter_that_cannot_be_used_says_why():
    with pytest.raises(ValueError, match="does not start"):
        other_interpreter(shutil.which("false") or "/bin/false", None)
    with pytest.raises(OSError):
        other_interpreter("/nowhere/python3", None)


async def test_a_bubblewrap_that_leaves_a_namespace_shared_is_not_used():
    sandbox = await opened("lockdown", slots=1)
    try:
        jail = sandbox.slots[0].jail
        # As if bubblewrap had gone on without them: this one has no namespaces of its own.
        careless = Jail("lockdown", jail.interpreter, jail.uid, private_namespaces())
        with pytest.raises(ZygoteFailed, match="namespaces shared: cgroup, ipc, mnt, net, pid, uts"):
            await Zygote.start(careless, uid=jail.uid)
    finally:
        await sandbox.aclose()


async def test_under_bubblewrap_every_namespace_is_private_and_proc_is_not_there():
    sandbox = await opened("bwrap", slots=1)
    try:
        pid = sandbox.slots[0]._zygotes["candidate"]._pid
        assert pid is not None
        if ROOT:
            assert shared_namespaces(pid, private_namespaces()) == []
            interpreter = sandbox.slots[0].jail.interpreter
            python = (interpreter.program, interpreter.prefix, *interpreter.library, *interpreter.site)
            needed = {Path(path).parts[1] for path in python} | {"usr", "lib", "lib64", "etc", "dev"}
            assert set(os.listdir(f"/proc/{pid}/root")) <= needed
            assert not os.path.exists(f"/proc/{pid}/root{REPOSITORY}/README.md")
            assert os.listdir(f"/proc/{pid}/root/dev") in (["null", "urandom"], ["urandom", "null"])
        program = Program(code="import os\ndef f(n): return [os.path.exists(p) for p in ('/proc', '/etc/passwd', '/sys')]\n", entry="f")
        assert (await sandbox.run(program, [Test(code="assert not any(f(1))")])).outcome == "passed"
    finally:
        await sandbox.aclose()


async def test_a_start_that_is_given_up_leaves_no_process_of_its_group(tmp_path: Path):
    """As bubblewrap does while it starts, the program has a second process that would wait for ever."""
    program, told = tmp_path / "slow", tmp_path / "pid"
    program.write_text(f"#!/bin/sh\nsleep 1000 &\necho $! > {told}\nwait\n")
    program.chmod(0o755)
    starting = asyncio.ensure_future(Zygote.start(Jail("lockdown", Interpreter(str(program), "/usr", (), ()), None), uid=None))
    await until(lambda: told.exists() and told.read_text().strip() != "")
    starting.cancel()
    await asyncio.wait([starting])
    second = Path("/proc", told.read_text().strip(), "stat")
    await until(lambda: not second.exists() or second.read_text().split()[2] == "Z")


async def test_an_interpreter_that_is_not_there_is_an_error_and_not_a_hang():
    nowhere = Interpreter("/nowhere/python3", "/nowhere", ("/nowhere/lib",), ())
    with pytest.raises(ZygoteFailed):
        await Zygote.start(Jail("lockdown", nowhere, None), uid=None)


# -- ordinary users --------------------------------------------------------------------------------------------------------


@pytest.fixture
def as_nobody() -> Iterator[Callable[..., dict[str, Any]]]:
    """Runs the script above as an ordinary user, by an interpreter that this user can read."""
    if not ROOT:
        pytest.skip("all tests run as an ordinary user already")
    python = next((found for found in (sys.executable, "/usr/bin/python3") if _usable(found)), None)
    packages = [path for path in sys.path if path.endswith("site-packages")]
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        package = Path(folder, "eudoxus")
        package.mkdir(mode=0o755)
        for name in ("runtime", "sandbox"):
            package.joinpath(name).symlink_to(REPOSITORY / name)
        environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": os.pathsep.join([folder, *packages])}

        def run(backend: str, before: str = "") -> dict[str, Any]:
            done = subprocess.run(
                [str(python), "-c", before + SCRIPT, backend], user=NOBODY, group=NOBODY, extra_groups=[], cwd="/", env=environment,
                timeout=60, capture_output=True, text=True, check=False,
            )
            if "ModuleNotFoundError" in done.stderr or "Permission denied" in done.stderr:
                pytest.skip("the repository or its packages cannot be read by other users")
            assert done.returncode == 0, done.stderr
            found: dict[str, Any] = json.loads(done.stdout)
            return found

        if python is None:
            pytest.skip("no interpreter of this version that other users can read")
        yield run


def _usable(python: str) -> bool:
    probe = [python, "-c", f"import sys; sys.exit(sys.version_info[:2] != {tuple(sys.version_info[:2])})"]
    try:
        return subprocess.run(probe, user=NOBODY, group=NOBODY, extra_groups=[], cwd="/", env={}, capture_output=True).returncode == 0
    except OSError:
        return False


@pytest.mark.parametrize("backend", ["lockdown", "bwrap"])
def test_an_ordinary_user_needs_no_privilege(as_nobody: Callable[..., dict[str, Any]], backend: str):
    found = as_nobody(backend)
    if backend == "bwrap" and "missing" in found:
        pytest.skip(f"user namespaces or bubblewrap are missing: {found['missing']}")
    assert found["uid"] == NOBODY
    assert found["outcomes"] == ["passed", "failed"]
    assert found["isolated"]


def test_an_ordinary_user_without_namespaces_has_the_lockdown(as_nobody: Callable[..., dict[str, Any]]):
    """As in an ordinary container: where unshare and clone of namespaces are refused, ``auto`` still isolates."""
    found = as_nobody("auto", REFUSE_NAMESPACES)
    assert (found["level"], found["outcomes"]) == ("lockdown", ["passed", "failed"])


REFUSE_NAMESPACES = """
from eudoxus.sandbox import lockdown
from eudoxus.sandbox.lockdown import bpf
bpf.NUMBERS[lockdown.architecture()].setdefault("unshare", {"x86_64": 272, "aarch64": 97}[lockdown.architecture()])
lockdown.no_new_privileges()
lockdown.install(bpf.build(lockdown.architecture(), {
    "unshare": bpf.NEVER, "clone3": bpf.ABSENT, "clone": bpf.when(bpf.Without(0, 0x7E020000)),
}, unnamed=bpf.ALWAYS))
"""
