"""The run store: one SQLite file with a row per run, beside the journals. Look-ups read the rows; the journal is the truth."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import orjson

from eudoxus.runtime.chat import NOTHING, Json, Usage
from eudoxus.runtime.errors import EudoxusError
from eudoxus.runtime.journal import SCHEMA as JOURNAL_SCHEMA
from eudoxus.runtime.journal import (
    Database,
    EndRecord,
    Record,
    SqliteJournal,
    SqliteJournals,
)
from eudoxus.runtime.journal.base import DONE
from eudoxus.runtime.journal.database import Statement
from eudoxus.runtime.journal.records import usage_from, usage_line
from eudoxus.service.tables import Table, forgetting, json_blob

Status = Literal["queued", "in_progress", "completed", "failed", "cancelled", "incomplete"]
Face = Literal["chat", "native"]
TERMINAL: frozenset[str] = frozenset({"completed", "failed", "cancelled", "incomplete"})

SCHEMA = (
    JOURNAL_SCHEMA
    + """
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY, face TEXT NOT NULL, status TEXT NOT NULL, path TEXT NOT NULL, spec BLOB NOT NULL, task BLOB NOT NULL,
    seed INTEGER NOT NULL, budget BLOB, cache INTEGER NOT NULL, metadata BLOB, key_id TEXT, owner TEXT, created REAL NOT NULL,
    started REAL, completed REAL, result BLOB, error BLOB, usage BLOB) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS runs_open ON runs (status, id) WHERE status IN ('queued', 'in_progress');
