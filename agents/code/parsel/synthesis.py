"""From a Parsel program to code (§2.3): component by component, bodies are drawn and searched for a combination that fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from pydantic import Field

from eudoxus.agents.code.generated import generated_tests
from eudoxus.agents.code.parsel.agreement import scores
from eudoxus.agents.code.parsel.asking import a_helper, bodies_of, helpers_for
from eudoxus.agents.code.parsel.combinations import Body, Trial
from eudoxus.agents.code.parsel.language import ParselError, Program
from eudoxus.agents.code.parsel.targets import Target
from eudoxus.agents.code.parsel.work import Work
from eudoxus.agents.code.task import CodeTask
from eudoxus.runtime import Context, Params

MOST_SCORED = 64
"""Combinations among which generated tests choose."""


class Effort(Params):
    """How much is asked and tried for one Parsel program."""

    k: int = Field(8, ge=1, le=64)
    """Bodies drawn for each function at first; doubled until they fit together."""
    most: int = Field(64, ge=1, le=256)
    """Most bodies drawn for a function."""
    trials: int = Field(2000, ge=1, le=100_000)
    """Most combinations that are executed each time a component is searched."""
    temperature: float | None = Field(0.6, ge=0, le=2)
    """Sampling temperature of bodies. null leaves it to the endpoint."""
    generated: Literal["never", "root", "all"] = "root"
    """Where tests by the model take the place of constraints: nowhere, where nothing else tests a component, or for every function
    without constraints, which then stands alone."""
    autofill: bool = True
    """Whether a function is asked for that bodies call though the program lacks it."""
    expand: bool = True
    """Whether a function that cannot be implemented is split into helpers by the model."""
    backtrack: bool = True
    """Whether functions that were fixed are searched again together with the component that does not fit to them."""


@dataclass(frozen=True, slots=True)
class Built:
    """What came of a program."""

    program: Program
    """As implemented, with helpers that were added and without constraints that were given up."""
    code: str
    """Empty where the root is lacking."""
    complete: bool
    """Whether every component was implemented so that its checks passed."""
    final: bool
    """Whether no program could have forged that."""
    tested: bool
    """Whether any check that was given took part, as against none or tests by the model."""
    trials: int
    """Combinations that were executed."""
    detail: str = ""
    notes: tuple[str, ...] = ()
    partial: str = ""
    """What there is of the code where the root is lacking."""


async def implement(
    program: Program, target: Target, effort: Effort, ctx: Context, *, given: Mapping[str, Sequence[str]] | None = None,
    trusted: bool = True,
) -> Built:
    """Implement ``program``, dependencies first.

    ``given`` are checks beside its constraints. Constraints that a model wrote are not ``trusted``: where they cannot be met they are given
    up, and the callers' must do.
    """
    work = Work(program, target, given or {}, alone=effort.generated == "all")
    notes: list[str] = []
    detail, step = "", 0
    await _draw(work, list(program.functions), effort.k, effort, ctx.scope("bodies"))  # at once: no prompt shows another body
    while members := work.component():
        here = ctx.scope("component", step)
        step += 1
        found = await _component(work, members, effort, here, notes)
        ctx.emit("parsel.component", functions=list(members), found=found, trials=work.trials)
        if found:
            continue
        own = [name for name in members if work.program.functions[name].constraints]
        if trusted or not own:
            lacking = ", ".join(name for name in members if not work.bodies(name))
            detail = f"no usable body for {lacking}" if lacking else f"no combination of bodies fits for {', '.join(members)}"
            break
        notes.append(f"constraints of {', '.join(own)} were given up: no body meets them")
        for name in own:
            work.change(work.program.constrained(name, ()))
    return await _built(work, detail, notes, ctx.scope("whole"))


async def _component(work: Work, members: Sequence[str], effort: Effort, ctx: Context, notes: list[str]) -> bool:
    """Implement ``members``: draw, search, and draw twice as many; then fill in, reopen and expand, each once."""
    wanted, fill = effort.k, effort.autofill
    while True:
        await _draw(work, members, wanted, effort, ctx)
        if await _fit(work, members, effort, ctx):
            return True
        if fill and (added := await _autofill(work, members, effort, ctx, notes)):
            members = (*members, *added)
            if await _fit(work, members, effort, ctx):
                return True
        fill = False
        if wanted >= effort.most or not any(map(work.checks, members)):
            break
        wanted = min(2 * wanted, effort.most)
    if effort.backtrack and await _reopen(work, members, effort, ctx):
        notes.append(f"functions below {', '.join(members)} were chosen again")
        return True
    return effort.expand and await _expand(work, members, effort, ctx, notes)


async def _draw(work: Work, members: Sequence[str], wanted: int, effort: Effort, ctx: Context) -> None:
    """Ask for bodies until ``wanted`` were asked for of each function."""
    short = [name for name in members if work.asked.get(name, 0) < wanted]

    async def draw(here: Context, name: str) -> list[Body]:
        function, more = work.program.functions[name], wanted - work.asked.get(name, 0)
        return await bodies_of(function, work.program, work.target, more, effort.temperature, here, again=not work.bodies(name))

    for name, bodies in zip(short, await ctx.map(f"draw{wanted}", short, draw), strict=True):
        work.asked[name] = wanted
        work.add(bodies)


async def _fit(work: Work, members: Sequence[str], effort: Effort, ctx: Context) -> bool:
    """Search a combination for ``members``, by their checks where there are any, else by generated tests; and fix it."""
    here = ctx.scope("fit")
    if not any(map(work.checks, members)):
        return await _agreed(work, members, effort, here)
    search = work.combinations(members, here)
    found = await work.search(search, effort.trials, here) if search else None
    work.fix(body for body in found or () if body.function in members)
    return found is not None


async def _reopen(work: Work, members: Sequence[str], effort: Effort, ctx: Context) -> bool:
    """Backtracking: what was fixed below may pass its own constraints and yet be wrong, so all that was drawn is searched together."""
    below = work.below(members)
    search = work.combinations(members, ctx.scope("reopen"), open=below) if len(below) > len(members) else None
    found = await work.search(search, effort.trials, ctx.scope("reopen")) if search else None
    work.fix(found or ())
    return found is not None


async def _autofill(work: Work, members: Sequence[str], effort: Effort, ctx: Context, notes: list[str]) -> list[str]:
    """Have functions written that bodies call though the program lacks them; which ones."""
    bodies = [body for name in members for body in work.bodies(name)]
    missing = work.target.missing(work.program, bodies)
    callers = {name: next((b.function for b in bodies if f"{name}(" in b.code), members[0]) for name in missing}
    added = list[str]()
    for at, (name, lines) in enumerate(missing.items()):
        helper = await a_helper(name, lines, callers[name], work.program, ctx.scope("autofill", at))
        if helper is not None:
            work.change(work.program.extended(callers[name], [helper]))
            added.append(name)
    if added:
        notes.append(f"added because bodies call them: {', '.join(added)}")
        await _draw(work, added, effort.k, effort, ctx.scope("added"))
    return added


async def _expand(work: Work, members: Sequence[str], effort: Effort, ctx: Context, notes: list[str]) -> bool:
    """Have the model split the function that is furthest from fitting, a leaf if there is one, into helpers, and try once more."""
    leaves = [name for name in members if not work.program.functions[name].children] or list(members)
    hardest = min(leaves, key=lambda name: (not work.checks(name), work.fraction(name)))
    try:
        helpers = await helpers_for(work.program.functions[hardest], work.program, work.target, ctx.scope("expand"))
        work.change(work.program.extended(hardest, helpers))
    except ParselError as error:
        notes.append(f"{hardest} could not be split: {error}")
        return False
    notes.append(f"{hardest} was split into {', '.join(helper.name for helper in helpers)}")
    work.asked[hardest] = 0
    together = (*members, *(helper.name for helper in helpers))
    await _draw(work, [hardest, *(helper.name for helper in helpers)], effort.k, effort, ctx.scope("expand"))
    return await _fit(work, together, effort, ctx.scope("expand"))


async def _agreed(work: Work, members: Sequence[str], effort: Effort, ctx: Context) -> bool:
    """Choose by tests that the model writes for each function (§2.4); without them take what was drawn most often."""
    search = work.combinations(members, ctx, tested=False)
    if search is None:
        return False
    generating = effort.generated != "never" and work.target.name == "python"
    search.ask(1, enough=MOST_SCORED if generating else 1)
    found, chosen = search.found, 0
    if generating and len(found) > 1:
        tests = dict(zip(members, await ctx.map("tests", members, partial(_tests, work)), strict=True))
        chosen = await _most_agreed(work, found, {name: own for name, own in tests.items() if own}, ctx)
    work.fix(body for body in found[chosen] if body.function in members)
    return True


async def _most_agreed(work: Work, found: Sequence[tuple[Body, ...]], tests: Mapping[str, tuple[str, ...]], ctx: Context) -> int:
    """The place of the combination with the best score; of equal ones that which passes most, then the one that was drawn most often."""
    jobs = [work.job(Trial(name, bodies), own) for bodies in found for name, own in tests.items()]
    tried = iter(await work.target.tried(ctx, jobs) if jobs else [])
    passed = [
        {name: frozenset(test for test, ok in zip(own, next(tried).passed, strict=True) if ok) for name, own in tests.items()}
        for _ in found
    ]
    work.trials += len(found) if jobs else 0
    weights = [_weight(bodies) for bodies in found]
    ranked = scores(passed, weights)
    return max(range(len(found)), key=lambda at: (ranked[at], sum(map(len, passed[at].values())), weights[at], -at))


async def _tests(work: Work, ctx: Context, name: str) -> tuple[str, ...]:
    function = work.program.functions[name]
    statement = f'{work.target.opening(function)}\n    """{function.description}"""\n'
    return await generated_tests(CodeTask(statement=statement, entry_point=name, tests_from="generated"), ctx)


def _weight(bodies: Sequence[Body]) -> int:
    """How often the model wrote a combination, if it were to draw bodies one by one."""
    weight = 1
    for body in bodies:
        weight *= body.drawn
    return weight


async def _built(work: Work, detail: str, notes: list[str], ctx: Context) -> Built:
    """The whole program, tried once more as a whole: bodies may stand in each other's way."""
    bodies = work.best()
    code = work.target.compose(work.program, bodies, told=True) if bodies else ""
    tested = [name for name in work.program.functions if work.checks(name)]
    complete = not detail
    if complete and tested:
        results = await work.target.tried(ctx, [work.job(Trial(name, tuple(bodies))) for name in tested])
        wrong = [name for name, result in zip(tested, results, strict=True) if result.fraction < 1]
        work.final &= all(result.final for result in results)
        complete = not wrong
        detail = f"as a whole the program fails the constraints of {', '.join(wrong)}" if wrong else ""
    whole = any(body.function == work.program.root.name for body in bodies)
    return Built(work.program, code if whole else "", complete, work.final, bool(tested), work.trials, detail, tuple(notes),
                 "" if whole else code)
