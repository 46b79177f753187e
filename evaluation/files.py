"""The files of data sets: found below ``EUDOXUS_DATA``, at a path that is given, or fetched before; read only with the right checksum."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from eudoxus.runtime.errors import EudoxusError, InvalidRequest

MOST_BYTES = 64 << 20
"""The longest file that is read or fetched, and the most that one unpacks to is eight times that."""
FETCH_SECONDS = 120.0


class DataSetMissing(InvalidRequest):
    """The files of a data set are nowhere; the message says how to get them."""

    code = "data_set_missing"


class ChecksumMismatch(EudoxusError):
    """A file is not the one that was published; it is not used."""

    code = "checksum_mismatch"


@dataclass(frozen=True, slots=True)
class DataFile:
    """One published file."""

    name: str
    """Its name among the fetched ones."""
    sha256: str
    url: str | None = None
    """Pinned to a version; None where it is not published as one file."""
    shared: str | None = None
    """Its path below ``EUDOXUS_DATA``."""


def cache_dir() -> Path:
    """Where fetched files are kept: ``$XDG_CACHE_HOME/eudoxus/datasets``, else ``~/.cache/eudoxus/datasets``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "eudoxus" / "datasets"


def read(file: DataFile) -> bytes:
    """The content of ``file`` from ``EUDOXUS_DATA`` or the fetched ones. Raises :class:`DataSetMissing`, :class:`ChecksumMismatch`."""
    place = _place(file)
    if place is None:
        raise DataSetMissing(f"{file.name} is not here", param="dataset")
    return checked(_content(place), file, str(place))


def here(file: DataFile) -> bool:
    """Whether :func:`read` finds ``file``, its checksum aside."""
    return _place(file) is not None


def _place(file: DataFile) -> Path | None:
    root = os.environ.get("EUDOXUS_DATA")
    places = [Path(root) / file.shared] if root and file.shared else []
    return next((place for place in [*places, cache_dir() / file.name] if place.is_file()), None)


def checked(content: bytes, file: DataFile, where: str) -> bytes:
    """``content``, if it is what was published. Raises :class:`ChecksumMismatch`."""
    found = digest(content)
    if found != file.sha256:
        raise ChecksumMismatch(f"{where}: expected the file with SHA-256 {file.sha256}, this one has {found}; it is not used")
    return content


def fetch(file: DataFile) -> Path:
    """Download ``file`` and keep it; one that is there already, with the right checksum, is left as it is.

    Raises :class:`ChecksumMismatch`, and :class:`DataSetMissing` when it cannot be had.
    """
    place = cache_dir() / file.name
    if place.is_file() and digest(place.read_bytes()) == file.sha256:
        return place
    if file.url is None:
        raise DataSetMissing(f"{file.name} is not published as one file, so it cannot be fetched; give a path", param="dataset")
    content = checked(_downloaded(file.url), file, file.url)
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=place.parent, delete=False) as part:
        part.write(content)
    Path(part.name).replace(place)
    return place


def _downloaded(url: str) -> bytes:
    import httpx2

    try:
        with httpx2.stream("GET", url, timeout=FETCH_SECONDS, follow_redirects=True) as response:
            response.raise_for_status()
            content = bytearray()
            for piece in response.iter_bytes():
                content += piece
                if len(content) > MOST_BYTES:
                    raise DataSetMissing(f"{url}: longer than {MOST_BYTES} bytes; it was not fetched", param="dataset")
            return bytes(content)
    except httpx2.HTTPError as error:
        raise DataSetMissing(f"{url} could not be fetched: {error}", param="dataset") from None


def local(path: Path) -> bytes:
    """A file that the user gives. Raises :class:`DataSetMissing`."""
    if not path.is_file():
        raise DataSetMissing(f"there is no file {path}", param="dataset")
    return _content(path)


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InvalidRequest(f"{path}: longer than {MOST_BYTES} bytes", param="dataset")
        return path.read_bytes()
    except OSError as error:
        raise DataSetMissing(f"cannot read {path}: {error.strerror}", param="dataset") from None


def unpacked(content: bytes) -> bytes:
    """``content``, unpacked where it is gzip. Raises :class:`InvalidRequest`."""
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        text = zlib.decompressobj(wbits=31).decompress(content, 8 * MOST_BYTES)
    except zlib.error as error:
        raise InvalidRequest(f"the file is no gzip: {error}", param="dataset") from None
    if len(text) == 8 * MOST_BYTES:
        raise InvalidRequest(f"the file unpacks to more than {8 * MOST_BYTES} bytes", param="dataset")
    return text


def rows(content: bytes) -> list[dict[str, Any]]:
    """The objects of a JSON Lines file or of a JSON list. Raises :class:`InvalidRequest` naming the line."""
    text = unpacked(content).strip()
    if text.startswith(b"["):
        found = document(content)
        if isinstance(found, list) and all(isinstance(row, dict) for row in found):
            return found
        raise InvalidRequest("expected a JSON list of objects", param="dataset")
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise InvalidRequest(f"line {number}: not JSON: {error}", param="dataset") from None
        if not isinstance(row, dict):
            raise InvalidRequest(f"line {number}: expected an object", param="dataset")
        found.append(row)
    return found


def document(content: bytes) -> Any:
    """One JSON value. Raises :class:`InvalidRequest`."""
    try:
        return orjson.loads(unpacked(content))
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"the file is not JSON: {error}", param="dataset") from None


def text_of(row: dict[str, Any], *names: str, at: str = "") -> str:
    """The first of the members ``names`` that is text. Raises :class:`InvalidRequest` saying what was expected."""
    for name in names:
        if isinstance(found := row.get(name), str):
            return found
    there = ", ".join(map(str, row))[:200]
    raise InvalidRequest(f"{at or 'a row'}: expected the text {' or '.join(map(repr, names))}; it has {there}", param="dataset")


def digest(content: bytes) -> str:
    """The SHA-256 of a file."""
    return hashlib.sha256(content).hexdigest()
