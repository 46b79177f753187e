"""How fast the law of samples comes to the model's own law within a grammar, against samples and forward passes.

    python -m benchmarks.aligned [--quick]

The model is a small one over brackets with random probabilities, and one that lures greedy constrained decoding: their laws are known by
enumeration, so the divergence KL(P_L‖q) of the next draw has no sampling noise. ``cars`` draws exactly from the first sample on; what it
costs are rejected trials. The peer is the update of ASAp as published (arXiv 2405.21047, section 4), written out here over a dictionary:
masses in linear space, and a forward pass at every step of every sample, as in its implementation without a cache.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections.abc import Callable
from typing import Any

from eudoxus.decoding.sampler import AlignedSampler
from tests.decoding.toy import Law, arrays, brackets, proposal, skew5, target

POINTS = (1, 4, 16, 64, 256, 1024, 2048)
Make = Callable[[], AlignedSampler]


class PublishedAsap:
    """Expected future grammaticality of each visited prefix, 1 where nothing is known."""

    def __init__(self, sampler: AlignedSampler) -> None:
        self.sampler, self.end, self.passes = sampler, sampler.matcher.vocabulary.size, 0
        self.future: dict[tuple[int, ...], float] = {}

    def weights(self, prefix: tuple[int, ...]) -> tuple[list[int], list[float]]:
        tokens, values = arrays(self.sampler, prefix)
        known = (1.0 if token == self.end else self.future.get((*prefix, token), 1.0) for token in tokens)
        return tokens, [math.exp(value) * mass for value, mass in zip(values, known, strict=True)]

    def sample(self, rng: random.Random) -> None:
        prefix: tuple[int, ...] = ()
        while True:
            tokens, weights = self.weights(prefix)
            self.passes += 1
            token = rng.choices(tokens, weights=weights)[0] if sum(weights) else self.end
            if token == self.end:
                break
            prefix = (*prefix, token)
        for length in range(len(prefix), -1, -1):
            self.future[prefix[:length]] = sum(self.weights(prefix[:length])[1])

    def law(self) -> Law:
        found: Law = {}

        def visit(prefix: tuple[int, ...], probability: float) -> None:
            tokens, weights = self.weights(prefix)
            for token, weight in zip(tokens, weights, strict=True):
                if weight and token == self.end:
                    found[prefix] = probability * weight / sum(weights)
                elif weight:
                    visit((*prefix, token), probability * weight / sum(weights))

        visit((), 1.0)
        return found


def divergence(law: Law, q: Law) -> float:
    return max(0.0, sum(p * math.log(p / q[x]) for x, p in law.items() if p > 0))


def accepted_law(sampler: AlignedSampler) -> Law:
    """The law of the next accepted draw: the proposal times the ratios."""
    product = {x: math.exp(q + r) for x, (q, r) in proposal(sampler).items()}
    return {x: p / math.fsum(product.values()) for x, p in product.items()}


def proposed_law(sampler: AlignedSampler) -> Law:
    return {x: math.exp(q) for x, (q, _) in proposal(sampler).items()}


def curves(make: Make, points: tuple[int, ...], seed: int) -> dict[str, list[dict[str, float]]]:
    """All contenders side by side: at each point the divergence of the next sample and what was spent so far."""
    law, _ = target(make())
    published, rng = PublishedAsap(make()), random.Random(seed)
    ours = {mode: (make(), random.Random(seed)) for mode in ("gcd", "asap", "cars")}
    found: dict[str, list[dict[str, float]]] = {name: [] for name in (*ours, "asap, published update")}
    before, peer_seconds = 0, 0.0
    seconds = dict.fromkeys(ours, 0.0)
    for point in points:
        for mode, (sampler, draws) in ours.items():
            begun = time.perf_counter()
            sampler.samples(point - before, draws, mode=mode, max_trials=100_000)  # type: ignore[arg-type]
            seconds[mode] += time.perf_counter() - begun
            at = accepted_law(sampler) if mode == "cars" else proposed_law(sampler)
            t = sampler.telemetry
            spent = {"passes": t.forward_passes, "trials": t.trials, "s": seconds[mode]}
            found[mode].append({"samples": point, "kl": divergence(law, at), **spent})
        begun = time.perf_counter()
        for _ in range(point - before):
            published.sample(rng)
        peer_seconds += time.perf_counter() - begun
        found["asap, published update"].append(
            {"samples": point, "kl": divergence(law, published.law()), "passes": published.passes, "trials": point, "s": peer_seconds}
        )
        before = point
    return found


def table(name: str, found: dict[str, list[dict[str, float]]]) -> str:
    rows = [("samples", "contender", "KL to the exact law", "forward passes", "trials", "seconds")]
    for at in range(len(next(iter(found.values())))):
        for contender, points in found.items():
            p = points[at]
            rows.append((f"{p['samples']:.0f}", contender, f"{p['kl']:.3g}", f"{p['passes']:.0f}", f"{p['trials']:.0f}", f"{p['s']:.2f}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join([name, *("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)])


def goals(found: dict[str, dict[str, list[dict[str, float]]]], quick: bool) -> list[dict[str, Any]]:
    """What was promised and what was found; ASAp is judged only after its 2048 samples."""
    every = list(found.values())
    last = {name: max(case[name][-1]["kl"] for case in every) for name in every[0]}
    passes = max(case["cars"][-1]["passes"] / case["asap, published update"][-1]["passes"] for case in every)
    promised: list[tuple[str, float, float | None]] = [
        ("KL of cars at any point, at most", 1e-12, max(p["kl"] for case in every for p in case["cars"])),
        ("KL of asap after all samples, at most", 0.01, None if quick else last["asap"]),
        ("forward passes of cars to those of the published ASAp, at most", 0.2, passes),
    ]
    return [
        {"what": what, "goal": goal, "measured": at and float(f"{at:.4g}"), "met": None if at is None else at <= goal}
        for what, goal, at in promised
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="fewer samples")
    quick = parser.parse_args().quick
    points = POINTS[:5] if quick else POINTS
    cases: dict[str, Make] = {
        "a lure": skew5,
        "brackets": brackets,
        "brackets, mask blind to the length": lambda: brackets(length_aware=False),
    }
    found = {name: curves(make, points, seed=1) for name, make in cases.items()}
    for name, curve in found.items():
        print(table(name, curve), end="\n\n")
    reached = goals(found, quick)
    for goal in reached:
        verdict = {True: "met", False: "NOT MET", None: "not measured"}[goal["met"]]
        print(f"{verdict:12}  {goal['what']} {goal['goal']:g}: {goal['measured']}")
    figures = {name: {who: curve[who][-1] for who in curve} for name, curve in found.items()}
    print(json.dumps({"benchmark": "aligned", "quick": quick, "figures": figures, "goals": reached}))


if __name__ == "__main__":
    main()
