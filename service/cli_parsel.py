"""``eudoxus parsel``: Parsel programs without a model."""

from __future__ import annotations

import sys
from typing import cast, get_args

import orjson

from eudoxus.agents.code.parsel.check import checked
from eudoxus.agents.code.parsel.task import TargetName
from eudoxus.runtime.errors import InvalidRequest
from eudoxus.service import exit_codes
from eudoxus.service.cli_plan import text_of


def check_command(file: str, *, target: str, as_json: bool) -> int:
    """Print errors with their places, or the components in the order of implementation; the exit status is 2 where there are errors.

    Raises :class:`InvalidRequest`.
    """
    if target not in get_args(TargetName):
        raise InvalidRequest(f"target: there is no target {target!r}: expected {', '.join(get_args(TargetName))}", param="target")
    found = checked(text_of("program", file), cast("TargetName", target))
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(found.model_dump(), option=orjson.OPT_INDENT_2) + b"\n")
    elif found.valid:
        count = sum(function.constraints for function in found.functions)
        sys.stdout.write("".join(f"{number}. {', '.join(members)}\n" for number, members in enumerate(found.components, start=1)))
        sys.stderr.write(f"{len(found.functions)} functions below {found.root}, {count} constraints, {len(found.components)} components\n")
    else:
        sys.stdout.write("".join(f"{file}:{error.line}:{error.column}: {error.message}\n" for error in found.errors))
    return exit_codes.OK if found.valid else exit_codes.USAGE
