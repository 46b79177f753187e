"""DeAL: decoding-time alignment (Huang et al. 2024, arXiv 2402.06147, §3): search over continuations, scored by a reward ahead of them.

The score of a beginning y is log P(y) + λ·h(y and a rollout of some tokens). Here one step of the search draws a piece of several tokens,
so that any endpoint will do. Beams can be kept by which instructions they follow, as in NeuroLogic A*esque (Lu et al. 2022, arXiv
2112.08726).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from pydantic import BaseModel, Field, PrivateAttr

from eudoxus.agents.examiner import PROMPTS as JUDGE_PROMPTS
from eudoxus.agents.examiner import examine
from eudoxus.agents.instructions import PROMPTS, checks_of, own_verdict, together, told
from eudoxus.agents.outcome import outcome
from eudoxus.agents.pieces import PROMPTS as PIECE_PROMPTS
from eudoxus.agents.pieces import Text, Writer, different
from eudoxus.agents.problem.instructions import FollowsInstructions, GivenInstructions
from eudoxus.agents.scores import HIGHEST, UnreadableScores
from eudoxus.runtime import Completion, Context, Effect, Params, Result, Task, Verdict, strategy
from eudoxus.runtime.endpoints import Capabilities
from eudoxus.runtime.errors import CapabilityMissing

_DRAWS = 2
"""How often pieces are drawn when none of them can still become an answer."""


class Deal(Params):
    beam: int = Field(4, ge=1, le=32)
    """Beginnings kept after each step."""
    width: int = Field(8, ge=1, le=64)
    """Pieces drawn for each of them."""
    step: int = Field(8, ge=1, le=4096)
    """Tokens of a piece."""
    lookahead: int = Field(16, ge=0, le=4096)
    """Tokens of the greedy rollout behind each piece, on which it is judged."""
    steps: int = Field(32, ge=1, le=512)
    """Most steps; what is unfinished then is finished in one go."""
    lam: float = Field(10.0, ge=0, le=1e6)
    """λ: what the reward, between 0 and 1, weighs against the log-probability, in nats."""
    instructions: GivenInstructions = ()
    """What is rewarded, besides the instructions of the task's verifier: ``[{"id": "punctuation:no_comma"}]``."""
    hard: bool = True
    """Whether beginnings that can no longer follow an instruction are dropped, as are answers that do not."""
    tell: bool = True
    """Whether the model is told the instructions, in words behind the task."""
    judge: float | None = Field(None, ge=0, le=1)
    """Weight of a model's judgement in the reward, beside that of the instructions; by default 0, and 1 without instructions."""
    group: bool = False
    """Whether the best of each set of followed instructions is kept before second-best ones."""
    prefill: bool = False
    """Whether the model continues its own message, on an endpoint with the capability ``prefill``; else a prompt asks it to go on."""
    logprobs: bool = False
    """Whether log P counts, on an endpoint with the capability ``logprobs``; else it is taken as 0, and rewards alone decide."""
    temperature: float | None = Field(1.0, ge=0, le=2)
    """Sampling temperature of the pieces, where the task sets none. null leaves it to the endpoint."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A beginning, the same with its rollout, and what that is worth."""

    begun: Text
    ahead: str
    reward: float = 0.0
    followed: tuple[bool, ...] = ()
    lost: bool = False
    """Whether an instruction can no longer be followed."""

    def score(self, lam: float) -> float:
        """log P + λ·h, and −∞ for what is lost."""
        return -math.inf if self.lost else self.begun.log_prob + lam * self.reward


@strategy("deal", takes=Task, prompts=[*PIECE_PROMPTS, *PROMPTS, *JUDGE_PROMPTS],
          calls="for each step beam times width pieces and as many rollouts, and 1 request to the judge where it has weight; then beam "
                "rests, and width more for each that breaks an instruction; a step of which nothing can be kept is drawn twice")
