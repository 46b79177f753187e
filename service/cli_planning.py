"""``eudoxus plan`` and ``eudoxus planners``. What the commands do is in ``cli_plan``."""

from __future__ import annotations

import sys
from typing import Annotated, Optional

import typer

plan_app = typer.Typer(no_args_is_help=True, help="Plan, validate, check and compare PDDL without a model.")
planners_app = typer.Typer(no_args_is_help=True, help="Planners.")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DomainFile = Annotated[str, typer.Argument(help="A file with the domain in PDDL, - for standard input, or a shipped domain's name.")]
ProblemFile = Annotated[str, typer.Argument(help="A file with the problem in PDDL; - reads standard input.")]
Confirmed = Annotated[bool, typer.Option("--confirm", help="Have unified-planning validate the plan, too.")]


@plan_app.command("solve")
def plan_solve(
    domain: DomainFile,
    problem: ProblemFile,
    engine: Annotated[str, typer.Option(help="auto, fast-downward, pyperplan, up:NAME; `eudoxus planners check` lists them.")] = "auto",
    mode: Annotated[str, typer.Option(help="fast: the first plan; anytime: the best in the time; optimal: one proved cheapest.")] = "fast",
    seconds: Annotated[float, typer.Option(help="Processor time for the planner, up to 300.")] = 10.0,
    memory: Annotated[int, typer.Option(help="Memory for the planner in MiB.")] = 2048,
    confirm: Confirmed = False,
    as_json: AsJson = False,
) -> None:
    """Find a plan and validate it."""
    from eudoxus.service.cli_plan import solve_command

    sys.exit(solve_command(domain, problem, engine=engine, mode=mode, seconds=seconds, memory_mb=memory, confirm=confirm, as_json=as_json))


@plan_app.command("validate")
def plan_validate(
    domain: DomainFile,
    problem: ProblemFile,
    plan: Annotated[str, typer.Argument(help="A file with one (action object …) per line; - reads standard input.")],
    confirm: Confirmed = False,
    as_json: AsJson = False,
) -> None:
    """Say whether a plan reaches the goal, and if not, at which step it fails and why."""
    from eudoxus.service.cli_plan import validate_command

    sys.exit(validate_command(domain, problem, plan, confirm=confirm, as_json=as_json))


@plan_app.command("lint")
def plan_lint(
    domain: DomainFile,
    problem: Annotated[Optional[str], typer.Argument(help="A file with the problem; without one the domain is checked.")] = None,  # noqa: UP045
    as_json: AsJson = False,
) -> None:
    """Find what is wrong with a problem or domain without searching."""
    from eudoxus.service.cli_plan import lint_command

    sys.exit(lint_command(domain, problem, as_json=as_json))


@plan_app.command("equivalent")
def plan_equivalent(
    domain: DomainFile,
    a: ProblemFile,
    b: ProblemFile,
    placeholder: Annotated[bool, typer.Option("--placeholder", help="Objects of the goal stand for any objects.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say whether two problems are the same up to the names of objects."""
    from eudoxus.service.cli_plan import equivalent_command

    sys.exit(equivalent_command(domain, a, b, placeholder=placeholder, as_json=as_json))


@planners_app.command("check")
def planners_check(as_json: AsJson = False) -> None:
    """Have each installed planner solve a small problem; tell what each can do, its licence, and how to get those that are missing."""
    from eudoxus.service.cli_plan import planners_command

    sys.exit(planners_command(as_json=as_json))
