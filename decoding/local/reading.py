"""Prompts that begin alike are read once: a bounded store of sessions."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from eudoxus.decoding.local.errors import Cancelled, PromptTooLong
from eudoxus.decoding.local.model import LocalModel, Logits, Session, common_prefix
from eudoxus.runtime.errors import EudoxusError


@dataclass
class Prompt:
    """A prompt that was read. ``logits`` are those of the first token of an answer; ``reused`` tokens were in the cache."""

    model: LocalModel
    session: Session
    tokens: tuple[int, ...]
    logits: Logits
    reused: int

    def restart(self) -> None:
        """Take back what was generated since."""
        self.session.rollback(len(self.tokens))


class Sessions:
    """The ``most`` last used sessions of one model. Safe for threads."""

    def __init__(self, model: LocalModel, most: int = 4) -> None:
        self.model, self.most = model, most
        self._free: list[Any] = []
        self._lock = threading.Lock()

    @contextmanager
    def reading(self, tokens: Sequence[int]) -> Iterator[Prompt]:
        """Read the prompt, all but what a free session has read already. Raises :class:`PromptTooLong`."""
        if not 1 <= len(tokens) < self.model.context:
            raise PromptTooLong(len(tokens), self.model.context)
        session, sound = self._taken(tokens), False
        try:
            # The last token is read again in any case: its logits are not kept.
            reused = min(common_prefix(session.tokens, tokens), len(tokens) - 1)
            session.rollback(reused)
            logits = session.feed(list(tokens[reused:]))[-1]
            yield Prompt(self.model, session, tuple(tokens), logits, reused)
            sound = True
        except (Cancelled, EudoxusError):
            sound = True
            raise
        finally:
            if sound:  # after an error of the runtime, the cache may be another's than that of the tokens
                with self._lock:
                    self._free.append(session)
                    del self._free[: -self.most]

    def _taken(self, tokens: Sequence[int]) -> Session:
        """The session with the longest beginning in common; a copy of it where there is room, so that the rest of its text stays."""
        with self._lock:
            shared = [common_prefix(session.tokens, tokens) for session in self._free]
            if not shared or max(shared) == 0:
                return self.model.session()
            at = shared.index(max(shared))
            if shared[at] < len(self._free[at].tokens) and len(self._free) < self.most:
                copied: Session = self._free[at].fork()
                return copied
            taken: Session = self._free.pop(at)
            return taken
