"""Reading Python that a model or a person wrote. Nothing is ever executed."""

from __future__ import annotations

import ast
import warnings

from eudoxus.agents.programs import FENCED, MOST_CHARACTERS

DEFINES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


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


def identifier(name: str | None) -> str | None:
    """The name of a function. Raises ValueError for anything else; for fields of models."""
    if name is not None and not name.isidentifier():
        raise ValueError("expected the name of a function")
    return name


def compilable(code: str) -> str:
    """Python as it stands. Raises ValueError for anything else; for fields of models."""
    if problem := complaint(code):
        raise ValueError(f"no Python: {problem[1]}")
    return code


def fenced(text: str) -> list[str]:
    """The contents of the fenced blocks of ``text``, in order; the last one may lack its end."""
    return [found["code"].rstrip("\n") for found in FENCED.finditer(text) if found["code"].strip()]


def without_fences(text: str) -> str:
    """``text`` with its fenced blocks left out."""
    return FENCED.sub("\n", text)


def functions(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The functions at the top level."""
    return [node for node in tree.body if isinstance(node, FUNCTIONS)]


def called(node: ast.AST) -> list[str]:
    """The names that are called somewhere in ``node``, in order."""
    calls = [inner for inner in ast.walk(node) if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name)]
    calls.sort(key=lambda call: (call.lineno, call.col_offset))
    return [call.func.id for call in calls if isinstance(call.func, ast.Name)]
