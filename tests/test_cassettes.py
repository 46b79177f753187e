"""Strategies replay from real answers: without a call, to the same result, byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from eudoxus.prompts import load
from eudoxus.runtime import MemoryJournal, Registry, Runtime, read_journal
from eudoxus.runtime.endpoints.offline import OfflineEndpoints
from eudoxus.runtime.journal import EndRecord, Header

ROOT = Path(__file__).parent.parent
CASSETTES = sorted((ROOT / "tests/cassettes").glob("*.jsonl"))


def replaying() -> Runtime:
    return Runtime(Registry.installed(), OfflineEndpoints(), prompt_hash=lambda id: load(id).hash)


@pytest.mark.parametrize("cassette", CASSETTES, ids=lambda path: path.stem)
async def test_a_cassette_replays_to_its_recorded_result(cassette: Path):
    records = read_journal(cassette)
    header, end = records[0], records[-1]
    assert isinstance(header, Header)
    assert isinstance(end, EndRecord)
    assert header.model == "manual"
    result = await replaying().replay(MemoryJournal(records))
    assert result.model_dump(mode="json") == end.result


def test_there_is_a_cassette_for_every_strategy_that_asks_by_a_prompt_of_its_own():
    recorded = {str(read_journal(path)[0].line()["path"]) for path in CASSETTES}
    prompting = [s.name for s in Registry.installed().strategies.values() if s.prompts]
    assert [name for name in prompting if not any(path.startswith(name) for path in recorded)] == []
