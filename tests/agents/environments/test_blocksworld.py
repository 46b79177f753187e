"""Blocksworld is exact: its steps are those of the PDDL domain, and its test of the goal cannot be talked into anything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eudoxus.agents.environments import AgentTask, Setting
from eudoxus.agents.environments.blocksworld import Blocksworld, Towers, apply, worlds
from eudoxus.agents.environments.contracts import EnvironmentContract
from eudoxus.planners.domains import shipped
from eudoxus.planners.solve import Solve
from eudoxus.runtime import Context


class TestBlocksworld(EnvironmentContract):
    actions = ("unstack d a", "put-down d", "unstack a c", "stack a b")

    def setting(self) -> Setting:
        return Blocksworld(blocks=4, seed=1)


def moves(state: Towers, blocks: list[str]) -> list[str]:
    """Every action there is."""
    one = [f"{verb} {block}" for verb in ("pick-up", "put-down") for block in blocks]
    return one + [f"{verb} {a} {b}" for verb in ("stack", "unstack") for a in blocks for b in blocks if a != b]


def solution(start: Towers, goal: Towers, blocks: list[str]) -> list[str]:
    """A shortest plan, by breadth-first search over :func:`apply` itself."""
    level, seen = {start: list[str]()}, {start}
    while goal not in level:
        further: dict[Towers, list[str]] = {}
        for state, plan in level.items():
            for action in moves(state, blocks):
                after = apply(state, action)
                if isinstance(after, Towers) and after not in seen:
                    seen.add(after)
                    further[after] = [*plan, action]
        level = further
    return level[goal]


def facts(state: Towers) -> str:
    on = " ".join(f"(on {above} {below})" for above, below in sorted(state.on()))
    return f"{on} {' '.join(f'(on-table {tower[0]})' for tower in sorted(state.towers))}"


@pytest.mark.parametrize("seed", range(3))
async def test_a_planner_needs_as_many_actions_as_a_search_in_the_environment_and_its_plan_is_accepted(seed: int, ctx: Context) -> None:
    task = AgentTask(environment="blocksworld", parameters={"blocks": 5, "seed": seed})
    start, goal = worlds(Blocksworld(blocks=5, seed=seed))
    clear = " ".join(f"(clear {tower[-1]})" for tower in sorted(start.towers))
    problem = f"""(define (problem p) (:domain blocksworld) (:objects a b c d e - block)
        (:init {facts(start)} {clear} (arm-empty)) (:goal (and {facts(goal)})))"""
    solved = await Solve(domain=shipped()["blocksworld"].pddl, problem=problem, mode="optimal").run()
    if solved.plan is None:
        pytest.skip(f"no planner is installed: {solved.message}")
    plan = [" ".join(step.strip("()").split()) for step in map(str, solved.plan)]
    verdict = await task.verify(ctx, "\n".join(plan))
    assert verdict is not None and verdict.ok and verdict.authority == "exact"
    assert len(plan) == len(solution(start, goal, list("abcde")))


@given(st.integers(0, 10_000), st.integers(3, 6), st.lists(st.integers(0, 200), max_size=30))
def test_no_block_is_ever_lost_or_doubled(seed: int, blocks: int, choices: list[int]) -> None:
    state, goal = worlds(Blocksworld(blocks=blocks, seed=seed))
    names = [chr(ord("a") + number) for number in range(blocks)]
    assert state != goal
    for choice in choices:
        every = moves(state, names)
        after = apply(state, every[choice % len(every)])
        state = after if isinstance(after, Towers) else state
        there = [block for tower in state.towers for block in tower] + ([state.held] if state.held else [])
        assert sorted(there) == names


@pytest.mark.parametrize(("said", "same"), [
    ("pick up c", "pick-up c"), ("(pick-up c)", "pick-up c"), ("PICKUP(C)", "pick-up c"), ("stack c on a", "stack c a"),
    ("unstack block b from block a", "unstack b a"), ("`unstack b off a`", "unstack b a"), ("put_down c.", "put-down c"),
])
@pytest.mark.parametrize("held", [None, "c"])
def test_actions_are_read_as_models_write_them(said: str, same: str, held: str | None) -> None:
    rest = frozenset({("a", "b")}) if held else frozenset({("a", "b"), ("c",)})
    assert apply(Towers(rest, held), said) == apply(Towers(rest, held), same)


@pytest.mark.parametrize(("action", "complaint"), [
    ("pick-up a", "b is on a"), ("pick-up b", "b is not on the table, but on a"), ("unstack b c", "b is not on c"),
    ("put-down c", "does not hold"),
    ("stack c b", "does not hold"), ("pick-up z", "no block z"), ("stack a", "needs two blocks"), ("dance", "unknown action"),
    ("unstack a b", "b is on a"),
])
def test_what_is_impossible_says_why(action: str, complaint: str) -> None:
    said = apply(Towers(frozenset({("a", "b"), ("c",)})), action)
    assert isinstance(said, str) and complaint in said


async def test_a_plan_is_judged_by_doing_it(ctx: Context) -> None:
    task = AgentTask(environment="blocksworld", parameters={"blocks": 3, "seed": 0})
    start, goal = worlds(Blocksworld(blocks=3, seed=0))
    right = solution(start, goal, list("abc"))
    good = await task.verify(ctx, "```\n" + "\n".join(f"{n}. {one}" for n, one in enumerate(right, 1)))
    short, wrong = await task.verify(ctx, "\n".join(right[:-1])), await task.verify(ctx, "fly")
    claimed = await task.verify(ctx, "")
    assert good is not None and good.ok
    assert short is not None and not short.ok and "do not stand" in short.feedback and short.score < 1
    assert wrong is not None and not wrong.ok and "action 1, fly" in wrong.feedback
    assert claimed is not None and not claimed.ok
