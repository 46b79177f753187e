"""Programs inside replies: finding them, and telling whether two are the same but for layout. Nothing is ever executed."""

from __future__ import annotations

import ast
import re
import warnings

FENCED = re.compile(
    r"^[ \t]*(?P<fence>```+|~~~+)[^\n]*\n(?P<code>.*?)(?P<end>^[ \t]*(?P=fence)[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL
)
_DEFINES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_DOCUMENTED = (ast.Module, *_DEFINES)
MOST_CHARACTERS = 200_000
"""Longer texts are not read as Python."""


def program(text: str, *, after: int = 0, closed: bool = False) -> str | None:
    """The code that the reply ``text`` answers with, or None.

    That is the first fenced block from ``after`` on, when ``after`` is given and there is one; else the last block that defines a
    function or class; else the last block; else the whole reply, when it is Python and more than an expression. ``closed`` leaves out a
    block whose end is missing, and a whole reply.
    """
    found = [block for block in FENCED.finditer(text) if block["code"].strip() and (block["end"] or not closed)]
    announced = [block for block in found if after and block.start() >= after]
    blocks = [block["code"].rstrip("\n") for block in found]
    if announced:
        return str(announced[0]["code"]).rstrip("\n")
    if blocks:
        return next((block for block in reversed(blocks) if _defines(block)), blocks[-1])
    tree = None if closed else parsed(text.strip())
    statements = [node for node in tree.body if not isinstance(node, ast.Expr)] if tree else []
    return text.strip() if statements else None


def same_program(a: str, b: str) -> bool:
    """Whether both are the same Python but for docstrings, comments and formatting; for other languages, but for blanks at line ends."""
    return _essence(a) == _essence(b)


def _essence(code: str) -> str:
    tree = parsed(code)
    if tree is not None:
        try:
            return ast.dump(_without_docstrings(tree))
        except (RecursionError, ValueError):
            """Too deep, or a number too long to be written: compared as text."""
    return "\n".join(line.rstrip() for line in code.strip().splitlines() if line.strip())


def parsed(code: str) -> ast.Module | None:
    """The syntax tree of ``code``; None when it is no Python or too much of it."""
    if len(code) > MOST_CHARACTERS:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _defines(code: str) -> bool:
    tree = parsed(code)
    return tree is not None and any(isinstance(node, _DEFINES) for node in tree.body)


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and node.body and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return tree
