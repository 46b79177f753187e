"""The command line. Results go to standard output, progress and errors to standard error; no traceback is shown.

Exit status: 0 answer, 1 failed, 2 invalid input, 3 limit reached, 4 endpoint or sandbox trouble, 5 journal trouble, 130 interrupted.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from eudoxus.service.cli_eval import datasets_app, eval_app
from eudoxus.service.cli_planning import plan_app, planners_app

if TYPE_CHECKING:
    from eudoxus.runtime.errors import EudoxusError

# Commands import what they need when they run: `eudoxus --help` must not wait for web frameworks.

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
    help="Composable reasoning strategies over any model endpoint: journaled, budgeted, replayable.",
    epilog="Exit status: 0 answer, 1 failed, 2 invalid input, 3 limit reached, 4 endpoint or sandbox trouble, 5 journal trouble, "
    "130 interrupted.",
)
keys_app = typer.Typer(no_args_is_help=True, help="API keys of the service.")
endpoints_app = typer.Typer(no_args_is_help=True, help="Configured model endpoints.")
manual_app = typer.Typer(no_args_is_help=True, help="Answer by hand what a running service's manual endpoints ask.")
sandbox_app = typer.Typer(no_args_is_help=True, help="Isolated execution of Python that a model wrote.")
parsel_app = typer.Typer(no_args_is_help=True, help="Parsel programs without a model.")
code_app = typer.Typer(no_args_is_help=True, help="Programs and their tests, without a model.")
app.add_typer(code_app, name="code")
app.add_typer(datasets_app, name="datasets")
app.add_typer(eval_app, name="eval")
app.add_typer(keys_app, name="keys")
app.add_typer(endpoints_app, name="endpoints")
app.add_typer(manual_app, name="manual")
app.add_typer(parsel_app, name="parsel")
app.add_typer(plan_app, name="plan")
app.add_typer(planners_app, name="planners")
app.add_typer(sandbox_app, name="sandbox")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Url = Annotated[str, typer.Option(envvar="EUDOXUS_URL", help="Address of the running service.")]
ApiKey = Annotated[Optional[str], typer.Option("--key", envvar="EUDOXUS_API_KEY", help="API key, when the service needs one.")]  # noqa: UP045


def main() -> None:
    """Run the command line and exit."""
    from eudoxus.runtime.errors import EudoxusError

    try:
        app()
    except EudoxusError as error:
        from eudoxus.service.exit_codes import of_error

        sys.stderr.write(in_words(error))
        sys.exit(of_error(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except Exception as error:
        if os.environ.get("EUDOXUS_DEBUG"):
            raise
        sys.stderr.write(f"eudoxus: internal error: {type(error).__name__}: {error} (EUDOXUS_DEBUG=1 shows where)\n")
        sys.exit(1)


def in_words(error: EudoxusError) -> str:
    """The message for a terminal; one with a caret starts a line of its own, so that the caret stands under its place."""
    said = str(error)
    return f"eudoxus:\n{said}\n" if "\n" in said else f"eudoxus: {said}\n"


def program() -> str:
    """This command as it can be typed again: its name where the shell finds it, else its path."""
    called = Path(sys.argv[0])
    if called.suffix == ".py" or shutil.which(called.name) == str(called.absolute()):
        return "eudoxus"
    return os.path.relpath(called) if called.absolute().is_relative_to(Path.cwd()) else str(called.absolute())


@app.command()
def serve(
    host: Annotated[Optional[str], typer.Option(help="Address to listen on (default 127.0.0.1).")] = None,  # noqa: UP045
    port: Annotated[Optional[int], typer.Option(help="TCP port (default 8000); 0 takes a free one.")] = None,  # noqa: UP045
    data_dir: Annotated[Optional[Path], typer.Option(help="Where runs, journals and keys are kept.")] = None,  # noqa: UP045
) -> None:
    """Serve the HTTP API. Runs that an earlier process left open are gone on with."""
    from eudoxus.service.logs import set_up
    from eudoxus.service.server import serve as serve_settings
    from eudoxus.service.settings import load_settings

    given = {"host": host, "port": port, "data_dir": data_dir}
    settings = load_settings(**{name: value for name, value in given.items() if value is not None})
    set_up(settings.log_level)
    sys.exit(0 if serve_settings(settings) else 1)


@app.command()
def run(
    spec: Annotated[str, typer.Argument(help="Strategies over a model: best_of_n(n=8)/openai:gpt-4o-mini")],
    task: Annotated[str, typer.Option(help="A file with the task: JSON, or plain text as one user message; - reads standard input.")],
    as_json: AsJson = False,
    budget: Annotated[str, typer.Option(help="Limits: requests=10,seconds=60,cost=0.5, or JSON.")] = "",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the strategy's own choices.")] = 0,
    journal: Annotated[Optional[Path], typer.Option(help="Where to record; an existing record of this run is gone on from.")] = None,  # noqa: UP045
) -> None:
    """Run a strategy on a task, here and now."""
    from eudoxus.service.cli_runs import run_command

    sys.exit(run_command(spec, task, as_json=as_json, budget=budget, seed=seed, journal=journal))


@app.command()
def replay(
    journal: Annotated[Path, typer.Argument(help="A journal (JSON Lines).")],
    extend: Annotated[bool, typer.Option(help="Go on live where the record ends.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run a journal again: without a call, checking that every request and the result are the recorded ones."""
    from eudoxus.service.cli_runs import replay_command

    sys.exit(replay_command(journal, extend=extend, as_json=as_json))


