"""Evaluations as the service remembers them: a row each. What was answered and graded is in the evaluation's folder, append-only."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from eudoxus.runtime.chat import Json
from eudoxus.runtime.journal import Database
from eudoxus.runtime.journal.database import Statement
from eudoxus.service.store import TERMINAL, Status, new_run_id
from eudoxus.service.tables import OPEN, Table, forgetting, json_blob


@dataclass(slots=True, kw_only=True)
class EvaluationRow:
    """One evaluation. Times are Unix seconds; ``key_id`` is the API key that made it."""

    id: str
    status: Status
    strategy: str
    dataset: str
    total: int
    """Samples in all."""
    concurrency: int
    max_requests: int | None = None
    max_cost: float | None = None
    metadata: Json | None = None
    key_id: str | None = None
    owner: str | None = None
    created: float = 0.0
    started: float | None = None
    completed: float | None = None
    summary: Json | None = None
    error: Json | None = None

    @property
    def terminal(self) -> bool:
        return self.status in TERMINAL


_TABLE = Table("evaluations", EvaluationRow, frozenset({"metadata", "summary", "error"}))


def new_evaluation_id() -> str:
    """``eval_`` and a UUIDv7 in hex."""
    return new_run_id().replace("run_", "eval_")


class EvaluationStore:
    """The rows, in the database of the runs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, row: EvaluationRow, *also: Statement) -> None:
        """Store a new evaluation durably. Raises ``sqlite3.IntegrityError`` when ``also`` breaks a key."""
        await self._database.write(*also, _TABLE.insert(row))

    async def claim(self, row: EvaluationRow, owner: str) -> bool:
        """Become the owner of an open evaluation, unless another process was faster."""
        said = f"UPDATE evaluations SET owner = ? WHERE id = ? AND owner IS ? AND status IN {OPEN}"  # noqa: S608
        return await self._database.write((said, (owner, row.id, row.owner))) > 0

    async def started(self, id: str, owner: str) -> bool:
        """Whether work may begin: it is still open and ours."""
        said = f"UPDATE evaluations SET status = ?, started = coalesce(started, ?) WHERE id = ? AND owner = ? AND status IN {OPEN}"  # noqa: S608
        return await self._database.write((said, ("in_progress", time.time(), id, owner))) > 0

    async def ended(self, id: str, status: Status, *, summary: Json | None, error: Json | None) -> None:
        """Note the end; one that was noted before (cancelled by another process) stays."""
        said = (f"UPDATE evaluations SET status = ?, completed = ?, summary = ?, error = ? WHERE id = ? AND status IN {OPEN}")  # noqa: S608
        await self._database.write((said, (status, time.time(), json_blob(summary), json_blob(error), id)))

    async def summarised(self, id: str, summary: Json | None) -> None:
        """Note what an evaluation that has ended came to."""
        await self._database.write(("UPDATE evaluations SET summary = ? WHERE id = ?", (json_blob(summary), id)))

    async def reopen(self, row: EvaluationRow, owner: str) -> bool:
        """Queue an evaluation again that has ended, with the caps of ``row``; False when another request was faster."""
        said = ("UPDATE evaluations SET status = 'queued', owner = ?, completed = NULL, error = NULL, max_requests = ?, max_cost = ? "
                "WHERE id = ? AND status = ?")
        return await self._database.write((said, (owner, row.max_requests, row.max_cost, row.id, row.status))) > 0

    async def release(self, ids: list[str]) -> None:
        """Give evaluations up without ending them: whoever comes next goes on with them."""
        if ids:
            await self._database.write(*(("UPDATE evaluations SET owner = NULL WHERE id = ?", (id,)) for id in ids))

    async def delete(self, id: str) -> None:
        await self._database.write(("DELETE FROM evaluations WHERE id = ?", (id,)), forgetting(id))

    async def get(self, id: str) -> EvaluationRow | None:
        return await _TABLE.get(self._database, id)

    async def open(self) -> list[EvaluationRow]:
        """Those that have not ended, oldest first."""
        return await _TABLE.open(self._database)

    async def page(
        self, *, limit: int, after: str | None, ascending: bool, equal: Mapping[str, str | None], metadata: Mapping[str, str],
    ) -> tuple[list[EvaluationRow], bool]:
        """As :meth:`Table.page`."""
        return await _TABLE.page(self._database, limit=limit, after=after, ascending=ascending, equal=equal, metadata=metadata)
