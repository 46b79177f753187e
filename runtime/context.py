"""The context: the only door of a strategy to everything that it does not compute itself.

Each outside act has a key, the path of named scopes and a counter within the scope, fixed before the first await. Under that key the
journal keeps request and outcome. So a replay finds every answer whatever the order in which parallel branches run.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from eudoxus.runtime.branches import Branches
from eudoxus.runtime.budget import Budget, Limits, refuse
from eudoxus.runtime.calls import ask, perform
from eudoxus.runtime.canonical import canonical
from eudoxus.runtime.chat import ChatRequest, Completion, Usage
from eudoxus.runtime.endpoints.base import Endpoint
from eudoxus.runtime.errors import (
    BudgetSpent,
    InvalidRequest,
    NotRecorded,
    ScopeError,
)
from eudoxus.runtime.journal.records import EventRecord, MarkRecord
from eudoxus.runtime.result import Result

if TYPE_CHECKING:
    from eudoxus.runtime.effect import Effect
    from eudoxus.runtime.model import Model
    from eudoxus.runtime.session import Session
    from eudoxus.runtime.spec import Spec
    from eudoxus.runtime.strategy import Params, Strategy
    from eudoxus.runtime.task import Task

A = TypeVar("A")
T = TypeVar("T")
R = TypeVar("R", bound=BaseModel)

_SEGMENT = re.compile(r"[a-z0-9_]{1,32}")


class Frame:
    """One strategy at work: its meter and the best answer so far."""

    __slots__ = ("best", "completion", "meter", "owner")

    def __init__(self, meter: Budget) -> None:
        self.meter = meter
        self.owner = asyncio.current_task()
        self.best: str | None = None
        self.completion: Completion | None = None


class Context:
    """A scope of a run. Strategies get one, and make children by :meth:`scope`, :meth:`map` and :meth:`race`."""

    __slots__ = (
        "_budgets", "_children", "_count", "_events", "_frame", "_model", "_outermost", "_owner", "_parent", "_random", "path", "session",
    )

    def __init__(self, session: Session, path: str = "root", parent: Context | None = None) -> None:
        self.session, self.path, self._parent = session, path, parent
        self._owner: asyncio.Task[Any] | None = asyncio.current_task()
        self._count = self._events = 0
        self._children: dict[str, Context] = {}
        self._budgets: list[Budget] = []
        self._random: Random | None = None
        self._model: Model | None = parent._model if parent else None
        self._frame: Frame | None = parent._frame if parent else None
        self._outermost: bool = parent._outermost if parent else True

    # -- scopes and keys ---------------------------------------------------------------------------------------------

    def scope(self, *path: str | int) -> Context:
        """The child scope of this name; a number indexes the name before it: ``scope("beam", 2)`` → ``…/beam[2]``.

        Asked for again, it is the same scope, whose counter goes on. Raises :class:`ScopeError` for an invalid name.
        """
        segments: list[str] = []
        for part in path:
            if isinstance(part, int) and segments:
                segments[-1] += f"[{part}]"
            elif isinstance(part, str) and _SEGMENT.fullmatch(part):
                segments.append(part)
            else:
                raise ScopeError(f"{part!r} cannot name a scope: lower-case letters, digits and _, at most 32; numbers after a name")
        here = self
        for segment in segments:
            here = here._child(segment)
        return here

    def _child(self, segment: str) -> Context:
        self._owned()
        child = self._children.get(segment)
        if child is None:
            child = self._children[segment] = Context(self.session, f"{self.path}/{segment}", self)
        return child

    def begin_branch(self, meter: Budget) -> None:
        """Make the running task the owner, under ``meter``; what one of several branches writes is not streamed as the answer."""
        self._owner = asyncio.current_task()
        self._outermost = False
        self.open(meter)

    def _owned(self) -> None:
        if asyncio.current_task() is not self._owner:
            raise ScopeError(f"{self.path} was used from a task that does not own it; use ctx.map or ctx.race to work in parallel")

    def next_name(self) -> str:
        """The name of the next call in this scope: ``c0``, ``c1``, …"""
        self._owned()
        name = f"c{self._count}"
        self._count += 1
        return name

    def bound(self, model: Model | None) -> Context:
        """This context asking ``model`` from now on; None changes nothing."""
        if model is not None:
            self._model = model
        return self

    @property
    def model(self) -> Model:
        """What :meth:`complete` asks."""
        if self._model is None:
            raise ScopeError("this context is bound to no model")
        return self._model

    # -- outside acts ------------------------------------------------------------------------------------------------

    async def complete(self, request: ChatRequest, n: int = 1, *, stream: bool = False) -> list[Completion]:
        """``n`` answers of the model; fewer, but at least one, when a budget has room for fewer only.

        ``stream`` marks the call whose text is the final answer: its pieces go to whoever watches the run. Raises
        :class:`EndpointError` and, when nothing may be asked any more, :class:`BudgetSpent`.
        """
        if n < 1:
            raise InvalidRequest(f"n={n}: at least one answer must be asked for", param="n")
        return await self.model.complete(self, request, n, stream=stream and self._outermost)

    async def ask(self, endpoint: Endpoint, model: str, request: ChatRequest, n: int, *, stream: bool) -> list[Completion]:
        """One journaled call of an endpoint, for models; strategies use :meth:`complete`."""
        return await ask(self, endpoint, model, request, n, stream=stream)

    async def perform(self, effect: Effect[R]) -> R:
        """Do ``effect``, or take its outcome from the journal. Raises what it raises."""
        return await perform(self, effect)

    # -- parallel work -----------------------------------------------------------------------------------------------

    async def map(self, name: str, items: Iterable[A], fn: Callable[[Context, A], Awaitable[T]]) -> list[T]:
        """``fn(child, item)`` for all items at once, each in a scope ``name[i]``; results in the order of the items.

        The first error cancels the rest and is raised. A spent budget lets the others finish first.
        """
        return await Branches(self, name, [lambda ctx, item=item: fn(ctx, item) for item in items]).all()  # type: ignore[misc]

    async def quorum(self, name: str, branches: Sequence[Callable[[Context], Awaitable[T]]],
                     enough: Callable[[dict[int, T]], bool]) -> dict[int, T]:
        """Run all ``branches`` until ``enough`` says so of the results there are, by number; cancel the others.

        A branch that fails by an :class:`EudoxusError` gives no result; when all fail, the first one's error is raised. Which results
        counted is journaled, and replay follows it.
        """
        return await Branches(self, name, branches).until(enough)

    async def race(self, name: str, **branches: Callable[[Context], Awaitable[T]]) -> tuple[str, T]:
        """The first branch that succeeds, by name, with its result; the others are cancelled."""
        names = list(branches)
        won = await self.quorum(name, list(branches.values()), lambda done: len(done) >= 1)
        first = min(won)
        return names[first], won[first]

    # -- strategies --------------------------------------------------------------------------------------------------

    async def apply(self, strategy: Strategy, params: Params, task: Task) -> Result:
        """Run ``strategy`` in this very scope, metered. A spent budget gives the best answer so far with ``outcome: limit``."""
        meter = Budget(Limits(), self.session.clock)
        outer, self._frame = self._frame, Frame(meter)
        self._budgets.append(meter)
        try:
            try:
                result = await strategy.body(strategy.reads(task), params, self)
            except BudgetSpent as refusal:
                best = self._frame.best
                result = Result(answer=best, outcome="limit", detail=str(refusal), completion=self._frame.completion)
        finally:
            self._budgets.remove(meter)
            self._frame = outer
        if meter.refusal is not None and result.outcome == "best_effort":
            result = result.model_copy(update={"outcome": "limit", "detail": result.detail or str(meter.refusal)})
        found = task.extract(result.answer) if result.answer is not None else None
        artifacts = result.artifacts if found is None else {"answer": found, **result.artifacts}
        return result.model_copy(update={"usage": meter.spent, "artifacts": artifacts})

    async def run(self, part: Spec | Model, task: Task, *, name: str, index: int | None = None, stream: bool = False) -> Result:
        """A part of this strategy on ``task``, in the scope ``name`` or ``name[index]``: a specification from the parameters, or a model.

        An open end of the specification is this context's model. ``stream`` says that the part's answer will be the whole's.
        """
        child = self.scope(name) if index is None else self.scope(name, index)
        child._outermost = self._outermost and stream
        return await child.play(part, task)

    async def play(self, part: Spec | Model, task: Task) -> Result:
        """``part`` on ``task`` in this very scope; for the branches of :meth:`map`, :meth:`quorum` and :meth:`race`."""
        from eudoxus.runtime.model import StrategyModel

        if isinstance(part, BaseModel):
            if self.session.binder is None:
                raise ScopeError("this run cannot bind specifications")
            part = self.session.binder(part)
        if isinstance(part, StrategyModel):
            return await self.bound(part.model).apply(part.strategy, part.params, task)
        completion = (await self.bound(part).complete(task.request(), stream=True))[0]
        return Result(answer=completion.text, completion=completion)

    # -- limits, chance, time, telling -------------------------------------------------------------------------------

    @contextmanager
    def limit(self, **limits: float | None) -> Iterator[Budget]:
        """A budget around what this scope and its children do inside the ``with``; see :class:`Limits` for the names."""
        budget = Budget(Limits.model_validate(limits), self.session.clock)
        self._budgets.append(budget)
        try:
            yield budget
        finally:
            self._budgets.remove(budget)

    def open(self, budget: Budget) -> None:
        """Keep ``budget`` open for the rest of this scope's life."""
        self._budgets.append(budget)

    def open_budgets(self) -> Iterator[Budget]:
        """All budgets around this scope, the innermost first."""
        here: Context | None = self
        while here is not None:
            yield from here._budgets
            here = here._parent

    def refusal(self) -> BudgetSpent | None:
        """The first refusal by a budget that is open around this scope."""
        return next((b.refusal for b in self.open_budgets() if b.refusal is not None), None)

    def charge_nodes(self, count: int = 1) -> None:
        """Count nodes of a search. Raises :class:`BudgetSpent`."""
        budgets = list(self.open_budgets())
        try:
            for budget in budgets:
                budget.charge_nodes(count)
        except BudgetSpent as refusal:
            refuse(budgets, refusal)
            raise

    def charge(self, usage: Usage, refusal: BudgetSpent | None) -> None:
        """Charge what was spent, and refused, in branches that a recorded decision leaves out."""
        budgets = list(self.open_budgets())
        for budget in budgets:
            budget.charge(usage)
        if refusal is not None:
            refuse(budgets, refusal)

    def random(self) -> Random:
        """The scope's own random numbers, determined by the run's seed and the scope's path."""
        if self._random is None:
            digest = hashlib.sha256(f"{self.session.seed}\0{self.path}".encode()).digest()
            self._random = Random(int.from_bytes(digest[:16]))
        return self._random

    def now(self) -> datetime:
        """The time, journaled: the same on every replay."""
        name = f"{self.path}/{self.next_name()}"
        mark = None if self.session.mode == "off" else self.session.recorded.marks.get(name)
        if mark is None:
            if self.session.mode == "strict":
                raise NotRecorded(f"{name}: the journal holds no time here")
            mark = MarkRecord(path=name, id="now", value=self.session.wall().isoformat())
            self.session.journal.append(mark)
        return datetime.fromisoformat(mark.value).astimezone(UTC)

    def emit(self, type: str, **data: Any) -> None:
        """Tell whoever watches, and the journal: ``type`` is dotted (``node.created``), ``data`` is JSON."""
        self._owned()
        name = f"{self.path}/e{self._events}"
        self._events += 1
        if self.session.mode != "strict" and name not in self.session.recorded.events:
            canonical(data)
            self.session.journal.append(EventRecord(path=name, type=type, data=data))

    def best(self, answer: str, completion: Completion | None = None) -> None:
        """Note the best answer so far: what comes back when a limit ends the work.

        Not from inside parallel branches, where the last to speak would be a matter of luck: raises :class:`ScopeError`.
        """
        if self._frame is not None:
            if self._frame.owner is not asyncio.current_task():
                raise ScopeError(f"{self.path}: a parallel branch cannot say what is best; return the answer and let the strategy choose")
            self._frame.best, self._frame.completion = answer, completion
        self.emit("candidate.best", answer=answer)
