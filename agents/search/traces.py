"""Solutions made of typed moves, as in rStar (Qi et al. 2024, arXiv 2408.06195, §3.1): steps, sub-questions, rephrasing, finishing."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from eudoxus.agents.answers import same
from eudoxus.agents.search.parts import Answer, Proposal, Rejected
from eudoxus.agents.search.tree import Node
from eudoxus.agents.transcript import continued, mark, transcript
from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, Context, Task

Kind = Literal["step", "finish", "subquestion", "reanswer", "rephrase"]

AFTER: dict[Kind | None, tuple[Kind, ...]] = {
    None: ("step", "finish", "subquestion", "rephrase"),
    "rephrase": ("step", "finish", "subquestion"),
    "step": ("step", "finish", "subquestion"),
    "subquestion": ("step", "finish", "subquestion", "reanswer"),
    "reanswer": ("step", "finish", "subquestion"),
    "finish": (),
}
"""Which moves may follow which; None is the beginning. The task is rephrased only there, and only a sub-question is answered again."""
FORMS: dict[Kind, str] = {
    "step": "one step, or a line that begins with ANSWER:",
    "finish": "the remaining steps, and then a line that begins with ANSWER:",
    "subquestion": "QUESTION: the sub-question\nREPLY: its answer\n(and a line that begins with ANSWER: only when that settles the task)",
    "reanswer": "REPLY: the answer\n(and a line that begins with ANSWER: only when that settles the task)",
    "rephrase": "the conditions and the question, one a line",
}
LONGEST = 20_000
"""Characters of a move."""
_ANSWER = re.compile(r"^[^\w\n]*answer[^\w\n]*:[*_ \t]*(.+)\Z", re.IGNORECASE | re.DOTALL | re.MULTILINE)
_QUESTION = re.compile(r"^[^\w\n]*question[^\w\n]*:[*_ \t]*(.+)$", re.IGNORECASE | re.MULTILINE)
_REPLY = re.compile(r"^[^\w\n]*reply[^\w\n]*:[*_ \t]*(.+)\Z", re.IGNORECASE | re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Move:
    """One move. ``votes``: the equal answers that were sampled with it, where it ends the solution."""

    kind: Kind
    text: str
    question: str = ""
    """Of a sub-question, what it asks; ``text`` is the reply."""
    answer: str | None = None
    votes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.question} {self.text}".strip()


Trace = tuple[Move, ...]
"""The moves so far."""


class Traces:
    """The problem of solving a task by moves."""

    def root(self) -> Trace:
        return ()

    def key(self, state: Trace) -> Hashable:
        return tuple((" ".join(str(move).lower().split()), move.answer) for move in state)

    def apply(self, state: Trace, action: Move) -> Trace | Rejected:
        if action.kind not in AFTER[state[-1].kind if state else None]:
            return Rejected(f"{action.kind} cannot follow here")
        if len(str(action)) > LONGEST or not (str(action) or action.answer):
            return Rejected("empty or too long")
        if action.kind == "reanswer":
            return (*state[:-1], action)
        return Rejected("that was said already") if any(str(action) == str(move) for move in state) else (*state, action)

    def goal(self, state: Trace) -> Answer | None:
        return Answer(state[-1].answer) if state and state[-1].answer is not None else None


def told(trace: Trace) -> str:
    """The moves as text, one line or more each; without the answer at the end."""
    return "\n".join(f"{move.question}\n{move.text}" if move.question else move.text for move in trace if str(move))


def asked(kind: Kind, task: Task, trace: Trace | str) -> ChatRequest:
    """The question for a move after ``trace``."""
    question = transcript(task.request().messages)
    if kind == "rephrase":
        return render("rstar/rephrase", task=question, mark=mark(question))
    if kind == "reanswer":
        assert isinstance(trace, tuple)
        steps, sub = told(trace[:-1]) or "(none yet)", trace[-1].question
        return render("rstar/reanswer", task=question, steps=steps, question=sub, mark=mark(question, steps, sub))
    steps = (trace if isinstance(trace, str) else told(trace)) or "(none yet)"
    fence = mark(question, steps)
    if kind == "step":
        return render("rstar/step", task=question, steps=steps, mark=fence)
    if kind == "subquestion":
        return render("rstar/subquestion", task=question, steps=steps, mark=fence)
    return render("rstar/finish", task=question, steps=steps, mark=fence)


def read_move(kind: Kind, said: str, trace: Trace = ()) -> Move | None:
    """The move in a reply; None when it is in no form that this kind has."""
    text = said.rpartition("</think>")[2].strip().strip("`").strip()
    ending = _ANSWER.search(text)
    answer = ending[1].strip().strip("*`").strip() if ending else None
    before = text[: ending.start()].strip() if ending else text
    if kind == "finish":
        return Move(kind, before, answer=answer, votes=(answer,)) if answer else None
    if kind == "rephrase":
        return Move(kind, text) if text else None
    votes = (answer,) if answer else ()
    if kind == "step":
        return Move(kind, before, answer=answer, votes=votes) if before or answer else None
    question, reply = _QUESTION.search(before), _REPLY.search(before)
    if reply is None or (kind == "subquestion" and question is None):
        return None
    put = question[1].strip() if kind == "subquestion" and question else trace[-1].question if trace else ""
    return Move(kind, reply[1].strip(), put, answer, votes)


@dataclass(frozen=True)
class Typed:
    """Proposes every kind of move that may follow: ``count`` steps, sub-questions and new replies, ``votes`` ways to the end."""

    task: Task
    count: int
    votes: int
    depth: int
    temperature: float | None = 0.8

    async def propose(self, ctx: Context, node: Node[Trace, Move]) -> Sequence[Proposal[Move]]:
        kinds = AFTER[node.state[-1].kind if node.state else None]
        if node.depth >= self.depth - 1:
            kinds = tuple(kind for kind in kinds if kind == "finish")
        made = await ctx.map("move", kinds, lambda child, kind: self._moves(child, kind, node.state))
        return [Proposal(move, len(move.votes) / self.votes if kind == "finish" else 1.0)
                for kind, moves in zip(kinds, made, strict=True) for move in moves]

    async def _moves(self, ctx: Context, kind: Kind, trace: Trace) -> list[Move]:
        request = asked(kind, self.task, trace).model_copy(update={"temperature": self.temperature})
        times = {"finish": self.votes, "rephrase": 1}.get(kind, self.count)
        replies = [answer.text for answer in await ctx.complete(request, n=times)]
        moves = [move for said in replies if (move := read_move(kind, said, trace)) is not None]
        if not moves:
            again = render("rstar/again", form=FORMS[kind])
            said = (await ctx.complete(continued(request, replies[0], again)))[0].text
            moves = [move for move in [read_move(kind, said, trace)] if move is not None]
        return _voted(moves) if kind == "finish" else moves


def _voted(moves: Sequence[Move]) -> list[Move]:
    """Of several ways to the end one for each answer, the first, with the votes of all that have it; the most frequent answer first."""
    groups: list[list[Move]] = []
    for move in moves:
        group = next((group for group in groups if same(group[0].answer or "", move.answer or "", "number")), None)
        if group is None:
            groups.append([move])
        else:
            group.append(move)
    groups.sort(key=len, reverse=True)
    return [replace(group[0], votes=tuple(vote for move in group for vote in move.votes)) for group in groups]


def agreeing(answer: str, votes: Sequence[str]) -> int:
    """How many of the votes say the same."""
    return sum(same(answer, vote, "number") for vote in votes)


class VoteShare:
    """Scores an answer by its share of all answers sampled so far in the tree (§3.2); what is no answer yet gets 0.5."""

    async def score(self, ctx: Context, siblings: Sequence[Node[Trace, Move]]) -> Sequence[float]:
        root = list(siblings[0].ancestors())[-1]
        votes = _votes(root)
        return [agreeing(node.answer, votes) / len(votes) if node.answer is not None and votes else 0.5 for node in siblings]


def _votes(root: Node[Trace, Move]) -> list[str]:
    open_nodes, votes = [root], list[str]()
    while open_nodes:
        node = open_nodes.pop()
        votes += node.state[-1].votes if node.answer is not None else ()
        open_nodes += node.children
    return votes
