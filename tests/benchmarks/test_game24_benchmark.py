"""The Game of 24 benchmark: a player that plays by its rates and reads every prompt, rivals behind a server, figures that add up."""

from __future__ import annotations

import json
import os
import re
import time
import urllib.request
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import orjson
import pytest

import eudoxus.agents
from benchmarks.engine_cost import microseconds_per_node
from benchmarks.game24 import ABLATIONS, CONTENDERS, WHOLE, puzzles
from benchmarks.peers.server24 import Counts, served
from benchmarks.player24 import LABELS, Player, Rates, rates
from benchmarks.profiles24 import PROFILES
from benchmarks.puzzle24 import after, assembled, reachable, read, right, shown, solution, steps
from benchmarks.report24 import at_equal_success, cap_for, goals, table
from benchmarks.runs24 import Run, figures, half_width, played
from eudoxus.agents.search.game24 import Game24Task
from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, Message, Registry, parse_spec

DATA = Path(os.environ.get("EUDOXUS_DATA", "nowhere")) / "search"
CERTAIN = {(left, can): (float(can), 0.0, float(not can)) for left in (2, 3) for can in (True, False)}
RATES = Rates({4: 9, 3: 6, 2: 4}, {4: 1, 3: 1, 2: 1}, {4: 0, 3: 0, 2: 0}, CERTAIN, 1.0, closing=1.0, checking=1.0)
STATE = tuple(map(Fraction, (4, 9, 10, 13)))
TASK = Game24Task(numbers=(4, 9, 10, 13))
STEPS = ["10 - 4 = 6 (left: 6 9 13)", "13 - 9 = 4 (left: 4 6)", "4 * 6 = 24 (left: 24)"]


def asked(text: str, rates: Rates = RATES, *, seed: int = 0, number: int = 0) -> str:
    return Player(rates, seed)("m", ChatRequest(messages=(Message(role="user", content=text),)), number)


def test_the_puzzle_is_solved_by_program() -> None:
    assert reachable(STATE) and not reachable(tuple(map(Fraction, (1, 1, 1, 1))))
    assert not TASK.complaint(solution(STATE)) and right(STATE, solution(STATE))
    assert any(reachable(after) for _, after in steps(STATE))


def test_steps_are_worked_out_anew_and_put_together() -> None:
    assert after(read("12 1/2"), "12 / 1/2 = 24 (left: 24)") == (24,) and after(read("-2 3"), "-2 * 3 = 6 (left: 6)") == (-6,)
    assert after(STATE, "10 - 5 = 5 (left: 4 5 13)") is None and after(STATE, "and so on") is None
    found = assembled(STATE, STEPS)
    assert found is not None and right(STATE, f"Answer: {found} = 24")
    assert assembled(STATE, STEPS[:2]) is None and assembled(STATE, ["10 - 4 = 6", "13 + 9 = 22", "22 + 6 = 28"]) is None


@pytest.mark.parametrize("answer", ["", "4 + 9 + 10 + 13", "(10 - 4) * 4", "(10-4)*(13-9)*1", "10 / (9 - 9) + 4 + 13", "__import__('os')"])
def test_a_wrong_answer_is_not_right(answer: str) -> None:
    assert not right(STATE, answer)


def test_a_perfect_player_answers_our_prompts() -> None:
    player = Player(RATES, 0)
    listed = player("m", render("game24/steps", numbers="4 9 10 13", target="24", count="8"), 0).splitlines()
    assert any(reachable(after) for line, after in steps(STATE) if line in listed)
    judged = player("m", render("game24/judge", states="1. 4 6\n2. 1 2", target="24", count="2"), 0)
    assert [line.split()[-1] for line in judged.splitlines()] == ["sure", "impossible"]
    answer = player("m", render("game24/question", numbers="4 9 10 13", target="24"), 0)
    assert not TASK.complaint(answer)


