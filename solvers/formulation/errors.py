"""What is wrong with a formulation, told so that a person or a model can mend it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MOST_SHOWN, _MOST_SAID = 200, 500


class FormulationError(ValueError):
    """``where`` names the part (``constraints.capacity.expr``), ``column`` counts from 1, ``index`` holds the values of the bound names."""

    def __init__(self, what: str, *, where: str = "", column: int | None = None, index: Mapping[str, Any] | None = None) -> None:
        self.what = what if len(what) <= _MOST_SAID else what[: _MOST_SAID - 1] + "…"
        self.where = where
        self.column = column
        self.index = dict(index or {})
        super().__init__(self.what)

    def within(self, where: str, index: Mapping[str, Any] | None = None) -> FormulationError:
        """The same error, with what only the caller knows filled in."""
        return FormulationError(self.what, where=self.where or where, column=self.column, index=self.index or index)

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return {"what": self.what, "where": self.where, "column": self.column, "index": {k: _shown(v) for k, v in self.index.items()}}

    def __str__(self) -> str:
        place = self.where + (f", column {self.column}" if self.column is not None else "")
        bound = ", ".join(f"{name} = {_shown(value)}" for name, value in self.index.items())
        return ": ".join(part for part in (place, self.what) if part) + (f" (with {bound})" if bound else "")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 1] + "…"
