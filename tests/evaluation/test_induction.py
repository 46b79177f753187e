"""Induction evaluated: ARC by both rules from programs, and the recorded programs of Hypothesis Search run again."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from eudoxus import sandbox
from eudoxus.evaluation import export
from eudoxus.evaluation.beginning import begin
from eudoxus.evaluation.catalogue import load
from eudoxus.evaluation.dataset import DataSet
from eudoxus.evaluation.formats import arc
from eudoxus.evaluation.pools import Pool, PoolEndpoint
from eudoxus.evaluation.records import Folder
from eudoxus.evaluation.runner import Runner
from eudoxus.evaluation.summary import Summary, summarise
from eudoxus.prompts import load as load_prompt
from eudoxus.runtime import Registry, Runtime
from eudoxus.runtime.endpoints import Endpoints

DATA = Path(os.environ.get("EUDOXUS_DATA", "/nowhere"), "code")
TASKS = {
    "mirror": {"train": [{"input": [[1, 0]], "output": [[0, 1]]}], "test": [{"input": [[2, 0]], "output": [[0, 2]]}]},
    "fill": {"train": [{"input": [[3, 0]], "output": [[3, 3]]}],
             "test": [{"input": [[4, 0]], "output": [[4, 4]]}, {"input": [[0, 5]], "output": [[5, 5]]}]},
}
MIRROR, FIRST = "def transform_grid(g):\n    return g[:, ::-1]\n", "def transform_grid(g):\n    return np.full_like(g, g[0, 0])\n"
COPY = "def transform_grid(g):\n    return g\n"
CHANGED = {"445eab21", "5582e5ca"}
"""Programs that take the first element of what scipy.stats.mode gives along an axis that scipy 1.11 and later leave out."""


@pytest.fixture(autouse=True)
async def numpy_in_the_jail() -> AsyncIterator[sandbox.Sandbox]:
    try:
        opened = await sandbox.pool.shared()
    except sandbox.SandboxUnavailable as error:
        pytest.skip(str(error))
    if not opened.slots[0].jail.interpreter.numpy:
        pytest.skip("numpy is not installed for the interpreter in the jail")
    yield opened
    await sandbox.close_shared()


async def evaluated(path: Path, spec: str, dataset: DataSet, endpoint: PoolEndpoint) -> tuple[Folder, Summary]:
    runtime = Runtime(Registry.installed(), Endpoints({"pool": endpoint}), prompt_hash=lambda id: load_prompt(id).hash)
    folder = begin(path, spec, dataset, runtime)
    await Runner(folder, dataset, runtime, None, concurrency=4).run()
    return folder, summarise(folder)


@pytest.mark.parametrize("strategy", [
    "program_only(programs=2,rounds=0)", "hypothesis_search(hypotheses=1,programs=2,rounds=0)"])
async def test_programs_make_two_attempts_that_are_scored_by_both_rules(tmp_path: Path, strategy: str):
    dataset = DataSet("arc", tuple(arc.items(json.dumps(TASKS).encode())), "0" * 64, "made for tests", "ARC score")
    pool = Pool("mine", {"mirror": [COPY, MIRROR], "fill": [FIRST, COPY]}, rules={task: ["some rule"] for task in TASKS})
    folder, found = await evaluated(tmp_path / "e", f"{strategy}/pool:mine", dataset, PoolEndpoint({"mine": pool}))
    assert (found.score.mean, found.solved.mean) == (0.75, 0.5)
    assert export.arc_submission(folder, dataset) == {
        "mirror": [{"attempt_1": [[0, 2]], "attempt_2": [[2, 0]]}],
        "fill": [{"attempt_1": [[4, 4]], "attempt_2": [[4, 0]]}, {"attempt_1": [[0, 0]], "attempt_2": [[0, 5]]}]}


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="EUDOXUS_DATA does not name the folder with the recorded data")
async def test_the_recorded_programs_of_hypothesis_search_give_their_recorded_verdicts_but_for_two(tmp_path: Path):
    pytest.importorskip("scipy", "1.11")
    with gzip.open(DATA / "hypothesis_search" / "selected_programs_gpt4_0613.jsonl.gz") as file:
        recorded: dict[str, Any] = {row["arc_id"]: row for row in map(json.loads, file)}
    spec = "hypothesis_search(hypotheses=1,programs=1,rounds=0,seconds=5)/pool:hypothesis_search"
    folder, _ = await evaluated(tmp_path / "e", spec, load("arc1_training").only(tasks=list(recorded)), PoolEndpoint())
    lines, grades = folder.recorded().samples, folder.recorded().grades
    train = {task: lines[task, 0].outcome == "verified" for task in recorded}
    tests = {task: grades[task, 0].solved for task in recorded}
    assert (len(recorded), sum(tests.values()), sum(train.values())) == (94, 28, 27)
    different = {task for task, row in recorded.items() if (train[task], tests[task]) != (row["pass_all_train"], row["pass_all_tests"])}
    assert different == CHANGED and all("stats.mode(" in recorded[task]["program"] for task in CHANGED)


@pytest.mark.skipif(not DATA.is_dir(), reason="EUDOXUS_DATA does not name the folder with the recorded data")
async def test_the_two_give_their_recorded_verdicts_where_the_mode_has_its_former_shape(tmp_path: Path):
    """Until scipy 1.11 keepdims was True unless it was given."""
    pytest.importorskip("scipy", "1.11")
    with gzip.open(DATA / "hypothesis_search" / "selected_programs_gpt4_0613.jsonl.gz") as file:
        recorded: dict[str, Any] = {row["arc_id"]: row for row in map(json.loads, file) if row["arc_id"] in CHANGED}
    former = {task: [row["program"].replace("axis=None)", "axis=None, keepdims=True)").replace("(non_black)", "(non_black, keepdims=True)")]
              for task, row in recorded.items()}
    spec = "program_only(programs=1,rounds=0,seconds=10)/pool:former"
    tasks = load("arc1_training").only(tasks=list(recorded))
    _, found = await evaluated(tmp_path / "e", spec, tasks, PoolEndpoint({"former": Pool("former", former)}))
    assert found.solved.mean == 1
