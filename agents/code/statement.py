"""What is asked of a program: the header in a statement, and the name of the function to be written."""

from __future__ import annotations

import ast
import builtins
import functools
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from eudoxus.agents.code.syntax import called, complaint, fenced, functions
from eudoxus.agents.programs import parsed

_BEGINS = re.compile(r"^(?:from|import|def|async[ \t]+def|class|@\w)", re.MULTILINE)
_DEF = re.compile(r"^(?:async[ \t]+)?def\b", re.MULTILINE)
_MOST_TEXT = 20_000
_MOST_TRIES = 30
"""So often is a beginning of the statement read as Python, and so much of it looked at: it is read in the service's own process."""
_NAMED = (
    re.compile(r"\bdef[ \t]+([A-Za-z_]\w*)[ \t]*\("),
    re.compile(r"\b(?:function|method|routine)\s+(?:(?:is\s+)?(?:called|named)\s+)?[`'\"*]{0,3}([A-Za-z_]\w*)[`'\"*]{0,3}\s*\("),
    re.compile(r"\b(?:function|method|routine|it)[\s,]+(?:(?:is\s+)?(?:called|named)|with the name)\s+[`'\"*]{0,3}([A-Za-z_]\w*)"),
    re.compile(r"`([A-Za-z_]\w*)\([^`\n]*\)`"),
    re.compile(r"\bfunction\s+`([A-Za-z_]\w*)`"),
)
"""How prose names the function, the surest way first."""


@functools.lru_cache(maxsize=256)
def header_in(statement: str) -> str | None:
    """The Python in ``statement`` with the function to be completed: in the last fenced block that has one, or in the text itself.

    It parses once ``pass`` is put behind it, and holds what the statement gives before the function: imports and helpers.
    """
    left = iter(range(_MOST_TRIES))
    for text in [*reversed(fenced(statement[:_MOST_TEXT])), statement[:_MOST_TEXT]]:
        if _DEF.search(text) is None:
            continue
        begins = [0, *(begin.start() for pattern in (_BEGINS, _DEF) if (begin := pattern.search(text)))]
        found = next((found for begin in dict.fromkeys(begins) if (found := _longest(text[begin:], left)) is not None), None)
        if found is not None:
            return found.lstrip("\n")
    return None


def header_tree(header: str) -> ast.Module | None:
    """The syntax tree of a header, whose last function may lack a body."""
    bare = header.rstrip()
    return parsed(f"{bare}\n    pass\n") or parsed(bare)


def function_in(header: str, name: str) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """The function ``name`` at the top level of a header; the last one of that name."""
    tree = header_tree(header)
    return next((node for node in reversed(functions(tree)) if node.name == name), None) if tree else None


def entry_point_in(statement: str, tests: Iterable[str] = ()) -> str | None:
    """The function to be written: named by the header, else called by the tests, else named in the prose; None when nothing tells."""
    tested = Counter(name for test in tests if (tree := parsed(test)) for name in set(called(tree)) if not hasattr(builtins, name))
    header = header_in(statement)
    tree = header_tree(header) if header else None
    defined = functions(tree) if tree else []
    for choice in ([node for node in defined if node.name in tested], [node for node in defined if _is_open(node)], defined):
        if choice:
            return choice[-1].name
    if tested:
        return tested.most_common(1)[0][0]
    return next((str(found[1]) for pattern in _NAMED if (found := pattern.search(statement))), None)


def _longest(text: str, left: Iterator[int]) -> str | None:
    """A long beginning of ``text``, in whole lines, that is a header: up to the first line that is no Python."""
    lines = text.rstrip().split("\n")
    for _ in left:
        beginning = "\n".join(lines).rstrip()
        tree = header_tree(beginning)
        if tree is not None:
            return beginning if functions(tree) else None
        problems = [complaint(f"{beginning}\n    pass\n"), complaint(beginning)]
        lines = lines[: max(min(max(problem[0] if problem else 0 for problem in problems), len(lines)) - 1, 0)]
        if not lines:
            break
    return None


def _is_open(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether the function has no body yet, only a docstring or a sign that something is missing."""
    return all(
        isinstance(part, ast.Pass) or (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant)) for part in node.body
    )
