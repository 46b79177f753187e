"""Journals: what is acknowledged is kept, damage is noticed, one writer at a time."""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eudoxus.runtime.errors import Fenced, JournalDamaged, JournalError, JournalFull
from eudoxus.runtime.journal import (
    SCHEMA,
    Database,
    EffectRecord,
    EventRecord,
    FileJournal,
    Journal,
    MemoryJournal,
    SqliteJournals,
    read_journal,
    text_of,
)
from eudoxus.runtime.journal.lines import decoded

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["$blob", "$$blob", "a", "~sum", "$"]), inner, max_size=3),
    max_leaves=8)
data = st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5) | st.just("$blob"), values, max_size=4)


def event(number: int, **data: object) -> EventRecord:
    return EventRecord(path=f"root/e{number}", type="log", data=data)


@given(st.lists(data, max_size=5), st.booleans())
def test_records_come_back_as_written_whatever_they_hold(many: list[dict[str, object]], long: bool):
    more = {"long": "x" * 20_000} if long else {}
    records = [EventRecord(seq=i, path=f"root/e{i}", type="log", data=d | more) for i, d in enumerate(many)]
    assert [r for r, _, _ in decoded(list(text_of(records)))] == records


def test_a_long_string_is_stored_once(tmp_path: Path):
    journal = FileJournal(tmp_path / "j.jsonl")
    for i in range(5):
        journal.append(event(i, text="x" * 30_000))
    asyncio.run(journal.aclose())
    assert (tmp_path / "j.jsonl").stat().st_size < 40_000
    assert [r.data["text"] for r in read_journal(tmp_path / "j.jsonl") if isinstance(r, EventRecord)] == ["x" * 30_000] * 5


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "j.jsonl"
    journal = FileJournal(path)
    for i in range(4):
        journal.append(event(i, text=f"number {i}"))
    asyncio.run(journal.aclose())
    return path


def test_a_journal_cut_at_any_byte_keeps_its_whole_records(written: Path):
    whole = written.read_bytes()
    ends = [i + 1 for i, c in enumerate(whole) if c == 10]
    for cut in range(len(whole)):
        written.write_bytes(whole[:cut])
        journal = FileJournal(written)
        kept = len(asyncio.run(journal.records()))
        assert kept == sum(1 for end in ends if end <= cut)
        journal.append(event(9, text="after"))
        asyncio.run(journal.aclose())
        assert len(read_journal(written)) == kept + 1


@pytest.mark.parametrize("line", [1, 2, 3, 4])
def test_an_edited_line_is_refused_by_number(written: Path, line: int):
    lines = written.read_bytes().splitlines(keepends=True)
    lines[line - 1] = lines[line - 1].replace(b"number", b"Number")
    written.write_bytes(b"".join(lines))
    with pytest.raises(JournalDamaged, match=f"line {line}"):
        read_journal(written)
    with pytest.raises(JournalDamaged, match=f"line {line}"):
        FileJournal(written)


def test_a_removed_or_reordered_line_is_refused(written: Path):
    a, b, c, d = written.read_bytes().splitlines(keepends=True)
    for damaged, line in (([a, c, d], 2), ([b, a, c, d], 1), ([a, b, b, c, d], 3)):
        written.write_bytes(b"".join(damaged))
        with pytest.raises(JournalDamaged, match=f"line {line}"):
            read_journal(written)


def test_a_line_of_another_format_is_refused(tmp_path: Path):
    (tmp_path / "x").write_text(json.dumps({"t": "fx"}) + "\n")
    with pytest.raises(JournalDamaged, match="line 1"):
        read_journal(tmp_path / "x")
    with pytest.raises(JournalError, match="cannot read"):
        read_journal(tmp_path / "absent")


def test_a_second_process_is_kept_out(written: Path):
    journal = FileJournal(written)
    with pytest.raises(JournalError, match="in use"):
        FileJournal(written)
    asyncio.run(journal.aclose())


def test_a_full_disk_is_a_clear_error_and_loses_nothing(tmp_path: Path):
    script = f"""
import asyncio, resource
from eudoxus.runtime.journal import FileJournal, EventRecord
from eudoxus.runtime.errors import JournalFull
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
journal = FileJournal({str(tmp_path / "j")!r})
kept = 0
try:
    for i in range(100):
        journal.append(EventRecord(path=f"root/e{{i}}", type="log", data={{"text": "x" * 100}}))
        kept += 1
except JournalFull as error:
    print(kept, error)
"""
    assert resource.RLIMIT_FSIZE is not None
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    kept = int(done.stdout.split()[0])
    assert "cannot write" in done.stdout
    assert 0 < kept < 100
    assert len(read_journal(tmp_path / "j")) == kept


