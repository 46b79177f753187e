"""The grammar of the problems of one domain: what a model that decodes under a grammar can write and what it cannot."""

from __future__ import annotations

import functools
from importlib.resources import files

from eudoxus.decoding import Lark
from eudoxus.planners.pddl import Domain
from eudoxus.planners.pddl.model import ROOT


def problem_grammar(domain: Domain) -> Lark:
    """A grammar of a fenced problem file of ``domain``: its name, types, predicates and their numbers of places are fixed.

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
    # A domain without types has no use for the rule of types.
    return Lark(text if typed else "\n".join(line for line in text.splitlines() if not line.startswith("type:")) + "\n")


@functools.cache
def _template() -> str:
    return files("eudoxus.prompts").joinpath("llm_plus_p", "problem.lark").read_text("utf-8")
