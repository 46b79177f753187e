"""Python in the sandbox: each call a program of its own."""

from __future__ import annotations

import ast
import re

from eudoxus.agents.problem.extractors import blocks_of
from eudoxus.agents.tools.base import ERROR, tool
from eudoxus.runtime import Context
from eudoxus.sandbox import Limits, Program, Run, RunResult, SandboxBusy, SandboxUnavailable

LIMITS = Limits(wall_s=10.0, call_s=10.0, cpu_s=10.0, memory_mb=1024)
MOST_OUTPUT = 3_000
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def _literal(value: str) -> str:
    """A value as Python writes it: a number as it is, anything else as a text, so that it is never read as code."""
    return value if len(value) <= 100 and _NUMBER.fullmatch(value) else repr(value)


@tool("python", takes="a program", quoted=_literal,
      does="runs a Python program and shows what it prints and the value of its last line; standard library only, no files, no network, "
           "and nothing is left for the next call")
async def python(ctx: Context, text: str) -> str:
    """What the program prints, or how it failed."""
    code = shown_at_the_end(program_of(text))
    try:
        ran = await ctx.perform(Run(program=Program(code=code), limits=LIMITS))
    except (SandboxUnavailable, SandboxBusy) as problem:
        return f"{ERROR}{problem}"
    return told(ran)


def program_of(text: str) -> str:
    """The program without a fence around it."""
    blocks = blocks_of(text)
    return blocks[-1][1] if blocks else text.strip("\n")


def shown_at_the_end(code: str) -> str:
    """``code`` printing the value of its last line, as an interactive session does. Code that cannot be read stays as it is."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return code
    if not tree.body or not isinstance(last := tree.body[-1], ast.Expr) or isinstance(last.value, ast.Yield | ast.YieldFrom | ast.Await):
        return code
    lines = code.encode().splitlines(keepends=True)
    before = b"".join(lines[: last.lineno - 1]) + lines[last.lineno - 1][: last.col_offset]
    value = ast.unparse(last.value)
    return f"{before.decode()}__value = ({value})\nif __value is not None:\n    print(__value)\n"


def told(ran: RunResult) -> str:
    """What came of a run, in words."""
    output = (ran.stdout + (f"\n[standard error]\n{ran.stderr}" if ran.stderr.strip() else "")).strip()
    if len(output) > MOST_OUTPUT:
        output = f"{output[:MOST_OUTPUT]}\n[cut: {len(output):,} characters in all]"
    if ran.outcome == "passed":
        return output or "the program ended and printed nothing"
    what = f"{ran.exc.type}: {ran.exc.msg}" + (f" (line {ran.exc.line})" if ran.exc.line else "") if ran.exc else ran.outcome
    kinds = {"timeout": f"the program was ended after {LIMITS.wall_s:g} s", "memory": f"out of memory ({LIMITS.memory_mb} MiB)"}
    return f"{ERROR}{kinds.get(ran.outcome, what)}" + (f"\n[printed before]\n{output}" if output else "")
