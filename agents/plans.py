"""Plans with variables, as ReWOO's planner writes them: a line ``Plan: …`` and a line ``#E1 = tool[input with #E2]`` for each step."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

_HEAD = re.compile(r"^\W{0,4}#E(\d{1,4})\W{0,2}\s*=\s*`?\s*([A-Za-z_]\w*)\s*\[", re.MULTILINE)
_PLAN = re.compile(r"^\W{0,4}plan\b\W{0,3}\d{0,4}\W{0,3}:\W{0,3}(.*)$", re.IGNORECASE | re.MULTILINE)
_VARIABLE = re.compile(r"#E(\d{1,4})(?!\d)")


class UnreadablePlan(ValueError):
    """The text is no plan that can be carried out; the message says why, for the model."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a plan."""

    number: int
    thought: str
    tool: str
    input: str

    @property
    def needs(self) -> frozenset[int]:
        """The numbers of the variables in the input."""
        return frozenset(map(int, _VARIABLE.findall(self.input)))

    def written(self) -> str:
        """The step as it stands in a plan."""
        return f"Plan: {self.thought}\n#E{self.number} = {self.tool}[{self.input}]"


def read_plan(reply: str, tools: Collection[str], *, done: Collection[int] = (), most: int = 16) -> list[Step]:
    """The steps in a reply, in its order, which may use the variables ``done`` besides those above them.

    Raises :class:`UnreadablePlan` for an unknown tool, a number used twice, a variable that no step above gives, none or too many steps.
    """
    text = reply.rpartition("</think>")[2]
    steps, known, by_name = list[Step](), set(done), {name.lower(): name for name in tools}
    heads = list(_HEAD.finditer(text))
    for place, head in enumerate(heads):
        number, name = int(head[1]), by_name.get(head[2].lower())
        before = text[heads[place - 1].end() if place else 0 : head.start()]
        after = text[head.end() : heads[place + 1].start() if place + 1 < len(heads) else len(text)]
        thoughts = _PLAN.findall(before)
        if name is None:
            raise UnreadablePlan(f"#E{number} uses {head[2]}, but there are only {', '.join(tools)}")
        if number in known:
            raise UnreadablePlan(f"the number of #E{number} is taken")
        step = Step(number, thoughts[-1].strip() if thoughts else "", name, _input(after, number))
        if missing := sorted(step.needs - known):
            raise UnreadablePlan(f"#E{number} uses {', '.join(f'#E{one}' for one in missing)}, which no step above gives")
        known.add(number)
        steps.append(step)
    if not steps:
        raise UnreadablePlan("there is no line such as #E1 = tool[input]")
    if len(steps) > most:
        raise UnreadablePlan(f"it has {len(steps)} steps; at most {most} are allowed")
    return steps


def filled(text: str, value: Callable[[int], str]) -> str:
    """``text`` with the values of its variables in their places. Values are put in once: what looks like a variable in them stays."""
    return _VARIABLE.sub(lambda found: value(int(found[1])), text)


def _input(after: str, number: int) -> str:
    """What stands before the bracket that closes the input: the one that balances, else the last before the next ``Plan:``."""
    depth = 1
    for place, sign in enumerate(after):
        depth += {"[": 1, "]": -1}.get(sign, 0)
        if depth == 0 and not after[place + 1 :].partition("\n")[0].strip("`*. \t\r"):
            return after[:place].strip()
    body = _PLAN.split(after, maxsplit=1)[0]
    if "]" not in body:
        raise UnreadablePlan(f"the bracket after #E{number} is not closed")
    return body.rpartition("]")[0].strip()