async def test_two_workers_on_one_run_cannot_both_write(tmp_path: Path):
    database = Database(tmp_path / "db", SCHEMA)
    journals = SqliteJournals(database)
    first = journals.create("run_1")
    await first.append(event(0))
    second = await journals.open("run_1")
    assert [r.seq for r in await second.records()] == [0]
    await second.append(event(1))
    with pytest.raises(Fenced):
        await first.append(event(1))
    with pytest.raises(Fenced):
        await first.append(event(2))
    assert len(await second.records()) == 2
    with pytest.raises(JournalError, match="no journal"):
        await journals.open("run_2")
    await database.aclose()


async def test_a_database_that_cannot_grow_says_so_and_keeps_what_it_has(tmp_path: Path):
    database = Database(tmp_path / "db", SCHEMA)
    journal = SqliteJournals(database).create("run_1")
    await journal.append(event(0))
    database._writer.execute("PRAGMA max_page_count = 8")
    with pytest.raises(JournalFull, match="cannot write"):
        for i in range(1, 100):
            await journal.append(event(i, text="x" * 1000))
    assert len(await journal.records()) >= 1
    await database.aclose()


async def test_a_write_that_fails_does_not_spoil_those_that_share_its_transaction(tmp_path: Path):
    database = Database(tmp_path / "db", SCHEMA)
    journals = [SqliteJournals(database).create(f"run_{i}") for i in range(3)]
    await journals[0].append(event(0))
    database._writer.execute("PRAGMA max_page_count = 8")
    writes = [journal.append(event(1, text="x" * size)) for journal, size in zip(journals, (10, 1_000_000, 10), strict=True)]
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    assert [isinstance(outcome, JournalFull) for outcome in outcomes] == [False, True, False]
    assert [len(await journal.records()) for journal in journals] == [2, 0, 1]
    await database.aclose()


async def test_a_write_goes_on_when_its_waiter_is_cancelled(tmp_path: Path):
    database = Database(tmp_path / "db", SCHEMA)
    journal = SqliteJournals(database).create("run_1")

    async def waiting() -> None:
        await journal.append(event(0))

    waiter = asyncio.create_task(waiting())
    await asyncio.sleep(0)
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    assert len(await journal.records()) == 1
    await database.aclose()


async def test_many_writers_share_transactions_and_keep_their_order(tmp_path: Path):
    database = Database(tmp_path / "db", SCHEMA)
    journals = SqliteJournals(database)

    async def write(run: str) -> list[int]:
        journal = journals.create(run)
        await asyncio.gather(*(journal.append(event(i, i=i)) for i in range(50)))
        return [r.data["i"] for r in await journal.records() if isinstance(r, EventRecord)]

    for order in await asyncio.gather(*(write(f"run_{i}") for i in range(10))):
        assert order == list(range(50))
    await database.aclose()


class JournalContract:
    """What holds for every journal."""

    def open(self, path: Path) -> Journal:
        raise NotImplementedError

    async def test_what_was_appended_is_indexed_numbered_and_told(self, tmp_path: Path):
        journal = self.open(tmp_path)
        heard: list[int] = []
        journal.listen(lambda record: heard.append(record.seq))
        await journal.append(EffectRecord(path="root/c0", kind="model", fp="f", req={"a": 1}, res={"b": 2}))
        await journal.append(event(0, text="x"))
        assert heard == [0, 1]
        assert journal.recorded.effects["root/c0"].res == {"b": 2}
        assert [r.seq for r in await journal.records()] == [0, 1]
        await journal.aclose()


class TestMemoryJournal(JournalContract):
    def open(self, path: Path) -> Journal:
        return MemoryJournal()


class TestFileJournal(JournalContract):
    def open(self, path: Path) -> Journal:
        return FileJournal(path / "j.jsonl")


class TestSqliteJournal(JournalContract):
    def open(self, path: Path) -> Journal:
        return SqliteJournals(Database(path / "db", SCHEMA)).create("run_1")
