"""Slots that run one program at a time also in mode ``bundle``, because they have no child that many could share."""

from __future__ import annotations

from collections.abc import Sequence

from eudoxus.sandbox.bundles import Bundled
from eudoxus.sandbox.model import Limits, Program, Test
from eudoxus.sandbox.slot import Finding, Slot
from eudoxus.sandbox.zygotes import monotonic


class OneByOne(Slot):
    """A slot whose bundles are runs in mode ``split``, one after another."""

    async def bundle(
        self, programs: Sequence[tuple[Program, Sequence[Test]]], limits: Limits, *, seed: int, wall_s: float
    ) -> tuple[Bundled, Finding]:
        """As :meth:`split`, program by program, as far as the time goes. Raises :class:`ZygoteFailed`."""
        end = monotonic() + wall_s
        found: list[Finding] = []
        for program, tests in programs:
            left = min(limits.wall_s, end - monotonic())
            if left <= 0 and found:
                break
            found.append(await self.split(program, tests, limits, trace=None, seed=seed, wall_s=max(left, 0.001)))
        return Bundled([each.verdict for each in found], len(found) == len(programs)), found[0]
