"""Names that a program uses without having them: which they are, and the imports that give the well-known ones."""

from __future__ import annotations

import ast
import builtins
import typing
from collections.abc import Iterator, Sequence

_MODULES = (
    "abc", "bisect", "calendar", "cmath", "collections", "contextlib", "copy", "dataclasses", "datetime", "decimal", "enum", "fractions",
    "functools", "hashlib", "heapq", "io", "itertools", "json", "math", "numbers", "operator", "os", "queue", "random", "re", "statistics",
    "string", "struct", "sys", "textwrap", "time", "typing", "unicodedata",
)
_MEMBERS = {
    "collections": ("Counter", "OrderedDict", "defaultdict", "deque", "namedtuple"),
    "dataclasses": ("dataclass", "field"),
    "datetime": ("timedelta",),
    "decimal": ("Decimal",),
    "enum": ("Enum",),
    "fractions": ("Fraction",),
    "functools": ("cache", "cmp_to_key", "lru_cache", "partial", "reduce"),
    "hashlib": ("md5", "sha256"),
    "heapq": ("heapify", "heappop", "heappush", "heappushpop", "nlargest", "nsmallest"),
    "itertools": ("accumulate", "chain", "combinations", "groupby", "permutations", "product", "zip_longest"),
    "math": ("ceil", "comb", "factorial", "floor", "gcd", "inf", "isqrt", "lcm", "log", "prod", "sqrt"),
    "bisect": ("bisect_left", "bisect_right", "insort"),
    "typing": tuple(name for name in typing.__all__ if name[0].isupper()),
}
_IMPORTS = {name: f"import {name}" for name in _MODULES} | {
    name: f"from {module} import {name}" for module, names in _MEMBERS.items() for name in names
}
_KNOWN = frozenset(dir(builtins)) | {"__name__", "__file__", "__doc__", "__builtins__", "__spec__", "__annotations__"}


def undefined(tree: ast.Module) -> list[str]:
    """Names that are read somewhere in the program, bound nowhere in it, and not built in; sorted."""
    bound, read = set[str](), set[str]()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                read.add(name)
            case ast.Name(id=name):
                bound.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name):
                bound.add(name)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                bound.add(name)
            case ast.MatchMapping(rest=str(name)):
                bound.add(name)
            case ast.alias(name="*"):
                return []
            case ast.alias(name=name, asname=known_as):
                bound.add((known_as or name).partition(".")[0])
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                bound.update(names)
    return sorted(read - bound - _KNOWN)


def imports_for(names: Sequence[str]) -> list[str]:
    """The import statements that give the well-known ones of ``names``: modules and members of the standard library."""
    return [_IMPORTS[name] for name in names if name in _IMPORTS]


def bound_by(statement: ast.stmt) -> Iterator[str]:
    """The names that a top-level statement binds."""
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            for alias in aliases:
                yield (alias.asname or alias.name).partition(".")[0]
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    yield node.id
        case _:
            return
