"""What monty lacks, told apart from what is wrong with a program."""

from __future__ import annotations

import ast
import builtins
import re

from pydantic_monty import MontyConversionError, MontyError

_ABSENT = re.compile(r"(?:type object '(\w+)'|'(\w+)' object) has no attribute '(\w+)'")
_NAMELESS = re.compile(r"name '(\w+)' is not defined")


def unsupported(error: MontyError, code: str) -> bool:
    """Whether monty lacks what the code needs, where CPython has it or may have it."""
    if isinstance(error, MontyConversionError):
        return True
    found, message = error.exception(), str(error.exception())
    if isinstance(found, ImportError | NotImplementedError):
        return True
    if isinstance(found, SyntaxError):
        return _parsed(code) is not None
    if isinstance(found, RuntimeError):
        return "Internal error in monty" in message or "not supported in this environment" in message
    if isinstance(found, AttributeError):
        absent = _ABSENT.search(message)
        if absent is None:
            return message.startswith("module ") or "function" in message
        return hasattr(getattr(builtins, absent[1] or absent[2], None), absent[3])
    nameless = _NAMELESS.search(message) if isinstance(found, NameError) else None
    return nameless is not None and hasattr(builtins, nameless[1])


def called(code: str, entry: str | None) -> str:
    """A test that only defines ``check`` or ``test_…`` functions, with the calls of them."""
    tree = _parsed(code)
    if tree is None or not tree.body or not all(isinstance(node, ast.FunctionDef | ast.Import | ast.ImportFrom) for node in tree.body):
        return code
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    calls = [f"check({entry or 'candidate'})"] if "check" in names else [f"{name}()" for name in names if name.startswith("test")]
    return "\n".join((code, *calls))


def _parsed(code: str) -> ast.Module | None:
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
