"""Kinds of players: the one that was counted, and the same with one trait changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from benchmarks.player24 import Rates

Labels = tuple[float, float, float]


def _weak_judge(rates: Rates) -> Rates:
    """Half of the labels are given by a coin: so a quarter are those of a state of the other kind."""

    def mixed(left: int, can: bool) -> Labels:
        own, other = rates.labels[(left, can)], rates.labels[(left, not can)]
        one, two, three = (0.75 * a + 0.25 * b for a, b in zip(own, other, strict=True))
        return (one, two, three)

    return replace(rates, labels={(left, can): mixed(left, can) for left, can in rates.labels}, checking=0.75)


def _weak_proposer(rates: Rates) -> Rates:
    return replace(rates, recall={left: 0.6 * share for left, share in rates.recall.items()},
                   lines={left: 0.6 * count for left, count in rates.lines.items()})


PROFILES: dict[str, Callable[[Rates], Rates]] = {
    "gpt4_2023": lambda rates: rates,
    "weak_judge": _weak_judge,
    "weak_proposer": _weak_proposer,
    "independent": lambda rates: replace(rates, rho=0.0),
    "stubborn": lambda rates: replace(rates, rho=0.95),
    "malformed": lambda rates: replace(rates, unparsable=0.2),
    "slow_tail": lambda rates: replace(rates, slow=0.05),
}
