"""Tables whose rows are dataclasses: a column for each field, some of which hold JSON. Lists of them go by cursor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import orjson

from eudoxus.runtime.canonical import canonical
from eudoxus.runtime.journal import Database
from eudoxus.runtime.journal.database import Statement

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Row = TypeVar("Row", bound="DataclassInstance")

OPEN = "('queued', 'in_progress')"
"""Statuses of what has not ended, for SQL."""


class Table(Generic[Row]):
    """The table ``name`` of rows of ``form``: JSON in the columns ``json``, truth values in ``flags``. All have ``id`` and ``metadata``."""

    def __init__(self, name: str, form: type[Row], json: frozenset[str], flags: frozenset[str] = frozenset()) -> None:
        self._form, self._json, self._flags = form, json, flags
        self._columns = tuple(field.name for field in fields(form))
        listed = ", ".join(self._columns)
        self._select = f"SELECT {listed} FROM {name}"  # noqa: S608 - our own names
        self._insert = f"INSERT INTO {name} ({listed}) VALUES ({', '.join('?' * len(self._columns))})"  # noqa: S608

    def insert(self, row: Row) -> Statement:
        """The statement that stores a new row."""
        said = {name: getattr(row, name) for name in self._columns}
        return (self._insert, [json_blob(value) if name in self._json else value for name, value in said.items()])

    async def get(self, database: Database, id: str) -> Row | None:
        """The row, with everything that was written before."""
        found = await database.read(f"{self._select} WHERE id = ?", (id,))
        return self._row(found[0]) if found else None

    async def open(self, database: Database) -> list[Row]:
        """Those that have not ended, oldest first."""
        return [self._row(found) for found in await database.read(f"{self._select} WHERE status IN {OPEN} ORDER BY id")]

    async def page(
        self, database: Database, *, limit: int, after: str | None, ascending: bool, equal: Mapping[str, str | None],
        metadata: Mapping[str, str],
    ) -> tuple[list[Row], bool]:
        """Up to ``limit`` rows beyond the id ``after``, and whether there are more. ``equal``: what columns must be, unless None."""
        where, values = ["1"], list[Any]()
        for column, wanted in equal.items():
            if wanted is not None:
                where.append(f"{column} = ?")
                values.append(wanted)
        for name, text in metadata.items():
            where.append("EXISTS (SELECT 1 FROM json_each(CAST(metadata AS TEXT)) AS m WHERE m.key = ? AND m.value = ?)")
            values += [name, text]
        if after is not None:
            where.append("id > ?" if ascending else "id < ?")
            values.append(after)
        said = f"{self._select} WHERE {' AND '.join(where)} ORDER BY id {'ASC' if ascending else 'DESC'} LIMIT ?"
        rows = await database.read(said, (*values, limit + 1))
        return [self._row(found) for found in rows[:limit]], len(rows) > limit

    def _row(self, values: Sequence[Any]) -> Row:
        said = dict(zip(self._columns, values, strict=True))
        said |= {name: orjson.loads(said[name]) for name in self._json if said[name] is not None}
        said |= {name: bool(said[name]) for name in self._flags}
        return self._form(**said)


def json_blob(value: Any) -> bytes | None:
    """What a column of JSON holds."""
    return None if value is None else canonical(value)


def forgetting(id: str) -> Statement:
    """The statement with which the idempotency key that made ``id`` alone is forgotten: once that is deleted, it may make another one."""
    return ("DELETE FROM idempotency WHERE runs = ?", (orjson.dumps([id]),))
