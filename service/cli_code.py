"""``eudoxus code``: choosing among programs without a model."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import orjson
from pydantic import ValidationError
from rich.table import Table

from eudoxus.agents.code import CodeTask
from eudoxus.agents.code.selection import SELECTORS
from eudoxus.agents.code.selection.desk import Prepared, Selected
from eudoxus.runtime.errors import InvalidRequest
from eudoxus.sandbox import Sandbox
from eudoxus.service import exit_codes
from eudoxus.service.cli_sandbox import read_tests
from eudoxus.service.printing import output
from eudoxus.service.settings import load_settings


def select_command(
    files: Sequence[Path], *, tests: Path | None, generated: Path | None, entry: str | None, selector: str, seconds: float, as_json: bool,
) -> int:
    """Print the ranking of the programs in ``files``; the exit status is 1 where none of them can be loaded.

    Raises :class:`InvalidRequest`, :class:`SandboxUnavailable`.
    """
    if selector not in SELECTORS:
        raise InvalidRequest(f"selector: {selector!r} is none of {', '.join(SELECTORS)}", param="selector")
    candidates = [_text(file) for file in files]
    visible, further = _tests(tests, entry), _tests(generated, entry)
    if not visible and not further:
        raise InvalidRequest("tests: give a file of asserts by --tests, or by --generated one of asserts that may be wrong", param="tests")
    try:
        task = CodeTask.model_validate({
            "statement": f"Write the function {entry or 'that the tests call'}.", "entry_point": entry, "tests": [*visible, *further],
            "tests_from": "given"})
    except ValidationError as error:
        raise InvalidRequest(str(error.errors(include_url=False)[0]["msg"]).removeprefix("Value error, "), param="tests") from None
    prepared = Prepared(candidates, task.model_copy(update={"tests": tuple(visible)}), further)
    found = asyncio.run(_run(prepared, selector, seconds))
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(found.model_dump(mode="json"), option=orjson.OPT_INDENT_2) + b"\n")
    else:
        _show(files, found, len(visible), len(further))
    return exit_codes.OK if found.best is not None else exit_codes.FAILED


async def _run(prepared: Prepared, selector: str, seconds: float) -> Selected:
    sandbox = await Sandbox.open(load_settings().sandbox)
    try:
        run = prepared.run(seconds)
        found = await sandbox.run_matrix(run.programs, run.tests, mode=run.mode, limits=run.limits, budget_s=run.budget_s)
        return prepared.selected(found, selector)  # type: ignore[arg-type]
    finally:
        await sandbox.aclose()


def _tests(file: Path | None, entry: str | None) -> list[str]:
    return [test.code for test in read_tests(_text(file), is_json=file.suffix == ".json", entry=entry)[0]] if file else []


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"cannot read {file}: {getattr(error, 'strerror', None) or error}", param=str(file)) from None


def _show(files: Sequence[Path], found: Selected, visible: int, further: int) -> None:
    out = output()
    table = Table("program", "group", "visible", "generated", "", box=None, pad_edge=False)
    for place in found.ranking:
        group = "" if place.group is None else str(place.group)
        passed = f"{place.trusted_passed}/{visible}", f"{place.passed - place.trusted_passed}/{further}"
        table.add_row(str(files[place.candidate]), group, *passed, place.problem)
    out.print(table)
    if not found.complete:
        sys.stderr.write("the time was too short for all: what was not reached counts as not passed\n")
