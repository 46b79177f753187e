"""The target ``python``: bodies are Python functions, tried in the sandbox, their constraints held by a process of its own."""

from __future__ import annotations

import ast
import re
import textwrap
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import ClassVar

from eudoxus import sandbox
from eudoxus.agents.code.names import imports_for, undefined
from eudoxus.agents.code.parsel.combinations import Body
from eudoxus.agents.code.parsel.language import NAME, Function, ParselError, Program
from eudoxus.agents.code.parsel.targets.base import Job, NoBody, Target, Tries
from eudoxus.agents.code.reply import NoProgram, program_in
from eudoxus.agents.code.running import as_tests
from eudoxus.agents.code.syntax import complaint, functions
from eudoxus.agents.code.task import CodeTask
from eudoxus.agents.programs import parsed
from eudoxus.runtime import Context
from eudoxus.runtime.errors import EffectFailed
from eudoxus.runtime.result import Authority
from eudoxus.sandbox.model import Outcome

SAME = '''
def _parsel_same_(a, b):
    if type(a) is not type(b):
        return False
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(_parsel_same_, a, b))
    if isinstance(a, dict):
        kinds = {key: type(key) for key in a}
        return len(a) == len(b) and all(kinds.get(key) is type(key) and _parsel_same_(a[key], value) for key, value in b.items())
    if isinstance(a, (set, frozenset)):
        return {(type(x), x) for x in a} == {(type(x), x) for x in b}
    return a == b
'''
"""Equality of values that also asks for equal types: 1, 1.0 and True differ. It runs where the constraints do, not beside the program."""
BUDGET_S = 60.0
"""Seconds for all jobs that are tried at once."""
MOST_MISSING = 5
_REFLECTION = re.compile(r"\b(?:globals|locals|vars|eval|exec|getattr|__import__|compile)\b")


class Python(Target):
    """``setup`` is Python that exists before the program, ``helpers`` what the tests need of it; ``strict`` asks for equal types."""

    name: ClassVar[str] = "python"
    prompt: ClassVar[str] = "parsel/body"
    authority: Authority = "public_tests"

    def __init__(self, *, setup: str = "", helpers: str = "", limits: sandbox.Limits | None = None, strict: bool = True) -> None:
        self.setup = setup.strip()
        self._helpers = f"{helpers.strip()}\n{SAME}"
        self._limits = limits or sandbox.Limits(wall_s=4, call_s=1, cpu_s=4, memory_mb=512)
        self._strict = strict

    def context(self) -> str:
        return f"This exists before the program:\n\n{self.setup}" if self.setup else ""

    def faults(self, program: Program) -> list[ParselError]:
        found = []
        for function in program.functions.values():
            if problem := complaint(f"{self.opening(function)}\n    pass\n"):
                found.append(ParselError(f"{function.signature} is no Python: {_reason(problem)}", line=function.line, column=1))
                continue
            for c in function.constraints:
                call = _expression(f"{function.name}({c.arguments}\n)")
                if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == function.name):
                    found.append(ParselError(f"{c.arguments[:80]!r} are no arguments in Python", line=c.line, column=c.column))
                elif _expression(f"({c.expected}\n)") is None:
                    found.append(ParselError(f"{c.expected[:80]!r} is no value in Python", line=c.line, column=c.column))
        return found

    def checks(self, function: Function) -> tuple[str, ...]:
        return tuple(self._assert(function.name, c.arguments, c.expected) for c in function.constraints)

    def _assert(self, name: str, arguments: str, expected: str) -> str:
        call = ast.unparse(ast.parse(f"{name}({arguments}\n)"))
        value = ast.unparse(ast.parse(f"({expected}\n)"))
        return f"assert _parsel_same_({call}, {value})" if self._strict else f"assert {call} == {value}"

    def opening(self, function: Function) -> str:
        returns = ", ".join(function.returns)
        known = parsed(f"def f() -> {returns}: pass") is not None and returns and _is_type(returns)
        arguments = ", ".join(map(str, function.arguments))
        return f"def {function.name}({arguments}) -> {returns}:" if known else f"def {function.name}({arguments}):"

    def body(self, reply: str, function: Function, program: Program) -> Body:
        statement = f"{self.opening(function)}\n    pass\n"
        try:
            code = program_in(reply, CodeTask(statement=statement, entry_point=function.name, tests_from="generated"))
        except NoProgram as problem:
            raise NoBody(str(problem)) from None
        code = _alone(code, function, program)
        return Body(function.name, code, self.uses(code, function.name, program))

    def uses(self, code: str, name: str, program: Program) -> frozenset[str]:
        return _mentions(code, program.functions.keys() - {name})

    def compose(self, program: Program, bodies: Iterable[Body], *, told: bool = False) -> str:
        imports, definitions = list[str](), list[str]()
        for body in bodies:
            own, definition = _parted(body.code)
            imports += [each for node in own for each in _single(node)]
            description = program.functions[body.function].description
            comment = "".join(f"# {line}\n" for line in textwrap.wrap(description, 118)) if told else ""
            definitions.append(comment + definition)
        whole = "\n\n\n".join([*([self.setup] if self.setup else []), *definitions])
        tree = parsed(whole)
        imports += imports_for(undefined(ast.parse("\n".join(imports) + "\n" + whole))) if tree else []
        there = {each for node in ast.parse(self.setup).body for each in _single(node)}
        head = "\n".join(each for each in dict.fromkeys(imports) if each not in there)
        return f"{head}\n\n\n{whole}\n" if head else f"{whole}\n"

    async def tried(self, ctx: Context, jobs: Sequence[Job]) -> list[Tries]:
        groups: dict[tuple[str, tuple[str, ...]], list[int]] = defaultdict(list)
        for at, job in enumerate(jobs):
            groups[job.function, job.checks].append(at)
        found = [Tries(()) for _ in jobs]
        for (name, checks), places in groups.items():
            for at, tries in zip(places, await self._matrix(ctx, name, checks, [jobs[at].code for at in places]), strict=True):
                found[at] = tries
        return found

    async def _matrix(self, ctx: Context, name: str, checks: tuple[str, ...], codes: Sequence[str]) -> list[Tries]:
        """The checks of one function on several programs. What the sandbox did not get to is tried once more, and then has failed.

        Raises :class:`EffectFailed` where the sandbox itself fails.
        """
        tests = as_tests(checks, name)
        found = [Tries(()) for _ in codes]
        left = list(range(len(codes)))
        rows: list[list[Outcome | None]] = []
        for _ in range(2):
            programs = tuple(sandbox.Program(code=codes[at], entry=name, setup=self._helpers) for at in left)
            result = await ctx.perform(
                sandbox.Matrix(programs=programs, tests=tests, mode="split", limits=self._limits, budget_s=BUDGET_S))
            rows = result.outcomes
            for at, row in zip(left, rows, strict=True):
                found[at] = Tries(tuple(outcome == "passed" for outcome in row), final=result.verdict == "final")
            kept = [at for at, row in enumerate(rows) if None in row or "infra_error" in row]
            left, rows = [left[at] for at in kept], [rows[at] for at in kept]
            if not left:
                return found
        if any("infra_error" in row for row in rows):
            raise EffectFailed("the sandbox could not run a program, which says nothing about the program")
        return found

    def missing(self, program: Program, bodies: Iterable[Body]) -> dict[str, list[str]]:
        calls: dict[str, list[str]] = defaultdict(list)
        for body in bodies:
            tree = ast.parse(f"{self.setup}\n{body.code}")
            unknown = set(undefined(tree)) - program.functions.keys()
            unknown -= {name for name in unknown if imports_for([name])}
            for node in ast.walk(tree):
                match node:
                    case ast.Call(func=ast.Name(id=name)) if name in unknown and NAME.fullmatch(name):
                        calls[name].append(ast.unparse(node)[:200])
        often = sorted(calls, key=lambda name: (-len(calls[name]), name))[:MOST_MISSING]
        return {name: list(dict.fromkeys(calls[name]))[:8] for name in often}


