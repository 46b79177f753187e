"""The rules by which a candidate is chosen from a pass matrix.

Candidates that pass exactly the same tests are a group; n_x is its size, n_y the number of tests that it passes, N and M are all candidates
and all tests. A candidate that cannot be loaded belongs to none.

| rule | the score of a group | source |
|---|---|---|
| first | its first candidate comes first | |
| max_pass | n_y | |
| mbr_exec | n_x | Shi et al. 2022, arXiv 2204.11454 |
| codet | sqrt(n_x) · n_y | Chen et al. 2022, arXiv 2207.10397, §2.3 |
| b4 | its log posterior | Chen et al. 2024, arXiv 2409.08692, §4 |
| two_tier | first the trusted tests passed, then b4 on the others among candidates that are equal in the first | |
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import lgamma, sqrt
from typing import Literal, get_args

from eudoxus.agents.code.selection.matrix import PassMatrix

Selector = Literal["first", "max_pass", "mbr_exec", "codet", "b4", "two_tier"]
SELECTORS: tuple[str, ...] = get_args(Selector)
ALPHA, BETA0 = 10.0, 1e4


@dataclass(frozen=True, slots=True)
class Group:
    """Candidates that no test tells apart."""

    members: tuple[int, ...]
    score: tuple[float, ...]
    """To be compared with other groups' from left to right; the higher, the better."""
    size: int
    """How often its members were drawn together."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate and where it stands."""

    candidate: int
    group: int | None
    """The number of its group, the best being 0; None for one that cannot be loaded."""
    score: tuple[float, ...]


def groups(matrix: PassMatrix, selector: Selector = "two_tier", *, alpha: float = ALPHA, beta0: float = BETA0) -> list[Group]:
    """The groups, best first; of equal scores the larger group, then the one whose first member comes first.

    ``alpha`` and ``beta0`` are B4's: Beta(alpha, 1) for candidates and tests to be right, Beta(1, beta0) for a wrong candidate to pass a
    wrong test.
    """
    everyone = [at for at, row in enumerate(matrix.rows) if row is not None]
    everything = list(range(matrix.width))
    found: list[Group] = []
    match selector:
        case "first":
            found = [Group((at,), (-float(at),), matrix.weight(at)) for at in everyone]
        case "max_pass":
            found = _scored(matrix, everyone, everything, lambda size, passes, _: float(passes))
        case "mbr_exec":
            found = _scored(matrix, everyone, everything, lambda size, passes, _: float(size))
        case "codet":
            found = _scored(matrix, everyone, everything, lambda size, passes, _: sqrt(size) * passes)
        case "b4":
            found = _scored(matrix, everyone, everything, _posterior(matrix, everyone, everything, alpha, beta0))
        case "two_tier":
            trusted, others = matrix.columns(trusted=True), matrix.columns(trusted=False)
            tiers: dict[int, list[int]] = {}
            for at in everyone:
                tiers.setdefault(matrix.passes(at, trusted), []).append(at)
            for passes, tier in tiers.items():
                inner = _scored(matrix, tier, others, _posterior(matrix, tier, others, alpha, beta0))
                found += [Group(group.members, (float(passes), *group.score), group.size) for group in inner]
    return sorted(found, key=lambda group: (*(-part for part in group.score), -group.size, group.members[0]))


def ranking(
    matrix: PassMatrix, selector: Selector = "two_tier", *, alpha: float = ALPHA, beta0: float = BETA0,
    lengths: Sequence[int] | None = None,
) -> list[Ranked]:
    """All candidates, best first. Within a group the shorter by ``lengths`` comes first, then the earlier; unloadable ones are last."""
    ranked: list[Ranked] = []
    for number, group in enumerate(groups(matrix, selector, alpha=alpha, beta0=beta0)):
        inside = sorted(group.members, key=lambda at: (lengths[at] if lengths else 0, at))
        ranked += [Ranked(at, number, group.score) for at in inside]
    return ranked + [Ranked(at, None, ()) for at, row in enumerate(matrix.rows) if row is None]


Score = Callable[[int, int, Sequence[int]], float]
"""The score of a group from its size, the tests that it passes (counted), and its members."""


def _scored(matrix: PassMatrix, candidates: Sequence[int], tests: Sequence[int], score: Score) -> list[Group]:
    by_row: dict[tuple[bool, ...], list[int]] = {}
    for at in candidates:
        row = matrix.rows[at]
        assert row is not None
        by_row.setdefault(tuple(row[test] for test in tests), []).append(at)
    found = []
    for members in by_row.values():
        size = sum(matrix.weight(at) for at in members)
        found.append(Group(tuple(members), (score(size, matrix.passes(members[0], tests), members),), size))
    return found


def _posterior(matrix: PassMatrix, candidates: Sequence[int], tests: Sequence[int], alpha: float, beta0: float) -> Score:
    """B4's log posterior, up to a constant, that the group holds all right candidates and passes all right tests and no wrong one."""
    weights = {test: matrix.test_counts[test] if matrix.test_counts else 1 for test in tests}
    passing = dict.fromkeys(tests, 0)
    for at in candidates:
        row = matrix.rows[at]
        for test in tests:
            passing[test] += matrix.weight(at) if row and row[test] else 0
    everyone, everything = sum(matrix.weight(at) for at in candidates), sum(weights.values())

    def log_posterior(size: int, passes: int, members: Sequence[int]) -> float:
        row = matrix.rows[members[0]]
        assert row is not None
        right = sum(weights[test] * (passing[test] - size) for test in tests if row[test])
        wrong = sum(weights[test] * passing[test] for test in tests if not row[test])
        others = everyone - size
        return (
            _log_beta(size + alpha, others + 1) + _log_beta(passes + alpha, everything - passes + 1)
            + _log_beta(right + 1, others * passes - right + 1)
            + _log_beta(wrong + 1, others * (everything - passes) - wrong + beta0)
        )

    return log_posterior


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
