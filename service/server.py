"""Serving: uvicorn with our shutdown, and the rule that nobody listens to the world without keys."""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import socket
import sqlite3
from types import FrameType

import uvicorn
from fastapi import FastAPI

from eudoxus.service.app import create_app
from eudoxus.service.keys import LOOPBACK
from eudoxus.service.logs import log
from eudoxus.service.settings import EMBEDDED_CAN, ConfigurationError, Settings

MARGIN_SECONDS = 2.0
"""Beyond the grace: for answers to leave and files to close."""


class Server(uvicorn.Server):
    """Begins to drain at the first signal, so that event streams end and long polls answer while connections are still open."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        app = self.config.app
        if isinstance(app, FastAPI) and hasattr(app.state, "services"):
            asyncio.get_running_loop().call_soon_threadsafe(app.state.services.executor.begin_drain)
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What was made so far lives as long as the process: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        # Requests leave hardly any cycles; looking for some after every 700 objects took a seventh of the time of a request.
        gc.set_threshold(20_000, 10, 10)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        self._captured_signals.clear()  # stopped as asked: the exit status is 0, not that of a process killed by a signal


def server_for(app: FastAPI, settings: Settings) -> Server:
    """A server for ``app``, not started."""
    grace = int(settings.shutdown_grace + MARGIN_SECONDS)
    return Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            access_log=False,
            log_config=None,
            timeout_graceful_shutdown=grace,
            server_header=False,
            date_header=False,
            lifespan="on",
            proxy_headers=False,
        )
    )


def serve(settings: Settings) -> bool:
    """Serve until a signal comes. Returns whether it ran. Raises :class:`ConfigurationError`."""
    require_keys_beyond_loopback(settings)
    if not settings.endpoints:
        log.warning("no endpoint is configured", answering=EMBEDDED_CAN)
    server = server_for(create_app(settings), settings)
    server.run()
    return bool(server.started)


def require_keys_beyond_loopback(settings: Settings) -> None:
    """Raises :class:`ConfigurationError` when the service would listen to other machines while no API key exists."""
    if _is_loopback(settings.host) or _keys_exist(settings):
        return
    raise ConfigurationError(
        f"host {settings.host} can be reached by other machines, but no API key exists: make one with 'eudoxus keys create NAME' "
        "(same data_dir), or serve on 127.0.0.1",
        param="host",
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in LOOPBACK


def _keys_exist(settings: Settings) -> bool:
    if not settings.database.is_file():
        return False
    with sqlite3.connect(f"file:{settings.database}?mode=ro", uri=True) as connection:
        try:
            return bool(connection.execute("SELECT count(*) FROM keys").fetchone() != (0,))
        except sqlite3.Error:
            return False
