"""The tiny language: what is told in English is what the PDDL says, and what is tested was never trained on."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eudoxus.decoding.tiny.language import Sample, read, sample, samples
from eudoxus.planners.domains import shipped
from eudoxus.planners.pddl import extract, lint, parse_domain, parse_problem, validate
from eudoxus.runtime import read_journal
from eudoxus.runtime.journal import EffectRecord
from tests.decoding.tiny.reader import read_english

ROOT = Path(__file__).parents[3]
DOMAIN = parse_domain(shipped()["blocksworld"].pddl)


def made(seed: int, blocks: int):
    return sample(Random(seed), blocks)


def facts(problem_facts, *predicates: str):
    return frozenset(fact for fact in problem_facts if fact[0] in predicates)


@given(st.integers(0, 2**32), st.integers(2, 8))
@settings(max_examples=300, deadline=None)
def test_english_and_pddl_agree_by_a_second_reading(seed: int, blocks: int):
    one = made(seed, blocks)
    start, wanted = read_english(one.english)
    assert start == facts(one.init, "on", "on-table")
    assert wanted == frozenset(one.goal)


@given(st.integers(0, 2**32), st.integers(2, 8))
@settings(max_examples=60, deadline=None)
def test_every_problem_parses_fits_the_domain_and_can_be_solved(seed: int, blocks: int):
    one = made(seed, blocks)
    problem = parse_problem(one.pddl)
    assert len(problem.objects) == blocks
    assert [str(finding) for finding in lint(problem, DOMAIN)] == []
    verdict = validate(DOMAIN, problem, plan_of(one))
    assert verdict.valid, verdict.message
    assert not validate(DOMAIN, problem, []).valid, "what is wanted does not hold at the start"


def plan_of(one) -> list[str]:
    """Everything on the table, then up again: long, but always possible."""
    under = {fact[1]: fact[2] for fact in one.init if fact[0] == "on"}
    steps: list[str] = []
    while under:
        top = next(name for name in under if name not in under.values())
        steps += [f"(unstack {top} {under.pop(top)})", f"(put-down {top})"]
    wanted = {fact[1]: fact[2] for fact in one.goal if fact[0] == "on"}
    while wanted:
        lowest = next(name for name in wanted if wanted[name] not in wanted)
        steps += [f"(pick-up {lowest})", f"(stack {lowest} {wanted.pop(lowest)})"]
    return steps


@given(st.integers(0, 2**32), st.integers(2, 8))
def test_an_answer_reads_as_what_it_means(seed: int, blocks: int):
    one = made(seed, blocks)
    assert read(one.answer) == one.meaning
    assert read(one.answer.replace("(arm-empty)", "(arm-full)")) is None
    assert read(one.answer.replace("(clear ", "(clear x ", 1)) is None
    assert read(one.answer[:-4]) is None


def test_the_same_seed_gives_the_same_tasks():
    first, again = ([s.english for s in islice(samples(7, (3, 4), held_out=False), 50)] for _ in range(2))
    assert first == again
    assert first != [s.english for s in islice(samples(8, (3, 4), held_out=False), 50)]


def test_no_task_that_is_held_out_occurs_in_training():
    trained = {one.meaning for one in islice(samples(1, (2, 3), held_out=False), 3000)}
    kept = {one.meaning for one in islice(samples(2, (2, 3), held_out=True), 300)}
    assert len(kept) > 50
    assert not trained & kept


@pytest.mark.parametrize("cassette, blocks", [("blocks_four", 4), ("blocks_six", 6)])
def test_the_shipped_tasks_are_held_out(cassette: str, blocks: int):
    """By what a careful translator made of them."""
    records = read_journal(ROOT / f"tests/cassettes/llm_plus_p_{cassette}.jsonl")
    source = next(record.res["completions"][0]["text"] for record in records if isinstance(record, EffectRecord))
    problem = parse_problem(extract(source).source)
    goal = tuple(("on", above, below) for above, below in re.findall(r"\(on (\w+) (\w+)\)", source.split("(:goal")[1]))
    assert len(problem.objects) == blocks
    assert Sample("", tuple(thing.name for thing in problem.objects), tuple(map(tuple, problem.init)), goal).held_out


@pytest.mark.parametrize("blocks", [(), (1, 3), (3, 9)])
def test_numbers_of_blocks_that_have_no_names_are_refused(blocks: tuple[int, ...]):
    with pytest.raises(ValueError, match="from 2 to 8"):
        next(samples(0, blocks, held_out=False))