@app.command()
def demo(as_json: AsJson = False) -> None:
    """Solve a shipped planning task by LLM+P with the tiny model that Eudoxus brings."""
    from eudoxus.service.cli_runs import demo_command

    sys.exit(demo_command(as_json=as_json))


@app.command()
def strategies(name: Annotated[Optional[str], typer.Argument(help="Show this one.")] = None, as_json: AsJson = False) -> None:  # noqa: UP045
    """List strategies and presets, or show one with its parameters."""
    from eudoxus.service.cli_lists import strategies_command

    strategies_command(name, as_json=as_json)


@endpoints_app.command("list")
def endpoints_list(as_json: AsJson = False) -> None:
    """Names, kinds and abilities."""
    from eudoxus.service.cli_lists import endpoints_command

    sys.exit(endpoints_command(as_json=as_json, check=False))


@endpoints_app.command("check")
def endpoints_check(as_json: AsJson = False) -> None:
    """Ask each endpoint whether it answers and accepts our key."""
    from eudoxus.service.cli_lists import endpoints_command

    sys.exit(endpoints_command(as_json=as_json, check=True))


@keys_app.command("create")
def keys_create(
    name: Annotated[str, typer.Argument(help="For whom or what.")],
    scope: Annotated[
        list[str] | None, typer.Option(help="chat, runs:read, runs:write, admin; repeatable. Default: the first three.")
    ] = None,
    days: Annotated[Optional[float], typer.Option(min=0, help="Days until it expires.")] = None,  # noqa: UP045
) -> None:
    """Make a key and print it; only its digest is kept."""
    from eudoxus.service.cli_keys import create_command

    create_command(name, scope or ["chat", "runs:read", "runs:write"], days)


@keys_app.command("list")
def keys_list(as_json: AsJson = False) -> None:
    """All keys, without their secrets."""
    from eudoxus.service.cli_keys import list_command

    list_command(as_json=as_json)


@keys_app.command("revoke")
def keys_revoke(id: Annotated[str, typer.Argument(help="The eight characters after rk_.")]) -> None:
    """End a key at once (a running service notices within two seconds)."""
    from eudoxus.service.cli_keys import revoke_command

    revoke_command(id)


@manual_app.command("list")
def manual_list(url: Url = "http://127.0.0.1:8000", key: ApiKey = None, as_json: AsJson = False) -> None:
    """What waits for an answer."""
    from eudoxus.service.cli_manual import list_command

    list_command(url, key, as_json=as_json)


@manual_app.command("answer")
def manual_answer(
    id: Annotated[str, typer.Argument(help="As `manual list` shows it.")],
    text: Annotated[Optional[list[str]], typer.Argument(help="One text per answer wanted; - reads standard input.")] = None,  # noqa: UP045
    refuse: Annotated[Optional[str], typer.Option(help="Refuse instead, with this reason.")] = None,  # noqa: UP045
    url: Url = "http://127.0.0.1:8000",
    key: ApiKey = None,
) -> None:
    """Answer a request, or refuse it."""
    from eudoxus.service.cli_manual import answer_command

    answer_command(url, key, id, text or [], refuse)


