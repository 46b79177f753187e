"""``eudoxus solve``: formulations and SMT-LIB without a model endpoint."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any, TypeVar, get_args

import orjson
import pydantic

from eudoxus.runtime.errors import InvalidRequest
from eudoxus.service import exit_codes
from eudoxus.service.cli_plan import text_of
from eudoxus.service.solve_routes import refuse
from eudoxus.solvers.check import Check
from eudoxus.solvers.deciding import Backend
from eudoxus.solvers.edits import Edit, compare
from eudoxus.solvers.formulation.document import Formulation
from eudoxus.solvers.formulation.errors import FormulationError
from eudoxus.solvers.solving import Solve
from eudoxus.solvers.telling import told, told_change

_STATUS = dict.fromkeys(("unknown", "feasible", "time", "timeout", "memory"), exit_codes.LIMIT)
M = TypeVar("M", bound=pydantic.BaseModel)


class _Edits(pydantic.BaseModel):
    edits: tuple[Edit, ...]


def solve_command(file: str, edits: Path | None, *, backend: str | None, seconds: float, memory_mb: int, as_json: bool) -> int:
    """Print what there is to say; the exit status is 1 where there is no solution, 2 for a bad model, 3 where a limit came first."""
    text = text_of("formulation", file)
    if file.endswith(".smt2"):
        return _check(text, seconds, memory_mb, as_json=as_json)
    if backend is not None and backend not in get_args(Backend):
        raise InvalidRequest(f"backend: there is no backend {backend!r}: expected {', '.join(get_args(Backend))}", param="backend")
    options: dict[str, Any] = {"backend": backend, "seconds": seconds, "memory_mb": memory_mb}
    formulation = _valid(Formulation, _json(text, file), "formulation")
    if edits is None:
        found = asyncio.run(Solve(formulation=formulation, **options).run())
        refuse(found)
        _say(found.model_dump(mode="json") if as_json else told(found))
        return exit_codes.OK if found.status == "optimal" else _STATUS.get(found.status, exit_codes.FAILED)
    try:
        changes = _valid(_Edits, {"edits": _json(text_of("edits", str(edits)), str(edits))}, "edits").edits
        compared = asyncio.run(compare(formulation, changes, **options))
    except FormulationError as error:
        raise InvalidRequest(str(error), param="edits") from None
    refuse(compared.base)
    refuse(compared.edited, "with the edits: ")
    _say(compared.model_dump(mode="json") if as_json else told_change(compared))
    return exit_codes.OK if compared.edited.status == "optimal" else _STATUS.get(compared.edited.status, exit_codes.FAILED)


def _check(text: str, seconds: float, memory_mb: int, *, as_json: bool) -> int:
    check = _valid(Check, {"text": text, "seconds": min(seconds, 300), "memory_mb": memory_mb, "quantifiers": True}, "formulation")
    checked = asyncio.run(check.run())
    if checked.status == "invalid":
        raise InvalidRequest(checked.message, param="formulation")
    lines = [checked.status, *(f"{name} = {value}" for name, value in checked.model.items())]
    for one in checked.objectives:
        lines.append(f"{one.kind} {one.what}: {one.status}" + ("" if one.value is None else f" {one.value}"))
    if checked.core:
        lines.append(f"contradict each other: {', '.join(checked.core)}")
    _say(checked.model_dump(mode="json") if as_json else [*lines, *filter(None, [checked.message])])
    return exit_codes.OK if checked.status == "sat" else _STATUS.get(checked.status, exit_codes.FAILED)


def _valid(model: type[M], given: Any, what: str) -> M:
    """The model of what a file holds. Raises :class:`InvalidRequest`, which names the field."""
    try:
        return model.model_validate(given)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or what
        raise InvalidRequest(f"{place}: {first['msg'].removeprefix('Value error, ')}", param=place) from None


def _json(text: str, file: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"{file} is not JSON: {error}", param="formulation") from None


def _say(found: Any) -> None:
    if isinstance(found, list):
        sys.stdout.write("".join(f"{line}\n" for line in found))
    else:
        sys.stdout.buffer.write(orjson.dumps(found, option=orjson.OPT_INDENT_2) + b"\n")
