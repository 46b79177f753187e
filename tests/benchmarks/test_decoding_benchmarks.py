"""The benchmarks of decoding: the line that they end with, and a peer that does what its paper says."""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.aligned import PublishedAsap, divergence
from tests.decoding.toy import brackets, future_mass, target

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["aligned", "decoding"])
def test_a_quick_run_ends_with_its_figures_and_goals(name: str):
    done = subprocess.run([sys.executable, "-m", f"benchmarks.{name}", "--quick"], cwd=ROOT, capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stderr
    last = json.loads(done.stdout.splitlines()[-1])
    assert last["benchmark"] == name and last["quick"] is True and last["figures"]
    assert all(goal.keys() == {"what", "goal", "measured", "met"} for goal in last["goals"])
    if name == "aligned":
        assert last["goals"][0]["met"] and last["goals"][1]["met"] is None


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
