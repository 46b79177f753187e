"""Which library carries the bytes, and through which proxy."""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator

import pytest

from eudoxus.runtime.endpoints import transport
from eudoxus.runtime.endpoints.over_aiohttp import AiohttpTransport
from eudoxus.runtime.endpoints.over_httpx import HttpxTransport
from eudoxus.runtime.endpoints.transport import AnswerTooLong, Streamed, best_transport


def test_aiohttp_is_used_where_it_is_installed_and_httpx2_elsewhere(monkeypatch: pytest.MonkeyPatch):
    assert isinstance(best_transport(connections=1), AiohttpTransport)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert isinstance(best_transport(connections=1), HttpxTransport)


def test_the_proxy_of_the_environment_is_used_except_where_it_says_not_to(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "inside.example,127.0.0.1")
    ours = AiohttpTransport(connections=1)
    assert ours._proxy("https://api.openai.com/v1") == "http://proxy.example:3128"
    assert ours._proxy("https://inside.example/v1") is None
    assert ours._proxy("http://127.0.0.1:8000/v1") is None


async def lines_of(*chunks: bytes) -> list[bytes]:
    async def arriving() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    return [line async for line in Streamed(200, {}, arriving()).lines()]


async def test_lines_are_put_together_wherever_they_were_cut():
    assert await lines_of(b"da", b"ta: 1\r", b"\n\r\ndata: 2\n\nda", b"ta") == [b"data: 1", b"", b"data: 2", b"", b"data"]


async def test_a_line_without_end_is_not_kept(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(transport, "LONGEST_LINE", 10)
    with pytest.raises(AnswerTooLong):
        await lines_of(b"12345", b"67890", b"1")