CREATE TABLE IF NOT EXISTS idempotency (
    scope TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL, runs BLOB NOT NULL, created REAL NOT NULL,
    PRIMARY KEY (scope, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS keys (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, digest BLOB NOT NULL, scopes TEXT NOT NULL, created REAL NOT NULL, expires REAL,
    revoked REAL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS evaluations (
    id TEXT PRIMARY KEY, status TEXT NOT NULL, strategy TEXT NOT NULL, dataset TEXT NOT NULL, total INTEGER NOT NULL,
    concurrency INTEGER NOT NULL, max_requests INTEGER, max_cost REAL, metadata BLOB, key_id TEXT, owner TEXT, created REAL NOT NULL,
    started REAL, completed REAL, summary BLOB, error BLOB) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS evaluations_open ON evaluations (status, id) WHERE status IN ('queued', 'in_progress');
CREATE TABLE IF NOT EXISTS probe (id INTEGER PRIMARY KEY, at REAL NOT NULL);
"""
)

KEPT_SECONDS = 24 * 3600.0
"""How long an idempotency key is remembered."""


class IdempotencyMismatch(EudoxusError):
    """The idempotency key was used with another body."""

    code = "idempotency_mismatch"


@dataclass(slots=True, kw_only=True)
class RunRow:
    """One run as the store keeps it. Times are Unix seconds; ``key_id`` is the API key that made it."""

    id: str
    face: Face
    status: Status
    path: str
    spec: Json
    task: Json
    seed: int = 0
    budget: Json | None = None
    cache: bool = False
    metadata: Json | None = None
    key_id: str | None = None
    owner: str | None = None
    created: float = 0.0
    started: float | None = None
    completed: float | None = None
    result: Json | None = None
    error: Json | None = None
    usage: Json | None = None

    @property
    def terminal(self) -> bool:
        return self.status in TERMINAL


_TABLE = Table("runs", RunRow, frozenset({"spec", "task", "budget", "metadata", "result", "error", "usage"}), frozenset({"cache"}))
_END = "UPDATE runs SET status = ?, completed = ?, result = ?, error = ?, usage = ? WHERE id = ?"


def new_run_id() -> str:
    """``run_`` and a UUIDv7 in hex: sorts by time, also within a millisecond (RFC 9562 §6.2, method 3)."""
    now = time.time_ns()
    fraction = (now % 1_000_000) * 4096 // 1_000_000
    high = (now // 1_000_000) << 16 | 0x7000 | fraction
    low = int.from_bytes(os.urandom(8)) & 0x3FFFFFFFFFFFFFFF | 0x8000000000000000
    return f"run_{high:016x}{low:016x}"


def iso(seconds: float | None) -> str | None:
    """Unix seconds as ISO 8601 UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class RunJournal(SqliteJournal):
    """A journal whose end record and the end of the run's row are one transaction."""

    hasty = False
    """Whether the end need not be durable before the answer leaves: all that was paid for is, and the end follows within moments."""

    def _write(self, record: Record) -> Awaitable[None]:
        if isinstance(record, EndRecord):
            self._also = (self._end(record),)
        try:
            written = super()._write(record)
            return DONE if self.hasty and isinstance(record, EndRecord) else written
        finally:
            self._also = ()

    def _end(self, record: EndRecord) -> Statement:
        usage = record.result["usage"] if record.result is not None else usage_line(self.spent())
        return (_END, (record.status, time.time(), json_blob(record.result), json_blob(record.error), json_blob(usage), self.run_id))

    def spent(self) -> Usage:
        """What all recorded calls cost."""
        return sum((usage_from(effect.usage) for effect in self.recorded.effects.values()), NOTHING)


class RunStore:
    """Runs, their journals, and idempotency keys. Every write is a transaction of its own, or shares one with others."""

    def __init__(self, path: Path, *, power_safe: bool = False) -> None:
        self.database = Database(path, SCHEMA, power_safe=power_safe)
        self.journals = SqliteJournals(self.database)

    # -- writing -----------------------------------------------------------------------------------------------------

    def create(self, row: RunRow, *also: Statement) -> RunJournal:
        """Store a new run; ``also`` is committed with it. Nothing to wait for: the first awaited append of the journal follows it."""
        self.journals.create(row.id, _TABLE.insert(row), *also)
        journal = RunJournal(self.database, row.id, 1, [])
        journal.hasty = True
        return journal

    async def queue(self, row: RunRow, *also: Statement) -> RunJournal:
        """Store a new run durably. Raises ``sqlite3.IntegrityError`` when ``also`` breaks a key."""
        statements = (*also, ("INSERT INTO epochs VALUES (?, 1)", (row.id,)), _TABLE.insert(row))
        await self.database.write(*statements)
        return RunJournal(self.database, row.id, 1, [])

    async def take_over(self, run_id: str) -> RunJournal:
        """The run's journal for going on with it; whoever wrote before is fenced off."""
        opened = await self.journals.open(run_id)
        return RunJournal(self.database, run_id, opened.epoch, await opened.records())

    async def claim(self, row: RunRow, owner: str) -> bool:
        """Become the owner of an open run, unless another process was faster."""
        changed = await self.database.write(
            ("UPDATE runs SET owner = ? WHERE id = ? AND owner IS ? AND status IN ('queued', 'in_progress')", (owner, row.id, row.owner))
        )
        return changed > 0

    async def started(self, run_id: str, owner: str) -> None:
        await self.database.write(
            ("UPDATE runs SET status = 'in_progress', owner = ?, started = coalesce(started, ?) WHERE id = ?", (owner, time.time(), run_id))
        )

    async def release(self, run_ids: list[str]) -> None:
        """Give runs up without ending them: whoever comes next goes on with them."""
        if run_ids:
            await self.database.write(*(("UPDATE runs SET owner = NULL WHERE id = ?", (run_id,)) for run_id in run_ids))

    async def delete(self, run_id: str) -> None:
        """Remove a run with its journal."""
        await self.database.write(("DELETE FROM runs WHERE id = ?", (run_id,)), forgetting(run_id), *self.journals.delete(run_id))

    async def probe(self) -> None:
        """Raises when nothing can be written."""
        await self.database.write(("INSERT OR REPLACE INTO probe VALUES (1, ?)", (time.time(),)))

    # -- reading -----------------------------------------------------------------------------------------------------

    async def get(self, run_id: str) -> RunRow | None:
        """The run's row, with everything that was written before."""
        return await _TABLE.get(self.database, run_id)

    async def open_runs(self) -> list[RunRow]:
        """Runs that have not ended, oldest first."""
        return await _TABLE.open(self.database)

    async def page(
        self,
        *,
        limit: int,
        after: str | None = None,
        ascending: bool = False,
        status: str | None = None,
        face: str | None = None,
        key_id: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> tuple[list[RunRow], bool]:
        """Up to ``limit`` runs beyond the run ``after``, newest first, and whether there are more."""
        return await _TABLE.page(
            self.database, limit=limit, after=after, ascending=ascending, metadata=metadata or {},
            equal={"status": status, "face": face, "key_id": key_id})

    # -- idempotency -------------------------------------------------------------------------------------------------

    def remembered(self, scope: str, key: str, body: bytes) -> list[str] | None:
        """What a request with this key made in the last 24 hours. Raises :class:`IdempotencyMismatch` if its digest was not ``body``."""
        found = self.database.read_now(
            "SELECT body, runs FROM idempotency WHERE scope = ? AND key = ? AND created > ?", (scope, key, time.time() - KEPT_SECONDS)
        )
        if not found:
            return None
        if bytes(found[0][0]) != body:
            raise IdempotencyMismatch("this Idempotency-Key was used with another body in the last 24 hours", param="idempotency-key")
        made: list[str] = orjson.loads(found[0][1])
        return made

    def remember(self, scope: str, key: str, body: bytes, runs: list[str]) -> tuple[Statement, Statement]:
        """The statements that remember it; the second breaks the primary key when another request was faster."""
        return (
            ("DELETE FROM idempotency WHERE created <= ?", (time.time() - KEPT_SECONDS,)),
            ("INSERT INTO idempotency VALUES (?, ?, ?, ?, ?)", (scope, key, body, orjson.dumps(runs), time.time())),
        )

    async def aclose(self) -> None:
        await self.database.aclose()
