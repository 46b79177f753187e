"""``eudoxus code select``: which of several programs to take."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def select(tmp_path: Path) -> Any:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("EUDOXUS", "OPENAI"))}
    environment |= {"XDG_DATA_HOME": str(tmp_path / "share")}
    (tmp_path / "square.py").write_text("def double(n):\n    return n * n\n")
    (tmp_path / "right.py").write_text("def double(n):\n    return n + n\n")
    (tmp_path / "prose.txt").write_text("I cannot do that.\n")
    (tmp_path / "visible.py").write_text("assert double(2) == 4\nassert double(0) == 0\n")
    (tmp_path / "more.json").write_text('["assert double(3) == 6"]')

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "eudoxus.service.cli", "code", "select", *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, text=True, capture_output=True, timeout=60, check=False)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return run


def test_the_best_program_stands_first(select: Any):
    done = select("square.py", "right.py", "prose.txt", "--tests", "visible.py", "--generated", "more.json")
    assert done.returncode == 0, done.stderr
    _, *lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["right.py", "square.py", "prose.txt"]
    assert lines[0].split()[1:] == ["0", "2/2", "1/1"] and lines[1].split()[1:] == ["1", "2/2", "0/1"]
    assert "cannot be compiled" in lines[2]


def test_as_json_it_is_for_scripts(select: Any):
    done = select("right.py", "--tests", "visible.py", "--json")
    assert json.loads(done.stdout)["best"] == 0


def test_where_no_program_can_be_loaded_the_status_is_1(select: Any):
    assert select("prose.txt", "--tests", "visible.py").returncode == 1


@pytest.mark.parametrize(("arguments", "said"), [
    (("right.py",), "--tests"), (("nowhere.py", "--tests", "visible.py"), "cannot read nowhere.py"),
    (("right.py", "--tests", "visible.py", "--selector", "best"), "none of first"),
    (("right.py", "--tests", "prose.txt"), "no Python"),
])
def test_what_is_wrong_is_said_with_status_2(select: Any, arguments: tuple[str, ...], said: str):
    done = select(*arguments)
    assert done.returncode == 2 and said in done.stderr
