"""``eudoxus manual``: a person answers what a running service asks."""

from __future__ import annotations

import sys
from typing import Any

import httpx2
import orjson

from eudoxus.runtime.errors import EndpointUnavailable, InvalidRequest


def list_command(url: str, key: str | None, *, as_json: bool) -> None:
    """Print what waits, each request in full."""
    waiting = _ask("GET", f"{url.rstrip('/')}/v1/manual", key)["data"]
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(waiting, option=orjson.OPT_INDENT_2) + b"\n")
        return
    for asked in waiting:
        sys.stdout.write(f"== {asked['id']}  ({asked['run_id']} {asked['path']}, {asked['n']} wanted, since {asked['waiting_since']})\n")
        for message in asked["request"]["messages"]:
            content = message.get("content")
            sys.stdout.write(f"[{message['role']}]\n{content if isinstance(content, str) else orjson.dumps(content).decode()}\n")
        sys.stdout.write("\n")
    if not waiting:
        sys.stderr.write("nothing waits for an answer\n")


def answer_command(url: str, key: str | None, id: str, texts: list[str], refuse: str | None) -> None:
    """Send one or more answers, or a refusal. Raises :class:`InvalidRequest`."""
    if refuse is None and not texts:
        raise InvalidRequest("give the answer's text, - to read it from standard input, or --refuse REASON", param="text")
    said = [sys.stdin.read() if text == "-" else text for text in texts]
    body: dict[str, Any] = {"refuse": refuse} if refuse is not None else {"texts": said}
    _ask("POST", f"{url.rstrip('/')}/v1/manual/{id}", key, body)
    sys.stderr.write(f"{id} is {'refused' if refuse is not None else 'answered'}\n")


def _ask(method: str, url: str, key: str | None, body: Any = None) -> Any:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    try:
        response = httpx2.request(method, url, json=body, headers=headers, timeout=30)
        said = response.json()
    except httpx2.HTTPError as error:
        raise EndpointUnavailable(f"cannot reach the service at {url}: {error}") from None
    except ValueError:
        raise EndpointUnavailable(f"what answers at {url} is not Eudoxus") from None
    if response.status_code >= 400:
        raise InvalidRequest(said.get("detail", f"HTTP {response.status_code}"))
    return said
