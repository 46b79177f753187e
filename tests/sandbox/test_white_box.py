"""Hostile programs written with this code at hand: against its protocol, its zygotes and its filters.

The index is as that of the set of attacks; what ``rules`` explains is this set's own.
"""

from __future__ import annotations

import asyncio
import json
import resource
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from eudoxus.sandbox import Case, Limits, Program, Sandbox, Test
from eudoxus.sandbox.codec import decode, encode
from eudoxus.sandbox.inside.blocks import checked
from eudoxus.sandbox.split_tests import whole_check

from .conftest import TO_JUDGE, processes, settled

pytestmark = pytest.mark.asyncio(loop_scope="module")
ATTACKS = Path(__file__).parent / "attacks"
INDEX: dict[str, Any] = json.loads(ATTACKS.joinpath("index.json").read_text())
CHECK = "def check(candidate):\n    assert candidate(2) == 5\n    assert candidate(3) == 10\n    assert candidate(10) == 101\n"
CASES = [Case(args=[2], expected=5), Case(args=[3], expected=10), Case(args=[10], expected=101)]
HONEST = Program(code="def solve(n):\n    return n * n + 1\n", entry="solve")
LIMITS = {"wall_s": 4.0, "cpu_s": 3.0, "call_s": 2.0, "memory_mb": 1024}
MOST_WALL_S = 20.0
MOST_GROWTH_KB = 400 << 10


def code(attack: dict[str, Any]) -> str:
    before = ATTACKS.joinpath("takeover.py").read_text() if attack.get("takeover") else ""
    return before + ATTACKS.joinpath(attack["file"]).read_text()


@pytest.mark.parametrize("attack", INDEX["attacks"], ids=lambda attack: attack["file"].removesuffix(".py"))
async def test_an_attack_comes_to_nothing(sandbox: Sandbox, attack: dict[str, Any]):
    assert (await sandbox.run(HONEST, [whole_check(CHECK, "solve")])).outcome == "passed"
    program = Program(code=code(attack), entry="solve")
    limits = Limits(**{**LIMITS, **attack.get("limits", {})})
    texts = attack.get("tests")
    times = attack.get("times", 1)
    tests = [Test(code=text) for text in texts] * times if texts else [whole_check(attack.get("check", CHECK), "solve")]
    mode = attack.get("mode", "split")
    await asyncio.sleep(0.05)  # until the spare children are there again
    before = len(processes())
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    setups = ("", TO_JUDGE) if mode == "split" else ("",)
    for setup in setups * (2 if attack.get("twice") else 1):
        program = program.model_copy(update={"setup": setup})
        start = time.monotonic()
        if mode == "bundle":
            await bundled(sandbox, program, limits)
        else:
            asked = {"cases": CASES * times} if mode == "io" else {"tests": tests}
            result = await sandbox.run(program, **asked, mode=mode, limits=limits, trace=attack.get("trace"))
            said = result.model_dump_json()  # what the service and the journal do with it
            json.loads(said)
            orjson.dumps(result.model_dump(mode="json"))
            assert result.outcome not in ("passed", "infra_error", "invalid_test"), said[:3000]
            assert not any(test.outcome in ("passed", "invalid_test") for test in result.tests), said[:3000]
            assert result.outcome in attack.get("outcomes", [result.outcome]), said[:3000]
            assert not [text for text in attack["forbid_output"] if text in said], said[:3000]
            assert len(said) < attack.get("most_said", 2_000_000)
        assert time.monotonic() - start < attack.get("max_wall_s", MOST_WALL_S)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < MOST_GROWTH_KB
    following = await sandbox.run(HONEST, [whole_check(CHECK, "solve")])
    assert (following.outcome, following.retried) == ("passed", False)
    assert await settled(before) == before


async def bundled(sandbox: Sandbox, program: Program, limits: Limits) -> None:
    """The program with others after it in one child: what it does to itself is its own affair, they keep what they deserve."""
    others = [HONEST.model_copy(update={"code": f"{HONEST.code}# {i}\n"}) for i in range(39)]
    found = await sandbox.run_matrix([program, *others], [whole_check(CHECK, "solve")], mode="bundle", limits=limits)
    assert found.verdict == "provisional"
    assert found.outcomes[0] != ["passed"]


async def test_a_test_that_speaks_of_stop_iteration_gets_it_and_errors_keep_their_places(sandbox: Sandbox):
    program = Program(code="def solve(n):\n    if n:\n        raise StopIteration(n)\n    return b'\\xff'.decode()\n", entry="solve")
    stops = "try:\n    solve(1)\n    assert False\nexcept StopIteration as stop:\n    assert stop.value == 1"
    places = "try:\n    solve(0)\n    assert False\nexcept UnicodeDecodeError as error:\n    assert (error.start, error.end) == (0, 1)"
    assert (await sandbox.run(program, [Test(code=stops), Test(code=places)])).outcome == "passed"


async def test_honest_sets_with_a_few_keys_of_one_hash_travel():
    grid = {(x, y) for x in range(-50, 50) for y in range(-50, 50)}
    nested = {frozenset({frozenset({-1}), frozenset({-2}), n}) for n in range(1000)}
    for value in (grid, nested, [{-1, -2}] * 10_000):
        assert decode(encode(value)) == value


async def test_a_trace_keeps_its_form_and_nothing_else():
    shot = {"visit": 1, "step": 1, "locals": {"n": "2"}}
    block = {"id": 0, "first_line": 1, "last_line": 2, "visits": 1, "snapshots": [shot]}
    assert checked({"blocks": [block], "dropped": 3}) == {"blocks": [block], "dropped": 3}
    assert checked({"lines": [1, float("nan"), 10**400, "2", True], "more": 1}) == {"lines": [1]}
    assert checked({"blocks": [{"id": [], "snapshots": [{"locals": {"\ud800": "\udfff" * 200}}]}]})["blocks"][0]["snapshots"][0] == {
        "visit": 0, "step": 0, "locals": {"\\ud800": ("\\udfff" * 80)[:80]},
    }
