"""How many requests may be in flight at one model: as many as the endpoint stands, shared fairly among runs.

Additive increase, multiplicative decrease, as inspect_ai does it (its adaptive connections, 2026-08), with a lower floor.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

START, FLOOR, CEILING = 20, 2, 100
CUT = 0.8
"""What is left of the limit after a rate-limit signal."""
COOLDOWN = 15.0
"""Seconds after a cut in which nothing counts, at least."""
USED = 0.8
"""The limit grows only if this share of it was in use: otherwise nothing was learnt about a higher one."""


class Limiter:
    """The slots of one model. A round is as many successes as the limit; a clean round doubles the limit until the first rate limit,
    and afterwards adds 5 %. Waiting calls are served in turn by run, within a run in order of arrival.

    ``clock`` gives monotonic seconds.
    """

    def __init__(
        self, ceiling: int = CEILING, *, start: int = START, floor: int = FLOOR, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.limit = min(start, ceiling)
        """Slots at present."""
        self.in_use = 0
        self._floor, self._ceiling, self._clock = min(floor, ceiling), ceiling, clock
        self._doubling = True
        self._clean = self._peak = 0
        self._frozen_until = -1.0
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def waiting(self) -> int:
        """Calls that wait for a slot."""
        return sum(map(len, self._waiting.values()))

    @property
    def idle(self) -> bool:
        """Whether nobody holds a slot or waits for one."""
        return not self.in_use and not self._waiting

    @asynccontextmanager
    async def slot(self, run_id: str) -> AsyncIterator[None]:
        """Hold a slot; wait for it in the queue of ``run_id``. A cancelled wait gives up its place."""
        if self.in_use < self.limit and not self._waiting:
            self._take()
        else:
            await self._turn(run_id)
        try:
            yield
        finally:
            self.in_use -= 1
            self._serve()

    async def _turn(self, run_id: str) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(run_id, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                # The slot was given at the very moment of cancelling: pass it on.
                self.in_use -= 1
                self._serve()
            else:
                self._leave(run_id, turn)
            raise

    def _leave(self, run_id: str, turn: asyncio.Future[None]) -> None:
        queue = self._waiting.get(run_id)
        if queue is not None and turn in queue:
            queue.remove(turn)
            if not queue:
                del self._waiting[run_id]

    def _serve(self) -> None:
        """Give free slots to the runs in turn."""
        while self._waiting and self.in_use < self.limit:
            run_id, queue = self._waiting.popitem(last=False)
            turn = queue.popleft()
            if queue:
                self._waiting[run_id] = queue
            if not turn.done():
                self._take()
                turn.set_result(None)

    def _take(self) -> None:
        self.in_use += 1
        self._peak = max(self._peak, self.in_use)

    def succeeded(self) -> None:
        """A call was answered. Failures other than rate limits are not told: they say nothing about the limit."""
        if self._clock() < self._frozen_until:
            return
        self._clean += 1
        if self._clean < self.limit:
            return
        if self._peak >= USED * self.limit:
            self._grow()
        self._clean, self._peak = 0, self.in_use
        self._serve()

    def _grow(self) -> None:
        more = self.limit if self._doubling else max(1, -(-self.limit // 20))
        grown = self.limit + more
        # In small steps the limit goes by fives: a limit that moves by one with every round shows nothing to whoever watches it.
        self.limit = min(self._ceiling, grown if self._doubling else -(-grown // 5) * 5)

    def rate_limited(self, wait: float | None = None) -> None:
        """A call got 429; ``wait`` is what the endpoint asked for, in seconds. Cuts once per episode.

        Further 429s of the same episode restart the count of successes, but do not prolong the freeze, which might never end then.
        """
        self._doubling, self._clean, self._peak = False, 0, self.in_use
        now = self._clock()
        if now < self._frozen_until:
            return
        self.limit = max(self._floor, int(self.limit * CUT))
        self._frozen_until = now + max(COOLDOWN, wait or 0.0)
