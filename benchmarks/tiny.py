"""What grammars do for the embedded tiny model: well-formed and right answers under each way to decode, and what a trie saves.

    python -m benchmarks.tiny [--quick] [--tasks N]

The model writes the PDDL problem of a block-stacking task told in English; tasks are held out from its training. *Well-formed* is an
answer in its layout with known predicates, *exact* one that says just what the task says, in any order. Each checkpoint decodes with no
grammar, with the grammar of the layout, and with one made for the task, which knows the blocks' names as a form would; at temperature 1
also by ``cars`` and ``asap``, which draw from the model's law within the grammar. Six and seven blocks were never trained: the honest
failure. Intervals are Wilson's at 95 %, with the number of tasks as that of trials, as the texts of one task hang together.

The second table draws many texts of one prompt by each sampler, with a trie that keeps what the model said and with one that does not, from
the same seeds: the draws are equal, the forward passes are not. Its last row asks ``cars`` for right texts only, by a predicate on the
finished text: that costs trials like rejection, and ends after ten times as many as texts are asked for.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import Any

from eudoxus.decoding.engine import GrammarEngine
from eudoxus.decoding.grammar import Grammar, Lark
from eudoxus.decoding.llguidance_engine import LlguidanceEngine
from eudoxus.decoding.local.errors import ModelUnusable
from eudoxus.decoding.local.exact import PromptedModel
from eudoxus.decoding.local.generate import constrained, generate
from eudoxus.decoding.local.law import Sampling
from eudoxus.decoding.local.loading import load
from eudoxus.decoding.local.model import LocalModel
from eudoxus.decoding.local.reading import Prompt, Sessions
from eudoxus.decoding.sampler import AlignedSampler
from eudoxus.decoding.sampling import Mode
from eudoxus.decoding.sampling import Sample as Drawn
from eudoxus.decoding.tiny.language import Sample, read, samples
from eudoxus.decoding.trie import Memory

MODELS = {"weak": "tiny-weak", "good": "tiny"}
SEED = 20_000
"""Of the tasks; training uses others, and held-out tasks are in no training stream whatever its seed."""
MAX_TOKENS = 400
FACTS = '"(on " NAME " " NAME ")" | "(on-table " NAME ")" | "(clear " NAME ")" | "(arm-empty)"'
LAYOUT = (
    'start: "```pddl\\n(define (problem blocks) (:domain blocksworld)\\n(:objects" OBJECTS " - block)\\n(:init" (" " fact)+ '
    '")\\n(:goal (and" (" " fact)+ ")))\\n```"\nfact: ' + FACTS + "\n"
)
ANY_TASK = Lark(LAYOUT.replace("OBJECTS", '(" " NAME)+') + "NAME: /[a-z0-9]+/\n")


def grammar_of(task: Sample) -> Grammar:
    """The layout with this task's blocks, listed in the task's order."""
    names = " | ".join(f'"{name}"' for name in task.objects)
    return Lark(LAYOUT.replace("OBJECTS", f'" {" ".join(task.objects)}"') + f"NAME: {names}\n")


Decode = Callable[[Prompt, Sample, GrammarEngine, Random, int], list[str]]
"""Answers to a task: so many."""


def plainly(temperature: float, grammar: Callable[[Sample], Grammar] | None) -> Decode:
    """Token by token, under a grammar if there is one."""

    def decode(prompt: Prompt, task: Sample, engine: GrammarEngine, rng: Random, count: int) -> list[str]:
        found = []
        for _ in range(count):
            prompt.restart()
            matcher = constrained(engine, grammar(task), MAX_TOKENS) if grammar else None
            found.append(generate(prompt, rng, max_tokens=MAX_TOKENS, sampling=Sampling(temperature), matcher=matcher).text)
        return found

    return decode


def aligned(mode: Mode) -> Decode:
    """From the model's own law within the grammar."""

    def decode(prompt: Prompt, _: Sample, engine: GrammarEngine, rng: Random, count: int) -> list[str]:
        drawn, _sampler = draws(prompt, engine, rng, count, mode, Memory("sparse"))
        return [one.text.decode() for one in drawn] + [""] * (count - len(drawn))

    return decode


def draws(prompt: Prompt, engine: GrammarEngine, rng: Random, count: int, mode: Mode, memory: Memory,
          accept: Callable[[Drawn], bool] | None = None) -> tuple[Sequence[Drawn], AlignedSampler]:
    """``count`` texts, or fewer after ten times as many trials."""
    prompt.restart()
    model = PromptedModel(prompt, Sampling(1.0), lambda: False)
    sampler = AlignedSampler.of(model, engine, ANY_TASK, max_tokens=MAX_TOKENS, memory=memory, accept=accept)
    return sampler.samples(count, rng, mode=mode, max_trials=10 * count).samples, sampler


GREEDY: dict[str, Decode] = {
    "none": plainly(0.0, None), "grammar": plainly(0.0, lambda _: ANY_TASK), "grammar per task": plainly(0.0, grammar_of),
}
SAMPLED: dict[str, Decode] = {
    "none": plainly(1.0, None), "grammar": plainly(1.0, lambda _: ANY_TASK), "grammar per task": plainly(1.0, grammar_of),
    "cars": aligned("cars"), "asap": aligned("asap"),
}


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    tasks: int
    texts: int
    """Per task, at temperature 1."""
    many_tasks: int
    many_texts: int
    """Per task, for the second table."""


