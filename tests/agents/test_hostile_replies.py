"""No reply, however long and odd, takes long to read: whoever waits for another run would wait too."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

import pytest

from eudoxus.agents.agent_tree_search import read_status
from eudoxus.agents.code.asking import Unreadable as UnreadableForm
from eudoxus.agents.environments.task import actions_in
from eudoxus.agents.induction.grids import headed
from eudoxus.agents.induction.hypothesis_search import read_choice, read_rules
from eudoxus.agents.mctsr import read_score
from eudoxus.agents.plans import UnreadablePlan, read_plan
from eudoxus.agents.react import Unreadable, read_turn
from eudoxus.agents.refine import is_done
from eudoxus.agents.scores import UnreadableScores, read_scores
from eudoxus.agents.search.acting import read_move as read_action
from eudoxus.agents.search.crosswords import read_words
from eudoxus.agents.search.game24 import read_step
from eudoxus.agents.search.judging import read_labels, read_vote
from eudoxus.agents.search.steps import lines_of
from eudoxus.agents.search.traces import read_move

READERS: dict[str, Callable[[str], Any]] = {
    "action": read_action, "actions": actions_in, "choice": lambda said: read_choice(said, 8), "done": is_done,
    "finish": lambda said: read_move("finish", said), "grids": headed,
    "labels": lambda said: read_labels(said, 8), "plan": lambda said: read_plan(said, ["calculator"], done=(), most=12),
    "reply": lambda said: read_move("subquestion", said), "rules": read_rules, "score": read_score,
    "scores": lambda said: read_scores(said, 8),
    "status": read_status, "step": read_step, "steps": lines_of, "turn": lambda said: read_turn(said, ["calculator"]),
    "vote": lambda said: read_vote(said, 8), "words": read_words,
}
HOSTILE = {
    "blank lines": "\n" * 100_000, "spaces": " " * 100_000, "fences": "```\n" * 30_000, "stars": "* " * 50_000, "one word": "x" * 300_000,
    "ten thousand steps": "\n".join(f"{number}. step {number}" for number in range(10_000)), "numbers": "1 " * 50_000,
    "actions": "Action: calculator[\n" * 10_000,
    "actions in a line": "Action: calculator[" * 10_000, "variables": "#E1 = calculator[\n" * 10_000,
    "names": "answer: question: reply: score: status: verdict: thought: " * 3_000, "marks": "answer\n" * 20_000 + "verdict\n" * 20_000,
    "brackets": "([{" * 30_000, "labels": "1. sure x\n" * 10_000, "thinking": "<think>" * 20_000, "dashes": "- " * 50_000,
    "slots": "h1." + " " * 100_000, "statuses": "status" + " " * 100_000,
    "tools": "calculator" + " " * 100_000, "scores": "score" + "-" * 100_000,
    "questions": "QUESTION:\n" * 20_000, "replies": "reply\n" * 40_000,
}


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("reader", READERS)
def test_a_hostile_reply_is_read_quickly(reader: str, hostile: str) -> None:
    began = time.process_time()
    with contextlib.suppress(Unreadable, UnreadableForm, UnreadablePlan, UnreadableScores):
        READERS[reader](f"x\n{HOSTILE[hostile]}\nx")
    assert time.process_time() - began < 1.0