def _expression(text: str) -> ast.expr | None:
    tree = parsed(text)
    return tree.body[0].value if tree and len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr) else None


def _reason(problem: tuple[int, str]) -> str:
    return problem[1].partition(": ")[2] or problem[1]


def _is_type(text: str) -> bool:
    """Whether what a function returns is said as a type, such as list[int], and not as the name of a result."""
    node = _expression(text)
    known = {"int", "float", "str", "bool", "bytes", "complex", "list", "tuple", "dict", "set", "frozenset", "object", "None"}
    names = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)} if node is not None else set()
    return (bool(names) or text == "None") and all(name in known or name[:1].isupper() for name in names)


def _alone(code: str, function: Function, program: Program) -> str:
    """The function with the imports before it; what else the reply defines at the top goes into it, unless the program has it.

    Inside, helpers of one body cannot stand in the way of another body's. Raises :class:`NoBody`.
    """
    tree = ast.parse(code)
    defined = [node for node in functions(tree) if node.name == function.name]
    if not defined:
        raise NoBody(f"the reply does not define {function.name}")
    own = defined[-1]
    if isinstance(own, ast.AsyncFunctionDef) or own.decorator_list:
        raise NoBody(f"{function.name} must be a plain function without decorators")
    names = [argument.arg for argument in (*own.args.posonlyargs, *own.args.args)]
    if names != [argument.name for argument in function.arguments] or own.args.vararg or own.args.kwonlyargs or own.args.kwarg:
        raise NoBody(f"{function.name} must take the arguments ({', '.join(a.name for a in function.arguments)}), not ({', '.join(names)})")
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    extra = [node for node in tree.body if node not in (*imports, *defined) and not _is_of(node, program)]
    if not extra:
        source = ast.get_source_segment(code, own) or ast.unparse(own)
    else:
        start = 1 if ast.get_docstring(own) is not None else 0
        own.body[start:start] = extra
        source = ast.unparse(ast.fix_missing_locations(own))
    return "\n".join([*(ast.unparse(node) for node in imports), source])


def _is_of(node: ast.stmt, program: Program) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name in program.functions


def _parted(code: str) -> tuple[list[ast.stmt], str]:
    """The statements before a body's definition, which are imports, and the definition."""
    *imports, definition = ast.parse(code).body
    return imports, ast.get_source_segment(code, definition) or code


def _single(node: ast.stmt) -> list[str]:
    """An import statement as one for each name, for comparing; nothing for other statements."""
    match node:
        case ast.Import(names=names):
            return [ast.unparse(ast.Import([name])) for name in names]
        case ast.ImportFrom(module=module, names=names, level=level):
            return [ast.unparse(ast.ImportFrom(module, [name], level)) for name in names]
    return []


def _mentions(code: str, names: set[str]) -> frozenset[str]:
    """Which functions a body may call: those whose names stand in it, all of them where it looks names up at run time."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    bare = ast.unparse(tree)
    if _REFLECTION.search(bare):
        return frozenset(names)
    return frozenset(names & set(re.findall(r"\w+", bare)))
