"""What RethinkMCTS asks of a model at one place of its tree: thoughts, programs, opinions (Li et al. 2024, arXiv 2409.09584, §3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from eudoxus.agents.code.asking import Unreadable, ask
from eudoxus.agents.code.debugging import debugged, fenced, problem_of
from eudoxus.agents.code.judging import SCORE_FORM, Judged, read_judgement
from eudoxus.agents.code.reply import NoProgram, program_in
from eudoxus.agents.code.running import Tried, run_tests
from eudoxus.agents.code.task import CodeTask
from eudoxus.agents.code.thoughts import LIST_FORM, THOUGHT_FORM, read_thought, read_thoughts, told
from eudoxus.agents.search import Proposal
from eudoxus.agents.transcript import mark
from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, Context

PROGRAM_FORM = "with one block that begins with ```python and ends with ``` and holds the whole program"


@dataclass(frozen=True, slots=True)
class Trial:
    """A program written from a thought and those before it."""

    thought: str
    program: str = ""
    complaint: str = ""
    """Why there is no program."""
    tried: Tried | None = None
    """How the visible tests went."""
    judged: Judged | None = None

    @property
    def passed(self) -> bool:
        """Whether there is a program that passes all visible tests; where the sandbox is weak, it may have forged that."""
        return self.tried is not None and self.tried.outcome == "passed"

    @property
    def score(self) -> float:
        """The share of the visible tests that passed."""
        return self.tried.score if self.tried is not None else 0.0


@dataclass(frozen=True)
class Author:
    """Asks for one task. Every method takes the thoughts that lead to the place, and raises what the endpoint and the budgets raise."""

    task: CodeTask
    count: int = 3
    """Alternatives for a thought."""
    again: bool = True
    """Whether a reply that cannot be read is asked for once more."""
    enough: float | None = None
    """The judge's objections to programs below this score are told to whoever thinks next; with None nobody is told."""
    temperature: float | None = None
    max_tokens: int | None = None

    async def thoughts(self, ctx: Context, so_far: Sequence[str], last: Trial | None) -> list[Proposal[str]]:
        """E: alternatives for the next thought, in the light of how the ``last`` program failed. Raises :class:`Unreadable`."""
        known = {"problem": problem_of(self.task), "thoughts": told(so_far), "count": str(self.count)}
        feedback = await self.feedback(ctx, last) if last is not None else ""
        if feedback:
            request = render("rethink_mcts/thoughts_after", feedback=feedback, **known)
        else:
            request = render("rethink_mcts/thoughts", **known)
        return await ask(ctx, self._sampled(request), lambda reply: read_thoughts(reply, self.count), LIST_FORM, again=self.again)

    async def program(self, ctx: Context, before: Sequence[str], thought: str) -> Trial:
        """G: a program that follows the thoughts, and how the visible tests go."""
        request = render("rethink_mcts/program", problem=problem_of(self.task), thoughts=told([*before, thought]))
        try:
            program = await ask(ctx, self._sampled(request), self._program, PROGRAM_FORM, again=self.again)
        except Unreadable as problem:
            return Trial(thought, complaint=str(problem))
        return Trial(thought, program, tried=await run_tests(ctx, program, self.task))

    async def judged(self, ctx: Context, before: Sequence[str], attempt: Trial) -> Trial:
        """J: the same attempt with the judge's opinion of its program; 0 where that cannot be read."""
        problem = problem_of(self.task)
        request = render("rethink_mcts/judge", problem=problem, thoughts=told([*before, attempt.thought]), program=attempt.program,
                         mark=mark(problem, attempt.program))
        try:
            opinion = await ask(ctx, self._sampled(request), read_judgement, SCORE_FORM, again=self.again)
        except Unreadable:
            opinion = Judged(0.0)
        return replace(attempt, judged=opinion)

    async def rethought(self, ctx: Context, before: Sequence[str], attempt: Trial) -> str | None:
        """D and T: another thought in place of the one whose program failed; None when the model gives none."""
        feedback = await self.feedback(ctx, attempt)
        request = render("rethink_mcts/rethink", problem=problem_of(self.task), thoughts=told([*before, attempt.thought]),
                         last=attempt.thought, feedback=feedback)
        try:
            return await ask(ctx, self._sampled(request), read_thought, THOUGHT_FORM, again=self.again)
        except Unreadable:
            return None

    async def feedback(self, ctx: Context, attempt: Trial) -> str:
        """What speaks against an attempt: that there is no program, failing tests and blocks (D), or the judge; perhaps nothing."""
        if attempt.tried is None:
            return f"The programmer's answer held no program that could be run: {attempt.complaint}"
        if not attempt.passed:
            return await debugged(ctx, attempt.tried, attempt.program, self.task, temperature=self.temperature, max_tokens=self.max_tokens)
        opinion = attempt.judged
        if self.enough is None or opinion is None or opinion.score >= self.enough or not opinion.explanation:
            return ""
        return f"The program:\n\n{fenced(attempt.program)}\n\nIt passes the visible tests. An examiner objects:\n{opinion.explanation}"

    def _program(self, reply: str) -> str:
        try:
            return program_in(reply, self.task)
        except NoProgram as problem:
            raise Unreadable(str(problem)) from None

    def _sampled(self, request: ChatRequest) -> ChatRequest:
        return request.model_copy(update={"temperature": self.temperature, "max_tokens": self.max_tokens})
