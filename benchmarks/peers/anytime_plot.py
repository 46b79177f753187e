"""Draw success by budget of requests: ``python anytime_plot.py OUT.png < curves.json``, run where matplotlib is installed."""

from __future__ import annotations

import json
import sys


def main() -> None:
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    curves: dict[str, dict[str, float]] = json.load(sys.stdin)
    figure, axes = pyplot.subplots(figsize=(8, 5), layout="constrained")
    for name, points in curves.items():
        ours = "1." not in name and "0." not in name
        axes.plot([int(budget) for budget in points], list(points.values()), marker="o", linestyle="-" if ours else "--", label=name)
    axes.set(xlabel="requests allowed", ylabel="solved by the one answer, %", ylim=(0, 100), title="Game of 24, one simulated player")
    axes.set_xscale("log")
    budgets = [int(budget) for budget in next(iter(curves.values()))]
    axes.set_xticks(budgets, labels=[str(budget) for budget in budgets])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7)
    figure.savefig(sys.argv[1], dpi=110)


if __name__ == "__main__":
    main()
