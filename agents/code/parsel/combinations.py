"""Finding bodies that fit together, one for each function, without ever listing their product (§2.3 of the paper lists it).

Bodies are picked function by function, helpers first. As soon as everything that a tested function may call is picked, its constraints
are tried on these bodies alone; what fails is never picked again, in whatever company. So a helper with constraints of its own costs at
most one try a body, and only functions that nothing but their callers test are tried in combination.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eudoxus.agents.code.parsel.graph import Graph, reachable

if TYPE_CHECKING:
    from random import Random  # noqa: TID251 - the type only; who searches passes ctx.random()


@dataclass(frozen=True, slots=True)
class Body:
    """One implementation of a function: a whole definition in the target's language."""

    function: str
    code: str
    uses: frozenset[str] = frozenset()
    """Other functions of the program that it mentions."""
    drawn: int = field(default=1, compare=False)
    """How often the model wrote it."""


@dataclass(frozen=True, slots=True)
class Trial:
    """The constraints of ``function`` on ``bodies``: its own, and those of all that it can call, in the order of picking."""

    function: str
    bodies: tuple[Body, ...]


def arranged(members: Iterable[str], uses: Graph, tested: Collection[str]) -> list[str]:
    """``members`` in an order in which each tested function can be tried early: small groups first, in each what is called first."""
    inside = {name: tuple(other for other in uses.get(name, ()) if other in set(members)) for name in members}
    order: list[str] = []
    for name in sorted((name for name in inside if name in tested), key=lambda name: len(reachable(inside, [name]))):
        order += _callees_first(name, inside, order) if name not in order else []
    return order + [name for name in inside if name not in order]


class Combinations:
    """Which trial is worth making next. Synchronous and without side effects: trials go out by :meth:`ask`, results in by :meth:`tell`."""

    def __init__(self, order: Sequence[str], bodies: Mapping[str, Sequence[Body]], tested: Collection[str], random: Random,
                 known: dict[Trial, float]) -> None:
        """``order`` is that of picking, ``tested`` has the functions with constraints; ``known`` is kept between searches."""
        self._order = list(order)
        self._bodies = [bodies[name] for name in self._order]
        self._tested = [name for name in self._order if name in tested]
        self._random = random
        self._known = known
        self._closed: dict[tuple[int, ...], set[int]] = {}
        """By the numbers of the bodies picked so far: those that lead nowhere."""
        self._weights = [[float(body.drawn) for body in some] for some in self._bodies]
        self._place = {name: at for at, name in enumerate(self._order)}
        self._merit: dict[Body, tuple[float, int]] = {}
        self.found: list[tuple[Body, ...]] = []
        """The combinations of which every constraint holds, in the order of picking."""

    @property
    def exhausted(self) -> bool:
        """Whether there is nothing left to pick."""
        return not self._order or len(self._closed.get((), ())) == len(self._bodies[0])

    def ask(self, most: int, enough: int = 1) -> list[Trial]:
        """At most ``most`` trials that can be made at once; none once ``enough`` combinations are found or everything is ruled out."""
        asked: dict[Trial, None] = {}
        waiting: dict[tuple[int, ...], set[int]] = {}
        while len(asked) < most and len(self.found) < enough and self._descend(asked, waiting):
            pass
        return [] if len(self.found) >= enough else list(asked)

    def tell(self, trial: Trial, fraction: float) -> None:
        """The share of the constraints that held; below 1 these bodies are ruled out together."""
        self._known[trial] = fraction
        for body in trial.bodies:
            total, count = self._merit.get(body, (1.0, 1))
            self._merit[body] = total + fraction, count + 1
            at = self._place[body.function]
            number = self._bodies[at].index(body)
            # Bodies that were in better company are tried more often: constraints that exercise them hold.
            self._weights[at][number] = body.drawn * ((total + fraction) / (count + 1)) ** 4 + 1e-6

    def _descend(self, asked: dict[Trial, None], waiting: dict[tuple[int, ...], set[int]]) -> bool:
        """Pick bodies until a trial is needed, all are picked, or none is left; False when none is left at the top."""
        prefix: tuple[int, ...] = ()
        while len(prefix) < len(self._order):
            closed = self._closed.setdefault(prefix, set())
            busy = waiting.get(prefix, set())
            free = [number for number in range(len(self._bodies[len(prefix)])) if number not in closed and number not in busy]
            if not free:
                if not prefix:
                    return False
                self._leave(prefix, waiting)
                return True
            weights = self._weights[len(prefix)]
            number = self._random.choices(free, [weights[number] for number in free])[0]
            trial = self._needed((*prefix, number))
            if trial is None:
                prefix = (*prefix, number)
            elif trial in self._known:
                closed.add(number)
            else:
                asked[trial] = None
                waiting.setdefault(prefix, set()).add(number)
                return True
        self.found.append(self._picked(prefix))
        self._closed.setdefault(prefix[:-1], set()).add(prefix[-1])
        return True

    def _leave(self, prefix: tuple[int, ...], waiting: dict[tuple[int, ...], set[int]]) -> None:
        """Nothing is free below ``prefix``: for good, or until trials are back."""
        done = len(self._closed[prefix]) == len(self._bodies[len(prefix)])
        if done:
            del self._closed[prefix]
        (self._closed if done else waiting).setdefault(prefix[:-1], set()).add(prefix[-1])

    def _needed(self, prefix: tuple[int, ...]) -> Trial | None:
        """The first trial that the last pick makes possible and that is not known to succeed."""
        picked = {body.function: body for body in self._picked(prefix)}
        last = self._order[len(prefix) - 1]
        graph = {name: tuple(body.uses & self._place.keys()) for name, body in picked.items()}
        for name in self._tested:
            if name not in picked:
                continue
            needed = reachable(graph, [name])
            if last in needed and needed <= picked.keys():
                trial = Trial(name, tuple(picked[other] for other in self._order if other in needed))
                if self._known.get(trial) != 1.0:
                    return trial
        return None

    def _picked(self, prefix: tuple[int, ...]) -> tuple[Body, ...]:
        return tuple(some[number] for some, number in zip(self._bodies, prefix, strict=False))


def _callees_first(start: str, inside: Graph, before: Collection[str]) -> list[str]:
    """What ``start`` can call and is not among those ``before``, each after what it calls itself, as far as there is no cycle."""
    seen, order = {start, *before}, list[str]()
    work = [(start, iter(inside[start]))]
    while work:
        following = next((other for other in work[-1][1] if other not in seen), None)
        if following is None:
            order.append(work.pop()[0])
        else:
            seen.add(following)
            work.append((following, iter(inside[following])))
    return order
