"""Expressions: Python's grammar, read by ``ast`` and held against an allow-list. Nothing is ever executed."""

from __future__ import annotations

import ast
import warnings
from typing import Final

from eudoxus.solvers.formulation.errors import FormulationError

MOST_CHARACTERS: Final = 4_096
"""Of one expression."""
MOST_LEVELS: Final = 150
"""Of nesting."""
MOST_INTEGER: Final = 10**15
"""Absolute value of a number that is written in a formulation."""
FUNCTIONS: Final = frozenset((
    "sum", "all", "any", "min", "max", "abs", "implies", "iff", "distinct", "atmost", "atleast", "exactly", "len", "range", "ceil", "floor",
))
_ALLOWED: Final = (
    ast.Constant, ast.Name, ast.Tuple, ast.List, ast.UnaryOp, ast.BinOp, ast.Compare, ast.BoolOp, ast.IfExp, ast.Subscript, ast.Call,
    ast.GeneratorExp,
)
_OPERATORS: Final = (
    ast.USub, ast.Not, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Mod, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq, ast.In, ast.NotIn,
    ast.And, ast.Or,
)
_BLANKS: Final = str.maketrans("\n\r\t", "   ")
_INSTEAD: Final = {
    ast.Attribute: "there are no attributes", ast.Lambda: "there is no lambda", ast.ListComp: "write sum(… for …) without brackets",
    ast.SetComp: "write a generator", ast.DictComp: "there are no dicts", ast.JoinedStr: "there are no f-strings",
    ast.Pow: "there is no power; write x * x", ast.FloorDiv: "there is no //; write floor(a / b)", ast.NamedExpr: "nothing can be assigned",
    ast.Slice: "there are no slices", ast.Starred: "there is no *", ast.UAdd: "leave the + out", ast.Is: "write ==", ast.IsNot: "write !=",
    ast.Dict: "there are no dicts", ast.Set: "write a list", ast.BitAnd: "write and", ast.BitOr: "write or", ast.Await: "there is no await",
}


def read(source: str, where: str) -> ast.expr:
    """The expression in ``source``. Raises :class:`FormulationError`, with the column, for anything outside the subset."""
    if not isinstance(source, str):
        raise FormulationError(f"an expression is text, and this is {type(source).__name__}", where=where)
    if len(source) > MOST_CHARACTERS:
        raise FormulationError(f"{len(source):,} characters; an expression has at most {MOST_CHARACTERS:,}", where=where)
    text = one_line(source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        end = len(text) + 1
        raise FormulationError(f"not an expression: {error.msg} in {text[:200]!r}", where=where, column=error.offset or end) from None
    except (ValueError, RecursionError, MemoryError):
        raise FormulationError("not an expression, or one that is nested too deeply", where=where) from None
    _check(tree, where, 0)
    return tree


def one_line(source: str) -> str:
    """The text in which columns count: an expression may be written on several lines."""
    return source.translate(_BLANKS).strip()


def read_binding(source: str, where: str) -> tuple[ast.expr, ast.expr]:
    """The target and the collection of ``s in S`` or ``(i, j) in A``. Raises :class:`FormulationError`."""
    tree = read(source, where)
    match tree:
        case ast.Compare(left=ast.Name() | ast.Tuple() as target, ops=[ast.In()], comparators=[collection]):
            names_of(target, where)
            return target, collection
    raise FormulationError(f"{source[:100]!r} is not of the form 'name in SET'", where=where)


def names_of(target: ast.expr, where: str) -> list[str]:
    """The names that a ``for`` binds. Raises :class:`FormulationError` for anything but names."""
    found = [target] if isinstance(target, ast.Name) else list(target.elts) if isinstance(target, ast.Tuple) else []
    names = [one.id for one in found if isinstance(one, ast.Name)]
    if not names or len(names) != len(found) or len(set(names)) != len(names):
        raise FormulationError("only different names can be bound", where=where, column=target.col_offset + 1)
    return names


def size(tree: ast.expr) -> int:
    """Nodes, of which an evaluation counts each as a step."""
    return sum(isinstance(node, ast.expr) for node in ast.walk(tree))


def _check(node: ast.expr, where: str, level: int) -> None:
    def refuse(what: str, at: ast.AST = node) -> FormulationError:
        return FormulationError(what, where=where, column=getattr(at, "col_offset", node.col_offset) + 1)

    if level > MOST_LEVELS:
        raise refuse(f"nested more than {MOST_LEVELS} levels deep")
    if not isinstance(node, _ALLOWED):
        raise refuse(f"{_named(node)} is not allowed" + _hint(node))
    match node:
        case ast.Constant(value=value):
            if isinstance(value, bool | str):
                return
            if not isinstance(value, int | float):
                raise refuse(f"{value!r} is neither a number, a text, True nor False")
            if not abs(value) <= MOST_INTEGER:
                raise refuse(f"a number beyond {MOST_INTEGER:.0e}")
            return
        case ast.UnaryOp(op=op) | ast.BinOp(op=op) | ast.BoolOp(op=op):
            if not isinstance(op, _OPERATORS):
                raise refuse(f"{_named(op)} is not allowed" + _hint(op))
        case ast.Compare(ops=ops):
            for relation in ops:
                if not isinstance(relation, _OPERATORS):
                    raise refuse(f"{_named(relation)} is not allowed" + _hint(relation))
        case ast.Call(func=func, args=args, keywords=keywords):
            if not isinstance(func, ast.Name) or func.id not in FUNCTIONS:
                called = func.id if isinstance(func, ast.Name) else "this"
                raise refuse(f"{called} cannot be called; there are {', '.join(sorted(FUNCTIONS))}")
            if keywords:
                raise refuse("arguments have no names here")
            if not args:
                raise refuse(f"{func.id}() needs an argument")
            for argument in args:
                _check(argument, where, level + 1)
            return
        case ast.GeneratorExp(generators=generators):
            for one in generators:
                if one.is_async:
                    raise refuse("there is no async")
                names_of(one.target, where)
                for part in (one.iter, *one.ifs):
                    _check(part, where, level + 1)
            _check(node.elt, where, level + 1)
            return
        case ast.Name(id=name):
            if name.startswith("__"):
                raise refuse(f"{name!r} is not a name that can be used")
            return
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            _check(child, where, level + 1)


def _named(node: ast.AST) -> str:
    words = {"ListComp": "a list comprehension", "Pow": "**", "FloorDiv": "//", "Attribute": "an attribute", "Starred": "*", "Is": "is"}
    name = type(node).__name__
    return words.get(name, name.lower())


def _hint(node: ast.AST) -> str:
    found = _INSTEAD.get(type(node))
    return f": {found}" if found else ""
