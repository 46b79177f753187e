"""The target ``smt``: functions are definitions in SMT-LIB 2, and a constraint must be valid: z3 finds no counterexample.

Two forms: ``f(3, 5) -> 5`` says what the function gives, ``-> (=> (> x y) (= (f x y) x))`` is a property of it for all arguments.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from eudoxus.agents.code.parsel.combinations import Body
from eudoxus.agents.code.parsel.language import Function, ParselError, Program
from eudoxus.agents.code.parsel.targets.base import Job, NoBody, Target, Tries
from eudoxus.agents.code.syntax import fenced
from eudoxus.runtime import Context
from eudoxus.runtime.errors import EffectFailed
from eudoxus.runtime.result import Authority
from eudoxus.solvers import Check, CheckResult

_TOKEN = re.compile(r'\s+|;[^\n]*|(?P<token>[()]|"(?:[^"]|"")*"|\|[^|\\]*\||[^\s()";|]+)')
_COMMANDS = frozenset({"define-fun", "define-fun-rec"})
"""All that a model's definition may be made of; nothing that sets options, reads, writes or asserts."""
_THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL)
MOST_TEXT = 20_000
MOST_DEPTH = 200


class Smt(Target):
    """Definitions over the theories that z3 knows; ``seconds`` for one constraint."""

    name: ClassVar[str] = "smt"
    prompt: ClassVar[str] = "parsel/body_smt"
    authority: Authority = "solver"

    def __init__(self, *, seconds: float = 5.0) -> None:
        self._seconds = seconds

    def faults(self, program: Program) -> list[ParselError]:
        found = []
        for function in program.functions.values():
            sorts = [*(a.type for a in function.arguments), *function.returns]
            if len(function.returns) != 1 or not all(_terms(sort) is not None and len(_terms(sort) or ()) == 1 for sort in sorts):
                found.append(ParselError(f"{function.name}: every argument and the result need one sort, as in f(x: Int) -> Int",
                                         line=function.line, column=1))
            for c in function.constraints:
                given, value = _split(c.arguments), _terms(c.expected)
                if value is None or len(value) != 1:
                    found.append(ParselError(f"{c.expected[:80]!r} is not one term", line=c.line, column=c.column))
                elif given is None or len(given) not in (0, len(function.arguments)):
                    wanted = len(function.arguments)
                    problem = f"{function.name} takes {wanted} terms, found {c.arguments[:80]!r}"
                    found.append(ParselError(problem, line=c.line, column=c.column))
        return found

    def checks(self, function: Function) -> tuple[str, ...]:
        return tuple(self._formula(function, _split(c.arguments) or [], _one(c.expected)) for c in function.constraints)

    def _formula(self, function: Function, given: list[str], expected: str) -> str:
        if not function.arguments and not given:
            return f"(= {function.name} {expected})"
        if given:
            return f"(= ({function.name} {' '.join(given)}) {expected})"
        return f"(forall ({self._parameters(function)}) {expected})"

    def _parameters(self, function: Function) -> str:
        return " ".join(f"({a.name} {_one(a.type)})" for a in function.arguments)

    def opening(self, function: Function) -> str:
        return f"(define-fun {function.name} ({self._parameters(function)}) {_one(function.returns[0])}"

    def body(self, reply: str, function: Function, program: Program) -> Body:
        text = _THOUGHT.sub("", reply).rpartition("</think>")[2]
        blocks = fenced(text)
        terms = _terms((blocks[-1] if blocks else text).strip())
        if terms is None or len(terms) != 1:
            raise NoBody("expected one block with one definition whose brackets match")
        tokens = list(_tokens(terms[0]))
        if tokens[:1] == ["("] and tokens[1:2] and tokens[1] in _COMMANDS:
            inside = _terms(terms[0].strip()[1:-1]) or []
            if len(inside) != 5 or inside[1] != function.name:
                raise NoBody(f"expected (define-fun {function.name} (arguments) sort term)")
            term = inside[4]
            names = re.findall(r"\(\s*([^\s()]+)", inside[2][1:-1])
            if names != [a.name for a in function.arguments]:
                raise NoBody(f"{function.name} must take ({self._parameters(function)})")
        else:
            term = terms[0]
        command = "define-fun-rec" if function.name in _tokens(term) else "define-fun"
        code = f"({command} {function.name} ({self._parameters(function)}) {_one(function.returns[0])}\n  {term})"
        return Body(function.name, code, self.uses(code, function.name, program))

    def uses(self, code: str, name: str, program: Program) -> frozenset[str]:
        return frozenset(set(_tokens(code)) & program.functions.keys()) - {name}

    def compose(self, program: Program, bodies: Iterable[Body], *, told: bool = False) -> str:
        comment = {name: f"; {function.description}\n" if told else "" for name, function in program.functions.items()}
        return "\n".join(comment[body.function] + body.code for body in bodies) + "\n"

    async def tried(self, ctx: Context, jobs: Sequence[Job]) -> list[Tries]:
        asked = [(at, check) for at, job in enumerate(jobs) for check in job.checks]

        async def ask(here: Context, one: tuple[int, str]) -> CheckResult:
            found = await here.perform(refutation(jobs[one[0]].code, one[1], self._seconds))
            if found.status == "unavailable":
                raise EffectFailed(found.message)
            return found

        tries: list[list[CheckResult]] = [[] for _ in jobs]
        for (at, _), found in zip(asked, await ctx.map("z3", asked, ask), strict=True):
            tries[at].append(found)
        return [Tries(tuple(found.status == "unsat" for found in own)) for own in tries]


def refutation(definitions: str, formula: str, seconds: float) -> Check:
    """Asks for values under which ``formula`` is false: it is valid where there are none (``unsat``)."""
    return Check(text=f"{definitions}\n(assert (not {formula}))\n", seconds=seconds)


def _tokens(text: str) -> Iterator[str]:
    """The tokens of SMT-LIB text, without blanks and comments. Raises ValueError for anything else."""
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ValueError(text[at : at + 20])
        if found["token"]:
            yield found["token"]
        at = found.end()


def _terms(text: str) -> list[str] | None:
    """The terms one after another in ``text``, blanks made uniform; None where brackets do not match or it is no SMT-LIB."""
    found, depth, piece = list[str](), 0, list[str]()
    if len(text) > MOST_TEXT:
        return None
    try:
        for word in _tokens(text):
            depth += {"(": 1, ")": -1}.get(word, 0)
            if not 0 <= depth <= MOST_DEPTH:
                return None
            piece.append(f" {word}" if piece and word != ")" and piece[-1] not in ("(", " (") else word)
            if depth == 0:
                found.append("".join(piece))
                piece = []
    except ValueError:
        return None
    return found if depth == 0 else None


def _one(text: str) -> str:
    """One term without comments. Raises ValueError for anything else, which :meth:`Smt.faults` has told before."""
    terms = _terms(text)
    if terms is None or len(terms) != 1:
        raise ValueError(f"{text[:80]!r} is not one term")
    return terms[0]


def _split(arguments: str) -> list[str] | None:
    """The terms of a constraint's left side, with or without commas; None where it is no list of terms."""
    return _terms(arguments.replace(",", " "))
