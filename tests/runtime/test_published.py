"""What packages publish is known by name at once and imported when it is asked for."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from eudoxus.runtime import Registry
from eudoxus.runtime import published as module
from eudoxus.runtime.errors import EudoxusError
from eudoxus.runtime.published import Published


@pytest.fixture
def things(monkeypatch: pytest.MonkeyPatch) -> Published:
    points = [EntryPoint("sound", "math:sqrt", "things"), EntryPoint("broken", "no_such_module:thing", "things")]
    monkeypatch.setattr(module, "entry_points", lambda group: points)
    return Published("things")


def test_names_are_known_in_their_order_without_an_import(things: Published) -> None:
    assert list(things) == ["broken", "sound"] and "broken" in things and "other" not in things and len(things) == 2
    assert things["sound"](4) == 2.0


def test_what_cannot_be_loaded_is_named_when_it_is_asked_for(things: Published) -> None:
    with pytest.raises(EudoxusError, match=r"'broken' \(no_such_module:thing\) of .* cannot be loaded: ModuleNotFoundError"):
        things["broken"]
    with pytest.raises(KeyError):
        things["other"]


def test_entry_points_are_called_as_what_they_publish() -> None:
    installed = Registry.installed().loaded()
    assert all(strategy.name == name for name, strategy in installed.strategies.items())
    assert all(task.kind == name for name, task in installed.tasks.items())


def imported_by(code: str) -> set[str]:
    program = [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"]
    return set(subprocess.run(program, capture_output=True, text=True, check=True).stdout.split())


def test_a_strategy_is_imported_without_the_others() -> None:
    found = imported_by("from eudoxus.runtime import Registry, parse_spec\nparse_spec('refine/m', Registry.installed())")
    assert "eudoxus.agents.refine" in found and not {"eudoxus.agents.vote", "eudoxus.planners.llm_plus_p", "numpy"} & found


def test_a_run_on_the_command_line_imports_no_web_framework() -> None:
    assert not {"fastapi", "numpy", "eudoxus.evaluation"} & imported_by("import eudoxus.service.cli_runs")
