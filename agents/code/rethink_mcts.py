"""RethinkMCTS (Li et al. 2024, arXiv 2409.09584): Monte-Carlo tree search over thoughts. A thought is as good as the program that is
written from it and the thoughts before it; when that program fails, the thought is thought again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field, model_validator

from eudoxus.agents.code.asking import Unreadable
from eudoxus.agents.code.author import Author, Trial
from eudoxus.agents.code.generated import PROMPTS as TEST_PROMPTS
from eudoxus.agents.code.generated import generated_tests
from eudoxus.agents.code.task import CodeTask
from eudoxus.agents.code.thoughts import normalised
from eudoxus.agents.search import Node, Proposal, Tree
from eudoxus.agents.search.engine import FRUITLESS_ROUNDS, MOST_DEPTH
from eudoxus.agents.search.policies import PriorUct
from eudoxus.agents.search.policies.prior_uct import Formula
from eudoxus.runtime import Context, Params, Result, strategy
from eudoxus.runtime.budget import Budget
from eudoxus.runtime.errors import BudgetSpent, EndpointError
from eudoxus.runtime.result import Authority, Outcome

PAPER: dict[str, Any] = {
    "value": "weighted", "stop_on": "never", "expand": "at_once", "direct_first": False, "objections": False, "again": False,
    "normalise": False, "width": 1, "calls": 768, "max_tokens": 1024,
}
"""What ``preset=paper`` changes: Li et al. 2024, and the program that they released."""


class RethinkMcts(Params):
    preset: Literal["ours", "paper"] = "ours"
    """``paper`` sets what is not given to the published choices."""
    rollouts: int = Field(16, ge=1, le=1000)
    """Thoughts tried at most."""
    thoughts: int = Field(3, ge=1, le=16)
    """Alternatives for the next thought."""
    rethinks: int = Field(1, ge=0, le=8)
    """How often a thought whose program fails is written anew, in its place in the tree."""
    formula: Formula = "var_p_uct"
    """Selection: ``Q + beta P sqrt(ln N) / (1 + n)`` with a weight that grows with N, ``p_uct`` with the constant c, ``uct`` without P."""
    c: float = Field(4.0, ge=0, le=100)
    """Weight of exploration."""
    base: float = Field(10.0, gt=0, le=1e6)
    """How slowly the weight of ``var_p_uct`` grows: ``beta = ln((N + base + 1) / base) + c``."""
    discount: float = Field(0.9, gt=0, le=1)
    """Factor of a return for each step towards the root."""
    value: Literal["lexicographic", "weighted"] = "lexicographic"
    """Of a program that passes all visible tests: 1 and the judge's part on top, or, as published, a weighted sum that a harsh judge can
    bring below a program that fails a test."""
    judge_weight: float = Field(0.2, ge=0, le=1)
    """The judge's part."""
    stop_on: Literal["judge", "public_pass", "never"] = "judge"
    """What ends the search early: a program that passes the visible tests and is judged ``enough``, one that passes them, or nothing."""
    enough: float = Field(0.8, ge=-1, le=1)
    """The judge's score, from -1 to 1, at which the search ends."""
    direct_first: bool = True
    """First write a program without any thought; the first thoughts answer to how it fails."""
    objections: bool = True
    """Tell what the judge has against a program to whoever thinks next."""
    expand: Literal["when_needed", "at_once"] = "when_needed"
    """Ask for next thoughts when the search comes back to a thought, or after every rollout."""
    normalise: bool = True
    """Make the priors of siblings add up to 1."""
    again: bool = True
    """Ask once more where a reply cannot be read. Without it blank thoughts, no program and a score of 0 take its place."""
    width: int = Field(8, ge=1, le=32)
    """Thoughts tried at the same time. Where the search may stop early the first is tried alone."""
    calls: int = Field(200, ge=1, le=10_000)
    """Requests to the model at most."""
    temperature: float | None = Field(0.0, ge=0, le=2)
    """Sampling temperature of every request. null leaves it to the endpoint."""
    max_tokens: int | None = Field(None, ge=1)
    """Tokens of an answer at most."""

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, said: Any) -> Any:
        return {**PAPER, **said} if isinstance(said, dict) and said.get("preset") == "paper" else said


Trials = list[Trial]
"""What was tried at a node of the tree; the last one counts."""
Thought = Node[Trials, str]
Trouble = BudgetSpent | EndpointError


