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


COUNTING = """
__calls = []
def __called(found):
    __calls.append(0)
    return found
def __counted(found):
    def call(*args, **kwargs):
        __calls.append(0)
        return found(*args, **kwargs)
    return call
"""
"""What :func:`counting` needs in the interpreter; ``__calls`` has an item for each call of the program by the test."""


def defined(code: str) -> tuple[frozenset[str], frozenset[str]]:
    """Names of the functions, and of the classes, that a program defines."""
    tree = _parsed(code)
    functions, classes = set[str](), set[str]()
    for node in tree.body if tree else ():
        if isinstance(node, ast.ClassDef):
            classes.add(node.name)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            functions.add(node.name)
        elif isinstance(node, ast.Assign):
            functions.update(target.id for target in node.targets if isinstance(target, ast.Name))
    return frozenset(functions - classes), frozenset(classes)


def bound(code: str) -> frozenset[str]:
    """Names that a test binds somewhere."""
    nodes = list(ast.walk(_parsed(code) or ast.Module([], [])))
    names = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    return frozenset(names | {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)})


def counting(code: str, functions: frozenset[str], classes: frozenset[str]) -> str:
    """A test whose calls of the program are counted; names that the test binds itself are not the program's."""
    tree = _parsed(code)
    if tree is None:
        return code
    own = bound(code)
    try:
        return ast.unparse(ast.fix_missing_locations(_Counting(functions - own, classes - own).visit(tree)))
    except RecursionError:  # nested too deep to be gone through: taken to call it
        return "__calls.append(0)\n" + code


class _Counting(ast.NodeTransformer):
    def __init__(self, functions: frozenset[str], classes: frozenset[str]) -> None:
        self._functions = functions
        self._classes = classes

    def visit_Call(self, node: ast.Call) -> ast.Call:
        if isinstance(node.func, ast.Name) and node.func.id in ("isinstance", "issubclass"):
            node.args[:1] = [self.visit(arg) for arg in node.args[:1]]  # no class is called that is only asked about
            return node
        func = node.func
        if isinstance(func, ast.Name) and func.id in self._functions | self._classes:
            node.func = ast.Name("", ast.Load())
            self.generic_visit(node)
            node.func = _around("__called", func)
        else:
            self.generic_visit(node)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.Attribute:
        if not (isinstance(node.value, ast.Name) and node.value.id in self._functions):
            self.generic_visit(node)
        return node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if isinstance(node.ctx, ast.Load) and node.id in self._functions:
            return _around("__counted", node)
        return _around("__called", node) if isinstance(node.ctx, ast.Load) and node.id in self._classes else node


def _around(name: str, inner: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), [inner], [])


def _parsed(code: str) -> ast.Module | None:
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
