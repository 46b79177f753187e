"""Keeps keys out of messages, also where the server repeats them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pydantic import SecretStr

HIDDEN = "[key]"

_LIKE_A_KEY = re.compile(r"\b(?:sk|rk|pk|gsk|xai|hf)[-_][A-Za-z0-9_*.-]{8,}|(?i:bearer)\s+[A-Za-z0-9_*.=-]{8,}")


class Redactor:
    """Replaces given secrets, and whatever looks like a key, in text that people may see."""

    def __init__(self, secrets: Iterable[SecretStr]) -> None:
        known = {s.get_secret_value().strip() for s in secrets}
        # Longest first: one secret may be part of another. Very short ones are no secrets, and would tear words apart.
        self._known = sorted((s for s in known if len(s) >= 4), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for secret in self._known:
            text = text.replace(secret, HIDDEN)
        return _LIKE_A_KEY.sub(HIDDEN, text)
