"""What a task brings to a search: its problem, and how a model is asked about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from eudoxus.agents.problem import ProblemTask
from eudoxus.agents.search.crosswords import Crossword, CrosswordTask, Letters, read_words, told
from eudoxus.agents.search.game24 import Game24, Game24Task, numbers_of
from eudoxus.agents.search.game24 import State as Game24State
from eudoxus.agents.search.parts import Problem
from eudoxus.agents.search.steps import State as StepsState
from eudoxus.agents.search.steps import Steps, lines_of
from eudoxus.agents.search.tree import Node
from eudoxus.agents.transcript import mark, transcript
from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, Context, Task, Verdict

PROMPTS = ["search/steps", "search/steps_again", "search/judge", "search/judge_again", "problem/step", "problem/steps", "game24/steps",
           "game24/judge", "crosswords/steps", "crosswords/judge"]
"""What searches over steps ask with, judging siblings in one request."""

S = TypeVar("S")
A = TypeVar("A")


@dataclass(frozen=True)
class Space(Generic[S, A]):
    """A searchable task."""

    problem: Problem[S, A]
    propose: Callable[[Node[S, A], int], ChatRequest]
    """The question for up to so many next steps from a node, one a line."""
    read: Callable[[str], Sequence[A]]
    """The steps in a reply."""
    judge: Callable[[Sequence[Node[S, A]]], ChatRequest]
    """The question how promising each of several states is."""
    task: Task
    weigh: Callable[[str], Sequence[tuple[A, float]]] | None = None
    """The steps in a reply with how much each is held, where replies tell that."""

    async def verify(self, ctx: Context, answer: str) -> Verdict | None:
        """The task's own verifier."""
        return await self.task.verify(ctx, answer)


def space_of(task: Task) -> Space[Any, Any]:
    """The search space of a task: exact steps where the task has them, else steps in words."""
    if isinstance(task, Game24Task):
        return _game24(task)
    return _crossword(task) if isinstance(task, CrosswordTask) else _in_words(task)


def _game24(task: Game24Task) -> Space[Game24State, str]:
    def propose(node: Node[Game24State, str], most: int) -> ChatRequest:
        return render("game24/steps", numbers=numbers_of(node.state), target=str(task.target), count=str(most))

    def judge(siblings: Sequence[Node[Game24State, str]]) -> ChatRequest:
        states = "\n".join(f"{place}. {numbers_of(node.state)}" for place, node in enumerate(siblings, start=1))
        return render("game24/judge", states=states, target=str(task.target), count=str(len(siblings)))

    return Space(Game24(task), propose, lines_of, judge, task)


def _crossword(task: CrosswordTask) -> Space[Letters, str]:
    size = str(task.size)

    def propose(node: Node[Letters, str], most: int) -> ChatRequest:
        return render("crosswords/steps", slots=told(task, node.state), size=size, count=str(most))

    def judge(siblings: Sequence[Node[Letters, str]]) -> ChatRequest:
        shown = [f"state {place}\n{told(task, node.state, known=2)}" for place, node in enumerate(siblings, start=1)]
        return render("crosswords/judge", candidates="\n\n".join(shown), size=size, count=str(len(siblings)))

    return Space(Crossword(task), propose, lambda said: [step for step, _ in read_words(said)], judge, task, read_words)


def _in_words(task: Task) -> Space[StepsState, str]:
    question = transcript(task.request().messages)

    def propose(node: Node[StepsState, str], most: int) -> ChatRequest:
        taken = node.state.told() or "(none yet)"
        if isinstance(task, ProblemTask):
            step = task.step_prompt or render("problem/step").messages[0].text
            return render("problem/steps", task=question, steps=taken, mark=mark(question, taken), count=str(most), step=step)
        return render("search/steps", task=question, steps=taken, mark=mark(question, taken), count=str(most))

    def judge(siblings: Sequence[Node[StepsState, str]]) -> ChatRequest:
        told = [node.state.told() for node in siblings]
        fence = mark(question, *told)
        fenced = [f"[{fence}] state {place}\n{text}\n[{fence}] end of state {place}" for place, text in enumerate(told, start=1)]
        candidates = "\n\n".join(fenced)
        return render("search/judge", task=question, candidates=candidates, mark=fence, count=str(len(siblings)))

    return Space(Steps(), propose, lines_of, judge, task)
