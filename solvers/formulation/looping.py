"""Loops over the members of collections, as ``forall`` and generators have them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from eudoxus.solvers.formulation.names import Spent
from eudoxus.solvers.formulation.operations import Closure, Env
from eudoxus.solvers.formulation.terms import TermError


def looping(
    steps: Sequence[tuple[Sequence[str], Closure]], conditions: Sequence[Closure], spent: Spent, where: str
) -> Callable[[Env], Iterator[None]]:
    """A function that sets the names of each step in an environment to the members of its collection, for which the conditions hold.

    It raises :class:`TermError` for what is no collection, and for conditions that depend on variables; and what ``spent`` raises.
    """
    def holds(env: Env) -> bool:
        for condition in conditions:
            value = condition(env)
            if not isinstance(value, bool):
                raise TermError("a condition cannot depend on variables; write implies(…, …)")
            if not value:
                return False
        return True

    def run(env: Env, level: int) -> Iterator[None]:
        names, collection = steps[level]
        members = collection(env)
        if not isinstance(members, tuple):
            raise TermError(f"{', '.join(names)}: this is no collection")
        spent.charge(len(members), where)
        innermost = level + 1 == len(steps)
        for member in members:
            if len(names) == 1:
                env[names[0]] = member
            elif isinstance(member, tuple) and len(member) == len(names):
                env.update(zip(names, member, strict=True))
            else:
                raise TermError(f"{member!r} does not have {len(names)} parts")
            if not innermost:
                yield from run(env, level + 1)
            elif not conditions or holds(env):
                yield

    def once(env: Env) -> Iterator[None]:
        if holds(env):
            yield

    return (lambda env: run(env, 0)) if steps else once
