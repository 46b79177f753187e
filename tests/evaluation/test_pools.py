"""Pools: recorded completions answer by task and sample."""

from __future__ import annotations

import gzip
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from eudoxus.evaluation.dataset import DataSet
from eudoxus.evaluation.formats import humaneval
from eudoxus.evaluation.pools import Pool, PoolEndpoint, asserts, from_samples, load, stopped
from eudoxus.evaluation.summary import summarise
from eudoxus.runtime import ChatRequest, Response
from eudoxus.runtime.contracts import QUESTION, EndpointContract
from eudoxus.runtime.endpoints import Call
from eudoxus.runtime.errors import InvalidRequest, NoAnswerRecorded
from tests.evaluation.running import evaluated

DATA = Path(os.environ.get("EUDOXUS_DATA", "/nowhere"), "code")
HEADER = 'def up(n: int) -> int:\n    """One more than a number."""\n'
CHECK = "def check(candidate):\n    assert candidate(1) == 2\n    assert candidate(5) == 6\n"
PROGRAMS = ["def up(n):\n    return n + 1\n", "def up(n):\n    return 2\n", "def up(n):\n    return n\n", "def up(n):\n    return 1 + n\n"]
POOL = Pool("p", {"T/0": PROGRAMS}, {"T/0": ["assert up(1) == 2", "assert up(5) == 6"]})


def dataset() -> DataSet:
    row = {"task_id": "T/0", "prompt": HEADER, "entry_point": "up", "canonical_solution": "    return n + 1\n", "test": CHECK}
    return DataSet("one", tuple(humaneval.items(json.dumps(row).encode())), "0" * 64, "made for tests")


class TestPoolContract(EndpointContract):
    """A pool is an endpoint like any other, for the samples of an evaluation."""

    model = "p"

    @pytest.fixture
    async def endpoint(self) -> PoolEndpoint:
        return SampleOfEveryRun({"p": Pool("p", {"T": [f"answer {number}" for number in range(100)]})})


class SampleOfEveryRun(PoolEndpoint):
    """Takes every run for a sample of the task T."""

    async def complete(self, model: str, request: ChatRequest, n: int, call: Call) -> Response:
        return await super().complete(model, request, n, replace(call, run_id=f"eval-{call.run_id}:0:T"))


async def test_each_sample_sees_other_completions_and_together_they_see_all(tmp_path: Path):
    folder, _ = await evaluated(tmp_path / "e", PoolEndpoint({"p": POOL}), spec="direct/pool:p", dataset=dataset(), samples=4)
    recorded = folder.recorded()
    assert [recorded.samples["T/0", sample].answer for sample in range(4)] == PROGRAMS
    assert [recorded.grades["T/0", sample].solved for sample in range(4)] == [True, False, False, True]
    estimates = {k: estimate.mean for k, estimate in summarise(folder).pass_at.items()}
    assert estimates == {1: 0.5}


async def test_a_selector_chooses_among_recorded_programs_by_recorded_tests(tmp_path: Path):
    results = {}
    for selector in ("first", "mbr_exec", "two_tier"):
        spec = f"best_of_n(n=4,selector={selector})/pool:p"
        folder, finished = await evaluated(tmp_path / selector, PoolEndpoint({"p": POOL}), spec=spec, dataset=dataset())
        assert finished.ended == "complete"
        results[selector] = folder.recorded().samples["T/0", 0].answer
    assert results["first"] == PROGRAMS[0] and results["two_tier"] in (PROGRAMS[0], PROGRAMS[3])


async def test_what_a_pool_does_not_hold_is_a_fault_and_no_wrong_answer(tmp_path: Path):
    for name, spec in (("too_many", "best_of_n(n=5,selector=first)/pool:p"), ("judge", "best_of_n(n=2)/pool:p")):
        folder, finished = await evaluated(tmp_path / name, PoolEndpoint({"p": POOL}), spec=spec, dataset=dataset())
        assert finished.ended == "faults" and not folder.recorded().grades, name


async def test_a_pool_that_is_not_there_is_a_fault(tmp_path: Path):
    folder, finished = await evaluated(tmp_path / "e", PoolEndpoint(), spec="direct/pool:p", dataset=dataset())
    assert finished.ended == "faults" and "no pool is called 'p'" in finished.why and not folder.recorded().grades


async def test_a_call_that_is_no_sample_gets_no_answer():
    with pytest.raises(NoAnswerRecorded, match="samples of an evaluation"):
        await PoolEndpoint({"p": POOL}).complete("p", QUESTION, 1, Call(run_id="run_1", path="root/c0"))


async def test_a_call_that_is_repeated_gets_the_same_answer():
    endpoint, call = PoolEndpoint({"p": POOL}), Call(run_id="eval_x:0:T%2F0", path="root/c0")
    first = await endpoint.complete("p", QUESTION, 2, call)
    assert (await endpoint.complete("p", QUESTION, 2, call)).completions == first.completions
    other = await endpoint.complete("p", QUESTION, 2, Call(run_id="eval_x:0:T%2F0", path="root/c1"))
    assert [one.text for one in (*first.completions, *other.completions)] == PROGRAMS


def test_a_samples_file_is_a_pool(tmp_path: Path):
    (tmp_path / "s.jsonl.gz").write_bytes(gzip.compress(b'{"task_id": "T/0", "completion": "a"}\n{"task_id": "T/0", "solution": "b"}\n'))
    assert from_samples("mine", tmp_path / "s.jsonl.gz").replies == {"T/0": ["a", "b"]}
    (tmp_path / "s.json").write_bytes(b'[{"task_id": "T/0", "completion": "a"}]')
    assert from_samples("mine", tmp_path / "s.json").replies == {"T/0": ["a"]}
    with pytest.raises(InvalidRequest, match="no pool is called"):
        load("nothing")


def test_a_completion_ends_where_a_base_model_goes_on_to_something_else():
    assert stopped("    return 1\n\ndef other():\n    pass") == "    return 1\n"
    assert stopped("    return 1\n") == "    return 1\n"


def test_tests_are_read_five_from_each_sample():
    sample = " up(1) == 2\nassert up(2) == 3\nassert broken(\nassert down(1) == 0\nassert up(4) == 5\nassert up(5) == 6\n"
    assert asserts([sample, " up(1) == 2\n"], "up") == ["assert up(1) == 2", "assert up(2) == 3", "assert up(4) == 5"]


@pytest.mark.skipif(not DATA.exists(), reason="EUDOXUS_DATA does not point at the recordings")
@pytest.mark.parametrize(("name", "tasks", "replies"), [("codegen16b", 164, 16_400), ("ldb_seeds", 164, 820), ("davinci002", 2000, 2000)])
def test_the_known_pools_are_whole(name: str, tasks: int, replies: int):
    pool = load(name)
    assert len(pool.replies) == tasks and sum(map(len, pool.replies.values())) == replies
