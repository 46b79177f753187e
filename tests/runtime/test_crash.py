"""A killed run goes on where it was, and pays for nothing twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from eudoxus.runtime.journal import EffectRecord, read_journal

WORKER = Path(__file__).with_name("crashing_worker.py")
SIGKILLED = -9


def work(path: Path, shape: str, kill_after: int) -> int:
    return subprocess.run([sys.executable, WORKER, path, shape, str(kill_after)], timeout=60).returncode


def asked(path: Path) -> list[str]:
    log = Path(f"{path}.asked")
    return log.read_text().splitlines() if log.exists() else []


def answer(path: Path) -> str:
    return Path(f"{path}.answer").read_text()


@pytest.mark.parametrize("k", [4, 7, 23])
def test_a_run_killed_at_every_kth_record_pays_fifty_calls_in_all(tmp_path: Path, k: int):
    assert work(tmp_path / "whole", "chain", 0) == 0
    kills = 0
    while work(tmp_path / "killed", "chain", k) == SIGKILLED:
        kills += 1
    assert kills == 50 // k
    assert len(asked(tmp_path / "killed")) == len(set(asked(tmp_path / "killed"))) == 50
    assert answer(tmp_path / "killed") == answer(tmp_path / "whole")


def test_branches_killed_in_flight_never_ask_again_for_what_was_recorded(tmp_path: Path):
    assert work(tmp_path / "whole", "branches", 0) == 0
    while True:
        before = len(asked(tmp_path / "killed"))
        recorded = set() if before == 0 else {r.path for r in read_journal(tmp_path / "killed") if isinstance(r, EffectRecord)}
        ended = work(tmp_path / "killed", "branches", 9)
        assert not recorded & set(asked(tmp_path / "killed")[before:])
        if ended != SIGKILLED:
            break
    assert len(set(asked(tmp_path / "killed"))) == 50
    assert answer(tmp_path / "killed") == answer(tmp_path / "whole")
