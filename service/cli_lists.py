"""``eudoxus strategies``, ``endpoints`` and ``openapi``: what there is."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import orjson
from rich.table import Table

from eudoxus.runtime.endpoints import Endpoint, Endpoints, Health
from eudoxus.runtime.endpoints.dialects import PROBE, Offer
from eudoxus.runtime.errors import EudoxusError
from eudoxus.runtime.strategy import Registry
from eudoxus.service import exit_codes
from eudoxus.service.printing import output
from eudoxus.service.settings import Settings, load_settings


def strategies_command(name: str | None, *, as_json: bool) -> None:
    """All strategies, or one. Raises :class:`UnknownStrategy`."""
    from eudoxus.service.listing import strategies_json, strategy_json

    registry = Registry.installed(load_settings().presets)
    if name is not None:
        said = strategy_json(registry.get(name), schema=True)
        if as_json:
            _print_json(said)
            return
        out = output()
        out.print(f"{name}\n\n{said['description']}\n", markup=False)
        out.print(f"takes: {', '.join(said['takes']) or 'any task'}\ncalls: {said['calls']}", markup=False)
        for field, schema in said["params_schema"].get("properties", {}).items():
            kind = schema.get("type") or "/".join(s.get("type", "…") for s in schema.get("anyOf", []))
            out.print(f"  {field}: {kind} = {schema.get('default')!r}\n      {schema.get('description', '')}", markup=False)
        return
    found = strategies_json(registry)
    if as_json:
        _print_json({"data": found, "presets": registry.presets})
        return
    table = _table("strategy", "takes", "what it does")
    for entry in found:
        table.add_row(entry["name"], ", ".join(entry["takes"]) or "any", entry["summary"])
    for preset, path in registry.presets.items():
        table.add_row(preset, "", f"preset: {path}")
    output().print(table)


def endpoints_command(*, as_json: bool, check: bool) -> int:
    """List or check the configured endpoints; the exit status is 4 when one does not answer.

    A check asks those that declare a dialect of grammars for short answers that only an obeyed grammar gives.
    """
    configured, default = load_settings().configured_endpoints()
    checked = asyncio.run(_checked(configured, default)) if check else {}
    rows = []
    for name, config in configured.items():
        row: dict[str, Any] = {"name": name, "type": config.type, "default": name == default}
        if name in checked:
            found, grammars = checked[name]
            row |= {"ok": found.ok, "detail": found.detail, "models": found.models, "latency_ms": found.latency_ms, "grammars": grammars}
        rows.append(row)
    if as_json:
        _print_json({"data": rows})
    else:
        table = _table("endpoint", "type", *(("state", "detail", "grammars") if check else ()))
        for row in rows:
            shown = [row["name"] + (" (default)" if row["default"] else ""), row["type"]]
            told = ("ok" if row["ok"] else "not ok", row["detail"], row["grammars"]["said"]) if check else ()
            table.add_row(*shown, *told)
        output().print(table)
    return exit_codes.ENDPOINT if any(not found.ok for found, _ in checked.values()) else exit_codes.OK


async def _checked(configured: Any, default: str) -> dict[str, tuple[Health, dict[str, Any]]]:
    async with Endpoints.from_config(configured, default) as endpoints:
        there = [endpoints.get(name) for name in endpoints.names()]
        health = await asyncio.gather(*(endpoint.check() for endpoint in there))
        grammars = await asyncio.gather(*(_grammars(endpoint, found) for endpoint, found in zip(there, health, strict=True)))
    return {found.endpoint: (found, told) for found, told in zip(health, grammars, strict=True)}


async def _grammars(endpoint: Endpoint, health: Health) -> dict[str, Any]:
    """To which grammars the endpoint's default model can be held, with a sentence on how that agrees with what is declared."""
    declared = endpoint.capabilities.grammar
    probed = getattr(endpoint, "probed", None)
    if declared is None or probed is None:
        said = f"{declared}: {', '.join(endpoint.capabilities.offer.notations)}" if declared else "none declared"
        return {"declared": declared, "obeyed": None, "said": said}
    model = getattr(endpoint, "default_model", None) or next(iter(health.models), None)
    if not health.ok or model is None:
        return {"declared": declared, "obeyed": None, "said": "not asked: no model answers"}
    try:
        offer: Offer = await probed(model)
    except EudoxusError as error:
        return {"declared": declared, "obeyed": None, "said": f"not known: {error}"}
    obeyed = [*(["json_schema"] if offer.json_schema else []), *offer.notations]
    ignored = [one for one in endpoint.capabilities.offer.notations if one not in offer.notations]
    said = f"{offer.dialect or 'no dialect'}: {model} obeys {', '.join(obeyed) or 'none'}"
    if declared != PROBE and ignored:
        said += f"; {declared} is declared, but it does not obey {', '.join(ignored)}"
    return {"declared": declared, "obeyed": {"model": model, **offer.model_dump()}, "said": said}


def openapi_command() -> None:
    """The API's description, the same whatever is configured."""
    from eudoxus.service.app import create_app

    schema = create_app(
        Settings.model_construct(**{n: f.get_default(call_default_factory=True) for n, f in Settings.model_fields.items()})
    ).openapi()
    sys.stdout.buffer.write(orjson.dumps(schema, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n")


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _print_json(said: Any) -> None:
    sys.stdout.buffer.write(orjson.dumps(said, option=orjson.OPT_INDENT_2) + b"\n")
