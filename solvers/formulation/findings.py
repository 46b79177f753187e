"""What is probably meant otherwise in a formulation that makes sense."""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

MOST_FINDINGS: Final = 20
"""Told at once."""


class Finding(NamedTuple):
    """Something that is probably meant otherwise. ``terms``: what does not go together, each with its unit or amount."""

    kind: Literal["units", "scales", "magnitude"]
    where: str
    what: str
    terms: tuple[str, ...] = ()
    column: int | None = None

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return self._asdict()
