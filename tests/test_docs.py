"""What the documentation shows works as shown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from eudoxus import sandbox
from eudoxus.agents.code import CodeTask
from eudoxus.decoding.instructions import INSTRUCTIONS
from eudoxus.runtime import ChatTask, MemoryJournal, Message, Order, Registry, Runtime, parse_spec
from eudoxus.runtime.endpoints import Endpoints
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint

ROOT = Path(__file__).parent.parent


def blocks(document: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / document).read_text(), re.MULTILINE | re.DOTALL)


async def test_the_strategy_of_the_guide_runs_and_replays():
    strategy, testing = blocks("docs/strategies.md", "python")
    names: dict[str, object] = {}
    exec(strategy, names)
    indented = "".join(f"    {line}\n" for line in testing.splitlines())
    exec(f"async def test():\n{indented}", names)
    await names["test"]()  # type: ignore[operator]


async def test_the_search_of_the_guide_finds_its_answer():
    names: dict[str, Any] = {}
    exec(blocks("docs/search.md", "python")[0], names)
    registry = Registry([names["countdown"]])
    runtime = Runtime(registry, Endpoints({"sim": SimulatedEndpoint(lambda *_: "7 3 20", name="sim")}, default="sim"))
    task = ChatTask(messages=(Message(role="user", content="go"),))
    result = await runtime.execute(Order(parse_spec("countdown/sim:m", registry), task), MemoryJournal(), run_id="run_1")
    assert (result.answer, result.outcome) == ("done", "verified") and result.artifacts["path"] in (["7", "3"], ["3", "7"])


def test_the_sampler_of_the_guide_draws_within_its_grammar(capsys: pytest.CaptureFixture[str]):
    exec(blocks("docs/decoding.md", "python")[0], {})
    assert "yes" in capsys.readouterr().out


def test_the_instructions_of_the_guide_say_what_it_says(capsys: pytest.CaptureFixture[str]):
    checks, _, grammar = blocks("docs/instructions.md", "python")
    exec(checks, {})
    exec(grammar, {})
    said = re.findall(r"# (Answer.*|found.*|True.*)", checks + grammar)
    assert [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()] == [" ".join(line.split()) for line in said]


def test_the_guide_lists_every_instruction_with_its_arguments():
    rows = dict(re.findall(r"^\| `([a-z_]+:[a-z_]+)` \| (.*) \|$", (ROOT / "docs/instructions.md").read_text(), re.MULTILINE))
    assert {key: re.findall(r"`(\w+)`", cell) for key, cell in rows.items()} == {
        key: list(kind.model_fields) for key, kind in INSTRUCTIONS.items()}


async def test_the_code_strategy_of_the_guide_repairs_its_program():
    names: dict[str, Any] = {}
    exec(blocks("docs/code.md", "python")[0], names)
    registry = Registry([names["second_try"]], [CodeTask])
    answers = ["def up(n):\n    return n", "def up(n):\n    return n + 1"]
    runtime = Runtime(registry, Endpoints({"sim": SimulatedEndpoint(answers, name="sim")}, default="sim"), prompt_hash=lambda id: "")
    task = CodeTask(statement="def up(n):\n    '''One more.\n\n    >>> up(1)\n    2\n    '''\n")
    result = await runtime.execute(Order(parse_spec("second_try/sim:m", registry), task), MemoryJournal(), run_id="run_1")
    await sandbox.close_shared()
    assert result.answer == "def up(n):\n    return n + 1\n"


FIRST_CELLS = re.findall(r"^\| `([^`]+)`", (ROOT / "README.md").read_text(), re.MULTILINE)
SPECS = [cell.replace("/…", "/openai:m") for cell in FIRST_CELLS if ":m" in cell or "/…" in cell]


@pytest.mark.parametrize("spec", SPECS)
def test_every_specification_in_the_readme_can_be_read(spec: str):
    installed = Registry.installed()
    assert parse_spec(str(parse_spec(spec, installed)), installed) == parse_spec(spec, installed)


def test_the_readme_shows_every_operator():
    shown = " ".join(SPECS)
    assert all(f"{name}(" in shown for name in ("vote", "race", "fallback", "sequence", "route", "repeat", "limit"))


@pytest.mark.parametrize("document", ["README.md", *(f"docs/{p.name}" for p in sorted((ROOT / "docs").glob("*.md")))])
def test_links_between_documents_lead_somewhere(document: str):
    for target in re.findall(r"\]\((?!http)([^)#]+)", (ROOT / document).read_text()):
        assert (ROOT / document).parent.joinpath(target).exists(), target
