"""Canonical JSON and fingerprints: the same content always gives the same bytes and the same digest.

Keys sorted, no spaces, UTF-8 unescaped, floats by shortest representation, integers stay integers.
"""

from __future__ import annotations

import difflib
import hashlib
from typing import Any

import orjson

from eudoxus.runtime.errors import InvalidRequest

FINGERPRINT_VERSION = 1


def canonical(value: Any) -> bytes:
    """``value`` (JSON types only) as canonical JSON. Raises :class:`InvalidRequest` for what JSON cannot hold."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONEncodeError, RecursionError) as error:
        raise InvalidRequest(f"not representable as JSON: {error}") from None


def fingerprint(kind: str, body: Any) -> str:
    """64 hex digits that identify one outside act: its kind and everything that can change its outcome."""
    return hashlib.sha256(canonical({"v": FINGERPRINT_VERSION, "kind": kind, "body": body})).hexdigest()


def difference(recorded: Any, present: Any) -> str:
    """Both values side by side as a unified diff of indented JSON, for a person."""
    before, after = (orjson.dumps(v, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2).decode().splitlines() for v in (recorded, present))
    return "\n".join(difflib.unified_diff(before, after, "recorded", "present", lineterm="", n=2))
