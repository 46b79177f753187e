"""What a run of a program tells, as text for a prompt: failing tests with what came out, and which blocks were executed.

The caps are those of RethinkMCTS (arXiv 2409.09584) and LDB (arXiv 2402.16906), with four characters for a token.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from eudoxus.agents.code.syntax import FUNCTIONS
from eudoxus.agents.programs import parsed
from eudoxus.sandbox import Raised, RunResult, TestResult

TOKEN = 4
"""Characters of a token, roughly."""
MOST_FAILURES = 6
MOST_TEST = 2048 * TOKEN
MOST_BLOCKS = 10
"""The first five that were executed and the last five."""
MOST_BLOCK = 5000 * TOKEN
MOST_TEXT, KEPT_TEXT = 12_000 * TOKEN, 8_000 * TOKEN
"""Longer texts are cut to the second number."""
MOST_VALUE, KEPT_VALUE = 100, 50
"""Longer values are shown by that much of their beginning and end."""
_OUTCOMES = {
    "timeout": "it did not end in time",
    "memory": "it used too much memory",
    "output_limit": "it printed too much",
    "crashed": "the process crashed",
    "protocol_error": "it ended the process or wrote where it must not",
    "invalid_test": "the test itself is broken",
}


def failures(program: str, tests: Sequence[str], found: RunResult) -> str:
    """The failing tests with what the program did; empty when all passed.

    Quotes the first six; how many passed is said where there are several tests.
    """
    if found.outcome == "load_error":
        return f"The program could not be loaded. {_raised(found.exc, program)}"
    bad = [test for test in found.tests if test.outcome != "passed"]
    if not bad:
        return "" if found.outcome == "passed" else f"The program failed: {_reason(found.outcome, found.exc, program)}"
    lines = [f"{len(found.tests) - len(bad)} of {len(found.tests)} tests passed."] if len(found.tests) > 1 else []
    lines += [_failure(tests[test.i], test, program) for test in bad[:MOST_FAILURES]]
    if len(bad) > MOST_FAILURES:
        lines.append(f"({len(bad) - MOST_FAILURES} more tests failed.)")
    return capped("\n\n".join(lines))


def block_trace(program: str, test: str, found: TestResult) -> str:
    """The blocks that were executed in ``test``, in order, each with its lines and the values of the variables before and after it.

    Empty when nothing was traced. Shows the first five and the last five steps.
    """
    blocks = found.trace.get("blocks") if isinstance(found.trace, dict) else None
    steps = _steps(blocks, _function_lines(program)) if isinstance(blocks, list) else []
    if not steps:
        return ""
    source, half, first = program.split("\n"), MOST_BLOCKS // 2, steps[0]["step"]
    order = _names_in_order(program)
    texts, told = list[str](), first - 1
    for at, step in enumerate(steps):
        if half <= at < len(steps) - half:
            continue
        if step["step"] > told + 1:
            texts.append(f"… {step['step'] - told - 1} blocks in between …")
        told = step["step"]
        texts.append(_block(told - first, step, steps[at + 1] if at + 1 < len(steps) else None, source, order))
    ended = _ended(found, program)
    return capped("\n".join([f"Trace of: {cut(test, MOST_TEST)}", *texts, *([f"At the end: {ended}"] if ended else [])]))


def capped(text: str) -> str:
    """``text`` whole, or without its middle when it is longer than 12 000 tokens: 8 000 are left."""
    return text if len(text) <= MOST_TEXT else cut(text, KEPT_TEXT)


def cut(text: str, most: int) -> str:
    """``text`` whole, or its beginning and end around a sign that something is left out: ``most`` characters."""
    sign = "\n…\n" if "\n" in text else "..."
    if len(text) <= most:
        return text
    half = (most - len(sign)) // 2
    return f"{text[:half]}{sign}{text[-half:]}"


def value(text: str) -> str:
    """A value's text; of more than 100 characters the first and last 50."""
    return text if len(text) <= MOST_VALUE else f"{text[:KEPT_VALUE]}...{text[-KEPT_VALUE:]}"


def _failure(test: str, found: TestResult, program: str) -> str:
    return f"This test fails: {cut(test, MOST_TEST)}\n  {_ended(found, program)}"


def _ended(found: TestResult, program: str) -> str:
    """In words what the last call in a test gave."""
    calls = [call for call in found.calls if call.value is not None or call.raised is not None]
    if found.outcome in ("failed", "passed") and calls:
        last = calls[-1]
        gave = f"returned {value(last.value)}" if last.value is not None else f"raised {last.raised}"
        return f"{last.function}({value(last.args.strip('()'))}) {gave}"
    return _reason(found.outcome, found.exc, program)


def _reason(outcome: str, exc: Raised | None, program: str) -> str:
    if outcome in _OUTCOMES:
        return _OUTCOMES[outcome]
    return _raised(exc, program) if exc else outcome.replace("_", " ")


def _raised(exc: Raised | None, program: str) -> str:
    if exc is None:
        return ""
    said = f"{exc.type}: {cut(exc.msg, MOST_VALUE * 3)}" if exc.msg else exc.type
    lines = program.split("\n")
    where = exc.frames[-1][0] if exc.frames else exc.line
    if where and 0 < where <= len(lines):
        return f"{said}\n  in line {where}: {lines[where - 1].strip()}"
    return said


def _function_lines(program: str) -> frozenset[int]:
    """The lines in functions; the others are executed when the program is loaded."""
    tree = parsed(program)
    bodies = [part for node in ast.walk(tree) if isinstance(node, FUNCTIONS) for part in node.body] if tree else []
    return frozenset(line for part in bodies for line in range(part.lineno, (part.end_lineno or part.lineno) + 1))


def _steps(blocks: Sequence[Any], lines: frozenset[int]) -> list[dict[str, Any]]:
    """The visits, with variables, of the blocks that begin in ``lines``, in the order in which they happened."""
    seen = [
        {**shot, "first_line": block["first_line"], "last_line": block["last_line"]}
        for block in blocks if block["first_line"] in lines for shot in block["snapshots"]
    ]
    return sorted(seen, key=lambda shot: int(shot["step"]))


def _block(
    number: int, step: dict[str, Any], after: dict[str, Any] | None, source: Sequence[str], order: dict[str, int],
) -> str:
    lines = [
        f"    {source[line - 1]}" for line in range(step["first_line"], step["last_line"] + 1)
        if 0 < line <= len(source) and source[line - 1].strip()
    ]
    shown = [f"[BLOCK-{number}]", f"  before: {_values(step, order)}", *lines]
    if after is not None and after["step"] == step["step"] + 1:
        shown.append(f"  after: {_values(after, order)}")
    return cut("\n".join(shown), MOST_BLOCK)


def _values(step: dict[str, Any], order: dict[str, int]) -> str:
    """The variables as the program comes to them; a journal keeps no order."""
    found = sorted((step.get("locals") or {}).items(), key=lambda entry: (order.get(entry[0], len(order)), entry[0]))
    return " ".join(f"{name}={value(str(text))}" for name, text in found) or "(nothing)"


def _names_in_order(program: str) -> dict[str, int]:
    tree = parsed(program)
    places = [
        (node.lineno, node.col_offset, node.id if isinstance(node, ast.Name) else node.arg)
        for node in (ast.walk(tree) if tree else ()) if isinstance(node, ast.Name | ast.arg)
    ]
    return {name: place for place, name in enumerate(dict.fromkeys(name for *_, name in sorted(places)))}
