"""``eudoxus plan`` and ``eudoxus planners``: PDDL without a model."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar, get_args

import orjson
import pydantic
from rich.table import Table

from eudoxus.planners import desk
from eudoxus.planners.domains import shipped
from eudoxus.planners.engines import AUTO, ENGINES, Mode, Planner, PlanResult
from eudoxus.planners.pddl import parse_domain, parse_problem, validate
from eudoxus.planners.solve import Confirm, Solve
from eudoxus.runtime.errors import InvalidRequest
from eudoxus.service import exit_codes
from eudoxus.service.printing import output

T = TypeVar("T")
CHECK_SECONDS = 10.0


def solve_command(domain: str, problem: str, *, engine: str, mode: str, seconds: float, memory_mb: int, confirm: bool,
                  as_json: bool) -> int:
    """Print a plan; the exit status is 1 where there is none, 2 where the problem is not valid, 3 where time or memory was too short."""
    wanted = _options(engine, mode, seconds, memory_mb)
    texts = text_of("domain", domain), text_of("problem", problem)
    found = _run(desk.plan(*texts, engine=wanted.engine, mode=wanted.mode, seconds=seconds, memory_mb=memory_mb, confirm=confirm))
    result = found.result
    if as_json:
        said = found.model_dump(mode="json")
        _print_json({**said.pop("result"), **said})
    else:
        sys.stdout.write("".join(f"{step}\n" for step in result.plan))
        sys.stdout.flush()
        sys.stderr.write("".join(f"{line}\n" for line in _told(found)))
    return exit_codes.OK if found.proven else _STATUS.get(result.status, exit_codes.FAILED)


_STATUS = {"timeout": exit_codes.LIMIT, "memory": exit_codes.LIMIT, "input_error": exit_codes.USAGE}


def validate_command(domain: str, problem: str, plan: str, *, confirm: bool, as_json: bool) -> int:
    """Say whether a plan reaches the goal; the exit status is 1 where it does not."""
    texts = text_of("domain", domain), text_of("problem", problem)
    steps = text_of("plan", plan)
    verdict = desk.judged(*texts, steps)
    second = _run(Confirm(domain=desk.domain_text(texts[0]), problem=texts[1], plan=steps).run()) if confirm else None
    if as_json:
        _print_json({**verdict.model_dump(), "second": second.model_dump() if second else None})
    else:
        cost = f" and cost {verdict.cost:g}" if verdict.cost is not None else ""
        sys.stdout.write(f"{'valid' if verdict.valid else 'not valid'}: {verdict.message} ({verdict.length} steps{cost})\n")
        if second:
            sys.stdout.write(f"unified-planning: {second.status.replace('_', ' ')}{second.message and ': '}{second.message}\n")
    return exit_codes.OK if verdict.valid and (second is None or second.status != "invalid") else exit_codes.FAILED


def lint_command(domain: str, problem: str | None, *, as_json: bool) -> int:
    """Print what is wrong or suspicious; the exit status is 1 where there is an error."""
    found = desk.checked(text_of("domain", domain), text_of("problem", problem) if problem is not None else None)
    if as_json:
        _print_json(found.model_dump(mode="json"))
    else:
        sys.stdout.write("".join(f"{finding.severity}: {finding} [{finding.rule}]\n" for finding in found.findings))
        sys.stderr.write("".join(f"read otherwise than written: {change}\n" for change in found.changes))
        if not found.findings:
            sys.stderr.write("nothing found\n")
    return exit_codes.OK if found.usable else exit_codes.FAILED


def equivalent_command(domain: str, a: str, b: str, *, placeholder: bool, as_json: bool) -> int:
    """Say whether two problems are the same up to names; the exit status is 1 where they are not, or where it cannot be told."""
    found = desk.compared(text_of("domain", domain), text_of("a", a), text_of("b", b), placeholder=placeholder)
    if as_json:
        _print_json(found.model_dump())
    else:
        sys.stdout.write(f"{found.answer}: {found.reason}\n")
    return exit_codes.OK if found.answer == "yes" else exit_codes.FAILED


def planners_command(*, as_json: bool) -> int:
    """Have every planner that is installed solve a small problem; the exit status is 1 when one fails, or none is installed."""
    rows = [_row(name, planner) for name, planner in {"auto": AUTO, **ENGINES}.items()]
    if as_json:
        _print_json({"data": rows})
    else:
        console = output()
        table = Table(box=None, pad_edge=False)
        for column in ("planner", "state", "seconds", "modes", "beyond STRIPS", "licence", "detail"):
            table.add_column(column, overflow="fold")
        for row in rows:
            spent = "" if row["seconds"] is None else f"{row['seconds']:.2f}"
            abilities = " ".join(row["modes"]), " ".join(row["features"])
            table.add_row(row["name"], row["state"], spent, *abilities, row["licence"], row["detail"])
        console.print(table)
    states = [row["state"] for row in rows]
    return exit_codes.FAILED if "not ok" in states or "ok" not in states else exit_codes.OK


def _row(name: str, planner: Planner) -> dict[str, Any]:
    row: dict[str, Any] = {"name": name, "seconds": None, **planner.capability.model_dump(include={"modes", "features", "licence"})}
    if why := planner.available():
        return {**row, "state": "absent", "detail": why}
    blocks = shipped()["blocksworld"]
    found: PlanResult = _run(Solve(domain=blocks.pddl, problem=blocks.example_problem, engine=name, seconds=CHECK_SECONDS).run())
    row["seconds"] = found.seconds
    if found.status != "solved":
        return {**row, "state": "not ok", "detail": f"{found.status.replace('_', ' ')}: {found.message}"}
    verdict = validate(parse_domain(blocks.pddl), parse_problem(blocks.example_problem), found.plan)
    if not verdict.valid:
        return {**row, "state": "not ok", "detail": f"its plan is wrong: {verdict.message}"}
    return {**row, "state": "ok", "detail": planner.capability.note}


def text_of(name: str, where: str) -> str:
    """The text in the file ``where`` (``-``: standard input); a shipped domain's name stands for itself. Raises :class:`InvalidRequest`."""
    if name == "domain" and where in shipped():
        return where
    try:
        return sys.stdin.read() if where == "-" else Path(where).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        hint = f"; shipped domains: {', '.join(shipped())}" if name == "domain" else ""
        reason = getattr(error, "strerror", None) or error
        raise InvalidRequest(f"cannot read the {name} {where}: {reason}{hint}", param=name) from None


