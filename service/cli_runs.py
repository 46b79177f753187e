"""``eudoxus run``, ``replay`` and ``demo``: one run in this process, its journal in a file."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from importlib.resources import files
from pathlib import Path

import orjson
import pydantic

from eudoxus.agents.tools.fetch import configure_fetch
from eudoxus.prompts import prompt_hash
from eudoxus.runtime.budget import Limits
from eudoxus.runtime.chat import Json
from eudoxus.runtime.endpoints import Endpoints
from eudoxus.runtime.endpoints.offline import OfflineEndpoints
from eudoxus.runtime.errors import EudoxusError, InvalidRequest, InvalidTask, NotRecorded
from eudoxus.runtime.journal import FileJournal, Journal, MemoryJournal, read_journal
from eudoxus.runtime.result import Result
from eudoxus.runtime.run import Order, Runtime
from eudoxus.runtime.session import ReplayMode
from eudoxus.runtime.spec import parse_spec
from eudoxus.runtime.strategy import Registry
from eudoxus.runtime.task import Task
from eudoxus.sandbox import close_shared, configure_shared
from eudoxus.service import exit_codes
from eudoxus.service.cli import in_words, program
from eudoxus.service.progress import Progress, show_result
from eudoxus.service.settings import EMBEDDED_CAN, Settings, load_settings
from eudoxus.service.store import new_run_id
from eudoxus.solvers.scripts import configure_scripts

DEMO_SPEC = "llm_plus_p(grammar=true)/local:tiny"
DEMO_TASK = files("eudoxus.planners.domains") / "blocksworld" / "tasks" / "four_blocks.json"


def run_command(spec: str, task: str, *, as_json: bool, budget: str, seed: int, journal: Path | None) -> int:
    """Run ``spec`` on the task in the file ``task``; the exit status."""
    settings = load_settings()
    registry = Registry.installed(settings.presets)
    order = Order(parse_spec(spec, registry), read_task(task, registry), seed, read_budget(budget))

    async def go(runtime: Runtime, file: Journal, progress: Progress) -> Result:
        runtime.check(order)
        header = file.recorded.header
        return await runtime.execute(order, file, run_id=header.run_id if header else new_run_id(), watcher=progress.tell)

    return asyncio.run(_in_journal(settings, registry, journal or _new_journal(settings), go, as_json=as_json))


def replay_command(path: Path, *, extend: bool, as_json: bool) -> int:
    """Run the journal at ``path`` again; the exit status."""
    settings = load_settings()
    registry = Registry.installed(settings.presets)
    mode: ReplayMode = "extend" if extend else "strict"

    async def go(runtime: Runtime, file: Journal, progress: Progress) -> Result:
        return await runtime.replay(file, mode=mode, watcher=progress.tell)

    if extend:
        if not path.is_file():
            raise NotRecorded(f"there is no journal {path}")
        return asyncio.run(_in_journal(settings, registry, path, go, as_json=as_json))
    return asyncio.run(_strictly(registry, path, go, as_json=as_json))


def demo_command(*, as_json: bool) -> int:
    """Plan a shipped task with the embedded model, whatever endpoints are configured; the exit status."""
    registry = Registry.installed()
    task = registry.task(orjson.loads(DEMO_TASK.read_bytes()))
    order = Order(parse_spec(DEMO_SPEC, registry), task, 0)
    settings = load_settings().model_copy(update={"endpoints": {}, "default_endpoint": None})

    async def go(runtime: Runtime, file: Journal, progress: Progress) -> Result:
        return await runtime.execute(order, file, run_id=new_run_id(), watcher=progress.tell)

    if not as_json:
        sys.stdout.write(f"Task\n\n{_task_text(task)}\n\nPlan ({DEMO_SPEC})\n\n")
        sys.stdout.flush()
    status = asyncio.run(_in_journal(settings, registry, _new_journal(settings), go, as_json=as_json))
    if status == exit_codes.OK and not as_json:
        sys.stderr.write(
            f"\nThe same over HTTP: {program()} serve, then ask http://{settings.host}:{settings.port}/v1 with any OpenAI client, "
            f"model {DEMO_SPEC}.\nWith a model of yours: {program()} run llm_plus_p/openai:MODEL --task FILE\n"
        )
    return status


def read_task(where: str, registry: Registry) -> Task:
    """The task in a file (``-``: standard input): JSON with its kind, or plain text as one user message. Raises :class:`InvalidTask`."""
    try:
        text = sys.stdin.read() if where == "-" else Path(where).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidTask(f"cannot read the task {where}: {getattr(error, 'strerror', None) or error}", param="task") from None
    if not text.strip():
        raise InvalidTask(f"the task {where} is empty", param="task")
    try:
        said = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if where.endswith(".json"):
            raise InvalidTask(f"the task {where} is not JSON: {error}", param="task") from None
        said = None
    if not isinstance(said, dict):
        said = {"messages": [{"role": "user", "content": text.strip()}]}
    return registry.task(said)


def read_budget(text: str) -> Limits:
    """``requests=10,seconds=60`` or JSON. Raises :class:`InvalidRequest`."""
    try:
        said: Json = (
            orjson.loads(text) if text.strip().startswith("{") else dict(part.split("=", 1) for part in text.split(",") if part.strip())
        )
        return Limits.model_validate({name.strip(): value for name, value in said.items()})
    except (ValueError, pydantic.ValidationError) as error:
        detail = error.errors()[0] if isinstance(error, pydantic.ValidationError) else None
        reason = f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}" if detail else f"expected NAME=NUMBER,…: {text!r}"
        raise InvalidRequest(f"budget: {reason} (limits are {', '.join(Limits.model_fields)})", param="budget") from None


Go = Callable[[Runtime, Journal, Progress], Awaitable[Result]]


async def _in_journal(settings: Settings, registry: Registry, path: Path, go: Go, *, as_json: bool) -> int:
    """Do ``go`` with a journal in the file ``path``, which is kept however it ends."""
    file = FileJournal(path)
    configure_shared(settings.sandbox)
    configure_fetch(settings.fetch)
    configure_scripts(settings.scripts)
    try:
        async with Endpoints.from_config(*settings.configured_endpoints()) as endpoints:
            advice = "" if settings.endpoints else f"\n{EMBEDDED_CAN}\n"
            return await _watched(Runtime(registry, endpoints, prompt_hash=prompt_hash), file, path, go, as_json=as_json, advice=advice)
    except asyncio.CancelledError:
        sys.stderr.write(f"\ninterrupted; what was answered is kept. Go on with: {program()} replay {path} --extend\n")
        return exit_codes.INTERRUPTED
    finally:
        await close_shared()
        await file.aclose()


async def _strictly(registry: Registry, path: Path, go: Go, *, as_json: bool) -> int:
    """Bound to endpoints that answer nothing: a replay needs no configuration, and no call can leave."""
    import eudoxus.decoding.local.errors  # noqa: F401 - no endpoint is made here, and what a local model raised is raised again

    runtime = Runtime(registry, OfflineEndpoints(), prompt_hash=prompt_hash)
    return await _watched(runtime, MemoryJournal(read_journal(path)), path, go, as_json=as_json)


async def _watched(runtime: Runtime, journal: Journal, path: Path, go: Go, *, as_json: bool, advice: str = "") -> int:
    """Do ``go`` and show its result, and ``advice`` for people with it."""
    start = time.monotonic()
    with Progress() as progress:
        journal.listen(progress.recorded)
        try:
            result = await go(runtime, journal, progress)
        except EudoxusError as error:
            progress.close()
            if as_json:
                sys.stdout.buffer.write(orjson.dumps({"error": {"code": error.code, "message": str(error)}, "journal": str(path)}) + b"\n")
            sys.stderr.write(f"{in_words(error)}journal: {path}\n{advice}")
            return exit_codes.of_error(error)
    show_result(result, path, time.monotonic() - start, as_json=as_json)
    if not as_json:
        sys.stderr.write(advice)
    return exit_codes.of_result(result)


def _new_journal(settings: Settings) -> Path:
    return settings.data_dir / "journals" / f"{new_run_id()}.jsonl"


def _task_text(task: Task) -> str:
    said = task.model_dump(mode="json", exclude_none=True)
    for name in ("question", "description", "text"):
        if isinstance(said.get(name), str):
            return str(said[name])
    return orjson.dumps(said, option=orjson.OPT_INDENT_2).decode()
