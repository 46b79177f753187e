"""Reading Python that a model or a person wrote. Nothing is ever executed."""

from __future__ import annotations

import ast
import re
import warnings

MOST_CHARACTERS = 200_000
"""Longer texts are not read as Python."""
DEFINES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

_FENCED = re.compile(
    r"^[ \t]*(?P<fence>```+|~~~+)[^\n]*\n(?P<code>.*?)(?:^[ \t]*(?P=fence)[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL
)


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


def complaint(code: str) -> tuple[int, str] | None:
    """Line and text of what keeps ``code`` from being compiled, None when nothing does."""
    if len(code) > MOST_CHARACTERS:
        return 0, f"it has more than {MOST_CHARACTERS} characters"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(code, "program.py", "exec", dont_inherit=True)
    except SyntaxError as error:
        return error.lineno or 0, f"{type(error).__name__} in line {error.lineno}: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        return 0, f"{type(error).__name__}: {error}"
    return None


def fenced(text: str) -> list[str]:
    """The contents of the fenced blocks of ``text``, in order; the last one may lack its end."""
    return [found["code"].rstrip("\n") for found in _FENCED.finditer(text) if found["code"].strip()]


def without_fences(text: str) -> str:
    """``text`` with its fenced blocks left out."""
    return _FENCED.sub("\n", text)


def functions(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The functions at the top level."""
    return [node for node in tree.body if isinstance(node, FUNCTIONS)]


def called(node: ast.AST) -> list[str]:
    """The names that are called somewhere in ``node``, in order."""
    calls = [inner for inner in ast.walk(node) if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name)]
    calls.sort(key=lambda call: (call.lineno, call.col_offset))
    return [call.func.id for call in calls if isinstance(call.func, ast.Name)]


def calls(code: str, name: str) -> bool:
    """Whether ``code`` is Python that calls ``name``."""
    tree = parsed(code)
    return tree is not None and name in called(tree)
