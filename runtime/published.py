"""What installed packages publish by entry points, each imported when it is first asked for."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from typing import Any

from eudoxus.runtime.errors import EudoxusError


class Published(Mapping[str, Any]):
    """The things of one group by name, in the order of their names.

    Names are known at once. Asking for a thing imports its package, and raises :class:`EudoxusError` naming one that cannot be loaded.
    """

    def __init__(self, group: str) -> None:
        self._points = {point.name: point for point in sorted(entry_points(group=group), key=lambda point: point.name)}
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in self._points

    def __iter__(self) -> Iterator[str]:
        return iter(self._points)

    def __len__(self) -> int:
        return len(self._points)

    def _load(self, name: str) -> Any:
        point = self._points[name]
        try:
            return point.load()
        except Exception as error:
            package = point.dist.name if point.dist else "an unknown package"
            raise EudoxusError(f"{name!r} ({point.value}) of {package} cannot be loaded: {type(error).__name__}: {error}") from error


published = functools.cache(Published)
"""One :class:`Published` for each group."""