@strategy(
    "rethink_mcts", takes=CodeTask,
    prompts=[*(f"rethink_mcts/{name}" for name in ("thoughts", "thoughts_after", "program", "judge", "blocks", "rethink", "again")),
             *TEST_PROMPTS],
    calls="a program that passes at once costs 2 requests; a rollout 2 to 5, and 1 or 2 more where its thought is built on. "
          "preset=paper: 1 + rollouts times 3 to 6",
)
async def rethink_mcts(task: CodeTask, params: RethinkMcts, ctx: Context) -> Result:
    """Return the program of the highest value: most visible tests passed, then the judge's opinion, then the earliest.

    ``verified`` by ``public_tests`` when it passes the tests that the task shows. Tests that a model wrote, because the task has none,
    verify nothing: then it is ``best_effort`` by ``model``. ``limit`` when a budget ends the search before a program passes. The whole
    tree is among the artifacts and in the events ``node.tried`` and ``node.expanded``.
    """
    with ctx.limit(requests=params.calls) as budget:
        if not task.tests:
            tests = await generated_tests(task, ctx.scope("tests"), temperature=params.temperature)
            task = task.model_copy(update={"tests": tests, "tests_from": "generated"})
        search = _Search(task, params, ctx, budget)
        await search.run()
        return search.result()