def test_a_perfect_player_answers_prompts_in_the_papers_words() -> None:
    proposing = "Input: 2 8 8 14\nPossible next steps:\n2 + 8 = 10 (left: 8 10 14)\nInput: 4 9 10 13\nPossible next steps:\n"
    listed = asked(proposing).splitlines()
    assert any(reachable(after) for line, after in steps(STATE) if line in listed)
    judging = "Evaluate if given numbers can reach 24 (sure/likely/impossible)\n10 14\n10 + 14 = 24\nsure\n"
    assert [asked(f"{judging}{left}\n").split("\n")[-1] for left in ("4 6", "1 2", "24", "5", "what")] == [
        "sure", "impossible", "sure", "impossible", "impossible"]
    closing = "Input: 1 1 1 1\nSteps:\n1 + 1 = 2 (left: 1 1 2)\nAnswer: 1\nInput: 4 9 10 13\nSteps:\n" + "\n".join(STEPS)
    assert right(STATE, asked(closing)) and asked(closing).startswith("Answer: ") and not asked(f"{closing}\nAnswer:").startswith("Answer")
    wrong = closing.replace(STEPS[1], "13 - 9 = 5 (left: 5 6)").replace(STEPS[2], "5 * 6 = 24 (left: 24)")
    assert not right(STATE, asked(wrong))
    checking = "Input: 4 4 6 8\nAnswer: (4 + 8) * (6 - 4) = 24\nJudge: \nsure\nInput: 4 9 10 13\nAnswer: {}\nJudge:"
    assert asked(checking.format(f"{solution(STATE)} = 24")) == "sure" and asked(checking.format("4 + 9 = 24")) == "impossible"


def test_the_player_repeats_itself_and_another_seed_is_another_player() -> None:
    request = render("game24/steps", numbers="4 9 10 13", target="24", count="8")
    said = [Player(RATES, 1)("m", request, number) for number in range(40)]
    assert said == [Player(RATES, 1)("m", request, number) for number in range(40)]
    assert 20 < said.count(max(set(said), key=said.count)) < 40
    assert any(Player(RATES, seed)("m", request, 0) != said[0] for seed in range(2, 6))


def test_each_profile_has_its_trait() -> None:
    play = replace(RATES, labels={key: (0.7, 0.2, 0.1) if key[1] else (0.1, 0.2, 0.7) for key in CERTAIN})
    made = {name: changed(play) for name, changed in PROFILES.items()}
    assert list(made) == ["gpt4_2023", "weak_judge", "weak_proposer", "independent", "stubborn", "malformed", "slow_tail"]
    assert made["gpt4_2023"] == play and (made["independent"].rho, made["stubborn"].rho) == (0.0, 0.95)
    assert made["weak_judge"].labels[(3, True)] == pytest.approx((0.55, 0.2, 0.25)) and made["weak_proposer"].recall[4] == 0.6
    request = render("game24/steps", numbers="4 9 10 13", target="24", count="8")
    lost = sum("lost the thread" in Player(made["malformed"], seed)("m", request, 0) for seed in range(200))
    assert 20 <= lost <= 60
    tail = sorted(_seconds(made["slow_tail"], request, seed) for seed in range(200))
    assert tail[-1] > 5 * tail[100]


def _seconds(rates: Rates, request: ChatRequest, seed: int) -> float:
    player = Player(rates, seed)
    player("m", request, 0)
    assert player.seconds() > 0
    player("m", request, 1)
    return player.seconds()


def test_spoilt_lines_are_no_right_steps() -> None:
    kinds = {"wrong_left": 1.0, "illegal_number": 1.0, "wrong_arithmetic": 1.0, "unparsable": 1.0}
    listed = asked("Input: 4 9 10 13\nPossible next steps:\n", replace(RATES, wrong={4: 1.0, 3: 1.0, 2: 1.0}, kinds=kinds)).splitlines()
    legal = {line for line, _ in steps(STATE)}
    assert sum(line in legal for line in listed) <= 2 and len(listed) > 4, "the winning one, and one whose numbers were drawn as they were"


def test_every_contender_is_a_specification() -> None:
    registry = Registry.installed()
    for path in CONTENDERS.values():
        parse_spec(f"{path}/sim:m", registry)


@pytest.mark.parametrize("path", ABLATIONS.values())
def test_without_an_advantage_a_perfect_player_still_solves_it(path: str) -> None:
    [run] = played(path, [TASK], 1, RATES)
    assert run.right and run.requests >= 4


