"""The report of one or several evaluations: one HTML file that needs no network, scripts or fonts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from eudoxus.evaluation.plots import Point, bars, score_against_cost
from eudoxus.evaluation.records import Folder
from eudoxus.evaluation.summary import Comparison, Summary, TaskRow, compare, summarise
from eudoxus.runtime.errors import InvalidRequest

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1c2430;background:#fff}
table{border-collapse:collapse;width:100%;margin:1rem 0}
th,td{text-align:left;padding:.25rem .6rem;border-bottom:1px solid #dde3ea;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}td.n{white-space:nowrap}code{background:#f2f5f8;padding:.1rem .3rem}
svg{width:100%;max-width:46rem;font-size:12px}svg text{fill:currentColor}svg .axis{stroke:#556;stroke-width:1.2}svg .grid{stroke:#e3e8ee}
svg rect{fill:#3a7ca5}svg g line{stroke:currentColor;stroke-width:2}svg circle{fill:currentColor}
.c0{color:#1f6f8b}.c1{color:#b8562f}.c2{color:#4c8b3b}.c3{color:#7a4fa3}.c4{color:#a3812a}.c5{color:#444}
.no{color:#a33}.yes{color:#2a7a3d}
@media(prefers-color-scheme:dark){body{background:#14181d;color:#dde3ea}code{background:#222a33}
th,td{border-color:#333c47}svg .grid{stroke:#2a323c}}
"""


def page(folders: Sequence[Folder], out: Path) -> str:
    """The page for the file ``out``, from which it links to the journals. The first evaluation is the one that others are compared with.

    Raises :class:`InvalidRequest` for none.
    """
    if not folders:
        raise InvalidRequest("a report needs at least one evaluation", param="evaluations")
    summaries = [summarise(folder) for folder in folders]
    parts = [f"<h1>Evaluation on {escape(summaries[0].plan.dataset)}</h1>", _table(summaries), _plot(summaries)]
    parts += [_difference(summaries[0], other) for other in summaries[1:]]
    parts += [_details(folder, summary, out) for folder, summary in zip(folders, summaries, strict=True)]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Evaluation on {escape(summaries[0].plan.dataset)}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{_STYLE}</style></head>'
        f'<body>{"".join(parts)}</body></html>\n'
    )


def _table(summaries: Sequence[Summary]) -> str:
    head = "".join(f"<th{' class=n' if at else ''}>{name}</th>" for at, name in enumerate(
        ("strategy", "tasks", "samples", "score, 95 % interval", "tokens", "tokens per solved task", "cost", "cost per solved task",
         "not scored")))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(map(_line, summaries))}</tbody></table>"


def _line(one: Summary) -> str:
    per = "–" if one.tokens_per_solved is None else f"{one.tokens_per_solved:,.0f}"
    tokens = f"{one.tokens:,}{'*' if one.estimated else ''}"
    cells = (str(len(one.plan.tasks)), str(one.plan.samples), str(one.score) if one.score else "–", tokens, per,
             money(one.cost), money(one.cost_per_solved) if one.solved_tasks else "–", str(one.unscored))
    return f"<tr><td><code>{escape(one.plan.spec)}</code></td>{''.join(f'<td class=n>{cell}</td>' for cell in cells)}</tr>"


def _plot(summaries: Sequence[Summary]) -> str:
    scored = [(one, one.score) for one in summaries if one.score is not None]
    in_money = all(one.cost for one, _ in scored)
    points = [
        Point(one.plan.spec, ((one.cost or 0.0) if in_money else one.tokens) / max(len(one.rows), 1), score.mean, score.low, score.high)
        for one, score in scored]
    note = "<p>* tokens are estimated from bytes.</p>" if any(one.estimated for one in summaries) else ""
    return f"<h2>Score against cost</h2>{score_against_cost(points, 'US dollars per task' if in_money else 'tokens per task')}{note}"


def _difference(first: Summary, other: Summary) -> str:
    try:
        found = compare(first, other)
    except InvalidRequest as problem:
        return f"<p>{escape(other.plan.spec)}: {escape(str(problem))}</p>"
    return f"<p>{escape(in_words(found))}</p>"


def in_words(found: Comparison) -> str:
    """The difference with its interval in one sentence."""
    one = found.difference
    verdict = "the interval leaves zero out" if found.decided else "zero is in the interval: the evaluation does not tell them apart"
    return (
        f"{found.b.plan.spec} − {found.a.plan.spec}: {100 * one.mean:+.1f} points, "
        f"95 % interval [{100 * one.low:+.1f}, {100 * one.high:+.1f}] "
        f"over {one.n} tasks, better on {len(found.better)}, worse on {len(found.worse)}; {verdict}")


def _details(folder: Folder, one: Summary, out: Path) -> str:
    ordered = sorted(one.rows, key=lambda row: -row.score)
    rates = "".join(f"<li>pass@{k}: {estimate}</li>" for k, estimate in one.pass_at.items()) if one.plan.samples > 1 else ""
    rates += "".join(f"<li>eff@{k}: {estimate}</li>" for k, estimate in one.eff_at.items())
    rows = "".join(_row(folder, row, out) for row in one.rows)
    return (
        f"<h2><code>{escape(one.plan.spec)}</code></h2><p>{escape(one.plan.provenance)}; SHA-256 <code>{one.plan.digest[:16]}…</code>; "
        f"seed {one.plan.seed}; begun {escape(one.plan.created)}; {escape(one.plan.pkg)}</p><ul>{rates}</ul>"
        f"{bars([(row.task, row.score) for row in ordered], 'tasks, by their score')}"
        '<table><thead><tr><th>task</th><th class="n">solved</th><th class="n">score</th><th class="n">tokens</th><th class="n">cost</th>'
        f'<th class="n">s</th><th>why not</th><th>traces</th></tr></thead><tbody>{rows}</tbody></table>')


def _row(folder: Folder, row: TaskRow, out: Path) -> str:
    links = []
    for sample in range(min(row.samples, 5)):
        journal = folder.journal((row.task, sample))
        if journal.exists():
            where = quote(os.path.relpath(journal, out.parent))
            links.append(f'<a href="{where}">{sample}</a>')
    mark = "yes" if row.solved == row.samples else "no" if not row.solved else ""
    return (
        f'<tr><td>{escape(row.task)}</td><td class="n {mark}">{row.solved}/{row.samples}</td><td class="n">{row.score:.2f}</td>'
        f'<td class="n">{row.tokens:,}</td><td class="n">{money(row.cost)}</td><td class="n">{row.seconds:.1f}</td>'
        f"<td>{escape(row.detail[:200])}</td><td>{' '.join(links)}</td></tr>")


def money(cost: float | None) -> str:
    """US dollars, or that they are unknown."""
    return "unknown" if cost is None else f"${cost:.4f}" if cost else "$0"
