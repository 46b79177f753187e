"""What is measured: each contender is a server in front of the same mock endpoint, and a request to it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from benchmarks import peers
from benchmarks.peers import Peer
from benchmarks.processes import Children, DidNotStart, cores, free_port

QUESTION = "What is the capital of France? Answer in one sentence."
START_SECONDS, PEER_START_SECONDS = 30.0, 240.0
_WITHOUT_AIOHTTP = "import sys; sys.modules['aiohttp'] = None; from eudoxus.service.cli import main; main()"
"""Makes Eudoxus take httpx2, as where the extra ``fast`` is not installed."""


@dataclass(frozen=True)
class Server:
    """A server process that is running and answers."""

    name: str
    port: int
    pid: int


@dataclass(frozen=True)
class Contender:
    """One line of the table: a model name asked of a server."""

    name: str
    server: Server
    model: str = "mock"

    @property
    def body(self) -> bytes:
        """The request's body."""
        return body_for(self.model)


@dataclass
class Field:
    """Everything that runs, and the reasons of what does not, by name."""

    mock: Server
    contenders: list[Contender]
    absent: dict[str, str] = field(default_factory=dict)


def body_for(model: str) -> bytes:
    """A short chat request."""
    return orjson.dumps({"model": model, "messages": [{"role": "user", "content": QUESTION}]})


def gathered(children: Children, folder: Path, *, with_peers: bool) -> Field:
    """Start all servers; those that cannot be had are named as absent. Raises :class:`DidNotStart` for the mock and for Eudoxus."""
    mock = _started(children, "mock", [sys.executable, "-m", "benchmarks.mock_endpoint", "--port"], on=cores()[1])
    there = Field(mock, [Contender("direct call", mock)])
    fast = importlib.util.find_spec("aiohttp") is not None
    if not fast:
        there.absent["aiohttp"] = "not installed (extra fast); only httpx2 is measured"
    for client in ("aiohttp", "httpx2") if fast else ("httpx2",):
        _add_ours(children, folder, there, client, by_default=client == "aiohttp" or not fast)
    if with_peers:
        _add_optillm(children, there, "none")
        _add_optillm(children, there, "bon")
        _add_litellm(children, folder, there)
    else:
        there.absent |= dict.fromkeys(("optillm none", "optillm bon", "litellm proxy"), "not measured with --quick")
    return there


def _add_ours(children: Children, folder: Path, there: Field, client: str, *, by_default: bool) -> None:
    """Eudoxus and the bare pass-through over the same HTTP client."""
    upstream = f"http://127.0.0.1:{there.mock.port}/v1"
    bare = [sys.executable, "-m", "benchmarks.passthrough", client, "--upstream", upstream, "--port"]
    there.contenders.append(Contender(f"pass-through {client}", _started(children, f"passthrough-{client}", bare)))

    program = ["-m", "eudoxus.service.cli"] if by_default else ["-c", _WITHOUT_AIOHTTP]
    configuration = folder / "eudoxus.toml"
    configuration.touch()
    environment = {
        "OPENAI_BASE_URL": upstream,
        "OPENAI_API_KEY": "sk-test",
        "EUDOXUS_DATA_DIR": str(folder / f"data-{client}"),
        "EUDOXUS_CONFIG": str(configuration),
        # No contender logs requests.
        "EUDOXUS_LOG_LEVEL": "warning",
        # The default of 64 would refuse most of 256 clients.
        "EUDOXUS_MAX_IN_FLIGHT": "1024",
    }
    command = [sys.executable, *program, "serve", "--host", "127.0.0.1", "--port"]
    server = _started(children, f"eudoxus-{client}", command, environment=environment, model="direct/openai:mock")
    there.contenders.append(Contender(f"eudoxus direct {client}", server, "direct/openai:mock"))
    if by_default:
        there.contenders.append(Contender(f"eudoxus best_of_n(n=3) {client}", server, "best_of_n(n=3)/openai:mock"))


def _add_optillm(children: Children, there: Field, approach: str) -> None:
    arguments = ["--base-url", f"http://127.0.0.1:{there.mock.port}/v1", "--approach", approach, "--log", "error", "--port"]
    _add_peer(children, there, f"optillm {approach}", peers.OPTILLM, arguments, {"OPENAI_API_KEY": "sk-test"})


def _add_litellm(children: Children, folder: Path, there: Field) -> None:
    config = folder / "litellm.yaml"
    config.write_text(peers.LITELLM_CONFIG.format(port=there.mock.port))
    environment = {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_MODE": "PRODUCTION",
        "LITELLM_LOG": "ERROR",
        # No contender checks keys: all listen on loopback, and what a key check costs is not what is compared.
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
    }
    arguments = ["--host", "127.0.0.1", "--config", str(config), "--num_workers", "1", "--port"]
    _add_peer(children, there, "litellm proxy", peers.LITELLM, arguments, environment)


def _add_peer(children: Children, there: Field, name: str, peer: Peer, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    try:
        command = [str(peers.installed(peer)), *arguments]
        server = _started(children, name.replace(" ", "-"), command, environment=environment, seconds=PEER_START_SECONDS)
    except (peers.NotInstalled, DidNotStart) as reason:
        there.absent[name] = str(reason)
    else:
        there.contenders.append(Contender(name, server))


def _started(
    children: Children,
    name: str,
    command: Sequence[str],
    *,
    environment: Mapping[str, str] = {},
    model: str = "mock",
    on: set[int] | None = None,
    seconds: float = START_SECONDS,
) -> Server:
    """Start ``command`` with a free port as its last argument and wait for its first answer. Raises :class:`DidNotStart`."""
    port = free_port()
    process = children.start(name, [*command, str(port)], environment=environment, on=on or cores()[0])
    children.await_answer(name, process, port, body_for(model), seconds=seconds)
    return Server(name, port, process.pid)
