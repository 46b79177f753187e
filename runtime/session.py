"""What all contexts of one run share: journal, mode, seed, cache, clock and listeners."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from eudoxus.runtime.cache import Cache
from eudoxus.runtime.journal.base import Journal, Recorded

if TYPE_CHECKING:
    from eudoxus.runtime.model import Model
    from eudoxus.runtime.spec import Spec

ReplayMode = Literal["strict", "extend", "off"]
"""*strict*: only recorded answers, never a call. *extend*: recorded answers, then live. *off*: all live; the journal must be empty."""

Watcher = Callable[[str, str, dict[str, Any]], None]
"""Told of passing events (type, path, data) that are not journaled: call.started, call.retrying, output_text.delta."""


@dataclass(slots=True)
class Session:
    """One attempt at a run."""

    run_id: str
    journal: Journal
    seed: int = 0
    mode: ReplayMode = "extend"
    epoch: int = 1
    cache: Cache | None = None
    watcher: Watcher | None = None
    clock: Callable[[], float] = time.monotonic
    """Monotonic seconds, for budgets and durations."""
    wall: Callable[[], datetime] = lambda: datetime.now(UTC)
    calls: int = 0
    """Live calls of this attempt."""
    replayed: int = 0
    cached: int = 0
    binder: Callable[[Spec], Model] | None = None
    """Makes a model of a specification inside a strategy's parameters."""

    @property
    def recorded(self) -> Recorded:
        return self.journal.recorded

    def tell(self, type: str, path: str, **data: Any) -> None:
        if self.watcher is not None:
            self.watcher(type, path, data)

    def stamp(self) -> str:
        return self.wall().isoformat(timespec="milliseconds").replace("+00:00", "Z")
