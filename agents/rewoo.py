"""ReWOO (Xu et al. 2023, arXiv 2305.18323): plan all steps first, with variables for what tools will give; carry them out; solve.

The plan is a graph: steps that do not need each other run at the same time. When a tool fails, the rest of the plan is mended.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from pydantic import Field, field_validator

from eudoxus.agents.outcome import outcome, verdict_on
from eudoxus.agents.plans import Step, UnreadablePlan, filled, read_plan
from eudoxus.agents.tools.base import ERROR, LONGEST_INPUT, LONGEST_OUTPUT, described
from eudoxus.agents.tools.shipped import TOOLS, known
from eudoxus.agents.transcript import continued, mark, transcript, with_media
from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, Context, Message, Params, Result, Task, strategy

LLM = "LLM"
"""The worker that is a model: it sees the question alone."""


class Rewoo(Params):
    tools: list[str] = Field(["calculator"], max_length=16)
    """Tools that may be used, by name; a model can be asked besides."""
    steps: int = Field(12, ge=1, le=64)
    """Most steps of a plan."""
    patches: int = Field(2, ge=0, le=8)
    """How often the rest of a plan is mended after a failure."""
    temperature: float | None = Field(0.0, ge=0, le=2)
    """Sampling temperature. null leaves it to the endpoint."""

    _known_tools = field_validator("tools")(known)


@strategy("rewoo", takes=Task, prompts=["rewoo/plan", "rewoo/again", "rewoo/patch", "rewoo/solve"],
          calls="1 plan (2 when it cannot be read), 1 for each step that asks a model, 1 answer, and 1 for each mending of the plan")
async def rewoo(task: Task, params: Rewoo, ctx: Context) -> Result:
    """Return what the model answers from the plan and what its steps gave.

    Costs 2 completions besides those of steps that ask a model, whatever the number of tools' calls. ``verified`` when the task has a
    verifier and it accepts the answer. ``failed`` when no plan could be read. Steps with inputs and results are among the artifacts.
    """
    messages, tools = task.request().messages, [TOOLS[name] for name in params.tools]
    question = transcript(messages)
    asked = render("rewoo/plan", tools=described(tools), task=question, mark=mark(question), most=str(params.steps))
    try:
        plan = await _plan(with_media(asked, messages), params, (), ctx.scope("plan"))
    except UnreadablePlan as problem:
        return Result(answer=None, outcome="failed", detail=f"no plan could be read: {problem}")
    work, waves, patches = Work({step.number: step for step in plan}), 0, 0
    while batch := work.ready():
        await _carry_out(batch, work, ctx.scope("wave", waves))
        waves += 1
        if work.failed and patches < params.patches:
            await _mend(work, question, params, ctx.scope("patch", patches))
            patches += 1

    evidence = work.told()
    told = render("rewoo/solve", task=question, evidence=evidence, mark=mark(question, evidence))
    solving = with_media(told.model_copy(update={"temperature": params.temperature}), messages)
    answer = (await ctx.complete(solving, stream=True))[0]
    return outcome(answer, await verdict_on(answer, task, ctx.scope("verify")), steps=work.listed(), patches=patches)


@dataclass(slots=True)
class Work:
    """A plan being carried out."""

    steps: dict[int, Step]
    evidence: dict[int, str] = field(default_factory=dict)
    """What steps gave, by number."""
    failed: dict[int, str] = field(default_factory=dict)
    """What went wrong with others."""
    inputs: dict[int, str] = field(default_factory=dict)
    """The inputs with values in the places of variables."""

    def ready(self) -> list[Step]:
        """The steps that can be carried out now."""
        return [step for number, step in self.steps.items()
                if number not in self.evidence and number not in self.failed and step.needs <= self.evidence.keys()]

    def input_of(self, step: Step) -> str:
        """The step's input with values, each written as its tool wants it."""
        quoted = TOOLS[step.tool].quoted if step.tool in TOOLS else str
        return filled(step.input, lambda number: quoted(self._value(number)))

    def note(self, step: Step, text: str, result: str) -> None:
        """Keep what a step gave."""
        self.inputs[step.number] = text
        (self.failed if result.startswith(ERROR) else self.evidence)[step.number] = result

    def told(self, *, done: bool = True, open: bool = True) -> str:
        """Steps and what came of them, for a prompt."""
        said = [f"{step.written()}\n{self._came(number)}" for number, step in self.steps.items()
                if (done if number in self.evidence else open)]
        return "\n\n".join(said) or "(nothing)"

    def listed(self) -> list[dict[str, str]]:
        """The same for the artifacts."""
        return [{"variable": f"#E{number}", "plan": step.thought, "action": f"{step.tool}[{self.inputs.get(number, step.input)}]",
                 "observation": self._came(number)} for number, step in self.steps.items()]

    def _value(self, number: int) -> str:
        by = self.steps[number].tool
        return TOOLS[by].value(self.evidence[number]) if by in TOOLS else self.evidence[number]

    def _came(self, number: int) -> str:
        return self.evidence.get(number, self.failed.get(number, "(not begun)"))


async def _carry_out(batch: Sequence[Step], work: Work, ctx: Context) -> None:
    """Do several steps at the same time and keep what they give."""
    given = [(step.tool, work.input_of(step)) for step in batch]
    results = await ctx.map("step", given, lambda child, one: _use(*one, child))
    for step, (_, text), result in zip(batch, given, results, strict=True):
        work.note(step, text, result)
        ctx.emit("agent.step", thought=step.thought, action=f"{step.tool}[{text}]", observation=result)


async def _use(tool: str, text: str, ctx: Context) -> str:
    if tool != LLM:
        return await TOOLS[tool](ctx, text)
    if len(text) > LONGEST_INPUT:
        return f"{ERROR}the question has {len(text):,} characters; at most {LONGEST_INPUT:,} are asked"
    said = (await ctx.complete(ChatRequest(messages=(Message(role="user", content=text),), temperature=0.0)))[0].text
    return said.rpartition("</think>")[2].strip()[:LONGEST_OUTPUT] or f"{ERROR}the model said nothing"


async def _mend(work: Work, question: str, params: Rewoo, ctx: Context) -> None:
    """Have the rest of the plan written anew. A rest that cannot be read leaves the plan as it is."""
    tools, done, failed = described(TOOLS[name] for name in params.tools), work.told(open=False), work.told(done=False)
    asked = render("rewoo/patch", tools=tools, task=question, done=done, failed=failed, mark=mark(question, done, failed),
                   most=str(params.steps))
    try:
        rest = await _plan(asked, params, work.evidence.keys(), ctx)
    except UnreadablePlan:
        return
    work.steps = {number: work.steps[number] for number in work.evidence} | {step.number: step for step in rest}
    work.failed.clear()


async def _plan(asked: ChatRequest, params: Rewoo, done: Collection[int], ctx: Context) -> list[Step]:
    """The plan that is asked for; asked once more when it cannot be read. Raises :class:`UnreadablePlan`."""
    request = asked.model_copy(update={"temperature": params.temperature})
    said = (await ctx.complete(request))[0].text
    try:
        return _read(said, params, done)
    except UnreadablePlan as problem:
        again = render("rewoo/again", problem=str(problem))
        said = (await ctx.complete(continued(request, said, again)))[0].text
        return _read(said, params, done)


def _read(said: str, params: Rewoo, done: Collection[int]) -> list[Step]:
    """The plan in a reply; no more steps when what is done suffices."""
    if done and said.rpartition("</think>")[2].strip(" .`*\n").upper() == "NONE":
        return []
    return read_plan(said, [*params.tools, LLM], done=done, most=params.steps)
