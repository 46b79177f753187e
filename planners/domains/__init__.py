"""Domains that Eudoxus ships: each a folder with ``domain.pddl``, the same in English, a worked example, and tasks."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable


@dataclass(frozen=True, slots=True)
class ShippedDomain:
    """A domain with what helps to use it."""

    name: str
    pddl: str
    about: str
    """The domain in English."""
    example_description: str
    """A task in English …"""
    example_problem: str
    """… and the same as a problem in PDDL."""
    tasks: tuple[str, ...]
    """Tasks to try, as JSON."""


@functools.cache
def shipped() -> dict[str, ShippedDomain]:
    """The shipped domains by name."""
    folders = sorted((entry for entry in files(__package__).iterdir() if entry.is_dir()), key=lambda entry: entry.name)
    return {folder.name: _read(folder) for folder in folders if folder.joinpath("domain.pddl").is_file()}


def _read(folder: Traversable) -> ShippedDomain:
    def text(name: str) -> str:
        return folder.joinpath(name).read_text("utf-8").strip()

    tasks = sorted(folder.joinpath("tasks").iterdir(), key=lambda entry: entry.name)
    return ShippedDomain(
        folder.name, text("domain.pddl"), text("domain.txt"), text("example.txt"), text("example.pddl"),
        tuple(task.read_text("utf-8") for task in tasks if task.name.endswith(".json")),
    )
