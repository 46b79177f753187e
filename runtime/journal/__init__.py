"""Append-only records of runs: in memory, in a file, in SQLite."""

from eudoxus.runtime.journal.base import Journal, MemoryJournal, Recorded
from eudoxus.runtime.journal.database import Database
from eudoxus.runtime.journal.file import FileJournal, read_journal
from eudoxus.runtime.journal.lines import text_of
from eudoxus.runtime.journal.records import (
    DecisionRecord,
    EffectRecord,
    EndRecord,
    EventRecord,
    Header,
    LeaseRecord,
    MarkRecord,
    Record,
    record_from,
)
from eudoxus.runtime.journal.sqlite import SCHEMA, SqliteJournal, SqliteJournals

__all__ = [
    "SCHEMA", "Database", "DecisionRecord", "EffectRecord", "EndRecord", "EventRecord", "FileJournal", "Header", "Journal", "LeaseRecord",
    "MarkRecord", "MemoryJournal", "Record", "Recorded", "SqliteJournal", "SqliteJournals", "read_journal", "record_from", "text_of",
]
