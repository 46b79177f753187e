"""``eudoxus eval`` and ``eudoxus datasets``: strategies on benchmarks. What the commands do is in ``cli_eval_runs``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

eval_app = typer.Typer(no_args_is_help=True, help="Strategies on benchmarks: run, resume, rescore, compare, report.")
datasets_app = typer.Typer(no_args_is_help=True, help="Data sets for evaluations.")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Data = Annotated[Optional[Path], typer.Option("--data", help="The data set's file, where it is not fetched or below EUDOXUS_DATA.")]  # noqa: UP045
Pools = Annotated[Optional[list[str]], typer.Option("--pool", help="NAME=FILE: recorded samples that pool:NAME answers from.")]  # noqa: UP045
MaxCost = Annotated[Optional[float], typer.Option(min=0, help="US dollars for the whole evaluation, resumptions included.")]  # noqa: UP045
MaxRequests = Annotated[Optional[int], typer.Option(min=0, help="Completions for the whole evaluation, resumptions included.")]  # noqa: UP045
Concurrency = Annotated[int, typer.Option(min=1, max=256, help="Samples worked on at a time.")]
Folder = Annotated[Path, typer.Argument(help="The folder of the evaluation.")]


@eval_app.command("run")
def eval_run(
    spec: Annotated[str, typer.Argument(help="Strategies over a model: best_of_n(n=8)/openai:m, or a recording: direct/pool:codegen16b")],
    dataset: Annotated[str, typer.Argument(help="`eudoxus datasets list` has the names.")],
    data: Data = None,
    samples: Annotated[int, typer.Option(min=1, max=10_000, help="Of each task.")] = 1,
    limit: Annotated[Optional[int], typer.Option(min=1, help="The first so many tasks only.")] = None,  # noqa: UP045
    tasks: Annotated[str, typer.Option(help="These tasks only, parted by commas.")] = "",
    without: Annotated[str, typer.Option(help="Not these tasks, parted by commas.")] = "",
    budget: Annotated[str, typer.Option(help="Limits of each sample: requests=10,seconds=60,cost=0.5, or JSON.")] = "",
    max_cost: MaxCost = None,
    max_requests: MaxRequests = None,
    concurrency: Concurrency = 4,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    out: Annotated[Optional[Path], typer.Option(help="A new folder for records and results.")] = None,  # noqa: UP045
    pool: Pools = None,
    as_json: AsJson = False,
) -> None:
    """Run a strategy on a data set; exit status 0 when every sample has a grade, 3 at a cap, 4 after faults of the infrastructure."""
    from eudoxus.service.cli_eval_runs import Wanted, run_command

    wanted = Wanted(
        spec, dataset, data, samples, limit, _names(tasks), _names(without), budget, seed, out, max_cost, max_requests, concurrency,
        pool or [], as_json)
    sys.exit(run_command(wanted))


@eval_app.command("resume")
def eval_resume(
    folder: Folder, data: Data = None, max_cost: MaxCost = None, max_requests: MaxRequests = None, concurrency: Concurrency = 4,
    pool: Pools = None, as_json: AsJson = False,
) -> None:
    """Go on with an evaluation that was killed, capped, or had faults; nothing that was answered is asked for again."""
    from eudoxus.service.cli_eval_runs import resume_command

    sys.exit(resume_command(folder, data, max_cost, max_requests, concurrency, pool or [], as_json=as_json))


@eval_app.command("rescore")
def eval_rescore(folder: Folder, data: Data = None, concurrency: Concurrency = 4, as_json: AsJson = False) -> None:
    """Grade the recorded answers again, without asking a model."""
    from eudoxus.service.cli_eval_runs import rescore_command

    sys.exit(rescore_command(folder, data, concurrency, as_json=as_json))


@eval_app.command("compare")
def eval_compare(
    a: Annotated[Path, typer.Argument(help="The folder of one evaluation.")],
    b: Annotated[Path, typer.Argument(help="The folder of the other.")],
    as_json: AsJson = False,
) -> None:
    """B − A over the tasks that both have scored, with a 95 % interval."""
    from eudoxus.service.cli_eval_runs import compare_command

    sys.exit(compare_command(a, b, as_json=as_json))


@eval_app.command("report")
def eval_report(
    folders: Annotated[list[Path], typer.Argument(help="Folders of evaluations; others are compared with the first.")],
    out: Annotated[Optional[Path], typer.Option(help="The HTML file; default: report.html in the first folder.")] = None,  # noqa: UP045
) -> None:
    """Write an HTML report that needs no network."""
    from eudoxus.service.cli_eval_runs import report_command

    sys.exit(report_command(folders, out))


@datasets_app.command("list")
def datasets_list(as_json: AsJson = False) -> None:
    """Names, where they come from, and whether they are here."""
    from eudoxus.service.cli_eval_runs import datasets_command

    sys.exit(datasets_command(as_json=as_json))


@datasets_app.command("fetch")
def datasets_fetch(name: Annotated[str, typer.Argument(help="As `datasets list` shows it.")]) -> None:
    """Download a data set; a file with another checksum than the pinned one is refused."""
    from eudoxus.service.cli_eval_runs import fetch_command

    sys.exit(fetch_command(name))


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
