"""API keys: hashed at rest, scoped, and demanded wherever others could reach the service."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import openai
import pytest

from eudoxus.service.keys import KeyRing
from eudoxus.service.server import require_keys_beyond_loopback
from eudoxus.service.settings import ConfigurationError, Settings
from eudoxus.service.store import RunStore
from tests.service.conftest import Running
from tests.service.upstream import Upstream

HELLO: Any = [{"role": "user", "content": "hi"}]
ORDER = {"strategy": "up:m", "task": {"messages": HELLO}}


def make_key(settings: Settings, *scopes: str, **options: Any) -> str:
    async def go() -> str:
        store = RunStore(settings.database)
        text, _ = await KeyRing(store.database).create("test", frozenset(scopes), **options)
        await store.aclose()
        return text

    return asyncio.run(go())


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def test_a_key_looks_as_promised_and_only_its_digest_is_stored(settings: Settings) -> None:
    key = make_key(settings, "chat")
    kind, id, secret = key.split("_")
    assert kind == "rk" and len(id) == 8 and len(secret) == 32
    assert all(secret.encode() not in file.read_bytes() for file in settings.data_dir.rglob("eudoxus.db*"))


def test_without_keys_the_service_serves_loopback_only(settings: Settings) -> None:
    require_keys_beyond_loopback(settings)
    world = settings.model_copy(update={"host": "0.0.0.0"})
    with pytest.raises(ConfigurationError, match="keys create"):
        require_keys_beyond_loopback(world)
    make_key(settings, "chat")
    require_keys_beyond_loopback(world)


def test_once_a_key_exists_requests_need_one_that_is_good(settings: Settings) -> None:
    key = make_key(settings, "chat")
    service = Running(settings)
    try:
        for wrong in ("none", "rk_", key[:-1] + "?", key + "_x", "rk_" + "a" * 8 + "_" + "b" * 32):
            with pytest.raises(openai.AuthenticationError) as refusal:
                service.client(api_key=wrong).chat.completions.create(model="up:m", messages=HELLO)
            assert refusal.value.code == "invalid_api_key"
        assert service.client(api_key=key).chat.completions.create(model="up:m", messages=HELLO).choices
        with service.http() as http:
            assert http.get("/healthz").status_code == 200 and http.get("/v1/models").status_code == 401
            assert http.get("/v1/runs", headers=bearer(key)).json()["code"] == "forbidden"
    finally:
        service.stop()


def test_a_key_sees_its_own_runs_and_an_admin_all(settings: Settings) -> None:
    one, other, admin = (make_key(settings, *s) for s in (("runs:read", "runs:write"), ("runs:read",), ("admin",)))
    service = Running(settings)
    try:
        with service.http() as http:
            run = http.post("/v1/runs?wait=20", json=ORDER, headers=bearer(one)).json()["id"]
            assert http.post("/v1/runs", json=ORDER, headers=bearer(other)).status_code == 403
            assert http.get(f"/v1/runs/{run}", headers=bearer(other)).status_code == 404
            assert http.get("/v1/runs", headers=bearer(other)).json()["data"] == []
            for key in (one, admin):
                assert http.get(f"/v1/runs/{run}", headers=bearer(key)).status_code == 200
                assert len(http.get("/v1/runs", headers=bearer(key)).json()["data"]) == 1
    finally:
        service.stop()


def test_cached_answers_are_shared_by_the_requests_of_one_key_only(settings: Settings, upstream: Upstream) -> None:
    one, other = make_key(settings, "chat"), make_key(settings, "chat")
    service = Running(settings)
    try:
        for key, asked in ((one, 1), (one, 1), (other, 2)):
            body: Any = {"eudoxus": {"cache": True}}
            answer = service.client(api_key=key).chat.completions.create(model="up:m", messages=HELLO, extra_body=body)
            assert answer.choices[0].message.content == "four" and len(upstream.bodies) == asked
    finally:
        service.stop()


async def test_revoked_and_expired_keys_open_nothing_and_revoking_the_last_does_not_open_the_door(settings: Settings) -> None:
    store = RunStore(settings.database)
    keys = KeyRing(store.database)
    text, key = await keys.create("a", frozenset({"chat"}))
    old, _ = await keys.create("b", frozenset({"chat"}), days=-1)
    assert keys.check(f"Bearer {text}").id == key.id
    await keys.revoke(key.id)
    for dead in (text, old):
        with pytest.raises(Exception, match="unknown, expired or revoked"):
            keys.check(f"Bearer {dead}")
    assert keys.required and not any(k.usable for k in keys.all())
    assert "digest" in {f.name for f in dataclasses.fields(key)}
    await store.aclose()


@pytest.mark.parametrize("headers", [{"host": "evil.example"}, {"origin": "https://evil.example"}])
def test_without_keys_pages_of_others_cannot_reach_the_service(service: Running, headers: dict[str, str]) -> None:
    with service.http() as http:
        assert http.post("/v1/runs", json=ORDER, headers=headers).status_code == 403
        assert http.get("/v1/runs", headers={"origin": service.url}).status_code == 200
