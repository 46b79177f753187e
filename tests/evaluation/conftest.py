"""One sandbox for the tests of a module's event loops, closed after each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from eudoxus import sandbox


@pytest.fixture(autouse=True)
async def closed_afterwards() -> AsyncIterator[None]:
    yield
    await sandbox.close_shared()
