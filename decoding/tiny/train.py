"""Trains the tiny model: 0.8 million parameters that translate block-stacking tasks from English into PDDL.

``python -m eudoxus.decoding.tiny.train --out DIR`` writes a model directory that transformers and onnxruntime read. Needs torch and
transformers (the extra ``train``), which nothing else in this package does.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from tokenizers import Tokenizer

from eudoxus.decoding.tiny.card import Training, card, save_trainings, trainings_of
from eudoxus.decoding.tiny.export import WEIGHTS, export
from eudoxus.decoding.tiny.language import Sample, samples
from eudoxus.decoding.tiny.score import scores
from eudoxus.decoding.tiny.tokenizer import CONTEXT, END, PAD, PDDL, SPECIAL, TASK, VOCABULARY, save, trained

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForCausalLM

GOOD = 1800
"""Steps of the checkpoint that Eudoxus ships as ``tiny``."""
BATCH = 32
BUCKET = 8
"""Batches drawn at a time and sorted by length, so that little of a batch is padding."""
PEAK = 3e-3
WARM_UP = 50
CURRICULUM = ((0.25, (2, 3)), (0.5, (2, 3, 4)), (1.0, (3, 4, 5, 5)))
"""Up to which part of the steps tasks have how many blocks; a number that stands twice is drawn twice as often."""
IGNORED = -100
"""The label of what the loss does not count: the question and the padding."""


def new_model(seed: int, *, end: int, pad: int) -> LlamaForCausalLM:
    """The untrained model: a Llama of 4 layers, width 128, 4 heads, 320 inside, with tied embeddings."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=128, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=4, intermediate_size=320,
        max_position_embeddings=CONTEXT, tie_word_embeddings=True, bos_token_id=None, eos_token_id=end, pad_token_id=pad,
    ))


def loaded(folder: Path) -> LlamaForCausalLM:
    """The model of an earlier training."""
    import torch
    from transformers import LlamaForCausalLM

    model: LlamaForCausalLM = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return model.train()


def rate(step: int, steps: int, *, further: bool = False) -> float:
    """The learning rate: up in the first steps, flat until the middle, then down to nothing as a cosine.

    A ``further`` training has half of it, and falls from the beginning.
    """
    peak = PEAK / 2 if further else PEAK
    if step < WARM_UP:
        return peak * (step + 1) / WARM_UP
    late = step / steps if further else max(0.0, 2 * step / steps - 1)
    return peak * (1 + math.cos(math.pi * late)) / 2


def batches(tokenizer: Tokenizer, steps: int, seed: int, *, further: bool = False) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """``steps`` pairs of token ids and labels, [BATCH, length] each, by the curriculum; a ``further`` training begins at its end."""
    random, step = Random(seed), 0
    streams: dict[tuple[int, ...], Iterator[Sample]] = {}
    while step < steps:
        blocks = next(blocks for until, blocks in (CURRICULUM[-1:] if further else CURRICULUM) if step < until * steps)
        stream = streams.setdefault(blocks, samples(random.randrange(2**32), blocks, held_out=False))
        rows = sorted((_row(tokenizer, sample) for sample in islice(stream, BATCH * BUCKET)), key=lambda row: len(row[0]))
        parts = [rows[start:start + BATCH] for start in range(0, len(rows), BATCH)]
        random.shuffle(parts)
        yield from map(_tensors, parts[:steps - step])
        step += len(parts)


def _row(tokenizer: Tokenizer, sample: Sample) -> tuple[list[int], list[int]]:
    asked = tokenizer.encode(f"{TASK}{sample.english}{PDDL}").ids
    answered = tokenizer.encode(f"{sample.answer}{END}").ids
    return asked + answered, [IGNORED] * len(asked) + answered


def _tensors(rows: list[tuple[list[int], list[int]]]) -> tuple[torch.Tensor, torch.Tensor]:
    import torch

    longest = max(len(ids) for ids, _ in rows)
    ids = torch.tensor([ids + [0] * (longest - len(ids)) for ids, _ in rows])
    return ids, torch.tensor([labels + [IGNORED] * (longest - len(labels)) for _, labels in rows])


