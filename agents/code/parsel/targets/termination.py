"""Whether a recursive definition in SMT-LIB ends for all arguments.

One that does not may contradict itself, as ``f(x) = f(x) + 1`` does, and z3 takes definitions for axioms: from a contradiction it would
prove every constraint. So a definition has to have a measure, an integer that is at least 0 where the function calls itself and smaller
in the call.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations
from typing import TypeAlias

MOST_MEASURES = 12
_BINDERS = frozenset({"let", "forall", "exists", "match", "!", "lambda", "as", "_"})

Parsed: TypeAlias = "str | list[Parsed]"


def measures(parameters: Sequence[tuple[str, str]]) -> list[str]:
    """Candidates for the measure of a function with these (name, sort): its integers, differences of two, lengths of its sequences."""
    integers = [name for name, sort in parameters if sort == "Int"]
    lengths = [f"(str.len {name})" for name, sort in parameters if sort == "String"]
    lengths += [f"(seq.len {name})" for name, sort in parameters if sort.startswith("(Seq ")]
    return [*integers, *lengths, *(f"(- {a} {b})" for a, b in permutations(integers, 2))][:MOST_MEASURES]


def questions(name: str, parameters: Sequence[tuple[str, str]], sort: str, tokens: Sequence[str]) -> list[str]:
    """Scripts of which one must be unsatisfiable for ``name``, whose body is ``tokens``, to end; none where nothing can be said.

    In them the function itself is any function of its sorts, and each measure is asked for all calls together.
    """
    found = _calls(name, _read(iter(tokens))[0], ())
    if found is None or any(len(arguments) != len(parameters) for _, arguments in found):
        return []
    head = [f"(declare-fun {name} ({' '.join(kind for _, kind in parameters)}) {sort})"]
    head += [f"(declare-const {parameter} {kind})" for parameter, kind in parameters]
    asked = []
    for measure in measures(parameters):
        bad = []
        for path, arguments in found:
            bound = " ".join(f"({parameter} {_text(given)})" for (parameter, _), given in zip(parameters, arguments, strict=True))
            smaller = f"(and (>= {measure} 0) (< (let ({bound}) {measure}) {measure}))"
            bad.append(f"(and {' '.join(path)} (not {smaller}))")
        asked.append("\n".join([*head, f"(assert (or {' '.join(bad)} false))"]) + "\n")
    return asked


def _calls(name: str, term: Parsed, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], list[Parsed]]] | None:
    """The calls of ``name`` in ``term``, each with the conditions under which it is made; None below names that are bound in the term."""
    if isinstance(term, str):
        return [] if term != name else None
    if not any(_mentions(name, part) for part in term):
        return []
    if term[0] in _BINDERS or not isinstance(term[0], str):
        return None
    parts: list[tuple[Parsed, tuple[str, ...]]] = [(part, path) for part in term[1:]]
    if term[0] == "ite" and len(term) == 4:
        holds = _text(term[1])
        parts = [(term[1], path), (term[2], (*path, holds)), (term[3], (*path, f"(not {holds})"))]
    found = [(path, term[1:])] if term[0] == name else []
    for part, under in parts:
        inner = _calls(name, part, under)
        if inner is None:
            return None
        found += inner
    return found


def _mentions(name: str, term: Parsed) -> bool:
    return term == name if isinstance(term, str) else any(_mentions(name, part) for part in term)


def _read(tokens: Iterator[str]) -> list[Parsed]:
    """The terms up to the next closing bracket, or the end."""
    found: list[Parsed] = []
    for word in tokens:
        if word == ")":
            break
        found.append(_read(tokens) if word == "(" else word)
    return found


def _text(term: Parsed) -> str:
    return term if isinstance(term, str) else f"({' '.join(map(_text, term))})"
