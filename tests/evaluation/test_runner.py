"""The batch runner: what it writes down, what ends it, and that a kill costs nothing."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from eudoxus.evaluation.dataset import DataSet, Item
from eudoxus.evaluation.grading import Grade, GradingFault
from eudoxus.evaluation.records import Folder, RecordFile
from eudoxus.evaluation.runner import MOST_FAULTS, Runner, rescore
from eudoxus.evaluation.selftest import ReferencesFailed, self_test
from eudoxus.evaluation.spending import Purse
from eudoxus.evaluation.summary import summarise
from eudoxus.runtime import ChatRequest, Limits
from eudoxus.runtime.errors import CapabilityMissing, EndpointAuthError, EndpointUnavailable, InvalidRequest, JournalError
from tests.evaluation.killed_program import SPEC
from tests.evaluation.running import adding, evaluated, runtime_of, simulated, sums

ROOT = Path(__file__).parents[2]


async def test_every_sample_of_every_task_gets_a_record_and_a_grade(tmp_path: Path):
    folder, finished = await evaluated(tmp_path / "e", endpoint := simulated(), samples=3)
    recorded = folder.recorded()
    assert finished.ended == "complete" and endpoint.calls == 18
    assert len(recorded.samples) == len(recorded.grades) == 18
    assert {key[0] for key, grade in recorded.grades.items() if grade.solved} == {"sum/0", "sum/2", "sum/4"}
    assert all(folder.journal(key).exists() for key in recorded.samples)


async def test_a_finished_evaluation_asks_nothing_when_gone_on_with(tmp_path: Path):
    folder, _ = await evaluated(tmp_path / "e", simulated())
    before = folder.records_file.read_bytes()
    _, finished = await evaluated(tmp_path / "e", endpoint := simulated())
    assert (finished.ended, endpoint.calls) == ("complete", 0) and folder.records_file.read_bytes() == before


async def test_a_long_record_is_read_while_others_are_served_and_given_back_when_cancelled(tmp_path: Path):
    folder, _ = await evaluated(tmp_path / "e", simulated())
    lines = folder.records_file.read_bytes()
    folder.records_file.write_bytes(lines * 2_000)
    going, beats = asyncio.create_task(evaluated(tmp_path / "e", simulated())), 0
    while not going.done():
        await asyncio.sleep(0.001)
        beats += 1
    assert beats > 5 and (await going)[1].ended == "complete"
    stopped = asyncio.create_task(evaluated(tmp_path / "e", simulated()))
    await asyncio.sleep(0)
    stopped.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopped
    async with asyncio.timeout(10):
        while True:
            try:
                assert (await evaluated(tmp_path / "e", simulated()))[1].ended == "complete"
                break
            except JournalError:  # the thread has not come to its end yet
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("point", ["within_a_sample", "before_the_grade", "within_a_line"])
async def test_an_evaluation_killed_at_any_point_goes_on_without_asking_again(tmp_path: Path, point: str):
    calls = tmp_path / "calls"
    command = [sys.executable, "-m", "tests.evaluation.killed_program", str(tmp_path / "e"), point, str(calls)]
    killed = subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    before = len(calls.read_text().splitlines())
    assert len(Folder(tmp_path / "e").recorded().grades) < 6
    folder, finished = await evaluated(tmp_path / "e", endpoint := simulated(), spec=SPEC)
    assert finished.ended == "complete" and before + endpoint.completions == 12
    whole, _ = await evaluated(tmp_path / "whole", simulated(), spec=SPEC)
    assert folder.recorded().grades == whole.recorded().grades
    assert folder.recorded().usage == whole.recorded().usage


async def test_two_processes_cannot_work_on_one_evaluation(tmp_path: Path):
    folder, _ = await evaluated(tmp_path / "e", simulated())
    held = RecordFile(folder)
    try:
        with pytest.raises(JournalError, match="another process"):
            await evaluated(tmp_path / "e", simulated())
    finally:
        held.close()


async def test_the_cap_of_requests_is_never_passed_and_what_is_left_can_be_done_later(tmp_path: Path):
    _, finished = await evaluated(tmp_path / "e", endpoint := simulated(), spec=SPEC, purse=Purse(max_requests=5))
    assert finished.ended == "capped" and "5 requests" in finished.why and endpoint.completions == 5
    _, again = await evaluated(tmp_path / "e", second := simulated(), spec=SPEC, purse=Purse(max_requests=5))
    assert again.ended == "capped" and second.completions == 0
    folder, done = await evaluated(tmp_path / "e", third := simulated(), spec=SPEC, purse=Purse(max_requests=12))
    assert done.ended == "complete" and third.completions == 7
    assert all(line.status == "answered" for line in folder.recorded().samples.values())


async def test_the_cap_of_cost_ends_the_batch(tmp_path: Path):
    endpoint = simulated(price=(0.0, 1_000_000.0))
    _, finished = await evaluated(tmp_path / "e", endpoint, purse=Purse(max_cost=5.0), concurrency=1)
    assert finished.ended == "capped" and endpoint.calls < 6 and finished.left == 6 - endpoint.calls


async def test_a_cap_of_cost_over_a_model_without_a_price_is_refused(tmp_path: Path):
    endpoint = simulated()
    endpoint.price = lambda *_: None  # type: ignore[method-assign]
    with pytest.raises(CapabilityMissing, match="price"):
        await evaluated(tmp_path / "e", endpoint, purse=Purse(max_cost=1.0))
    assert endpoint.calls == 0


async def test_a_sample_that_hits_its_own_limit_is_a_scored_record(tmp_path: Path):
    folder, finished = await evaluated(tmp_path / "e", simulated(), spec=SPEC, limits=Limits(requests=0))
    assert finished.ended == "complete"
    assert {line.status for line in folder.recorded().samples.values()} == {"limit"}
    assert summarise(folder).score.mean == 0 and summarise(folder).unscored == 0  # type: ignore[union-attr]


async def test_an_error_of_the_strategy_is_a_scored_record(tmp_path: Path):
    def answer(model: str, request: ChatRequest, number: int) -> str:
        if "3 + 3" in request.messages[-1].text:
            raise ZeroDivisionError("a bug")
        return adding(model, request, number)

    folder, finished = await evaluated(tmp_path / "e", simulated(answer))
    line = folder.recorded().samples["sum/3", 0]
    assert finished.ended == "complete" and line.status == "error"
    assert line.error == {"code": "internal", "message": "ZeroDivisionError: a bug"}
    assert not folder.recorded().grades["sum/3", 0].solved


@pytest.mark.parametrize("fault", [EndpointUnavailable("the line is dead"), EndpointAuthError("no such key")])
async def test_a_fault_of_the_endpoint_is_no_wrong_answer_and_is_asked_again(tmp_path: Path, fault: Exception):
    def answer(model: str, request: ChatRequest, number: int) -> Any:
        return fault if "3 + 3" in request.messages[-1].text else adding(model, request, number)

    folder, finished = await evaluated(tmp_path / "e", simulated(answer))
    assert finished.ended == "faults" and finished.left == 1 and str(fault) in finished.why
    assert summarise(folder).unscored == 1 and len(summarise(folder).rows) == 5
    _, again = await evaluated(tmp_path / "e", endpoint := simulated())
    assert again.ended == "complete" and endpoint.calls == 1 and summarise(folder).unscored == 0


async def test_a_dead_endpoint_is_not_asked_for_ever(tmp_path: Path):
    endpoint = simulated(lambda *_: EndpointUnavailable("dead"))
    _, finished = await evaluated(tmp_path / "e", endpoint, dataset=sums(40), concurrency=1)
    assert endpoint.calls == MOST_FAULTS and finished.left == 40


class Moody:
    """A grader that breaks down once, or calls everything right."""

    def __init__(self, breaks: int = 0, reference: bool = True) -> None:
        self.breaks, self.reference = breaks, reference

    async def self_test(self) -> Grade | None:
        return Grade(solved=self.reference, score=float(self.reference), detail="" if self.reference else "timed out")

    async def grade(self, answer: str | None) -> Grade:
        self.breaks -= 1
        if self.breaks >= 0:
            raise GradingFault("the sandbox fell over")
        return Grade(solved=True, score=1.0)


def moody(grader: Moody) -> DataSet:
    plain = sums(1)
    return DataSet(plain.name, (Item(plain.items[0].id, plain.items[0].task, grader),), plain.digest, plain.provenance)


async def test_a_fault_of_the_grader_leaves_the_answer_to_be_graded_later(tmp_path: Path):
    dataset = moody(Moody(breaks=1))
    folder, finished = await evaluated(tmp_path / "e", endpoint := simulated(), dataset=dataset)
    assert finished.ended == "faults" and len(folder.recorded().samples) == 1
    _, again = await evaluated(tmp_path / "e", endpoint, dataset=dataset)
    assert again.ended == "complete" and endpoint.calls == 1


async def test_rescoring_asks_no_model_and_the_last_grade_counts(tmp_path: Path):
    folder, _ = await evaluated(tmp_path / "e", simulated(), dataset=sums(2))
    kinder = DataSet("sums", tuple(Item(item.id, item.task, Moody()) for item in sums(2).items), "0" * 64, "made for tests")
    assert await rescore(folder, kinder) == 2 and summarise(folder).score.mean == 1.0  # type: ignore[union-attr]
    assert await rescore(folder, kinder) == 0


async def test_references_that_fail_stop_the_evaluation_and_are_named():
    with pytest.raises(ReferencesFailed, match=r"1 of 1 .*sum/0: timed out.*--without") as found:
        await self_test(moody(Moody(reference=False)))
    assert found.value.failed == [("sum/0", "timed out")]


async def test_a_grader_that_breaks_down_in_the_self_test_is_told_as_it_is():
    class Broken(Moody):
        async def self_test(self) -> Grade | None:
            raise GradingFault("the sandbox fell over")

    with pytest.raises(GradingFault, match="fell over"):
        await self_test(moody(Broken()))


async def test_another_version_of_the_data_set_is_refused(tmp_path: Path):
    folder, _ = await evaluated(tmp_path / "e", simulated())
    other = DataSet("sums", sums().items, "1" * 64, "changed")
    with pytest.raises(InvalidRequest, match="begun with"):
        Runner(folder, other, runtime_of(simulated()))


async def test_a_folder_that_holds_an_evaluation_is_not_begun_again(tmp_path: Path):
    from eudoxus.evaluation.beginning import begin

    folder, _ = await evaluated(tmp_path / "e", simulated())
    with pytest.raises(InvalidRequest, match="resume"):
        begin(folder.path, "direct/sim:m", sums(), runtime_of(simulated()))


async def test_a_damaged_line_within_the_records_is_an_error(tmp_path: Path):
    folder, _ = await evaluated(tmp_path / "e", simulated())
    lines = folder.records_file.read_bytes().splitlines(keepends=True)
    folder.records_file.write_bytes(b"".join([lines[0], b'{"t": "sample"}\n', *lines[1:]]))
    with pytest.raises(JournalError, match="line 2"):
        folder.recorded()


async def test_samples_have_seeds_of_their_own_that_do_not_depend_on_the_order(tmp_path: Path):
    seeds = []
    for name, concurrency in (("a", 1), ("b", 4)):
        folder, _ = await evaluated(tmp_path / name, simulated(), samples=2, concurrency=concurrency)
        headers = {key: json.loads(folder.journal(key).read_text().splitlines()[0]) for key in folder.recorded().samples}
        seeds.append({key: header["seed"] for key, header in headers.items()})
    assert seeds[0] == seeds[1] and len(set(seeds[0].values())) == 12


async def test_cancelling_keeps_what_was_answered(tmp_path: Path):
    task = asyncio.create_task(evaluated(tmp_path / "e", simulated(latency=0.05), concurrency=1))
    while not (tmp_path / "e" / "records.jsonl").exists() or not Folder(tmp_path / "e").recorded().samples:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    answered = len(Folder(tmp_path / "e").recorded().samples)
    _, finished = await evaluated(tmp_path / "e", endpoint := simulated())
    assert finished.ended == "complete" and answered >= 1 and endpoint.calls <= 6 - answered