def _options(engine: str, mode: str, seconds: float, memory_mb: int) -> Solve:
    """The options as they will be used. Raises :class:`InvalidRequest`."""
    try:
        if mode not in get_args(Mode):
            raise InvalidRequest(f"mode: there is no mode {mode!r}: expected {', '.join(get_args(Mode))}", param="mode")
        return Solve(domain="", problem="", engine=engine, mode=mode, seconds=seconds, memory_mb=memory_mb)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise InvalidRequest(f"{name}: {first['msg'].removeprefix('Value error, ')}", param=name) from None


def _told(found: desk.Planned) -> list[str]:
    result = found.result
    lines = [f"{finding.severity}: {finding} [{finding.rule}]" for finding in found.findings]
    lines += [f"read otherwise than written: {change}" for change in found.changes]
    lines += [f"before: {said}" for said in result.tried]
    if result.status != "solved":
        return [*lines, f"{result.engine}: no plan ({result.status.replace('_', ' ')}): {result.message}"]
    cheapest = ", and none is cheaper" if result.optimal else ""
    cost = f", cost {result.cost:g}" if result.cost is not None else ""
    verdict = "not validated: our reader does not support the problem" if found.verdict is None else "validated" if found.verdict.valid \
        else f"NOT VALID: {found.verdict.message}"
    lines.append(f"{result.engine}: {len(result.plan)} steps{cost}{cheapest}, found in {result.seconds:.2f} s; {verdict}")
    if found.second:
        lines.append(f"unified-planning: {found.second.status.replace('_', ' ')}{found.second.message and ': '}{found.second.message}")
    return lines


def _run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def _print_json(said: Any) -> None:
    sys.stdout.buffer.write(orjson.dumps(said, option=orjson.OPT_INDENT_2) + b"\n")