@sandbox_app.command("check")
def sandbox_check(as_json: AsJson = False) -> None:
    """Try forbidden acts in the jail and show which were refused; exit status 0 when programs are isolated, else 4."""
    from eudoxus.service.cli_sandbox import check_command

    sys.exit(check_command(as_json=as_json))


@sandbox_app.command("run")
def sandbox_run(
    file: Annotated[Path, typer.Argument(help="The program, in Python.")],
    tests: Annotated[Path, typer.Option(help="Python with asserts or a check(candidate), or JSON: a list of asserts.")],
    entry: Annotated[Optional[str], typer.Option(help="The function for check(candidate); default: the last that FILE defines.")] = None,  # noqa: UP045
    seconds: Annotated[float, typer.Option(min=0.1, max=300, help="Wall-clock limit.")] = 5.0,
    as_json: AsJson = False,
) -> None:
    """Run a program's tests in the sandbox; exit status 0 when all pass, 1 when not, 4 without isolation."""
    from eudoxus.service.cli_sandbox import run_command

    sys.exit(run_command(file, tests, entry=entry, seconds=seconds, as_json=as_json))


@parsel_app.command("check")
def parsel_check(
    file: Annotated[str, typer.Argument(help="A file with a program in Parsel; - reads standard input.")],
    target: Annotated[str, typer.Option(help="python, pddl_plan or smt: the language of its types and constraints.")] = "python",
    as_json: AsJson = False,
) -> None:
    """Show what is wrong with a program and where, else which functions are implemented together and in what order."""
    from eudoxus.service.cli_parsel import check_command

    sys.exit(check_command(file, target=target, as_json=as_json))


@code_app.command("select")
def code_select(
    files: Annotated[list[Path], typer.Argument(help="The programs, one a file.")],
    tests: Annotated[Optional[Path], typer.Option(help="Visible tests: Python with asserts, or JSON: a list of asserts.")] = None,  # noqa: UP045
    generated: Annotated[Optional[Path], typer.Option(help="Tests that may be wrong, in the same form.")] = None,  # noqa: UP045
    entry: Annotated[Optional[str], typer.Option(help="The function that the tests call; found in them by default.")] = None,  # noqa: UP045
    selector: Annotated[str, typer.Option(help="first, max_pass, mbr_exec, codet, b4 or two_tier.")] = "two_tier",
    seconds: Annotated[float, typer.Option(min=0.1, max=600, help="For all programs together.")] = 60.0,
    as_json: AsJson = False,
) -> None:
    """Rank programs by which tests they pass; exit status 0, or 1 where none can be loaded."""
    from eudoxus.service.cli_code import select_command

    sys.exit(select_command(files, tests=tests, generated=generated, entry=entry, selector=selector, seconds=seconds, as_json=as_json))


@app.command("solve")
def solve(
    file: Annotated[str, typer.Argument(help="A formulation in JSON, or SMT-LIB 2 (*.smt2); - reads JSON from standard input.")],
    edits: Annotated[Optional[Path], typer.Option(help="A JSON list of changes: solve both and tell the difference.")] = None,  # noqa: UP045
    backend: Annotated[Optional[str], typer.Option(help="highs, z3 or cp_sat; default: whichever fits.")] = None,  # noqa: UP045
    seconds: Annotated[float, typer.Option(help="For the solver, up to 600.")] = 20.0,
    memory: Annotated[int, typer.Option(help="Memory for the solver in MiB.")] = 1024,
    as_json: AsJson = False,
) -> None:
    """Solve an optimisation model, or say why it has no solution; exit status 0 with an optimum, 1 without, 2 for a bad model."""
    from eudoxus.service.cli_solve import solve_command

    sys.exit(solve_command(file, edits, backend=backend, seconds=seconds, memory_mb=memory, as_json=as_json))


@app.command()
def openapi() -> None:
    """Print the OpenAPI description."""
    from eudoxus.service.cli_lists import openapi_command

    openapi_command()


@app.command()
def version() -> None:
    """Print the version."""
    from eudoxus.runtime.run import package_version

    typer.echo(package_version())


def _version_at_once(asked: bool) -> None:
    if asked:
        version()
        raise typer.Exit


@app.callback()
def _before_commands(
    version: Annotated[bool, typer.Option("--version", is_eager=True, callback=_version_at_once, help="Print the version.")] = False,
) -> None:
    """What every command takes."""


if __name__ == "__main__":
    main()
