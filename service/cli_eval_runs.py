"""What ``eudoxus eval`` and ``eudoxus datasets`` do."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
from rich.table import Table

from eudoxus.agents.tools.fetch import configure_fetch
from eudoxus.evaluation import catalogue
from eudoxus.evaluation.beginning import begin
from eudoxus.evaluation.dataset import DataSet
from eudoxus.evaluation.pools import PoolEndpoint
from eudoxus.evaluation.records import Folder, Plan
from eudoxus.evaluation.report import in_words, money, page
from eudoxus.evaluation.results import write, write_results
from eudoxus.evaluation.runner import Finished, Runner, rescore
from eudoxus.evaluation.selftest import self_test
from eudoxus.evaluation.spending import Purse
from eudoxus.evaluation.summary import Summary, compare, summarise
from eudoxus.prompts import prompt_hash
from eudoxus.runtime.endpoints import Endpoints
from eudoxus.runtime.errors import InvalidRequest
from eudoxus.runtime.run import Runtime
from eudoxus.runtime.strategy import Registry
from eudoxus.sandbox import close_shared, configure_shared
from eudoxus.service import exit_codes
from eudoxus.service.cli import program
from eudoxus.service.cli_runs import read_budget
from eudoxus.service.printing import output
from eudoxus.service.progress import EvaluationProgress
from eudoxus.service.settings import Settings, load_settings
from eudoxus.service.store import new_run_id
from eudoxus.solvers.scripts import configure_scripts


@dataclass(frozen=True, slots=True)
class Wanted:
    """What ``eval run`` was asked for."""

    spec: str
    dataset: str
    data: Path | None
    samples: int
    limit: int | None
    tasks: Sequence[str]
    without: Sequence[str]
    budget: str
    seed: int
    out: Path | None
    max_cost: float | None
    max_requests: int | None
    concurrency: int
    pools: Sequence[str]
    as_json: bool


def run_command(wanted: Wanted) -> int:
    """Begin an evaluation and work on it; the exit status."""
    settings, files = load_settings(), _pool_files(wanted.pools)
    dataset = catalogue.load(wanted.dataset, wanted.data).without(wanted.without).only(limit=wanted.limit, tasks=wanted.tasks)
    out = wanted.out or settings.data_dir / "evaluations" / new_run_id().replace("run_", "eval_")
    purse = Purse(wanted.max_requests, wanted.max_cost)

    async def go(runtime: Runtime) -> int:
        folder = begin(
            out, wanted.spec, dataset, runtime, path=wanted.data, samples=wanted.samples, seed=wanted.seed,
            limits=read_budget(wanted.budget))
        return await _work(folder, dataset, runtime, purse, wanted.concurrency, as_json=wanted.as_json)

    return _in_runtime(settings, files, out, go)


def resume_command(
    path: Path, data: Path | None, max_cost: float | None, max_requests: int | None, concurrency: int, pools: Sequence[str], *,
    as_json: bool,
) -> int:
    """Go on with the evaluation in ``path``; the exit status."""
    settings, folder = load_settings(), Folder(path)
    dataset = _dataset_of(folder.plan(), data)

    async def go(runtime: Runtime) -> int:
        return await _work(folder, dataset, runtime, Purse(max_requests, max_cost), concurrency, as_json=as_json)

    return _in_runtime(settings, _pool_files(pools), path, go)


def rescore_command(path: Path, data: Path | None, concurrency: int, *, as_json: bool) -> int:
    """Grade again; the exit status."""
    folder = Folder(path)
    dataset = _dataset_of(folder.plan(), data)

    async def go(runtime: Runtime) -> int:
        await self_test(dataset, concurrency=concurrency)
        changed = await rescore(folder, dataset, concurrency=concurrency)
        sys.stderr.write(f"{changed} of {len(folder.recorded().samples)} grades are new or have changed\n")
        show(write_results(folder, dataset), path, as_json=as_json)
        return exit_codes.OK

    return _in_runtime(load_settings(), {}, path, go)


def compare_command(a: Path, b: Path, *, as_json: bool) -> int:
    """Print the difference with its interval. Raises :class:`InvalidRequest` where there is none to give."""
    found = compare(summarise(Folder(a)), summarise(Folder(b)))
    if as_json:
        _print_json(found.json())
        return exit_codes.OK
    sys.stdout.write(f"A  {found.score_a}  {found.a.plan.spec}\nB  {found.score_b}  {found.b.plan.spec}\n\n{in_words(found)}\n")
    return exit_codes.OK


def report_command(folders: Sequence[Path], out: Path | None) -> int:
    """Write the report."""
    where = out or folders[0] / "report.html"
    text = page([Folder(path) for path in folders], where)
    write(where, text.encode())
    sys.stdout.write(f"{where}\n")
    return exit_codes.OK


def datasets_command(*, as_json: bool) -> int:
    """List the data sets."""
    found = [{"name": name, "here": here, "provenance": said} for name, here, said in catalogue.listed()]
    if as_json:
        _print_json(found)
        return exit_codes.OK
    table = Table("name", "here", "provenance", box=None, pad_edge=False)
    for one in found:
        table.add_row(str(one["name"]), "yes" if one["here"] else "", str(one["provenance"]))
    output().print(table)
    return exit_codes.OK


def fetch_command(name: str) -> int:
    """Download a data set."""
    sys.stdout.write(f"{catalogue.fetched(name)}\n")
    return exit_codes.OK


def show(summary: Summary, path: Path, *, as_json: bool) -> None:
    """The summary on standard output."""
    if as_json:
        _print_json({**summary.json(), "folder": str(path)})
        return
    one, lines = summary, list[str]()
    lines.append(f"{one.plan.spec} on {one.plan.dataset}, {len(one.rows)} of {len(one.plan.tasks)} tasks, samples {one.plan.samples}")
    if one.score is not None:
        lines.append(f"{one.plan.metric:<12}{one.score}")
        if one.solved is not None and one.solved.mean != one.score.mean:
            lines.append(f"{'all inputs':<12}{one.solved}")
    lines += [f"{f'pass@{k}':<12}{estimate}" for k, estimate in one.pass_at.items() if k > 1]
    lines += [f"{f'eff@{k}':<12}{estimate}" for k, estimate in one.eff_at.items()]
    per = "" if one.tokens_per_solved is None else f", {one.tokens_per_solved:,.0f} tokens and {money(one.cost_per_solved)} per solved task"
    estimated = " (estimated)" if one.estimated else ""
    lines.append(f"{one.requests} requests, {one.tokens:,} tokens{estimated}, {money(one.cost)}{per}")
    ended = {name: count for name, count in one.statuses.items() if name != "answered"}
    if ended:
        lines.append(", ".join(f"{count} samples ended by {name}" for name, count in ended.items()))
    if one.unscored:
        lines.append(f"{one.unscored} samples have no grade and count neither way")
    sys.stdout.write("\n".join([*lines, f"report: {path / 'report.html'}"]) + "\n")


async def _work(folder: Folder, dataset: DataSet, runtime: Runtime, purse: Purse, concurrency: int, *, as_json: bool) -> int:
    plan = folder.plan()
    checked = await self_test(dataset.only(tasks=plan.tasks), concurrency=concurrency)
    sys.stderr.write(f"self-test: {checked} references pass\nrecords: {folder.path}\n")
    with EvaluationProgress() as progress:
        runner = Runner(folder, dataset, runtime, purse, concurrency=concurrency, watch=progress.tell)
        finished = await runner.run()
    show(write_results(folder, dataset), folder.path, as_json=as_json)
    return _status(finished, folder)


def _status(finished: Finished, folder: Folder) -> int:
    if finished.ended == "complete":
        return exit_codes.OK
    again = f"{program()} eval resume {folder.path}"
    sys.stderr.write(f"{finished.why}; {finished.left} samples are left. Go on with: {again}\n")
    return exit_codes.LIMIT if finished.ended == "capped" else exit_codes.ENDPOINT


def _dataset_of(plan: Plan, data: Path | None) -> DataSet:
    where = data or (Path(plan.path) if plan.path else None)
    return catalogue.load(plan.dataset, where).only(tasks=plan.tasks)


def _in_runtime(settings: Settings, files: dict[str, Path], path: Path, go: Callable[[Runtime], Awaitable[int]]) -> int:
    async def work() -> int:
        configure_shared(settings.sandbox)
        configure_fetch(settings.fetch)
        configure_scripts(settings.scripts)
        configured, default = settings.configured_endpoints()
        try:
            async with Endpoints.from_config(configured, default) as made:
                endpoints = Endpoints({**{name: made.get(name) for name in made.names()}, "pool": PoolEndpoint(files=files)}, default)
                return await go(Runtime(Registry.installed(settings.presets), endpoints, prompt_hash))
        finally:
            await close_shared()

    try:
        return asyncio.run(work())
    except KeyboardInterrupt:
        sys.stderr.write(f"\ninterrupted; what was answered is kept. Go on with: {program()} eval resume {path}\n")
        return exit_codes.INTERRUPTED


def _pool_files(said: Sequence[str]) -> dict[str, Path]:
    found = {}
    for one in said:
        name, equals, file = one.partition("=")
        if not equals or not name or not file:
            raise InvalidRequest(f"pool: expected NAME=FILE, not {one!r}", param="pool")
        found[name] = Path(file)
    return found


def _print_json(said: object) -> None:
    sys.stdout.buffer.write(orjson.dumps(said, option=orjson.OPT_INDENT_2) + b"\n")
