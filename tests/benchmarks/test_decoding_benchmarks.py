"""The benchmarks of decoding: the line that they end with, and a peer that does what its paper says."""

from __future__ import annotations

import base64
import json
import math
import random
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.aligned import PublishedAsap, divergence
from benchmarks.decoding import mask_faults
from benchmarks.decoding_grammars import FREE, TEXTS, synthetic_vocabulary
from benchmarks.tiny import ANY_TASK, _rate, grammar_of
from eudoxus.decoding.apply import allowed_tokens, mask_of
from eudoxus.decoding.lint import lint
from eudoxus.decoding.llguidance_engine import LlguidanceEngine
from eudoxus.decoding.tiny.language import samples
from tests.decoding.grammars import LARGER
from tests.decoding.toy import brackets, future_mass, target

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["aligned", "decoding", "tiny"])
def test_a_quick_run_ends_with_its_figures_and_goals(name: str):
    done = subprocess.run([sys.executable, "-m", f"benchmarks.{name}", "--quick"], cwd=ROOT, capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stderr
    last = json.loads(done.stdout.splitlines()[-1])
    assert last["benchmark"] == name and last["quick"] is True and last["figures"]
    assert all(goal.keys() == {"what", "goal", "measured", "met"} for goal in last["goals"])
    if name == "aligned":
        assert last["goals"][0]["met"] and last["goals"][1]["met"] is None


def test_faults_in_the_masks_of_a_peer_are_told_from_another_reading_of_the_grammar():
    vocabulary = synthetic_vocabulary(2000)
    engine = LlguidanceEngine(vocabulary)
    grammars = TEXTS | FREE

    class Peer:
        """Our engine with three tokens changed at the third state of each text: its matcher agrees with itself on the third alone."""

        def ask(self, act, grammar, *, tokens, others=()):
            matcher = engine.matcher(grammars[grammar][0], exact=True)
            if act == "accepts":
                assert len(tokens) == 2 and len(others) == 3
                return [bool(matcher.allows([*tokens, other]) == 3) for other in others[:2]] + [True]
            found = []
            for at, token in enumerate(tokens):
                allowed = set(allowed_tokens(matcher.mask(), vocabulary.size).tolist())
                if at == 2:
                    free = [other for other in range(vocabulary.size) if vocabulary.tokens[other] and other not in allowed]
                    allowed = allowed - {min(allowed)} | {free[-2], free[-1]} if min(allowed) < free[-2] else allowed
                found.append(base64.b64encode(mask_of(sorted(allowed), vocabulary.size).tobytes()).decode())
                matcher.consume(token)
            return found

    for row in mask_faults(vocabulary, Peer()):
        assert (row["wrongly_forbidden"], row["wrongly_allowed"], row["engines_differ"]) == (1, 1, 1)
        assert row["states"] == len(vocabulary.encode(grammars[row["grammar"]][1])) and row["example"]


def test_the_grammars_of_the_tiny_model_have_no_findings_and_hold_every_right_answer():
    engine, tasks = LlguidanceEngine(LARGER), samples(1, (3, 4, 5, 6, 7), held_out=True)
    assert not lint(ANY_TASK)
    for task in (next(tasks) for _ in range(30)):
        tokens = LARGER.encode(task.answer)
        for grammar in (ANY_TASK, grammar_of(task)):
            assert engine.matcher(grammar, exact=True).allows([*tokens, LARGER.eos[0]]) == len(tokens) + 1
        assert engine.matcher(grammar_of(task)).allows(LARGER.encode(task.answer.replace(task.objects[0], "zz"))) < len(tokens)


@pytest.mark.parametrize(("hits", "trials", "interval"), [(0, 10, (0.0, 0.2775)), (81, 263, (0.2553, 0.3662)), (10, 10, (0.7225, 1.0))])
def test_intervals_are_those_of_wilson(hits: int, trials: int, interval: tuple[float, float]):
    share, low, high = _rate(hits, trials, trials)
    assert share == hits / trials and (round(low, 4), round(high, 4)) == interval


def test_the_published_update_starts_as_greedy_decoding_and_tends_to_the_target():
    sampler = brackets(longest=6)
    law, _ = target(sampler)
    peer, rng = PublishedAsap(sampler), random.Random(1)
    first = peer.law()
    assert math.isclose(sum(first.values()), 1.0)
    for _ in range(600):
        peer.sample(rng)
    assert divergence(law, peer.law()) < divergence(law, first) / 10
    masses = future_mass(sampler)
    assert all(peer.future[w] >= masses[w] - 1e-12 for w in peer.future)
