"""Regular expressions that come with a request: RE2's, which match in time linear in the text."""

from __future__ import annotations

import functools
from typing import Annotated, Any

import re2  # type: ignore[import-untyped]
from pydantic import AfterValidator, Field

LONGEST_PATTERN = 2_000
LONGEST_TEXT = 200_000
"""Characters that are looked at, from the end of a text backwards."""


def _compiles(pattern: str) -> str:
    """Raises ValueError for a pattern that is none, or that needs what RE2 leaves out for the sake of time."""
    try:
        compiled(pattern)
    except re2.error as error:
        said = error.args[0] if error.args else ""
        reason = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        raise ValueError(f"not a regular expression of RE2, which has no look-around and no back-references: {reason}") from None
    return pattern


Pattern = Annotated[str, Field(min_length=1, max_length=LONGEST_PATTERN), AfterValidator(_compiles)]
"""A regular expression in RE2's syntax (https://github.com/google/re2/wiki/Syntax)."""


@functools.lru_cache(maxsize=256)
def compiled(pattern: str) -> Any:
    """The compiled pattern. Raises ``re2.error``."""
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)


def searched(text: str) -> str:
    """The part of ``text`` that is searched, in what UTF-8 can say."""
    return text[-LONGEST_TEXT:].encode("utf-8", "replace").decode()
