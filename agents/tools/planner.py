"""A PDDL planner: domain and problem in, a validated plan out."""

from __future__ import annotations

import asyncio
import re

from eudoxus.agents.tools.base import ERROR, tool
from eudoxus.planners.desk import checked, domain_text, judged
from eudoxus.planners.domains import shipped
from eudoxus.planners.pddl import extract
from eudoxus.planners.solve import Solve
from eudoxus.runtime import Context
from eudoxus.runtime.errors import InvalidRequest

SECONDS = 10.0
MOST_STEPS = 200
"""Steps of a plan that are shown."""
_DEFINES = re.compile(r"\(\s*define\s*\(\s*(domain|problem)\b", re.IGNORECASE)
_NAMED = re.compile(r"^\s*domain\s*[:=]\s*`?([\w-]+)`?", re.IGNORECASE | re.MULTILINE)


class Incomplete(ValueError):
    """The input is not a domain and a problem; the message says what is missing, for the model."""


@tool("planner", takes="a domain and a problem in PDDL",
      does="finds a plan by a classical planner: (define (domain …) …) and then (define (problem …) …), both whole")
async def planner(ctx: Context, text: str) -> str:
    """The steps of a plan, why there is none, or what is wrong with the PDDL."""
    try:
        domain, problem = texts_in(text)
        found = await asyncio.to_thread(checked, domain, problem)
    except (Incomplete, InvalidRequest) as complaint:
        return f"{ERROR}{complaint}"
    if not found.usable:
        return ERROR + "; ".join(str(finding) for finding in found.findings[:5])
    solved = await ctx.perform(Solve(domain=domain, problem=problem, seconds=SECONDS))
    if solved.status in ("unsolvable", "exhausted"):
        return f"no plan: {solved.message or solved.status}"
    if solved.status != "solved":
        return f"{ERROR}{solved.status}: {solved.message[-1000:]}"
    try:
        verdict = await asyncio.to_thread(judged, domain, problem, solved.plan)
    except InvalidRequest as complaint:
        return f"{ERROR}the plan could not be validated: {complaint}"
    if not verdict.valid:
        return f"{ERROR}the planner's plan is not valid: {verdict.message}"
    more = [f"[{len(solved.plan) - MOST_STEPS} more steps]"] if len(solved.plan) > MOST_STEPS else []
    return "\n".join([f"a plan of {len(solved.plan)} steps, validated:", *solved.plan[:MOST_STEPS], *more])


def texts_in(text: str) -> tuple[str, str]:
    """Domain and problem. A line ``domain: NAME`` stands for a shipped domain. Raises :class:`Incomplete`."""
    defined = {found[1].lower() for found in _DEFINES.finditer(text)}
    if "problem" not in defined:
        raise Incomplete("there is no (define (problem …) …) in the input")
    named = _NAMED.search(text)
    if "domain" not in defined and (named is None or named[1].lower() not in shipped()):
        raise Incomplete("there is no (define (domain …) …) in the input")
    domain = extract(text, "domain").source if "domain" in defined or named is None else domain_text(named[1].lower())
    return domain, extract(text, "problem").source
