"""The grammar of the problems of one domain: what a model that decodes under a grammar can write and what it cannot."""

from __future__ import annotations

import functools
from importlib.resources import files
from typing import Any, Literal

from eudoxus.planners.pddl import Domain
from eudoxus.planners.pddl.model import ROOT
from eudoxus.runtime import Context
from eudoxus.runtime.errors import CapabilityMissing

Dialect = Literal["gbnf", "ebnf", "lark"]
"""*gbnf*: llama.cpp's body field ``grammar``. *ebnf*: the same notation in vLLM's field ``structured_outputs``. *lark*: models in this
process, which read it in the field ``grammar``."""


def problem_grammar(domain: Domain) -> str:
    """GBNF of a fenced problem file of ``domain``: its name, types, predicates and their numbers of places are fixed.

    It keeps a model from unknown predicates, ellipses and open parentheses. Which objects exist is left to the checks.
    """
    typed = bool(domain.types)
    names = sorted({ROOT, *domain.types, *(above for types in domain.types.values() for above in types)})
    atoms = ['"(' + predicate.name + '"' + ' " " term' * predicate.arity + ' ")"' for predicate in domain.predicates]
    values = {
        "domain": domain.name, "typed": ' " - " type' if typed else "", "types": " | ".join(f'"{name}"' for name in names),
        "atoms": " | ".join(atoms) or '"()"',
    }
    text = _template()
    for name, value in values.items():
        text = text.replace("{{" + name + "}}", value)
    return text


def constrained(dialect: Dialect, domain: Domain, ctx: Context) -> dict[str, Any]:
    """The body fields that make the model of ``ctx`` decode under the domain's grammar.

    Raises :class:`CapabilityMissing` when its endpoint does not declare this dialect. A strict replay asks no endpoint, so there the
    recorded request decides.
    """
    offered = ctx.model.capabilities.grammar
    if offered != dialect and ctx.session.mode != "strict":
        raise CapabilityMissing(f"grammar={dialect}: the model's endpoint decodes under {offered or 'no'} grammars; "
                                "say what it can in its configuration, as capabilities.grammar", param="params.grammar")
    grammar = problem_grammar(domain)
    return {"structured_outputs": {"grammar": grammar}} if dialect == "ebnf" else {"grammar": grammar}


@functools.cache
def _template() -> str:
    return files("eudoxus.prompts").joinpath("llm_plus_p", "problem.gbnf").read_text("utf-8")
