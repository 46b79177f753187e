"""Summaries, comparisons, result files and the report."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eudoxus.evaluation import evalplus_results, export, load
from eudoxus.evaluation.dataset import DataSet
from eudoxus.evaluation.formats import evalplus
from eudoxus.evaluation.plots import LEFT, RIGHT, WIDTH, Point, score_against_cost
from eudoxus.evaluation.pools import Pool, PoolEndpoint, from_samples
from eudoxus.evaluation.report import page
from eudoxus.evaluation.summary import compare, summarise
from eudoxus.runtime import ChatRequest
from eudoxus.runtime.errors import InvalidRequest
from tests.evaluation.running import adding, evaluated, simulated, sums


def better(model: str, request: ChatRequest, number: int) -> str:
    asked = int(request.messages[-1].text.split()[2])
    return f"Answer: {2 * asked + (asked == 5)}"


async def test_a_summary_counts_score_tokens_and_cost_per_solved_task(tmp_path: Path):
    folder, _ = await evaluated(tmp_path / "e", simulated(price=(0.0, 1_000_000.0)), samples=2)
    found = summarise(folder)
    assert found.score is not None and found.score.mean == 0.5 and found.score.low <= 0.5 <= found.score.high
    assert found.solved_tasks == 3 and found.requests == 12 and found.cost is not None
    assert found.cost_per_solved == found.cost / 3 and found.tokens_per_solved == found.tokens / 3
    said = json.loads(json.dumps(found.json()))
    assert len(said["by_task"]) == 6 and said["pass_at"]["1"]["mean"] == 0.5 and said["by_task"][1]["detail"] == "expected 2, got 3"


async def test_a_comparison_pairs_the_tasks(tmp_path: Path):
    a, _ = await evaluated(tmp_path / "a", simulated(adding), dataset=sums(12))
    b, _ = await evaluated(tmp_path / "b", simulated(better), dataset=sums(12))
    found = compare(summarise(a), summarise(b))
    assert list(found.better) == ["sum/1", "sum/3", "sum/7", "sum/9", "sum/11"] and not found.worse
    assert found.difference.mean == pytest.approx(5 / 12) and found.decided
    same = compare(summarise(a), summarise(a))
    assert same.difference.mean == 0 and not same.decided


async def test_what_cannot_be_compared_is_refused(tmp_path: Path):
    a, _ = await evaluated(tmp_path / "a", simulated(), dataset=sums(1))
    with pytest.raises(InvalidRequest, match="no interval"):
        compare(summarise(a), summarise(a))
    from dataclasses import replace

    b, _ = await evaluated(tmp_path / "b", simulated(), dataset=replace(sums(3), digest="1" * 64))
    with pytest.raises(InvalidRequest, match="cannot be compared"):
        compare(summarise(a), summarise(b))


class _Page(HTMLParser):
    """Whether every element is closed, and what is linked."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag not in ("meta", "line", "circle", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("line", "circle", "rect"):
            assert self.open.pop() == tag


async def test_the_report_needs_no_network_and_leads_to_the_traces(tmp_path: Path):
    a, _ = await evaluated(tmp_path / "a", simulated(adding))
    b, _ = await evaluated(tmp_path / "b", simulated(better))
    out = tmp_path / "reports" / "r.html"
    text = page([a, b], out)
    read = _Page()
    read.feed(text)
    assert not read.open and len(read.links) == 12 and "<svg" in text
    assert not re.search(r"https?://|<script|@import|url\(", text)
    out.parent.mkdir()
    assert all((out.parent / link).resolve().exists() for link in map(_path, read.links))
    assert "95 % interval" in text and "expected 2, got 3" in text


async def test_what_costs_nothing_and_solves_nothing_has_no_price_for_a_solved_task(tmp_path: Path):
    folder, _ = await evaluated(tmp_path / "e", simulated(lambda *_: "no idea", price=(0.0, 0.0)))
    text = page([folder], tmp_path / "r.html")
    assert "unknown" not in text and "<td class=n>–</td><td class=n>$0</td><td class=n>–</td>" in text