def train(steps: int, seed: int, console: Console,
          begun: Path | None = None) -> tuple[LlamaForCausalLM, Tokenizer, list[tuple[int, float, float]]]:
    """The model after ``steps`` steps, its tokenizer, and rows of (step, processor seconds, mean loss since the row before).

    ``begun`` is a model directory of an earlier training to go on from. One thread; the same on the same machine and version of torch for
    the same seed.
    """
    import torch

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    tokenizer = Tokenizer.from_file(str(begun / "tokenizer.json")) if begun else trained(seed)
    model = loaded(begun) if begun else new_model(seed, end=SPECIAL.index(END), pad=SPECIAL.index(PAD))
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK, betas=(0.9, 0.98), weight_decay=0.05)
    table, losses, started = [], list[float](), time.process_time()
    columns = (TextColumn("training"), BarColumn(), MofNCompleteColumn(), TextColumn("loss {task.fields[loss]}"), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("training", total=steps, loss="")
        for step, (ids, labels) in enumerate(batches(tokenizer, steps, seed + 1, further=begun is not None)):
            for group in optimizer.param_groups:
                group["lr"] = rate(step, steps, further=begun is not None)
            logits = model(input_ids=ids, use_cache=False).logits
            loss = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORED)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.item())
            progress.update(bar, advance=1, loss=f"{losses[-1]:.4f}")
            if (step + 1) % max(1, steps // 20) == 0 or step + 1 == steps:
                table.append((step + 1, time.process_time() - started, sum(losses) / len(losses)))
                losses.clear()
                console.print(f"step {step + 1:5d}  {table[-1][1]:6.0f} CPU-s  loss {table[-1][2]:.5f}")
    return model.eval(), tokenizer, table


def write(folder: Path, model: LlamaForCausalLM, tokenizer: Tokenizer) -> None:
    """The model directory, all but its card: weights in half precision, the graph over them, tokenizer, chat template, configuration."""
    import torch
    from safetensors.torch import save_file
    from transformers import GenerationConfig

    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: value.half().contiguous() for name, value in model.state_dict().items() if name != "lm_head.weight"}
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    model.config.dtype = torch.float32  # what transformers calculates in
    model.config.save_pretrained(folder)
    ends = {"eos_token_id": SPECIAL.index(END), "pad_token_id": SPECIAL.index(PAD)}
    GenerationConfig(do_sample=False, **ends).save_pretrained(folder)
    save(tokenizer, folder)
    export(folder)


def describe(folder: Path, model: LlamaForCausalLM, trainings: list[Training], tasks: int) -> None:
    """Measure the model directory on held-out tasks, and write its card and what it came of."""
    found = scores(folder, tasks) if tasks else []
    text = card(trainings, found, parameters=sum(weight.numel() for weight in model.parameters()), vocabulary=VOCABULARY)
    (folder / "README.md").write_text(text, encoding="utf-8")
    save_trainings(folder, trainings)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m eudoxus.decoding.tiny.train", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the model directory to write")
    parser.add_argument("--steps", type=int, default=GOOD, help="steps of training (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of weights, tokenizer and tasks (default %(default)s)")
    parser.add_argument("--from", type=Path, metavar="DIR", dest="begun", help="a model directory that this made, to go on from")
    parser.add_argument("--tasks", type=int, default=200, help="held-out tasks in each row of the card (default %(default)s; 0: none)")
    said = parser.parse_args()
    if said.steps < 1 or said.tasks < 0:
        parser.error("--steps takes a number from 1, --tasks one from 0")
    before = trainings_of(said.begun) if said.begun else []
    model, tokenizer, losses = train(said.steps, said.seed, Console(), said.begun)
    write(said.out, model, tokenizer)
    describe(said.out, model, [*before, Training(said.steps, said.seed, tuple(losses))], said.tasks)


if __name__ == "__main__":
    main()
