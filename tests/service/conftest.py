"""A service on loopback over a small upstream server, and the real OpenAI client before it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from eudoxus.runtime import Registry
from eudoxus.service.app import create_app
from eudoxus.service.server import Server, server_for
from eudoxus.service.settings import Settings
from tests.service.strategies import registry
from tests.service.upstream import Upstream


class Running:
    """A service in a thread of its own."""

    def __init__(self, settings: Settings, installed: Registry | None = None) -> None:
        self.settings = settings
        self.app = create_app(settings, registry=installed or registry(settings.presets))
        self.server: Server = server_for(self.app, settings)
        self._thread = threading.Thread(target=self.server.run, daemon=True)
        self._thread.start()
        deadline = time.monotonic() + 20
        while not self.server.started:
            assert self._thread.is_alive() and time.monotonic() < deadline, "the service did not start"
            time.sleep(0.01)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"

    def client(self, **options: Any) -> openai.OpenAI:
        return openai.OpenAI(
            base_url=f"{self.url}/v1", api_key=options.pop("api_key", "none"), max_retries=options.pop("max_retries", 0), **options
        )

    def http(self, **options: Any) -> httpx2.Client:
        return httpx2.Client(base_url=self.url, timeout=30, **options)

    def stop(self) -> None:
        self.server.should_exit = True
        self._thread.join(30)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    server = Upstream()
    yield server
    server.close()


@pytest.fixture
def settings(tmp_path: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "EUDOXUS_ENDPOINTS", "EUDOXUS_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    endpoints: Any = {"up": {"type": "openai", "base_url": upstream.url}, "hand": {"type": "manual"}}
    return Settings(port=0, data_dir=tmp_path / "data", endpoints=endpoints, presets={"careful": "best_of_n(n=2)/up:m"}, shutdown_grace=1)


@pytest.fixture
def service(settings: Settings) -> Iterator[Running]:
    running = Running(settings)
    yield running
    running.stop()


@pytest.fixture
def client(service: Running) -> openai.OpenAI:
    return service.client()


@pytest.fixture
def http(service: Running) -> Iterator[httpx2.Client]:
    with service.http() as found:
        yield found
