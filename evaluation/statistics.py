"""Estimates with intervals. Nothing here knows where the numbers come from."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from eudoxus.runtime.errors import InvalidRequest

RESAMPLES = 10_000
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with the ends of its 95 % interval."""

    mean: float
    low: float
    high: float
    n: int
    """Tasks behind it."""

    def __str__(self) -> str:
        return f"{100 * self.mean:.1f} % [{100 * self.low:.1f}, {100 * self.high:.1f}]"


def pass_at_k(n: int, c: int, k: int) -> float:
    """The unbiased estimate of the chance that one of ``k`` samples is right, when ``c`` of ``n`` are (Chen et al. 2021, §2.1).

    ``1 − C(n−c, k) / C(n, k)``. Raises ValueError unless ``0 <= c <= n`` and ``1 <= k <= n``.
    """
    if not (0 <= c <= n and 1 <= k <= n):
        raise ValueError(f"pass@{k} of {c} right among {n}: expected 0 <= c <= n and 1 <= k <= n")
    if n - c < k:
        return 1.0
    return 1.0 - math.prod(1.0 - k / i for i in range(n - c + 1, n + 1))


def bootstrap(values: Sequence[float], *, seed: int = 0) -> Estimate:
    """The mean of ``values``, one per task, with the percentile interval of a bootstrap over tasks (Efron 1979).

    Where all values are 0, or all are 1, every resample is equal; the exact binomial interval (Clopper and Pearson 1934) is given then.
    Raises ValueError for no value.
    """
    if not values:
        raise ValueError("no values to estimate from")
    n, mean = len(values), math.fsum(values) / len(values)
    if all(value == 0 for value in values):
        return Estimate(0.0, 0.0, 1 - ((1 - LEVEL) / 2) ** (1 / n), n)
    if all(value == 1 for value in values):
        return Estimate(1.0, ((1 - LEVEL) / 2) ** (1 / n), 1.0, n)
    low, high = _interval(values, seed)
    return Estimate(mean, low, high, n)


def paired_difference(a: Sequence[float], b: Sequence[float], *, seed: int = 0) -> Estimate:
    """The mean of ``b − a`` over the same tasks with the interval of a paired bootstrap.

    Raises :class:`InvalidRequest` where there is no interval to give: for fewer than two tasks.
    """
    if len(a) != len(b):
        raise ValueError("a paired difference needs both values of each task")
    if len(a) < 2:
        said = f"a difference over {len(a)} common tasks has no interval, so none is given; at least 2 are needed"
        raise InvalidRequest(said, param="tasks")
    differences = [right - left for left, right in zip(a, b, strict=True)]
    low, high = _interval(differences, seed)
    return Estimate(math.fsum(differences) / len(differences), low, high, len(differences))


def _interval(values: Sequence[float], seed: int) -> tuple[float, float]:
    chance, n = random.Random(seed), len(values)
    means = sorted(sum(chance.choices(values, k=n)) / n for _ in range(RESAMPLES))
    at = round(RESAMPLES * (1 - LEVEL) / 2)
    return means[at], means[-at - 1]
