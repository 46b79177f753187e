"""Environments by name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from eudoxus.agents.environments.base import Setting
from eudoxus.runtime.published import published


def settings() -> Mapping[str, type[Setting]]:
    """Every environment that an installed package publishes under ``eudoxus.environments``, by name."""
    return published("eudoxus.environments")


def setting(name: str, parameters: Mapping[str, Any]) -> Setting:
    """The environment ``name`` with ``parameters``. Raises ValueError naming the environment or parameter and what was expected."""
    kinds = settings()
    if name not in kinds:
        near = difflib.get_close_matches(name, kinds, n=1)
        hint = f", did you mean {near[0]}?" if near else ""
        raise ValueError(f"no environment is called {name[:60]!r}{hint} (there are {', '.join(sorted(kinds))})")
    try:
        return kinds[name].model_validate(dict(parameters))
    except ValidationError as error:
        said = [_complaint(kinds[name], problem) for problem in error.errors(include_url=False, include_context=False)]
        raise ValueError(f"{name}: {'; '.join(said)}") from None


def _complaint(kind: type[Setting], problem: Any) -> str:
    field = ".".join(map(str, problem["loc"])) or "parameters"
    if problem["type"] == "extra_forbidden":
        return f"there is no parameter {field!r}; it has: {', '.join(kind.model_fields) or 'none'}"
    return f"{field}={str(problem['input'])[:60]!r}: {problem['msg'].removeprefix('Value error, ')}"
