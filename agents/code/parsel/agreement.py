"""Choosing a combination where nothing but tests that a model wrote can tell (§2.4): dual agreement, by the least tested function.

Combinations that pass the same tests agree. As in CodeT (Chen et al. 2022, arXiv 2207.10397) a group counts for its size times its tests,
but tests of helpers must not drown those of another function: what counts is the function with the fewest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

Passed = Mapping[str, frozenset[str]]
"""For each function the tests that a combination passes."""
LEAST_VALUES = 2
"""Different expected values that the passed tests of each function must have: a constant would pass those of one."""


def scores(passed: Sequence[Passed], weights: Sequence[int] | None = None) -> list[float]:
    """The score of each combination; 0 where some function's tests are passed for fewer than two different values.

    ``weights`` say how often each combination counts. Combinations that pass the same tests have the same score.
    """
    groups: dict[tuple[tuple[str, frozenset[str]], ...], list[int]] = defaultdict(list)
    for at, tests in enumerate(passed):
        groups[tuple(sorted(tests.items(), key=lambda item: item[0]))].append(at)
    found = [0.0] * len(passed)
    for group, members in groups.items():
        varied = all(len({_value(test) for test in tests}) >= LEAST_VALUES for _, tests in group)
        least = min((len(tests) for _, tests in group), default=0)
        size = sum(weights[at] if weights else 1 for at in members)
        for at in members:
            found[at] = float(size * least) if varied else 0.0
    return found


def _value(test: str) -> str:
    """What a test expects: behind its last ==, else all of it."""
    return test.rpartition("==")[2].strip()
