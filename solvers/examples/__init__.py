"""Data that are shipped to try things with. They are made up: no such places, flights or hotels exist."""

from __future__ import annotations

import functools
import json
from importlib.resources import files
from typing import Any


@functools.cache
def examples() -> tuple[str, ...]:
    """Names of the shipped data."""
    return tuple(sorted(entry.name.removesuffix(".json") for entry in files(__package__).iterdir() if entry.name.endswith(".json")))


@functools.cache
def example(name: str) -> dict[str, Any]:
    """Constants by name. Raises :class:`KeyError` for a name that is not shipped."""
    if name not in examples():
        raise KeyError(name)
    found: dict[str, Any] = json.loads(files(__package__).joinpath(f"{name}.json").read_text("utf-8"))
    return found
