"""The model card: what a trained tiny model is, what it can and cannot do, and how this was found out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from eudoxus.decoding.tiny.language import HELD_OUT_OF
from eudoxus.decoding.tiny.score import HEAD, Score

RECORD = "training.json"
CARD = """\
# A tiny model for block-stacking tasks

{parameters:,} parameters (Llama: 4 layers, width 128, 4 heads, {vocabulary} tokens), trained from nothing by

```sh
{commands}
```

It reads the description of a block-stacking task in English and writes the PDDL problem that says the same, for the domain
`blocksworld` that Eudoxus ships.

**What it can.** Tasks of 3 to 5 blocks that are called a to h, A to H, b1 to b9 or by one of nine colours, an empty arm, and the kinds of
sentence of `eudoxus/decoding/tiny/language.py`. The chat template shows it the section `<task>` of the last message, or the whole message
when it has none. It sees no domain, no examples, no instructions and no earlier messages.

**What it cannot.** Anything else. It has not seen 6 blocks or more, other words, or other domains, and answers all the same: with PDDL, and
wrong. It does not notice. Give it a grammar and the answer is well-formed; whether it says what was asked, no grammar tells.

## Tasks that it has never seen

{scores}

One task in {held_out} is kept from training, by a digest of what it means; so are the tasks that Eudoxus ships. An answer is *exactly
right* when objects, initial facts and goal are the same sets as those of the task. No grammar was set. The figures come from

```sh
python -m eudoxus.decoding.tiny.score DIR --tasks {tasks}
```

## Training

AdamW (3e-3, 0.9/0.98, weight decay 0.05), clipped at 1, batches of 32, the loss on the PDDL alone; 2 and 3 blocks in the first quarter,
up to 4 in the second, 3 to 5 in the second half, in which the learning rate falls as a cosine. A training that goes on from another
has 3 to 5 blocks, half the rate, and the cosine from its beginning. Processor seconds of one thread:

| step | CPU-s | mean loss since the row before |
|---|---|---|
{losses}

## Files

`model.safetensors` holds the weights in half precision, for transformers. `model.onnx` is the graph alone, for onnxruntime: its weights are
the bytes of `model.safetensors`. Both calculate in float32.
"""


@dataclass(frozen=True, slots=True)
class Training:
    """One run of the training script."""

    steps: int
    seed: int
    losses: tuple[tuple[int, float, float], ...]
    """Rows of (step, processor seconds, mean loss since the row before)."""


def card(trainings: Sequence[Training], scores: Sequence[Score], *, parameters: int, vocabulary: int) -> str:
    """The text of ``README.md`` of a model that came of these trainings, one after another."""
    folders = [f"DIR{number}" for number in range(len(trainings) - 1, 0, -1)]
    commands = [f"python -m eudoxus.decoding.tiny.train {origin}--out {folder} --steps {one.steps} --seed {one.seed}"
                for origin, folder, one in zip(["", *(f"--from {name} " for name in folders)], [*folders, "DIR"], trainings, strict=True)]
    rows = [f"| {step} | {seconds:.0f} | {loss:.5f} |" for one in trainings for step, seconds, loss in one.losses]
    return CARD.format(
        parameters=parameters, vocabulary=vocabulary, commands="\n".join(commands), held_out=HELD_OUT_OF, losses="\n".join(rows),
        scores="\n".join([HEAD, *map(str, scores)]) if scores else "Not measured.", tasks=scores[0].tasks if scores else 200,
    )


def save_trainings(folder: Path, trainings: Sequence[Training]) -> None:
    """Beside the weights, for whoever goes on from them."""
    (folder / RECORD).write_text(json.dumps([asdict(one) for one in trainings]) + "\n", encoding="utf-8")


def trainings_of(folder: Path) -> list[Training]:
    """What a model directory came of. Raises :class:`OSError` where it does not say."""
    said = json.loads((folder / RECORD).read_text("utf-8"))
    return [Training(one["steps"], one["seed"], tuple((step, seconds, loss) for step, seconds, loss in one["losses"])) for one in said]
