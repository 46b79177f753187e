"""``eudoxus keys``: API keys in the service's database."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

import orjson
from rich.table import Table

from eudoxus.service.keys import Key, KeyRing
from eudoxus.service.printing import output
from eudoxus.service.settings import load_settings
from eudoxus.service.store import RunStore, iso

T = TypeVar("T")


def create_command(name: str, scopes: list[str], days: float | None) -> None:
    """Print a new key."""
    text, key = _with_keys(lambda keys: keys.create(name, frozenset(scopes), days=days))
    sys.stdout.write(text + "\n")
    sys.stderr.write(f"{name}: {', '.join(sorted(key.scopes))}; shown this once, only its digest is kept\n")


def list_command(*, as_json: bool) -> None:
    """Print all keys."""

    async def all_keys(keys: KeyRing) -> list[Key]:
        return keys.all()

    found = _with_keys(all_keys)
    if as_json:
        said = [
            {
                "id": k.id,
                "name": k.name,
                "scopes": sorted(k.scopes),
                "created_at": iso(k.created),
                "expires_at": iso(k.expires),
                "revoked_at": iso(k.revoked),
                "usable": k.usable,
            }
            for k in found
        ]
        sys.stdout.buffer.write(orjson.dumps({"data": said}, option=orjson.OPT_INDENT_2) + b"\n")
        return
    table = Table("id", "name", "scopes", "created", "state", box=None, pad_edge=False)
    for k in found:
        state = "in force" if k.usable else "revoked" if k.revoked else "expired"
        table.add_row(k.id, k.name, " ".join(sorted(k.scopes)), iso(k.created), state)
    output().print(table)


def revoke_command(id: str) -> None:
    """Raises :class:`InvalidRequest` for an unknown id."""
    _with_keys(lambda keys: keys.revoke(id))
    sys.stderr.write(f"{id} is revoked\n")


def _with_keys(act: Callable[[KeyRing], Awaitable[T]]) -> T:
    async def go() -> T:
        store = RunStore(load_settings().database)
        try:
            return await act(KeyRing(store.database))
        finally:
            await store.aclose()

    return asyncio.run(go())
