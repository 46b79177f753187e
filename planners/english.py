"""Plans in English, from templates or in a model's words.

A domain may say in comments how its actions read: ``; say stack: put {block} on {below}``, with the names of parameters in braces.
Actions without such a line are told by their names and parameters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from eudoxus.planners.pddl import Action, Domain

_SAY = re.compile(r"^[ \t]*;+[ \t]*say[ \t]+([^\s:]+)[ \t]*:[ \t]*(\S.*)$", re.MULTILINE | re.IGNORECASE)
_NUMBERED = re.compile(r"^[ \t]*(\d+)[.)][ \t]+(\S.*?)[ \t]*$", re.MULTILINE)
_PLACE = re.compile(r"\{([^{}\s]+)\}")


def told(plan: Sequence[str], domain: Domain, source: str) -> str:
    """The plan as an answer for people: numbered steps, and the same in a fenced block for programs. ``source``: the domain's text."""
    if not plan:
        return "Nothing needs to be done: what is wanted already holds at the start.\n\n```pddl\n```"
    templates = {name.lower(): template.strip() for name, template in _SAY.findall(source)}
    return _numbered([_step(step, domain, templates) for step in plan], plan)


def in_words(said: str, plan: Sequence[str]) -> str | None:
    """The same with a model's numbered sentences in place of the templates; None unless there is exactly one for each step, in order."""
    found = _NUMBERED.findall(said)
    if [int(number) for number, _ in found] != list(range(1, len(plan) + 1)):
        return None
    return _numbered([sentence for _, sentence in found], plan)


def _numbered(sentences: Sequence[str], plan: Sequence[str]) -> str:
    steps = [f"{number}. {sentence}" for number, sentence in enumerate(sentences, start=1)]
    count = "1 step" if len(plan) == 1 else f"{len(plan)} steps"
    return "\n".join([f"The plan has {count}:", "", *steps, "", "```pddl", *plan, "```"])


def _step(step: str, domain: Domain, templates: dict[str, str]) -> str:
    name, *objects = step[1:-1].split()
    action = domain.action(name)
    if action is None or len(action.parameters) != len(objects):
        return step
    named = {parameter.name.removeprefix("?"): thing for parameter, thing in zip(action.parameters, objects, strict=True)}
    template = templates.get(name)
    if template is None:
        return _plainly(action, named)
    said = _PLACE.sub(lambda place: named.get(place[1].lower(), place[0]), template)
    return f"{said[0].upper()}{said[1:]}{'' if said.endswith('.') else '.'}"


def _plainly(action: Action, named: dict[str, str]) -> str:
    """``Move (r: robot1, from: kitchen, to: hall).``"""
    words = action.name.replace("-", " ").replace("_", " ").strip().capitalize() or action.name
    return f"{words} ({', '.join(f'{name}: {thing}' for name, thing in named.items())})." if named else f"{words}."