def test_what_is_asked_at_the_same_time_counts_once_on_the_critical_path() -> None:
    start = time.perf_counter()
    [wide], [narrow] = (played(f"best_first(width={width},nodes=12)", [Game24Task(numbers=(1, 1, 1, 1))], 1, RATES) for width in (4, 1))
    assert wide.seconds < 0.6 * narrow.seconds and narrow.seconds > 5
    assert time.perf_counter() - start < 5, "nobody really waits"


def test_a_server_counts_each_run_alone_as_an_openai_client_sees_it() -> None:
    counts = Counts(RATES)
    with served(counts) as base:
        for model in ("gpt-4:0:a", "gpt-4:0:a", "gpt-4:1:b"):
            body = {"model": model, "n": 3, "messages": [{"role": "user", "content": "Input: 4 9 10 13\nPossible next steps:\n"}]}
            request = urllib.request.Request(f"{base}/chat/completions", json.dumps(body).encode(), {"content-type": "application/json"})
            said = json.loads(urllib.request.urlopen(request, timeout=10).read())
    assert len(said["choices"]) == 3 and said["usage"]["completion_tokens"] > 0
    first, second = counts.take("gpt-4:0:a"), counts.take("gpt-4:1:b")
    assert (first.requests, first.samples, second.requests, second.samples) == (2, 6, 1, 3)
    with pytest.raises(KeyError):
        counts.take("gpt-4:0:a")


def run(solved: bool, requests: int) -> Run:
    return Run(solved, solved, requests, requests, 10, 5, 1.0)


def test_figures_caps_and_goals_add_up() -> None:
    ours = [run(True, 4), run(True, 8), run(True, 40), run(False, 120)]
    found = figures(ours)
    assert (found.solved, found.requests, found.success_at[10], found.success_at[50]) == (75, 43, 50, 75)
    assert cap_for(ours, 50) == 8 and cap_for(ours, 80) is None
    equal = at_equal_success(ours, {"tree-of-thoughts-llm x": figures([run(True, 70), run(False, 70)]), "never": figures([run(True, 1)])})
    assert equal == {"tree-of-thoughts-llm x": {"solved": 50, "theirs": 70, "cap": 8, "ours": 7, "fewer": 10}}
    reached = goals(equal, {"queue, us per node": 20.0, "puct, us per node": 300.0, "wall at width 4 / width 1": 0.3})
    assert [goal["met"] for goal in reached] == [True, None, True, False, True]
    assert "@120" in table({"a": found}) and 0 < half_width(1.0, 300) < half_width(0.5, 300)


def test_the_engine_takes_less_than_a_fifth_of_a_millisecond_a_node() -> None:
    assert microseconds_per_node("queue") < 200


@pytest.mark.skipif(not (DATA / "game24.csv").is_file(), reason="needs the puzzles (EUDOXUS_DATA)")
def test_on_the_puzzles_a_search_beats_a_single_answer() -> None:
    play = rates(orjson.loads((DATA / "calibration.json").read_bytes()))
    assert play.rho == 0.8 and sum(play.kinds.values()) > 0
    found = {name: figures(played(CONTENDERS[name], puzzles(DATA, 4), 1, play)) for name in ("one answer", WHOLE)}
    assert found[WHOLE].solved > found["one answer"].solved


def test_no_package_imports_a_benchmark_or_the_simulated_model() -> None:
    """The players know the answers."""
    root = Path(eudoxus.agents.__file__).resolve().parent.parent
    imports = re.compile(r"^\s*(?:from|import)\s(?:benchmarks|\S*endpoints\.simulated|.*endpoints import.*simulated)", re.MULTILINE)
    files = [file for folder in ("agents", "planners", "prompts", "sandbox", "service") for file in (root / folder).rglob("*.py")]
    assert len(files) > 100 and not [file for file in files if imports.search(file.read_text())]


def test_labels_are_those_of_the_prompt() -> None:
    state: Any = read("3 8")
    assert asked(f"Evaluate if given numbers can reach 24\n{shown(state)}").split("\n")[-1] in LABELS
