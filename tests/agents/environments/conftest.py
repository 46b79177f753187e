"""A context for environments that ask nothing of it."""

from __future__ import annotations

import pytest

from eudoxus.runtime import Context, MemoryJournal
from eudoxus.runtime.session import Session


@pytest.fixture
async def ctx() -> Context:
    return Context(Session("run_1", MemoryJournal()))
