"""Logs: one JSON object a line on standard output, with the ids of request and run. No prompt, answer or key is ever logged."""

from __future__ import annotations

import logging
import sys
from typing import Any

import orjson
import structlog

REDACTED = frozenset({"authorization", "api_key", "api-key", "x-api-key", "cookie"})


def set_up(level: str = "info") -> None:
    """Route structlog and the standard library's loggers to standard output as JSON lines."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, structlog.processors.JSONRenderer(serializer=_dumps)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.BytesLoggerFactory(sys.stdout.buffer),
        cache_logger_on_first_use=True,
    )
    render = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=lambda event, **_: _dumps(event).decode()),
        ],
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(render)
    root = logging.getLogger()
    root.handlers, root.level = [handler], number
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True


def _dumps(event: Any, **_: Any) -> bytes:
    return orjson.dumps(event, default=str)


def _redact(logger: Any, method: str, event: Any) -> Any:
    for name in REDACTED & event.keys():
        event[name] = "…"
    return event


log: structlog.stdlib.BoundLogger = structlog.get_logger("eudoxus")