def rates(model: LocalModel, blocks: tuple[int, ...], tasks: list[Sample], texts: int) -> list[dict[str, Any]]:
    """One row for each way to decode, on the same tasks."""
    engine, sessions, rows = LlguidanceEngine(model.vocabulary), Sessions(model, 1), []
    for temperature, ways in ((0.0, GREEDY), (1.0, SAMPLED)):
        for way, decode in ways.items():
            count, rng, begun = texts if temperature else 1, Random(SEED), time.perf_counter()
            well_formed = exact = 0
            for task in tasks:
                with sessions.reading(model.directory.prompt([{"role": "user", "content": task.english}])) as prompt:
                    said = [read(answer) for answer in decode(prompt, task, engine, rng, count)]
                well_formed += sum(one is not None for one in said)
                exact += sum(one == task.meaning for one in said)
            seconds, made = time.perf_counter() - begun, count * len(tasks)
            rows.append({"blocks": f"{blocks[0]}-{blocks[-1]}", "decoding": f"T={temperature:g}" if temperature else "greedy", "way": way,
                         "tasks": len(tasks), "texts": made, "well_formed": _rate(well_formed, made, len(tasks)),
                         "exact": _rate(exact, made, len(tasks)), "ms_per_text": 1e3 * seconds / made})
    return rows


def savings(model: LocalModel, tasks: list[Sample], texts: int) -> list[dict[str, Any]]:
    """Forward passes for ``texts`` texts of each task, with and without what the trie keeps; equal seeds, so equal texts."""
    engine, sessions, rows = LlguidanceEngine(model.vocabulary), Sessions(model, 1), []
    modes: tuple[tuple[str, Mode], ...] = (("gcd", "gcd"), ("asap", "asap"), ("cars", "cars"), ("cars, right texts only", "cars"))
    for name, mode in modes:
        checked = name != mode
        row: dict[str, Any] = dict.fromkeys(("texts", "right", "trials", "passes", "passes_without_trie"), 0)
        for number, task in enumerate(tasks):
            def right(drawn: Drawn, task: Sample = task) -> bool:
                return read(drawn.text.decode()) == task.meaning

            with sessions.reading(model.directory.prompt([{"role": "user", "content": task.english}])) as prompt:
                kept, trie = draws(prompt, engine, Random(number), texts, mode, Memory("sparse"), right if checked else None)
                if not checked:
                    fresh, bare = draws(prompt, engine, Random(number), texts, mode, Memory("delta"))
                    assert [one.tokens for one in kept] == [one.tokens for one in fresh], "the trie must not change a draw"
                    row["passes_without_trie"] += bare.telemetry.forward_passes
            row["texts"] += len(kept)
            row["right"] += sum(map(right, kept))
            row["trials"] += trie.telemetry.trials
            row["passes"] += trie.telemetry.forward_passes
        if checked:
            row["passes_without_trie"] = ""
        rows.append({"sampler": name, "tasks": len(tasks), **row,
                     "passes_per_right_text": row["passes"] / row["right"] if row["right"] else math.inf})
    return rows


def _rate(hits: int, texts: int, trials: int) -> tuple[float, float, float]:
    """Share of ``texts`` and Wilson's interval for so many independent ``trials``."""
    z, share = 1.959964, hits / texts
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return share, max(0.0, middle - half), min(1.0, middle + half)


def table(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> str:
    """Markdown."""
    cells = [[_shown(row[column]) for column in columns] for row in rows]
    lines = [[column.replace("_", " ") for column in columns], ["---"] * len(columns), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return f"{value[0]:.1%} ({value[1]:.1%} to {value[2]:.1%})"
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def goals(found: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Grammars keep their promise; what the model gets right is recorded and not promised."""
    worst = min((row["well_formed"][0] for rows in found.values() for row in rows if row["way"] != "none"), default=None)
    return [{"what": "well-formed under every grammar and sampler, at least", "goal": 1.0, "measured": worst,
             "met": None if worst is None else worst >= 1.0}]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="few tasks, under a minute")
    parser.add_argument("--tasks", type=int, default=60, help="tasks of three to five blocks (default %(default)s); half as many of more")
    asked = parser.parse_args()
    size = Size(3, 1, 1, 5) if asked.quick else Size(asked.tasks, 2, 8, 30)
    found: dict[str, list[dict[str, Any]]] = {}
    saved: dict[str, list[dict[str, Any]]] = {}
    absent: dict[str, str] = {}
    for name, folder in MODELS.items():
        try:
            model = load(folder)
        except ModelUnusable as error:
            absent[name] = str(error)
            continue
        trained = list(islice(samples(SEED, (3, 4, 5), held_out=True), size.tasks))
        larger = list(islice(samples(SEED, (6, 7), held_out=True), max(1, size.tasks // 2)))
        rows = rates(model, (3, 4, 5), trained, size.texts)
        if name == "good":
            rows += rates(model, (6, 7), larger, size.texts)
        found[name] = [{"model": name, **row} for row in rows]
        columns = ("model", "blocks", "decoding", "way", "tasks", "texts", "well_formed", "exact", "ms_per_text")
        print(table(columns, found[name]), end="\n\n", flush=True)
        saved[name] = [{"model": name, **row} for row in savings(model, trained[: size.many_tasks], size.many_texts)]
        columns = ("model", "sampler", "tasks", "texts", "right", "trials", "passes", "passes_without_trie", "passes_per_right_text")
        print(table(columns, saved[name]), end="\n\n", flush=True)
    for name, reason in absent.items():
        print(f"absent: {name}: {reason}")
    reached = goals(found)
    for goal in reached:
        print(f"{ {True: 'met', False: 'NOT MET', None: 'not measured'}[goal['met']]}  {goal['what']} {goal['goal']:g}: {goal['measured']}")
    figures = {"rates": found, "savings": saved}
    print(json.dumps({"benchmark": "tiny", "quick": asked.quick, "figures": figures, "absent": absent, "goals": reached}))


if __name__ == "__main__":
    main()
