"""Journal lines as bytes: canonical JSON, long strings set aside as blobs, and a chained checksum that shows edits.

Each line ends with ``"~sum"``, a digest of the line and of the sum before it. So a changed, removed or reordered line is noticed at
its place, while a last line cut short by a crash is recognised and dropped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from eudoxus.runtime.canonical import canonical
from eudoxus.runtime.chat import Json
from eudoxus.runtime.errors import JournalDamaged
from eudoxus.runtime.journal.records import Record, record_from

BLOB_BYTES = 16 * 1024
"""Strings longer than this stand once, in a line of their own, however often they are used."""

_SUM = b',"~sum":"'
_TAIL = len(_SUM) + 16 + 2
_ESCAPE = "$$"


def blobs_of(line: Json) -> tuple[Json, dict[str, str]]:
    """``line`` with long strings replaced by ``{"$blob": sha256}``, and those strings by digest."""
    blobs: dict[str, str] = {}
    return _set_aside(line, blobs), blobs


def _set_aside(value: Any, blobs: dict[str, str]) -> Any:
    if isinstance(value, str) and len(value) > BLOB_BYTES:
        digest = hashlib.sha256(value.encode()).hexdigest()
        blobs[digest] = value
        return {"$blob": digest}
    if isinstance(value, dict):
        # A request may hold such a key itself: escaped, so that content can never be taken for a reference.
        return {(_ESCAPE + k if k.endswith("$blob") and k.startswith("$") else k): _set_aside(v, blobs) for k, v in value.items()}
    if isinstance(value, list):
        return [_set_aside(v, blobs) for v in value]
    return value


def put_back(value: Any, blobs: dict[str, str]) -> Any:
    """The inverse of :func:`blobs_of`. Raises KeyError for a reference without its blob."""
    if isinstance(value, dict):
        if value.keys() == {"$blob"}:
            return blobs[value["$blob"]]
        return {(k[len(_ESCAPE) :] if k.startswith(_ESCAPE) and k.endswith("$blob") else k): put_back(v, blobs) for k, v in value.items()}
    if isinstance(value, list):
        return [put_back(v, blobs) for v in value]
    return value


def encoded(record: Record, known_blobs: set[str]) -> list[bytes]:
    """The line of ``record`` as bytes, after those of its blobs that are not in ``known_blobs`` yet; no checksum, no line break."""
    body = canonical(record.line())
    if len(body) <= BLOB_BYTES and b'blob"' not in body:
        return [body]
    line, blobs = blobs_of(record.line())
    fresh = [canonical({"t": "blob", "sha256": k, "data": v}) for k, v in blobs.items() if k not in known_blobs]
    known_blobs.update(blobs)
    return [*fresh, canonical(line)]


def summed(body: bytes, previous: bytes) -> tuple[bytes, bytes]:
    """A whole line with its checksum and line break, and the checksum."""
    total = _digest(body, previous)
    return body[:-1] + _SUM + total + b'"}\n', total


def _digest(body: bytes, previous: bytes) -> bytes:
    return hashlib.blake2b(previous + body, digest_size=8).hexdigest().encode()


def decoded(lines: Iterable[bytes]) -> Iterator[tuple[Record, bytes, int]]:
    """Records with their checksum and the bytes read so far. A cut last line ends the reading; anything else odd raises.

    Raises :class:`JournalDamaged` with the 1-based line.
    """
    previous, blobs, read = b"", dict[str, str](), 0
    for number, raw in enumerate(lines, start=1):
        if not raw.endswith(b"\n"):
            return
        total = raw[-_TAIL - 1 + len(_SUM) : -3]
        body = raw[: -_TAIL - 1] + b"}"
        if raw[-_TAIL - 1 : -_TAIL - 1 + len(_SUM)] != _SUM or _digest(body, previous) != total:
            raise JournalDamaged("changed after it was written (its checksum does not fit)", line=number)
        previous, read = total, read + len(raw)
        try:
            line = orjson.loads(body)
            if line.get("t") == "blob":
                blobs[line["sha256"]] = line["data"]
                continue
            record = record_from(put_back(line, blobs) if b'blob"' in body else line)
        except KeyError as error:
            raise JournalDamaged(f"refers to a blob that is missing: {error}", line=number) from None
        except ValueError as error:
            raise JournalDamaged(str(error), line=number) from None
        yield record, total, read


def text_of(records: Iterable[Record]) -> Iterator[bytes]:
    """A whole journal as JSON Lines, checksums included."""
    previous, known = b"", set[str]()
    for record in records:
        for body in encoded(record, known):
            line, previous = summed(body, previous)
            yield line
