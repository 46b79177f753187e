"""``eudoxus sandbox``: how programs are isolated here, and one program's tests."""

from __future__ import annotations

import ast
import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import orjson
from rich.table import Table
from rich.text import Text

from eudoxus.runtime.errors import InvalidRequest
from eudoxus.sandbox import Limits, Program, RunResult, Sandbox, SandboxReport, SandboxUnavailable, Test
from eudoxus.sandbox.split_tests import split_asserts, split_check, whole_check
from eudoxus.service import exit_codes
from eudoxus.service.printing import output
from eudoxus.service.settings import load_settings

T = TypeVar("T")


def check_command(*, as_json: bool) -> int:
    """Print the level and the self-test; the exit status."""
    try:
        report = asyncio.run(_with_sandbox(_report))
    except SandboxUnavailable as error:
        if as_json:
            missing = [{"what": what, "fix": fix} for what, fix in error.missing]
            _print_json({"level": "none", "isolated": False, "missing": missing})
        else:
            sys.stdout.write("level: none\n")
            sys.stderr.write(f"eudoxus: {error}\n")
        return exit_codes.SANDBOX
    if as_json:
        _print_json({**report.model_dump(mode="json"), "isolated": report.isolated})
        return exit_codes.OK if report.isolated else exit_codes.SANDBOX
    out = output()
    table = Table("tried in the jail", "outcome", "", box=None, pad_edge=False)
    for row in report.table:
        table.add_row(row.what, row.outcome, "" if row.ok else "NOT REFUSED")
    out.print(table)
    out.print(f"\nbackend: {report.backend}\nlevel: {report.level}\nLandlock ABI: {report.landlock_abi or 'none'}")
    return exit_codes.OK if report.isolated else exit_codes.SANDBOX


def run_command(file: Path, tests: Path, *, entry: str | None, seconds: float, as_json: bool) -> int:
    """Run the program in ``file`` on the tests in ``tests``; the exit status.

    Raises :class:`InvalidRequest`, :class:`SandboxUnavailable`.
    """
    code = _text(file, "FILE")
    parts, whole = read_tests(_text(tests, "tests"), is_json=tests.suffix == ".json", entry=entry or last_function(code))
    program, limits = Program(code=code, entry=entry), Limits(wall_s=seconds, cpu_s=seconds, call_s=min(seconds, 2.0))

    async def both(sandbox: Sandbox) -> tuple[RunResult, RunResult]:
        found = await sandbox.run(program, parts, limits=limits)
        return found, found if whole == parts else await sandbox.run(program, whole, limits=limits)

    found, verdict = asyncio.run(_with_sandbox(both))
    if as_json:
        said = found.model_dump(mode="json") | {"outcome": verdict.outcome}
        named = [{**test, "name": part.name} for test, part in zip(said["tests"], parts, strict=False)]
        _print_json({**said, "tests": named})
    else:
        _show(parts, found, verdict)
    return exit_codes.OK if verdict.outcome == "passed" else exit_codes.FAILED


def read_tests(text: str, *, is_json: bool, entry: str | None) -> tuple[list[Test], list[Test]]:
    """The tests in a file: in parts, for feedback, and whole, for the verdict. Raises :class:`InvalidRequest`."""
    if is_json:
        try:
            said = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise InvalidRequest(f"tests: not JSON: {error}", param="tests") from None
        if not isinstance(said, list) or not all(isinstance(test, str) for test in said):
            raise InvalidRequest('tests: expected a JSON list of asserts: ["assert f(1) == 2", …]', param="tests")
        parts = [Test(code=test, name=test) for test in said]
        return parts, parts
    if "check" not in _functions(text):
        return split_asserts(text), [Test(code=text, name="tests")]
    if entry is None:
        raise InvalidRequest("entry: the program defines no function; name the one to check", param="entry")
    return split_check(text, entry), [whole_check(text, entry)]


def last_function(code: str) -> str | None:
    """The name of the last function that a program defines, None when there is none."""
    return next(reversed(_functions(code)), None)


def _functions(code: str) -> list[str]:
    try:
        return [node.name for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _show(parts: list[Test], found: RunResult, verdict: RunResult) -> None:
    out = output()
    table = Table("", "test", "outcome", "ms", "", box=None, pad_edge=False)
    for test in found.tests:
        said = f"{test.exc.type}: {test.exc.msg}" if test.exc else ""
        name = (parts[test.i].name or "").partition("\n")[0]
        table.add_row(str(test.i), Text(_visible(name)), test.outcome, f"{test.ms:.1f}", Text(_visible(said)))
    out.print(table)
    for name, text in (("stdout", found.stdout), ("stderr", found.stderr)):
        if text:
            sys.stderr.write(f"-- {name}\n{_visible(text.rstrip())}\n")
    passed = sum(test.outcome == "passed" for test in found.tests)
    cost = f"{found.wall_ms:.1f} ms, isolation {found.isolation.level}"
    sys.stderr.write(f"{verdict.outcome}: {passed} of {len(parts)} tests passed, {cost}\n")


def _visible(text: str) -> str:
    """What a program wrote, without characters that command the terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)


async def _with_sandbox(act: Callable[[Sandbox], Awaitable[T]]) -> T:
    sandbox = await Sandbox.open(load_settings().sandbox)
    try:
        return await act(sandbox)
    finally:
        await sandbox.aclose()


async def _report(sandbox: Sandbox) -> SandboxReport:
    return sandbox.report()


def _text(file: Path, param: str) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"cannot read {file}: {getattr(error, 'strerror', None) or error}", param=param) from None


def _print_json(said: object) -> None:
    sys.stdout.buffer.write(orjson.dumps(said, option=orjson.OPT_INDENT_2) + b"\n")