async def deal(task: Task, params: Deal, ctx: Context) -> Result:
    """Return the finished beam that all verifiers accept, else the one of the highest score.

    Costs at most ``steps * beam * width`` pieces, as many rollouts, and ``beam * (1 + width)`` rests; the first step has one beginning.
    ``verified`` when the task's verifier and all ``instructions`` accept the answer. A spent budget gives the best beginning with its
    rollout.
    """
    await _can(params, ctx.scope("abilities"))
    checks = checks_of(task, params.instructions)
    rewards = Rewards(task, checks, params.judge if params.judge is not None else float(checks is None), params.hard)
    writer = Writer(told(task.request(), checks if params.tell else None), params.prefill, params.logprobs)
    if writer.request.temperature is not None:
        params = params.model_copy(update={"temperature": writer.request.temperature})
    beams, steps, stuck = [Candidate(Text(""), "")], 0, False
    for number in range(params.steps):
        if await enough(beams, task, checks, params, ctx.scope("enough", number)):
            beams = [one for one in beams if one.begun.ended]
            break
        kept = await expand(beams, writer, rewards, params, ctx.scope("step", number))
        stuck = all(one.lost for one in kept)
        if stuck and steps:
            break
        beams, steps = kept, number + 1
        ctx.best(beams[0].ahead)
        if stuck:
            break
    ended = await ctx.map("finish", beams, lambda child, one: _finished(child, one, writer, rewards, params))
    final = await rewards.judged(ended, ctx.scope("final"))
    verdicts = await ctx.map("verify", final, lambda child, one: _verdict(child, one, task, checks))
    order = sorted(range(len(final)), key=lambda at: (-_ok(verdicts[at]), -final[at].score(params.lam), -final[at].reward))
    best, verdict = final[order[0]], verdicts[order[0]]
    completion = Completion(text=best.begun.text, finish_reason="stop" if best.begun.ended else "length")
    notes = {} if params.logprobs else {"note": "log P was taken as 0: rewards alone decided"}
    detail = "no piece could be kept: all broke an instruction beyond repair" if stuck else ""
    return outcome(completion, verdict, judged=rewards.judge > 0, detail=detail, steps=steps, reward=best.reward,
                   candidates=[one.begun.text for one in final], **notes)


async def expand(beams: Sequence[Candidate], writer: Writer, rewards: Rewards, params: Deal, ctx: Context) -> list[Candidate]:
    """The best candidates one piece further; when all are lost, also after a second draw, the least bad ones."""
    done = [one for one in beams if one.begun.ended]
    open_ones = [one.begun for one in beams if not one.begun.ended]
    found = list[Candidate]()
    for draw in range(_DRAWS):
        here = ctx.scope("draw", draw)
        pieces = await here.map("piece", open_ones, lambda child, begun: writer.go_on(
            child, begun, params.step, n=params.width, temperature=params.temperature))
        longer = different([one for several in pieces for one in several])
        looked = await here.map("ahead", longer, lambda child, one: _look_ahead(child, one, writer, rewards, params))
        found = [*done, *await rewards.judged(looked, here.scope("judge"))]
        if not all(one.lost for one in found):
            break
    return keep(found, params)


async def enough(beams: Sequence[Candidate], task: Task, checks: FollowsInstructions | None, params: Deal, ctx: Context) -> bool:
    """Whether all have ended, or the best of those that have is accepted and none can overtake it: log P only falls, and h is at most 1."""
    ended = [one for one in beams if one.begun.ended]
    if len(ended) in (0, len(beams)):
        return len(ended) > 0
    best = max(ended, key=lambda one: one.score(params.lam))
    if best.score(params.lam) < params.lam + max(one.begun.log_prob for one in beams if not one.begun.ended):
        return False
    verdict = await _verdict(ctx, best, task, checks)
    return verdict is None or verdict.ok


def keep(found: Sequence[Candidate], params: Deal) -> list[Candidate]:
    """The ``beam`` best; with ``group`` first the best one of each set of followed instructions."""
    alive = [one for one in found if not one.lost]
    if not alive:
        return sorted(found, key=lambda one: -one.reward)[:params.beam]
    best = sorted(alive, key=lambda one: -one.score(params.lam))
    if params.group:
        firsts = {one.followed: one for one in reversed(best)}
        best.sort(key=lambda one: firsts[one.followed] is not one)
    return best[:params.beam]