class _Search:
    """The tree, and the loop over it as the paper tells it."""

    def __init__(self, task: CodeTask, params: RethinkMcts, ctx: Context, budget: Budget) -> None:
        self.task, self.params, self.ctx, self.budget = task, params, ctx, budget
        self.author = Author(
            task, params.thoughts, params.again, params.enough if params.objections else None, params.temperature, params.max_tokens)
        self.policy: PriorUct[Trials, str] = PriorUct(
            formula=params.formula, c=params.c, base=params.base, discount=params.discount)
        self.tree: Tree[Trials, str] = Tree([], 0)
        self.programs: dict[str, Trial] = {}
        """Every program with its first attempt: the same program is worth what it was worth first."""
        self.rollouts = self.fruitless = 0
        self.over = ""
        self.trouble: BudgetSpent | EndpointError | None = None

    async def run(self) -> None:
        """Rounds of up to ``width`` rollouts, applied in the order of selection, until something ends the search."""
        if self.params.direct_first:
            await self.try_thoughts(self.policy.select(self.tree, 1), self.ctx.scope("direct"))
        number = 0
        while not self.ended():
            here = self.ctx.scope("round", number)
            chosen = self.policy.select(self.tree, self.room())
            tried = [node for node in chosen if node is self.tree.root or node.state]
            if not chosen:
                self.over = "every thought was tried"
            elif tried:
                self.policy.release(chosen)
                await self.expand(tried, here)
            else:
                await self.try_thoughts(chosen, here)
                if self.params.expand == "at_once":
                    await self.expand([node for node in chosen if node.state], here)
            number += 1

    # -- a rollout: write the program, run it, think again where it fails, and back up -----------------------------------

    async def try_thoughts(self, nodes: Sequence[Thought], here: Context) -> None:
        """A rollout from each of ``nodes`` at the same time, applied in their order."""
        outcomes = await here.map("rollout", nodes, self.rollout)
        for node, (attempts, trouble) in zip(nodes, outcomes, strict=True):
            self.rollouts += node is not self.tree.root
            self.note(trouble)
            node.state += attempts
            node.dead = not attempts and node is not self.tree.root
            for attempt in attempts:
                if attempt.program:
                    self.programs.setdefault(attempt.program, attempt)
            if len(attempts) > 1:
                node.action, node.prior = attempts[-1].thought, 1.0
            self.policy.back_up(node, self.value(attempts[-1]) if attempts else 0.0)
            self.ctx.emit("node.tried", id=node.id, depth=node.depth, value=node.value, attempts=[self.told(one) for one in attempts])
        self.fruitless = 0 if any(attempts for attempts, _ in outcomes) else self.fruitless + 1
        if (best := self.best()) is not None:
            self.ctx.best(best.program)

    async def rollout(self, ctx: Context, node: Thought) -> tuple[Trials, BudgetSpent | EndpointError | None]:
        """The thought of ``node`` tried, then those in its place; all that was done before trouble came counts."""
        attempts: Trials = []
        before, thought = node.path()[:-1], node.action or ""
        try:
            for number in range(self.params.rethinks + 1 if node.parent else 1):
                if number:
                    new = await self.author.rethought(ctx, before, attempts[-1])
                    if new is None:
                        break
                    thought = new
                attempts.append(await self.author.program(ctx, before, thought))
                if attempts[-1].passed:
                    if self.params.stop_on != "public_pass":
                        attempts[-1] = await self.author.judged(ctx, before, attempts[-1])
                    break
        except (BudgetSpent, EndpointError) as trouble:
            return attempts, trouble
        return attempts, None

    def value(self, attempt: Trial) -> float:
        """The share of visible tests that pass; when all do, with the judge's opinion (§3.3)."""
        weight, judged = self.params.judge_weight, attempt.judged
        if not attempt.passed or judged is None:
            return attempt.score
        if self.params.value == "weighted":
            return (1 - weight) * attempt.score + weight * judged.score
        return 1 + weight * (1 + judged.score) / 2

    # -- expansion -------------------------------------------------------------------------------------------------------

    async def expand(self, nodes: Sequence[Thought], here: Context) -> None:
        """Give each of ``nodes`` children: alternatives for the next thought."""
        outcomes = await here.map("expand", nodes, self.think)
        for node, found in zip(nodes, outcomes, strict=True):
            if isinstance(found, BudgetSpent | EndpointError):
                self.note(found)
                node.dead = node is not self.tree.root
                continue
            node.asks += 1
            children = [self.tree.grow(node, one.action, [], len(self.tree.nodes), one.prior) for one in found]
            said = [{"id": child.id, "thought": child.action, "prior": child.prior} for child in children]
            self.ctx.emit("node.expanded", id=node.id, depth=node.depth, asks=node.asks, children=said)
        self.fruitless = 0 if any(isinstance(found, list) for found in outcomes) else self.fruitless + 1

    async def think(self, ctx: Context, node: Thought) -> list[Proposal[str]] | BudgetSpent | EndpointError:
        if node.depth >= MOST_DEPTH:
            return []
        try:
            found = await self.author.thoughts(ctx, node.path(), node.state[-1] if node.state else None)
        except Unreadable:
            # The paper's blank thoughts leave all to the programmer: worth one try at the root, where nothing was tried.
            return [Proposal("")] * (self.params.thoughts if not self.params.again else 0 if node.state else 1)
        except (BudgetSpent, EndpointError) as trouble:
            return trouble
        return normalised(found) if self.params.normalise else found

    def note(self, trouble: BudgetSpent | EndpointError | None) -> None:
        """Remember the first trouble; a spent budget before any other, since it ends the search."""
        if isinstance(trouble, BudgetSpent) and not isinstance(self.trouble, BudgetSpent):
            self.trouble = trouble
        self.trouble = self.trouble or trouble

    # -- the end ---------------------------------------------------------------------------------------------------------

    def ended(self) -> bool:
        """Whether the search is over, and why."""
        if isinstance(self.trouble, BudgetSpent):
            self.over = str(self.trouble)
        elif self.fruitless >= FRUITLESS_ROUNDS:
            self.over = f"no request of the last {FRUITLESS_ROUNDS} rounds was answered: {self.trouble}"
        elif self.params.stop_on != "never" and any(map(self.enough, self.programs.values())):
            self.over = "a program is good enough"
        elif self.rollouts >= self.params.rollouts:
            self.over = f"{self.rollouts} rollouts, as many as allowed"
        return bool(self.over)

    def enough(self, attempt: Trial) -> bool:
        if self.params.stop_on == "public_pass":
            return attempt.passed
        return attempt.passed and attempt.judged is not None and attempt.judged.score >= self.params.enough

    def room(self) -> int:
        """Rollouts at a time. Towards the end of ``calls`` they are fewer, so that the last request goes to one that is alone and not to
        whichever of several asks first."""
        if not self.programs and self.params.stop_on != "never":
            return 1
        tries, replies = self.params.rethinks + 1, 2 if self.params.again else 1
        dearest = tries * (replies + 1) + self.params.rethinks * replies + replies
        left = (self.params.calls - self.budget.spent.requests) // dearest
        return max(1, min(self.params.width, self.params.rollouts - self.rollouts, left))

    def best(self) -> Trial | None:
        """The program of the highest value; of equals the first."""
        return max(self.programs.values(), key=self.value, default=None)

    def result(self) -> Result:
        """The best program with the whole tree. Raises the endpoint's error where nothing else came of the search."""
        best = self.best()
        if best is None and isinstance(self.trouble, EndpointError):
            raise self.trouble
        artifacts = {
            "stopped": self.over, "rollouts": self.rollouts, "programs": len(self.programs), "tests": list(self.task.tests),
            "tests_from": self.task.tests_from, "tree": [self.place(node) for node in self.tree.nodes],
        }
        outcome: Outcome = "limit" if isinstance(self.trouble, BudgetSpent) else "best_effort" if best else "failed"
        if best is None:
            return Result(answer=None, outcome=outcome, detail=self.over or "no reply held a program", artifacts=artifacts)
        if best.tried is not None and best.tried.ok and self.task.tests and self.task.tests_from != "generated":
            return Result(answer=best.program, outcome="verified", authority="public_tests", artifacts=artifacts)
        authority: Authority = "model" if best.passed else "none"
        detail = self.over if best.passed or best.tried is None else f"{self.over}; {best.tried.feedback}"
        return Result(answer=best.program, outcome=outcome, authority=authority, detail=detail, artifacts=artifacts)

    def place(self, node: Thought) -> dict[str, Any]:
        """One node of the tree as JSON; ``value`` is the best return through it."""
        parent = node.parent.id if node.parent is not None else None
        return {"id": node.id, "parent": parent, "thought": node.action, "prior": node.prior, "visits": node.visits, "value": node.value,
                "attempts": [self.told(attempt) for attempt in node.state]}

    def told(self, attempt: Trial) -> dict[str, Any]:
        """One attempt as JSON."""
        judged = attempt.judged.score if attempt.judged is not None else None
        return {"thought": attempt.thought, "program": attempt.program, "score": attempt.score, "judged": judged,
                "value": self.value(attempt), "complaint": attempt.complaint}
