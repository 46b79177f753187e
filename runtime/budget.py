"""Budgets: limits that nest. Every charge hits all budgets that are open around it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field

from eudoxus.runtime.chat import NOTHING, ChatRequest, Usage
from eudoxus.runtime.errors import BudgetSpent


class Limits(BaseModel):
    """How much may be spent; None is no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    requests: int | None = Field(None, ge=0)
    """Completions asked of models: a call for n answers counts n."""
    prompt_tokens: int | None = Field(None, ge=0)
    """Tokens sent."""
    completion_tokens: int | None = Field(None, ge=0)
    """Tokens received."""
    cost: float | None = Field(None, ge=0)
    """US dollars. Calls to models without a known price are refused under a cost limit."""
    seconds: float | None = Field(None, gt=0)
    """Wall time since the limit was set."""
    nodes: int | None = Field(None, ge=0)
    """Nodes of a search tree."""


@dataclass(slots=True)
class Reservation:
    """What a call may at most use, held back until it is settled."""

    requests: int
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(slots=True, eq=False)
class Budget:
    """Limits and what has been spent under them. Without limits it is a meter."""

    limits: Limits
    clock: Callable[[], float]
    """Monotonic seconds."""
    spent: Usage = NOTHING
    nodes: int = 0
    refusal: BudgetSpent | None = None
    """The least refusal under this budget or one inside it."""
    _held: Reservation = field(default_factory=lambda: Reservation(0))
    _started: float = 0.0

    def __post_init__(self) -> None:
        self._started = self.clock()

    @property
    def open(self) -> bool:
        """Whether counts, tokens and cost leave room for another request.

        Time is left out: it decides only at a call, where the refusal is recorded; else a replay could take another way.
        """
        try:
            self._counts(Reservation(1))
        except BudgetSpent:
            return False
        return self.refusal is None

    def seconds_left(self) -> float | None:
        """Seconds until the time limit, None without one."""
        return None if self.limits.seconds is None else self.limits.seconds - (self.clock() - self._started)

    def room(self, asked: Reservation) -> int:
        """How many of the asked requests there is room for, at least one if any. Raises :class:`BudgetSpent` for none."""
        left = self.seconds_left()
        if left is not None and left <= 0:
            raise BudgetSpent("seconds", self.limits.seconds or 0, self.clock() - self._started)
        return self._counts(asked) if asked.requests else 0  # what asks no model takes time only

    def _counts(self, asked: Reservation) -> int:
        limits, spent, held = self.limits, self.spent, self._held
        granted = asked.requests
        if limits.requests is not None:
            granted = min(granted, limits.requests - spent.requests - held.requests)
            if granted < 1:
                raise BudgetSpent("requests", limits.requests, spent.requests + held.requests + asked.requests)
        for name in ("prompt_tokens", "completion_tokens"):
            allowed = getattr(limits, name)
            wanted = getattr(spent, name) + getattr(held, name) + getattr(asked, name)
            if allowed is not None and (wanted > allowed or allowed == getattr(spent, name)):
                raise BudgetSpent(name, allowed, wanted)
        if limits.cost is not None and (spent.cost is None or spent.cost >= limits.cost):
            raise BudgetSpent("cost", limits.cost, spent.cost or 0.0)
        return granted

    def hold(self, what: Reservation, sign: int = 1) -> None:
        self._held.requests += sign * what.requests
        self._held.prompt_tokens += sign * what.prompt_tokens
        self._held.completion_tokens += sign * what.completion_tokens

    def charge(self, usage: Usage) -> None:
        self.spent = self.spent + usage

    def charge_nodes(self, count: int) -> None:
        """Raises :class:`BudgetSpent` when the limit of nodes would be passed."""
        if self.limits.nodes is not None and self.nodes + count > self.limits.nodes:
            raise BudgetSpent("nodes", self.limits.nodes, self.nodes + count)
        self.nodes += count


def worst_case(request: ChatRequest, n: int) -> Reservation:
    """An estimate from above, as far as the request allows one: bytes / 4 for the prompt, ``max_tokens`` for each answer."""
    size = sum(len(m.text.encode()) for m in request.messages)
    return Reservation(requests=n, prompt_tokens=-(-size // 4), completion_tokens=n * (request.max_tokens or 0))


def reserve(budgets: Iterable[Budget], asked: Reservation) -> tuple[Reservation, BudgetSpent | None]:
    """Hold back what fits under all ``budgets``: perhaps fewer requests than asked, and then the refusal of the rest.

    Raises :class:`BudgetSpent` when there is no room at all.
    """
    open_budgets = list(budgets)
    try:
        granted = min((b.room(asked) for b in open_budgets), default=asked.requests)
    except BudgetSpent as error:
        refuse(open_budgets, error)
        raise
    refusal = None
    if granted < asked.requests:
        short = next(b for b in open_budgets if b.limits.requests is not None and b.room(asked) == granted)
        refusal = BudgetSpent("requests", short.limits.requests or 0, short.spent.requests + asked.requests)
        refuse(open_budgets, refusal)
        asked = Reservation(granted, asked.prompt_tokens, asked.completion_tokens * granted // asked.requests)
    for budget in open_budgets:
        budget.hold(asked)
    return asked, refusal


def refuse(budgets: Iterable[Budget], refusal: BudgetSpent) -> None:
    """Note the refusal in all budgets around it. Of several the least is kept, so that it does not matter which came first."""
    for budget in budgets:
        budget.refusal = min(budget.refusal or refusal, refusal, key=lambda r: (r.limit, r.allowed, r.spent))
