"""Splitting a ``def check(candidate): …`` (Chen et al. 2021, arXiv 2107.03374) at its top-level asserts, for feedback per assert.

Each assert becomes a test of its own with the statements that it needs before it; loops and other blocks that hold asserts stay whole. The
parts pass together exactly when the whole passes, but for functions that keep state between calls and for tests that draw random
inputs: so the parts are for feedback, and a final verdict runs the whole (:func:`whole_check`).
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from eudoxus.sandbox.model import Test

MOST_NAME = 200
"""Characters of an assert's text that become the test's name."""

_BLOCKS = (ast.For, ast.While, ast.If, ast.With, ast.Try, ast.TryStar, ast.Match)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_PURE = frozenset({"abs", "bool", "float", "int", "isinstance", "len", "repr", "round", "str", "type"})
"""Built-ins that change none of their arguments, not even by using up an iterator."""
_PLAIN = (
    ast.BinOp, ast.BoolOp, ast.Compare, ast.Constant, ast.Dict, ast.FormattedValue, ast.IfExp, ast.JoinedStr, ast.List, ast.Set, ast.Slice,
    ast.Subscript, ast.Tuple, ast.UnaryOp, ast.boolop, ast.cmpop, ast.expr_context, ast.keyword, ast.operator, ast.unaryop,
)
"""Expressions that change nothing by themselves, only through what is in them."""


def whole_check(code: str, entry: str) -> Test:
    """The check as one test: ``code`` defines ``check``, which is called with the function ``entry``."""
    return Test(code=f"{code.rstrip()}\n\ncheck({entry})\n", name="check")


def split_check(code: str, entry: str) -> list[Test]:
    """One test per top-level assert of ``check`` in ``code``, in order; only :func:`whole_check` where the code has another shape.

    A test keeps every statement before its assert that is no assert, and an earlier assert or block only if that may change what this
    one reads. Asserts in which the function takes no part (``assert True``) go with their neighbours. Nothing is raised.
    """

    def parts(module: ast.Module) -> Iterator[Test]:
        before, check = _found(module)
        if check is not None:
            call = ast.Expr(ast.Call(ast.Name("check", ast.Load()), [ast.Name(entry, ast.Load())], []))
            scope = _Scope.of(before, check.body, frozenset({check.args.args[0].arg}))
            for end, body in _split(check.body, scope):
                function = ast.FunctionDef(check.name, check.args, body, [], None, lineno=1, col_offset=0)
                yield _test([*before, function, call], end)

    return _tried(code, parts) or [whole_check(code, entry)]


def split_asserts(code: str) -> list[Test]:
    """The same for a file of asserts without a ``check``: one test per top-level assert, or block of asserts, in which a name takes
    part that the file does not define itself; the whole as one test where there is none."""

    def parts(module: ast.Module) -> Iterator[Test]:
        outside = _names(module) - _bound(module) - _stored(module.body) - set(dir(builtins))
        for end, body in _split(module.body, _Scope.of([], module.body, outside)):
            yield _test(body, end)

    return _tried(code, parts) or [Test(code=code, name="tests")]


def setup_of_prompt(prompt: str) -> str:
    """The setup of a HumanEval problem: what its prompt imports and defines, with an empty body for the function to be written."""
    return f"{prompt.rstrip()}\n    pass\n"


@dataclass(frozen=True, slots=True)
class _Scope:
    """What names mean among the statements that are split."""

    tested: frozenset[str]
    """Names of functions under test."""
    variables: frozenset[str]
    """Names that are bound to values, not to modules or functions."""
    helpers: dict[str, frozenset[str]]
    """Functions and classes of the tests, and the names in each."""
    together: tuple[frozenset[str], ...]
    """Variables of one assignment: they may be names of one object."""

    @classmethod
    def of(cls, before: Sequence[ast.stmt], body: Sequence[ast.stmt], tested: frozenset[str]) -> _Scope:
        everything = [*before, *body]
        variables = _stored(everything) - tested
        helpers = {node.name: _names(node) for node in everything if isinstance(node, _DEFINITIONS)}
        together = tuple(_names(node) & variables for top in everything for node in ast.walk(top) if isinstance(node, ast.stmt)
                         and not isinstance(node, (*_BLOCKS, *_DEFINITIONS, ast.Assert)))
        return cls(tested, variables, helpers, tuple(names for names in together if len(names) > 1))

    def reached(self, names: frozenset[str]) -> frozenset[str]:
        """``names``, and those that the helpers among them use."""
        waiting, found = list(names), set(names)
        while waiting:
            new = self.helpers.get(waiting.pop(), frozenset()) - found
            found |= new
            waiting += new
        return frozenset(found)

    def touched(self, names: frozenset[str]) -> frozenset[str]:
        """The variables among ``names`` and all that may be names of the same objects."""
        found, before = self.reached(names) & self.variables, None
        while found != before:
            before, found = found, found.union(*(group for group in self.together if group & found))
        return found

    def changed(self, node: ast.AST | None) -> frozenset[str]:
        """Variables that may have another value after the expression ``node``. Functions under test take arguments by value."""
        match node:
            case None | ast.Name(ctx=ast.Load()):
                return frozenset()
            case ast.Compare(ops=ops, comparators=right) if any(isinstance(op, ast.In | ast.NotIn) for op in ops):
                # To look for something in an iterator uses it up.
                return self._in_parts(node) | self.touched(frozenset(found.id for found in right if isinstance(found, ast.Name)))
            case ast.Call(func=ast.Name(id=name)) if name in (self.tested | _PURE) - self.variables - self.helpers.keys():
                return self._in_parts(node)
            case _ if isinstance(node, _PLAIN):
                return self._in_parts(node)
        return self.touched(_names(node))

    def _in_parts(self, node: ast.AST) -> frozenset[str]:
        return frozenset[str]().union(*map(self.changed, ast.iter_child_nodes(node)))


@dataclass(frozen=True, slots=True)
class _Statement:
    """One of the statements that are split, and what it has to do with the others."""

    node: ast.stmt
    tests: bool
    calls: bool
    """Whether a function under test may be called."""
    reads: frozenset[str]
    changes: frozenset[str]
    """Variables that a testing statement may leave with another value."""
    binds: frozenset[str]
    """Variables whose earlier value is lost."""

    @classmethod
    def of(cls, node: ast.stmt, scope: _Scope) -> _Statement:
        reads, binds = _names(node), frozenset[str]()
        match node:
            case ast.Assign(targets=targets, value=value) if all(isinstance(target, ast.Name) for target in targets):
                reads, binds = _names(value), _names(*targets)
            case ast.For(target=ast.Name(id=name), iter=given, body=body, orelse=orelse):
                reads = _names(given, *orelse) | (_names(*body) - {name})
        reached = scope.reached(reads)
        calls = bool(scope.tested & reached) and not isinstance(node, _DEFINITIONS)
        if isinstance(node, ast.Assert):
            return cls(node, True, calls, reached, scope.changed(node.test) | scope.changed(node.msg), binds)
        tests = isinstance(node, _BLOCKS) and any(isinstance(inner, ast.Assert) for inner in _own(node))
        return cls(node, tests, calls, reached, scope.touched(_names(node)), binds)


def _split(body: Sequence[ast.stmt], scope: _Scope) -> list[tuple[ast.stmt, list[ast.stmt]]]:
    """For each test the statement at which it ends and all its statements, none when nothing in ``body`` tests."""
    statements = [_Statement.of(node, scope) for node in body if not _is_comment(node)]
    kept: dict[int, list[_Statement]] = {}
    for index, statement in enumerate(statements):
        needed = _needed(statements, index, kept) if statement.tests else []
        if any(found.calls for found in needed):
            kept[index] = needed
    if kept:
        last = max(kept)
        kept[last] += statements[last + 1 :]
    return [(statements[end].node, [found.node for found in needed]) for end, needed in kept.items()]


def _needed(statements: Sequence[_Statement], end: int, ends: dict[int, list[_Statement]]) -> list[_Statement]:
    """The statements of the test that ends at ``end``, when earlier tests end at ``ends``."""
    kept, read = [statements[end]], statements[end].reads
    for index in range(end - 1, -1, -1):
        statement = statements[index]
        if index not in ends or statement.changes & read:
            kept.append(statement)
            read = (read - statement.binds) | statement.reads
    return kept[::-1]


def _tried(code: str, parts: Callable[[ast.Module], Iterator[Test]]) -> list[Test]:
    try:
        return list(parts(ast.parse(code)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _found(module: ast.Module) -> tuple[list[ast.stmt], ast.FunctionDef | None]:
    """What comes before ``check``, and ``check`` itself if it is a plain function of one argument and the end of the code."""
    body = [node for node in module.body if not _is_comment(node)]
    if not body or not isinstance(check := body[-1], ast.FunctionDef) or check.name != "check" or check.decorator_list:
        return [], None
    arguments = check.args
    plain = len(arguments.args) == 1 and not (arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.posonlyargs)
    odd = any(isinstance(node, ast.Return | ast.Yield | ast.YieldFrom | ast.Global | ast.Nonlocal) for node in _own(check))
    return (body[:-1], check) if plain and not odd else ([], None)


def _test(body: list[ast.stmt], end: ast.stmt) -> Test:
    code = ast.unparse(ast.fix_missing_locations(ast.Module(body, [])))
    return Test(code=code + "\n", name=ast.unparse(end)[:MOST_NAME])


def _names(*nodes: ast.AST) -> frozenset[str]:
    return frozenset(found.id for node in nodes for found in ast.walk(node) if isinstance(found, ast.Name))


def _stored(nodes: Sequence[ast.AST]) -> frozenset[str]:
    found = (inner for node in nodes for inner in ast.walk(node) if isinstance(inner, ast.Name))
    return frozenset(name.id for name in found if not isinstance(name.ctx, ast.Load))


def _bound(module: ast.Module) -> set[str]:
    """Names that are bound otherwise than by storing: functions, arguments, imports, caught errors."""
    found = set[str]()
    for node in ast.walk(module):
        match node:
            case ast.FunctionDef(name=str(name)) | ast.ClassDef(name=str(name)) | ast.ExceptHandler(name=str(name)) | ast.arg(arg=name):
                found.add(name)
            case ast.alias(name=name, asname=known_as):
                found.add((known_as or name).partition(".")[0])
    return found


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """Everything in ``node`` that is executed as part of it, not as part of a function or class defined in it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (*_DEFINITIONS, ast.Lambda)):
            yield child
            yield from _own(child)


def _is_comment(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
