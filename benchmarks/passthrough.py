"""The bare pass-through: the least that a FastAPI service must do to hand a chat request on, with either HTTP client.

``python -m benchmarks.passthrough aiohttp --port 9201 --upstream http://127.0.0.1:9101/v1``. No checks, no journal, no retries.
"""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import httpx2
import uvicorn
from fastapi import FastAPI, Request

HEADERS = {"authorization": "Bearer sk-test"}


def over_aiohttp(upstream: str) -> FastAPI:
    """Ten lines with aiohttp."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(headers=HEADERS, connector=aiohttp.TCPConnector(limit=1000)) as app.state.client:
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/v1/chat/completions")
    async def chat(request: Request) -> Any:
        async with app.state.client.post(f"{upstream}/chat/completions", json=await request.json()) as answer:
            return await answer.json()

    return app


def over_httpx2(upstream: str) -> FastAPI:
    """The same with httpx2."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        limits = httpx2.Limits(max_connections=1000, max_keepalive_connections=1000)
        async with httpx2.AsyncClient(headers=HEADERS, limits=limits, timeout=60) as app.state.client:
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/v1/chat/completions")
    async def chat(request: Request) -> Any:
        return (await app.state.client.post(f"{upstream}/chat/completions", json=await request.json())).json()

    return app


APPS = {"aiohttp": over_aiohttp, "httpx2": over_httpx2}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("client", choices=APPS)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream", required=True)
    said = parser.parse_args()
    uvicorn.run(APPS[said.client](said.upstream), host="127.0.0.1", port=said.port, access_log=False, log_level="warning")
