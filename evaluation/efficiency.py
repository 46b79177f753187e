"""How fast right programs are, against a reference (ENAMEL: Qiu et al. 2024, arXiv 2406.06647, §3)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations_with_replacement
from statistics import median

SLOWEST = 2.0
"""α: a program may take so many times as long as the reference on its slowest test (§3.1)."""
REPETITIONS = 6
"""How often a test's time is measured (the authors' evaluator)."""


def hodges_lehmann(seconds: Sequence[float]) -> float:
    """The time of a test from repeated measurements: the median of all pairwise means, each value with itself included.

    Raises ValueError for none.
    """
    if not seconds:
        raise ValueError("no measurement to estimate from")
    return median((a + b) / 2 for a, b in combinations_with_replacement(seconds, 2))


def level_efficiency(seconds: float, reference: float, limit: float) -> float:
    """``max(0, T − t) / (T − t*)``: 1 at the reference's time, above 1 for a faster program, 0 at the limit ``T`` and beyond it.

    ``seconds`` and ``reference`` are the times of the level's slowest test. Raises ValueError unless ``reference < limit``.
    """
    if not reference < limit:
        raise ValueError(f"expected a reference faster than the limit, got {reference} s and {limit} s")
    return max(0.0, limit - seconds) / (limit - reference)


def efficiency(levels: Sequence[float], weights: Sequence[float]) -> float:
    """The score of a program that is right: the weighted mean over levels. Raises ValueError without a positive weight."""
    if len(levels) != len(weights) or not sum(weights) > 0 or min(weights) < 0:
        raise ValueError("expected a weight for each level, none negative, one positive")
    return math.fsum(weight * level for weight, level in zip(weights, levels, strict=True)) / math.fsum(weights)


def eff_at_k(scores: Sequence[float], k: int) -> float:
    """The unbiased estimate of the best efficiency among ``k`` of a task's samples; wrong samples have score 0 (§3.2, theorem 1).

    ``Σ_{r=k..n} C(r−1, k−1) / C(n, k) · e_(r)`` with scores ascending, by the recurrence ``λ_n = k/n``, ``λ_r = λ_{r+1} (1 − (k−1)/r)``.
    Raises ValueError unless ``1 <= k <= n``.
    """
    n = len(scores)
    if not 1 <= k <= n:
        raise ValueError(f"eff@{k} of {n} samples: expected 1 <= k <= n")
    ascending, share, total = sorted(scores), k / n, list[float]()
    for r in range(n, k - 1, -1):
        total.append(share * ascending[r - 1])
        share *= 1 - (k - 1) / (r - 1) if r > k else 1.0
    return math.fsum(total)
