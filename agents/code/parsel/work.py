"""A program on its way to being implemented: what the model wrote, what is fixed, and what was found out by trying."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from eudoxus.agents.code.parsel.combinations import Body, Combinations, Trial, arranged
from eudoxus.agents.code.parsel.graph import components, dependencies, reachable, written_order
from eudoxus.agents.code.parsel.language import Program
from eudoxus.agents.code.parsel.targets import Job, Target
from eudoxus.runtime import Context

BATCH = 32
"""Combinations that are tried at once."""


class Work:
    """The state of one compilation. Functions are fixed component by component, those that others depend on first."""

    def __init__(self, program: Program, target: Target, given: Mapping[str, Sequence[str]], *, alone: bool = False) -> None:
        """``given`` are checks beside the constraints; ``alone`` lets helpers without any stand alone, since tests will be generated."""
        self.program, self.target = program, target
        self.fixed: dict[str, Body] = {}
        self.asked: dict[str, int] = {}
        """Bodies asked for."""
        self.trials = 0
        """Combinations that were executed."""
        self.final = True
        """Whether no verdict so far could have been forged."""
        self._alone = alone
        self._given = {name: tuple(checks) for name, checks in given.items()}
        self._drawn: dict[str, dict[str, Body]] = {}
        self._known: dict[Trial, float] = {}

    # -- bodies ------------------------------------------------------------------------------------------------------

    def add(self, bodies: Iterable[Body]) -> None:
        for body in bodies:
            mine = self._drawn.setdefault(body.function, {})
            before = mine.get(body.code)
            mine[body.code] = replace(body, drawn=before.drawn + 1) if before else body

    def bodies(self, name: str) -> list[Body]:
        """What was drawn for a function, each once, in the order of drawing."""
        return list(self._drawn.get(name, {}).values())

    def change(self, program: Program) -> None:
        """Go on with a changed program; what the bodies may call is looked up anew."""
        self.program = program
        for name, mine in self._drawn.items():
            for code, body in mine.items():
                mine[code] = replace(body, uses=self.target.uses(code, name, program))

    def fix(self, bodies: Iterable[Body]) -> None:
        self.fixed |= {body.function: body for body in bodies}

    def checks(self, name: str) -> tuple[str, ...]:
        """How a function is tried: what was given for it, and its constraints."""
        return (*self._given.get(name, ()), *self.target.checks(self.program.functions[name]))

    # -- what comes next ---------------------------------------------------------------------------------------------

    def component(self) -> tuple[str, ...]:
        """The functions to be implemented next, together; none when all are."""
        alone = [name for name, function in self.program.functions.items() if not function.constraints] if self._alone else []
        tested = [*alone, *(name for name in self._given if self._given[name])]
        for members in components(dependencies(self.program, tested=tested)):
            if not all(name in self.fixed for name in members):
                return members
        return ()

    def below(self, members: Iterable[str]) -> list[str]:
        """``members`` and all that they depend on, in the order of the program."""
        everything = reachable(dependencies(self.program), members)
        return [name for name in self.program.functions if name in everything]

    def combinations(self, members: Sequence[str], ctx: Context, *, open: Iterable[str] = (), tested: bool = True) -> Combinations | None:
        """The search for bodies of ``members``, with those of fixed functions as they are unless ``open``; None where one has no body."""
        free = {*members, *open}
        around = self.below(members)
        choices = {name: self.bodies(name) if name in free else [self.fixed[name]] for name in around if name in free or name in self.fixed}
        if not all(choices.values()):
            return None
        uses = {name: tuple(other for other in function.uses if other in choices) for name, function in self.program.functions.items()}
        trying = [name for name in around if name in free and self.checks(name)] if tested else []
        return Combinations(arranged(choices, uses, trying), choices, trying, ctx.random(), self._known)

    # -- trying ------------------------------------------------------------------------------------------------------

    async def search(self, search: Combinations, most: int, ctx: Context) -> tuple[Body, ...] | None:
        """The first combination of which every constraint holds, within ``most`` trials."""
        left = most
        while left > 0 and (trials := search.ask(min(BATCH, left))):
            results = await self.target.tried(ctx, [self.job(trial) for trial in trials])
            self.trials += len(trials)
            left -= len(trials)
            for trial, result in zip(trials, results, strict=True):
                self.final &= result.final
                search.tell(trial, result.fraction)
        return search.found[0] if search.found else None

    def job(self, trial: Trial, checks: tuple[str, ...] | None = None) -> Job:
        chosen = {body.function: body for body in trial.bodies}
        ordered = [chosen[name] for name in written_order(self.program) if name in chosen]
        return Job(trial.function, self.target.compose(self.program, ordered), self.checks(trial.function) if checks is None else checks)

    def fraction(self, name: str) -> float:
        """The largest share of a function's constraints that held in any trial."""
        return max((share for trial, share in self._known.items() if trial.function == name), default=0.0)

    # -- the outcome -------------------------------------------------------------------------------------------------

    def best(self) -> list[Body]:
        """A body for every function that has any: the fixed ones, else those of the root's best trial, else the most often drawn."""
        root = self.program.root.name
        mine = [(share, trial) for trial, share in self._known.items() if trial.function == root]
        near = {body.function: body for body in max(mine, key=lambda pair: pair[0])[1].bodies} if mine else {}
        chosen = dict(self.fixed)
        for name in self.program.functions:
            if name not in chosen and (body := near.get(name) or max(self.bodies(name), key=lambda body: body.drawn, default=None)):
                chosen[name] = body
        return [chosen[name] for name in written_order(self.program) if name in chosen]
