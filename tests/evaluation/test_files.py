"""Files of data sets: checksums, fetching, and what is said when they are not there."""

from __future__ import annotations

import functools
import gzip
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from eudoxus.evaluation import catalogue, load
from eudoxus.evaluation.files import ChecksumMismatch, DataFile, DataSetMissing, fetch, read, rows, unpacked
from eudoxus.runtime.errors import InvalidRequest

CONTENT = b'{"task_id": "one"}\n'


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """An address below which ``published/`` is served."""
    (tmp_path / "published").mkdir()
    made = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(tmp_path / "published")))
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{made.server_port}"
    made.shutdown()
    made.server_close()


@pytest.fixture(autouse=True)
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("EUDOXUS_DATA", raising=False)


def file(url: str | None = None, content: bytes = CONTENT, shared: str | None = None) -> DataFile:
    return DataFile("set.jsonl", hashlib.sha256(content).hexdigest(), url, shared)


def test_a_fetched_file_is_read_from_then_on(server: str, tmp_path: Path):
    (tmp_path / "published/set.jsonl").write_bytes(CONTENT)
    wanted = file(f"{server}/set.jsonl")
    with pytest.raises(DataSetMissing):
        read(wanted)
    fetch(wanted)
    (tmp_path / "published/set.jsonl").unlink()
    assert read(wanted) == CONTENT and fetch(wanted).read_bytes() == CONTENT


def test_a_file_with_another_checksum_is_refused_and_not_kept(server: str, tmp_path: Path):
    (tmp_path / "published/set.jsonl").write_bytes(CONTENT + b" ")
    with pytest.raises(ChecksumMismatch, match="it is not used"):
        fetch(file(f"{server}/set.jsonl"))
    assert not list((tmp_path / "cache").rglob("*"))


def test_a_page_that_is_not_there_is_no_file(server: str):
    with pytest.raises(DataSetMissing, match="could not be fetched"):
        fetch(file(f"{server}/none.jsonl"))


def test_a_changed_file_below_the_shared_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EUDOXUS_DATA", str(tmp_path))
    (tmp_path / "set.jsonl").write_bytes(b"changed")
    with pytest.raises(ChecksumMismatch):
        read(file(shared="set.jsonl"))


def test_a_missing_set_says_how_to_get_it():
    with pytest.raises(DataSetMissing, match="eudoxus datasets fetch humaneval"):
        load("humaneval")
    with pytest.raises(DataSetMissing, match="give the path"):
        load("humaneval_plus")
    with pytest.raises(InvalidRequest, match="did you mean humaneval"):
        load("humanevall")
    with pytest.raises(DataSetMissing, match="cannot be fetched"):
        catalogue.fetched("arc1d")


def test_every_pinned_address_names_a_commit():
    urls = [one.file.url for one in catalogue.KNOWN.values() if one.file and one.file.url]
    assert len(urls) == 29 and all(any(len(part) == 40 for part in url.split("/")) for url in urls)


def test_rows_are_lines_or_a_list_packed_or_not():
    expected = [{"a": 1}, {"a": 2}]
    lines = b'{"a": 1}\n{"a": 2}\n'
    for content in (lines, gzip.compress(lines), json.dumps(expected).encode()):
        assert rows(content) == expected
    with pytest.raises(InvalidRequest, match="line 2: not JSON"):
        rows(b'{"a": 1}\nno\n')


def test_what_is_no_gzip_in_spite_of_its_first_bytes_is_refused():
    with pytest.raises(InvalidRequest, match="no gzip"):
        unpacked(b"\x1f\x8b\x08nothing")