@dataclass(frozen=True, slots=True)
class Rewards:
    """h: the mean part to which instructions are followed, and a judge's opinion of the task as a whole."""

    task: Task
    checks: FollowsInstructions | None
    judge: float
    hard: bool

    def lost(self, text: str, *, ended: bool) -> bool:
        """Whether ``text`` can no longer become an answer that follows all instructions."""
        if not self.hard or self.checks is None:
            return False
        if ended:
            return not self.checks.verdict(text).ok
        return any(one.instruction.broken(text) for one in self.checks.instructions) if not self.checks.loose else False

    async def judged(self, candidates: Sequence[Candidate], ctx: Context) -> list[Candidate]:
        """``candidates`` with their rewards."""
        if not candidates:
            return []
        opinions = await self._opinions([one.ahead for one in candidates], ctx)
        return await asyncio.to_thread(lambda: list(map(self.rewarded, candidates, opinions)))

    def rewarded(self, one: Candidate, opinion: float = 0.5) -> Candidate:
        """``one`` with its reward, given the judge's opinion."""
        findings = [found for _, found in self.checks.findings(one.ahead)] if self.checks else []
        followed = sum(found.score for found in findings) / len(findings) if findings else 0.0
        weight = float(bool(findings))
        reward = (weight * followed + self.judge * opinion) / (weight + self.judge) if weight + self.judge else 0.0
        lost = self.lost(one.begun.text, ended=one.begun.ended)
        return replace(one, reward=reward, followed=tuple(found.ok for found in findings), lost=lost)

    async def _opinions(self, texts: Sequence[str], ctx: Context) -> list[float]:
        """Between 0 and 1; all equal where the judge has no weight or cannot be understood."""
        if not self.judge or len(texts) == 1:
            return [0.5] * len(texts)
        try:
            return [score / HIGHEST for score in await examine(self.task, texts, ctx)]
        except UnreadableScores:
            return [0.5] * len(texts)


async def _look_ahead(ctx: Context, begun: Text, writer: Writer, rewards: Rewards, params: Deal) -> Candidate:
    """The greedy rollout, which is spared where it cannot help."""
    if begun.ended or not params.lookahead or rewards.lost(begun.text, ended=False):
        return Candidate(begun, begun.text)
    return Candidate(begun, (await writer.go_on(ctx, begun, params.lookahead, temperature=_cool(params)))[0].text)


async def _finished(ctx: Context, one: Candidate, writer: Writer, rewards: Rewards, params: Deal) -> Candidate:
    """``one`` with the greedy rest; where that does not follow the instructions, with the best of ``width`` drawn ones."""
    if one.begun.ended:
        return one
    texts = await writer.finish(ctx, one.begun, temperature=_cool(params))
    if rewards.lost(texts[0].text, ended=True):
        texts += await writer.finish(ctx, one.begun, n=params.width, temperature=params.temperature)
    ended = await asyncio.to_thread(lambda: [rewards.rewarded(Candidate(text, text.text)) for text in texts])
    return max(ended, key=lambda found: (found.score(params.lam), found.reward))


async def _verdict(ctx: Context, one: Candidate, task: Task, checks: FollowsInstructions | None) -> Verdict | None:
    return together(await own_verdict(one.begun.text, task, ctx), checks, one.begun.text)


def _cool(params: Deal) -> float | None:
    return None if params.temperature is None else 0.0


def _ok(verdict: Verdict | None) -> bool:
    return verdict is not None and verdict.ok


class Abilities(BaseModel):
    """What the search may ask of the model."""

    prefill: bool
    logprobs: bool


class AskAbilities(Effect[Abilities]):
    """What the model's endpoint declares, journaled: a replay elsewhere goes the same way."""

    kind: ClassVar[str] = "abilities"
    result: ClassVar[type[BaseModel]] = Abilities
    _found: Abilities = PrivateAttr()

    @classmethod
    def of(cls, capabilities: Capabilities) -> AskAbilities:
        """Of an endpoint with these capabilities."""
        asked = cls()
        asked._found = Abilities(prefill=capabilities.prefill, logprobs=capabilities.logprobs)
        return asked

    async def run(self) -> Abilities:
        """Nothing is raised."""
        return self._found


async def _can(params: Deal, ctx: Context) -> None:
    """Raise :class:`CapabilityMissing` for what the parameters want and the model lacks."""
    wanted = [name for name in ("prefill", "logprobs") if getattr(params, name)]
    able = await ctx.perform(AskAbilities.of(ctx.model.capabilities)) if wanted else None
    for name in wanted:
        if not getattr(able, name):
            raise CapabilityMissing(f"deal({name}=true) needs {name}, which its model does not offer", param=f"params.{name}")
