"""How far ``let`` and definitions make products grow: thirty squarings of a shared name fit on a line, and no solver expands them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from eudoxus.solvers.smtlib import Expression, Refused

MOST_DEGREE = 64
"""Of a product in which something shared takes part."""
_BITS = 64
"""A number counts by its length: one of that many bits as much as a variable."""
_ENOUGH = 1e9
"""Beyond this it does not matter how much; floats would overflow."""
_NUMBER = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
_PRODUCTS = frozenset({"*", "/", "div", "bvmul", "fp.mul", "str.++", "seq.++", "concat"})
"""Of which the length or the degree is the sum of those of the parts."""

Measure = tuple[float, bool]
"""The degree, and whether something shared takes part."""


class Degrees:
    """Of the terms of a text, command by command."""

    def __init__(self) -> None:
        self._functions: dict[str, float] = {}
        self._bound: dict[str, list[Measure]] = {}

    def add(self, command: Sequence[Expression]) -> None:
        """Measure a command's terms. Raises :class:`Refused` for one whose degree is too high."""
        match command:
            case ["define-fun" | "define-fun-rec", str(name), [*parameters], _, term]:
                self._functions[name] = self._of(term, _names(parameters))
            case ["define-const", str(name), _, term]:
                self._functions[name] = self._of(term, [])
            case ["define-funs-rec", [*headers], [*terms]]:
                for header, term in zip(headers, terms, strict=False):
                    self._of(term, _names(header[1]) if isinstance(header, list) and len(header) > 1 else [])
            case ["assert" | "assert-soft" | "minimize" | "maximize", term, *_]:
                self._of(term, [])

    def _of(self, term: Expression, parameters: Sequence[str]) -> float:
        """By a stack of our own: a text may nest more deeply than Python calls."""
        own = dict.fromkeys(parameters, (1.0, False))
        self._enter(own)
        work: list[tuple[str, Expression]] = [("look", term)]
        done: list[Measure] = []
        while work:
            step, now = work.pop()
            if step == "look":
                self._look(now, work, done)
            elif step == "leave":
                self._leave(now)
            elif step == "bind":  # the terms of the bindings are measured
                names = _names(now)
                self._enter({name: (done[at - len(names)][0], True) for at, name in enumerate(names)})
                del done[len(done) - len(names):]
            else:
                assert isinstance(now, list)
                count = len(now) - 1
                parts = done[len(done) - count:] if count else []
                del done[len(done) - count:]
                done.append(self._applied(now, parts))
        self._leave([*own])
        return done[0][0]

    def _look(self, now: Expression, work: list[tuple[str, Expression]], done: list[Measure]) -> None:
        match now:
            case str():
                done.append(self._atom(now))
            case ["let", [*bindings], body] if len(_names(bindings)) == len(bindings):
                work += [("leave", [*dict.fromkeys(_names(bindings))]), ("look", body), ("bind", bindings)]
                work += [("look", binding[1]) for binding in reversed(bindings) if isinstance(binding, list)]
            case ["forall" | "exists" | "lambda", [*bindings], body]:
                names = dict.fromkeys(_names(bindings), (1.0, False))
                self._enter(names)
                work += [("leave", [*names]), ("look", body)]
            case ["!", inner, *_]:
                work.append(("look", inner))
            case [_, *parts]:
                work.append(("apply", now))
                work += [("look", part) for part in reversed(parts)]
            case _:
                done.append((0.0, False))

    def _applied(self, now: Sequence[Expression], parts: Sequence[Measure]) -> Measure:
        head = now[0]
        degree, shared = max((one for one, _ in parts), default=0.0), any(one for _, one in parts)
        if head == "^":
            exponent = now[2] if len(now) == 3 else ""
            times = float(exponent[:10]) if isinstance(exponent, str) and _NUMBER.fullmatch(exponent) else _ENOUGH
            degree, shared = parts[0][0] * times if parts else 0.0, True
        elif isinstance(head, str) and head in _PRODUCTS:
            degree = sum(one for one, _ in parts)
        elif isinstance(head, str) and head in self._functions:
            degree, shared = degree * max(1.0, self._functions[head]), True
        if shared and degree > MOST_DEGREE:
            raise Refused(f"what let and definitions share grows into a product of a degree above {MOST_DEGREE}")
        return min(degree, _ENOUGH), shared

    def _atom(self, name: str) -> Measure:
        if bound := self._bound.get(name):
            return bound[-1]
        if name in self._functions:
            return self._functions[name], True
        if _NUMBER.fullmatch(name):
            return len(name) * 10 / 3 / _BITS, False  # a decimal digit is about 10/3 bits
        return 1.0, False

    def _enter(self, names: dict[str, Measure]) -> None:
        for name, measure in names.items():
            self._bound.setdefault(name, []).append(measure)

    def _leave(self, names: Expression) -> None:
        for name in names:
            if isinstance(name, str):
                self._bound[name].pop()


def _names(bindings: Expression) -> list[str]:
    """The names of ``((x …) (y …))``."""
    return [one[0] for one in bindings if isinstance(one, list) and len(one) == 2 and isinstance(one[0], str)]