@given(st.floats(1e-9, 1e9))
def test_costs_are_marked_at_round_figures_within_the_plot(most: float):
    text = score_against_cost([Point("m", most, 0.5, 0.4, 0.6)], "tokens per task")
    marks = re.findall(r'<text x="([\d.]+)" y="[\d.]+" text-anchor="middle">([\d.e+-]+)k?</text>', text)
    assert 2 <= len(marks) <= 6 and all(LEFT <= float(x) <= WIDTH - RIGHT for x, _ in marks)
    assert all(float(said) == float(f"{float(said):.2g}") for _, said in marks), "two figures say them"


async def test_text_of_a_model_cannot_become_markup(tmp_path: Path):
    folder, _ = await evaluated(tmp_path / "e", simulated(lambda *_: "Answer: <script>alert(1)</script>"))
    assert "<script>" not in page([folder], tmp_path / "r.html")


async def test_results_are_written_in_the_forms_of_human_eval_and_arc(tmp_path: Path):
    dataset = load("examples")

    def answer(model: str, request: ChatRequest, number: int) -> str:
        text = request.messages[-1].text
        if "second_largest" in text:
            body = "    ranked = sorted(set(numbers))\n    return ranked[-2] if ranked[1:] else None\n"
            return f"```python\ndef second_largest(numbers):\n{body}```"
        return "```json\n[[[1, 0, 0, 5]], [[7, 0], [7, 7]]]\n```" if "Test inputs: 2" in text else "no idea"

    folder, _ = await evaluated(tmp_path / "e", simulated(answer), dataset=dataset)
    lines = [json.loads(line) for line in export.human_eval(folder, dataset).splitlines()]
    assert [(line["task_id"], line["passed"]) for line in lines] == [("examples/second_largest", True), ("examples/run_lengths", False)]
    assert lines[0]["result"] == "passed" and lines[0]["completion"].startswith("def second_largest")
    assert export.arc_submission(folder, dataset) == {"examples/mirror": [
        {"attempt_1": [[1, 0, 0, 5]], "attempt_2": [[0]]}, {"attempt_1": [[7, 0], [7, 7]], "attempt_2": [[0]]}]}


async def test_evalplus_results_are_written_and_read_back(tmp_path: Path):
    row = {"task_id": "HumanEval/0", "prompt": 'def up(n):\n    """One more."""\n', "entry_point": "up",
           "canonical_solution": "    return n + 1\n", "base_input": [[1], [2]], "plus_input": [[5], [-3]], "atol": 0}
    items = tuple(evalplus.items(json.dumps(row).encode()))
    dataset = DataSet("humaneval_plus", items, "0" * 64, "made for tests")
    programs = ["def up(n):\n    return n + 1", "def up(n):\n    return abs(n) + 1", "def up(n):\n    return n"]
    pool = PoolEndpoint({"p": Pool("p", {"HumanEval/0": programs})})
    folder, _ = await evaluated(tmp_path / "e", pool, spec="direct/pool:p", dataset=dataset, samples=3)
    written = evalplus_results.written(folder, dataset)
    assert written is not None and written["hash"] == "0" * 64
    said = written["eval"]["HumanEval/0"]
    assert [(one["base_status"], one["plus_status"]) for one in said] == [("pass", "pass"), ("pass", "fail"), ("fail", "fail")]
    assert [one["plus_fail_tests"] for one in said] == [[], [[-3]], [[5]]] and said[2]["base_fail_tests"] == [[1]]
    content = json.dumps(written).encode()
    assert [result.solved for result in evalplus_results.read(content)] == [True, False, False]
    (tmp_path / "eval_results.json").write_bytes(content)
    assert [text.strip() for text in from_samples("again", tmp_path / "eval_results.json").replies["HumanEval/0"]] == programs


@pytest.mark.parametrize("damaged", [b"[]", b'{"eval": {"t": {}}}', b'{"eval": {"t": [{"solution": 1}]}}',
                                     b'{"eval": {"t": [{"solution": "", "base_status": "ok"}]}}'])
def test_a_file_that_is_no_result_file_of_evalplus_is_refused(damaged: bytes):
    with pytest.raises(InvalidRequest, match="expected"):
        list(evalplus_results.read(damaged))


def _path(link: str) -> str:
    from urllib.parse import unquote

    return unquote(link)
