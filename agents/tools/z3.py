"""An SMT solver: constraints in SMT-LIB 2 in, whether they can be met out."""

from __future__ import annotations

from eudoxus.agents.problem.extractors import blocks_of
from eudoxus.agents.tools.base import ERROR, tool
from eudoxus.runtime import Context
from eudoxus.solvers import Check, CheckResult, Refused, gate

SECONDS, MEMORY_MB = 10.0, 1024
_ENDED = {"optimal": "{}", "unbounded": "without bound", "open": "not proved",
          "not_attained": "comes ever closer to {} and never reaches it"}


@tool("z3", takes="constraints in SMT-LIB 2",
      does="decides whether constraints can be met and gives values, or the names of those that contradict each other: declare-const, "
           "declare-fun, define-fun and assert; check-sat and get-model are asked by themselves")
async def z3(ctx: Context, text: str) -> str:
    """``sat`` with the values, ``unsat`` with the names of contradicting assertions, ``unknown``, or what is wrong with the text."""
    blocks = blocks_of(text)
    source = blocks[-1][1] if blocks else text
    try:
        script = gate(source, quantifiers=True)
    except Refused as problem:
        return f"{ERROR}{problem}"
    found = await ctx.perform(Check(text=source, seconds=SECONDS, memory_mb=MEMORY_MB, quantifiers=script.quantified))
    return told(found, script.assertions)


def told(found: CheckResult, assertions: dict[str, str]) -> str:
    """An outcome in words."""
    match found.status:
        case "sat":
            optima = [f"{one.kind} {one.what or '(soft)'}: {_ENDED[one.status].format(one.value)}" for one in found.objectives]
            return "\n".join(["sat", *(f"{name} = {value}" for name, value in found.model.items()), *optima])
        case "unsat":
            core = [f"{name}: {assertions.get(name, '')[:300]}" for name in found.core]
            return "\n".join(["unsat", *(["these contradict each other:"] if core else []), *core])
        case "unknown":
            return f"unknown: {found.message}"
    return f"{ERROR}{found.status}: {found.message}"
