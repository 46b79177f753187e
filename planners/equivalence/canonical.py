"""A canonical form of scenes: equal exactly for scenes that are equal up to the names of objects.

Colour refinement with individualisation, pruned by the symmetries that are found on the way (McKay and Piperno 2014, Practical graph
isomorphism II, Journal of Symbolic Computation 60, §2-3). The work is counted; where it would be too much there is no canonical form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eudoxus.planners.equivalence.scene import Scene

MOST_WORK = 2_000_000
"""Places of facts looked at for one scene; about two seconds."""
DEEPEST_CHOICE = 60
"""Objects chosen one after another."""

Encoding = tuple[tuple[str, ...], tuple[tuple[str, tuple[int, ...]], ...]]


@dataclass(frozen=True, slots=True)
class Canonical:
    """The scene with numbers for names, and which object has which number."""

    encoding: Encoding
    order: tuple[str, ...]


class _Spent(Exception):
    """The work allowed is used up."""


def canonical(scene: Scene, *, most: int = MOST_WORK) -> Canonical | None:
    """The canonical form of ``scene``; None when finding it takes more than ``most`` work."""
    search = _Search(scene, most)
    try:
        search.visit(search.refined(search.start), ())
    except _Spent:
        return None
    assert search.best is not None
    return Canonical(search.best[0], tuple(search.names[v] for v in search.best[1]))


class _Search:
    def __init__(self, scene: Scene, most: int) -> None:
        self.names = [name for name, _ in scene.colours]
        number = {name: v for v, name in enumerate(self.names)}
        self._kinds = [colour for _, colour in scene.colours]
        self._facts = sorted((label, tuple(number[word] for word in words)) for label, words in scene.facts)
        self._labels = {label: rank for rank, label in enumerate(sorted({label for label, _ in self._facts}))}
        self._numbered = [(self._labels[label], ends) for label, ends in self._facts]
        self._touching: list[set[tuple[int, tuple[int, ...]]]] = [set() for _ in self.names]
        for fact in self._numbered:
            for v in fact[1]:
                self._touching[v].add(fact)
        self.start = _ranked(self._kinds)
        self.best: tuple[Encoding, tuple[int, ...]] | None = None
        self._left = most
        self._leaves: dict[Encoding, tuple[tuple[int, ...], tuple[int, ...]]] = {}
        self._symmetries: list[dict[int, int]] = []

    def refined(self, colours: list[int]) -> list[int]:
        """The coarsest colouring finer than ``colours`` in which objects of one colour have the same facts with the same colours."""
        while True:
            seen: list[list[tuple[int, int, tuple[int, ...]]]] = [[] for _ in colours]
            for label, ends in self._numbered:
                self._count(1 + len(ends))
                around = tuple(colours[v] for v in ends)
                for place, v in enumerate(ends):
                    seen[v].append((label, place, around))
            finer = _ranked([(colour, sorted(facts)) for colour, facts in zip(colours, seen, strict=True)])
            self._count(len(colours))
            if max(finer, default=0) == max(colours, default=0):
                return finer
            colours = finer

    def visit(self, colours: list[int], path: tuple[int, ...]) -> int:
        """Look for leaves below; how much of the path is still of interest afterwards."""
        cell = self._target(colours)
        if not cell:
            return self._leaf(colours, path)
        if len(path) >= DEEPEST_CHOICE:
            raise _Spent
        tried: list[int] = []
        for v in cell:
            if tried and self._same_orbit(v, tried, path):
                continue
            tried.append(v)
            keep = self.visit(self.refined(_individual(colours, v)), (*path, v))
            if keep < len(path):
                return keep
        return len(path)

    def _target(self, colours: list[int]) -> list[int]:
        """The smallest class of more than one colour that has to be told apart by choosing; classes of twins are told apart at once."""
        while True:
            cells: dict[int, list[int]] = {}
            for v, colour in enumerate(colours):
                cells.setdefault(colour, []).append(v)
            open_cells = sorted((len(cell), colour) for colour, cell in cells.items() if len(cell) > 1)
            if not open_cells:
                return []
            twins = next((cells[colour] for _, colour in open_cells if self._twins(cells[colour])), None)
            if twins is None:
                return cells[open_cells[0][1]]
            colours[:] = self.refined(_spread(colours, twins))

    def _twins(self, cell: Sequence[int]) -> bool:
        """Whether any two of the class can change places without changing anything else."""
        first = cell[0]
        for other in cell[1:]:
            swap = {first: other, other: first}
            facts = self._touching[first] | self._touching[other]
            self._count(1 + len(facts))
            if any((label, tuple(swap.get(v, v) for v in ends)) not in facts for label, ends in facts):
                return False
        return True

    def _leaf(self, colours: list[int], path: tuple[int, ...]) -> int:
        self._count(len(self._facts))
        order = tuple(sorted(range(len(colours)), key=colours.__getitem__))
        facts = tuple(sorted((label, tuple(colours[v] for v in ends)) for label, ends in self._facts))
        encoding = (tuple(self._kinds[v] for v in order), facts)
        if self.best is None or encoding < self.best[0]:
            self.best = encoding, order
        known = self._leaves.get(encoding)
        if known is None:
            self._leaves[encoding] = order, path
            return len(path)
        # Two ways to the same picture: what leads from one to the other is a symmetry, and the rest of this branch repeats the other.
        self._symmetries.append(dict(zip(known[0], order, strict=True)))
        return next((level for level, (a, b) in enumerate(zip(known[1], path, strict=False)) if a != b), len(path))

    def _same_orbit(self, v: int, tried: Sequence[int], path: tuple[int, ...]) -> bool:
        """Whether a symmetry that leaves the path alone leads from ``v`` to something tried."""
        keeping = [symmetry for symmetry in self._symmetries if all(symmetry[fixed] == fixed for fixed in path)]
        reached, queue = {v}, [v]
        while queue:
            here = queue.pop()
            for symmetry in keeping:
                self._count(1)
                there = symmetry[here]
                if there not in reached:
                    reached.add(there)
                    queue.append(there)
        return any(other in reached for other in tried)

    def _count(self, amount: int) -> None:
        self._left -= amount
        if self._left < 0:
            raise _Spent


def _ranked(values: Sequence[object]) -> list[int]:
    ranks = {value: rank for rank, value in enumerate(sorted(set(map(_hashable, values))))}  # type: ignore[type-var]
    return [ranks[_hashable(value)] for value in values]


def _hashable(value: object) -> object:
    return (value[0], tuple(value[1])) if isinstance(value, tuple) else value


def _individual(colours: Sequence[int], v: int) -> list[int]:
    """``colours`` with ``v`` before all others of its colour."""
    own = colours[v]
    return [colour if (colour < own or u == v) else colour + 1 for u, colour in enumerate(colours)]


def _spread(colours: Sequence[int], cell: Sequence[int]) -> list[int]:
    """``colours`` with a colour of its own for each of ``cell``, which is all of one colour."""
    rank = {v: number for number, v in enumerate(cell)}
    own = colours[cell[0]]
    return [colour if colour < own else own + rank[v] if v in rank else colour + len(cell) - 1 for v, colour in enumerate(colours)]


def refined_together(a: Scene, b: Scene, *, most: int = MOST_WORK) -> dict[str, list[str]] | None:
    """For each object of ``a`` the objects of ``b`` that look the same after refinement; None when that takes too much work."""
    union = Scene(tuple((f"{side}{name}", colour) for side, one in (("a ", a), ("b ", b)) for name, colour in one.colours),
                  frozenset((label, tuple(f"{side}{word}" for word in words)) for side, one in (("a ", a), ("b ", b))
                            for label, words in one.facts))
    search = _Search(union, most)
    try:
        colours = dict(zip(search.names, search.refined(search.start), strict=True))
    except _Spent:
        return None
    alike: dict[int, list[str]] = {}
    for name, _ in b.colours:
        alike.setdefault(colours[f"b {name}"], []).append(name)
    return {name: alike.get(colours[f"a {name}"], []) for name, _ in a.colours}
