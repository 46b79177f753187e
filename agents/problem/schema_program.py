"""Validating JSON against a schema, here or in a process of its own: ``python -I THIS_FILE``.

It reads ``[schema, value]``, both as JSON texts, and writes what is wrong. It imports nothing of Eudoxus, so that it begins at once.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import jsonschema_rs

BACKTRACKS = 50_000
"""Steps back that one pattern of a schema may take on one text."""


def validator_of(schema: dict[str, Any]) -> Any:
    """The compiled schema. References lead nowhere but into the schema itself: nothing is fetched."""
    return jsonschema_rs.validator_for(schema, offline=True, pattern_options=jsonschema_rs.FancyRegexOptions(backtrack_limit=BACKTRACKS))


def complaint_of(schema: dict[str, Any], value: Any) -> str:
    """The first thing wrong with ``value``; empty when nothing is."""
    try:
        found = next(iter(validator_of(schema).iter_errors(value)), None)
    except ValueError as error:
        return f"it cannot be validated: {error}"
    return f"{found.message} (at {'/'.join(map(str, found.instance_path)) or 'the top'})" if found is not None else ""


if __name__ == "__main__":
    schema_text, value_text = json.loads(sys.stdin.buffer.read())
    sys.stdout.write(json.dumps(complaint_of(json.loads(schema_text), json.loads(value_text))))
