"""Draw success by budget of requests: ``python anytime_plot.py OUT.png < curves.json``, run where matplotlib is installed."""

from __future__ import annotations

import json
import sys

PEERS = ("tree-of-thoughts-llm", "llm-reasoners", "treequest")


def main() -> None:
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    curves: dict[str, dict[str, float]] = json.load(sys.stdin)
    figure, axes = pyplot.subplots(figsize=(10, 5), layout="constrained")
    for name, points in curves.items():
        line = "--" if name.startswith(PEERS) else "-"
        axes.plot([int(budget) for budget in points], list(points.values()), marker="o", linestyle=line, label=name)
    axes.set(xlabel="requests allowed", ylabel="solved by the one answer, %", ylim=(0, 100), title="Game of 24, one simulated player")
    axes.set_xscale("log")
    budgets = [int(budget) for budget in next(iter(curves.values()))]
    axes.set_xticks(budgets, labels=[str(budget) for budget in budgets])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    figure.legend(fontsize=7, loc="outside right upper")
    figure.savefig(sys.argv[1], dpi=75)


if __name__ == "__main__":
    main()
