"""The lines of a journal: JSON objects, keys sorted, told apart by ``t``.

A journal is at once a run's resume log, a test's cassette, and the trace that the page draws.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar

from eudoxus.runtime.chat import NOTHING, Json, Usage

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Base of every line. ``seq`` counts the lines of one journal from 0 and is set when the record is appended."""

    t: ClassVar[str]
    seq: int = -1

    def line(self) -> Json:
        """The record as JSON, without members that are None."""
        said = {name: value for name in _names(type(self)) if (value := getattr(self, name)) is not None}
        said["t"] = self.t
        return said


@dataclass(frozen=True, slots=True, kw_only=True)
class Header(Record):
    """First line: what was run, so that it can be run again."""

    t: ClassVar[str] = "run"
    v: int = FORMAT_VERSION
    run_id: str
    created: str
    """ISO 8601 UTC."""
    spec: Json
    path: str
    """The specification as a path, for people."""
    task: Json
    seed: int
    limits: Json | None = None
    code: Json | None = None
    """Strategy name → digest of its module."""
    prompts: Json | None = None
    """Prompt id → hash."""
    model: str | None = None
    """Who answered, when that is not plain from the endpoint: ``manual`` for answers given by hand."""
    pkg: str = ""
    parent: str | None = None
    metadata: Json | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectRecord(Record):
    """One outside act and its outcome: ``res``, or ``err`` when it failed for good."""

    t: ClassVar[str] = "fx"
    path: str
    kind: str
    fp: str
    req: Json
    n: int = 1
    ep: int = 0
    res: Json | None = None
    err: Json | None = None
    short: Json | None = None
    """Why there are fewer answers than ``n``: the refusal of a budget."""
    usage: Json | None = None
    ms: float | None = None
    ts: str | None = None
    tries: int = 1
    src: str = "live"
    """``live`` or ``cache``."""
    up: list[str] | None = None
    """The endpoint's own ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRecord(Record):
    """What timing decided: which branches count. Replay runs only those and charges ``spent`` for the others."""

    t: ClassVar[str] = "dec"
    path: str
    kept: list[int]
    spent: Json
    refused: Json | None = None
    """The least refusal of a budget in the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkRecord(Record):
    """A value taken from outside that is no effect: the clock."""

    t: ClassVar[str] = "mark"
    path: str
    id: str
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecord(Record):
    """Something told to whoever watches: progress, a tree node, the best answer so far."""

    t: ClassVar[str] = "ev"
    path: str
    type: str
    data: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRecord(Record):
    """A worker took the run over; epochs only grow."""

    t: ClassVar[str] = "lease"
    ep: int
    ts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndRecord(Record):
    """Last line: how the run ended. ``status`` is completed, incomplete, failed or cancelled."""

    t: ClassVar[str] = "end"
    status: str
    result: Json | None = None
    error: Json | None = None
    ts: str | None = None


KINDS: dict[str, type[Record]] = {
    cls.t: cls for cls in (Header, EffectRecord, DecisionRecord, MarkRecord, EventRecord, LeaseRecord, EndRecord)
}

_NAMES: dict[type[Record], tuple[str, ...]] = {}


def _names(cls: type[Record]) -> tuple[str, ...]:
    if cls not in _NAMES:
        _NAMES[cls] = tuple(f.name for f in fields(cls))
    return _NAMES[cls]


def record_from(line: Json) -> Record:
    """The record that ``line`` holds. Raises ValueError with a reason for a person."""
    cls = KINDS.get(line.get("t", ""))
    if cls is None:
        raise ValueError(f"unknown record type t={line.get('t')!r}")
    said = {k: v for k, v in line.items() if k != "t"}
    try:
        record = cls(**said)
    except TypeError as error:
        raise ValueError(f"not a {cls.t!r} record: {error}") from None
    if isinstance(record, Header) and record.v != FORMAT_VERSION:
        raise ValueError(f"written in format {record.v}, this version reads format {FORMAT_VERSION}")
    return record


def usage_line(usage: Usage) -> Json:
    """Usage as the journal keeps it: zeros left out, an unknown cost as null."""
    return {k: v for k, v in usage.__dict__.items() if v or k == "cost"}


def usage_from(line: Json | None) -> Usage:
    return Usage(**line) if line else NOTHING

