"""The weights that Eudoxus ships, run as the service runs them: without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import islice
from random import Random

import pytest

from eudoxus.decoding.llguidance_engine import LlguidanceEngine
from eudoxus.decoding.local.loading import directory_of, load
from eudoxus.decoding.local.model import LocalModel
from eudoxus.decoding.local.request import grammar_of
from eudoxus.decoding.tiny.language import read, samples
from eudoxus.decoding.tiny.score import SEED, answered, scored
from eudoxus.planners.domains import shipped
from eudoxus.planners.grammar import problem_grammar
from eudoxus.planners.pddl import parse_domain
from eudoxus.runtime import ChatRequest, Message

TASKS = 20


@pytest.fixture(scope="module")
def good() -> LocalModel:
    return load("tiny")


def test_the_whole_addition_is_small():
    sizes = {file: file.stat().st_size for name in ("tiny", "tiny-weak") for file in directory_of(name).iterdir()}
    assert sum(sizes.values()) < 4_000_000
    assert all(size < 100_000 for file, size in sizes.items() if file.name == "model.onnx"), "the weights lie in model.safetensors"


def test_the_good_weights_translate_tasks_that_they_have_never_seen(good: LocalModel):
    tasks = list(islice(samples(SEED, (3, 4, 5), held_out=True), TASKS))
    score = scored(good, tasks, (3, 4, 5), 0.0)
    assert score.well_formed == TASKS
    assert score.exact >= TASKS - 1, "the card says how many of 200"


def test_the_weak_weights_are_worse():
    weak = load("tiny-weak")
    score = scored(weak, list(islice(samples(SEED, (3, 4, 5), held_out=True), TASKS)), (3, 4, 5), 1.0)
    assert score.exact <= TASKS * 0.8


def test_the_shipped_task_of_four_blocks_is_translated_in_any_wrapping(good: LocalModel):
    task = next(json.loads(text)["description"] for text in shipped()["blocksworld"].tasks if "Four blocks" in text)
    said = answered(good, task, Random(0), 0.0)
    meaning = read(said)
    assert meaning is not None
    assert meaning[2] == {("on-table", "d"), ("on", "c", "d"), ("on", "b", "c"), ("on", "a", "b")}
    assert answered(good, f"Translate.\n\n<task>\n{task}\n</task>\n\nAnswer in PDDL.", Random(0), 0.0) == said


def test_every_answer_of_the_layout_is_one_of_the_planning_grammar(good: LocalModel):
    request = ChatRequest(messages=(Message(role="user", content="x"),),
                          grammar={"lark": problem_grammar(parse_domain(shipped()["blocksworld"].pddl)).text})
    grammar = grammar_of(request, {})
    engine = LlguidanceEngine(good.vocabulary)
    for task in islice(samples(1, (2, 5, 8), held_out=True), 10):
        matcher = engine.matcher(grammar)
        for token in good.vocabulary.encode(task.answer):
            matcher.consume(token)
        assert matcher.accepting


def test_neither_torch_nor_transformers_is_imported():
    code = ("import sys; from eudoxus.decoding.tiny.score import *; from random import Random; "
            "print(answered(load('tiny'), 'a is on b.', Random(0), 0.0)[:7], {'torch', 'transformers', 'onnx'} & set(sys.modules))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["```pddl", "set()"]
