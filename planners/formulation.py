"""The two questions of LLM+P: for the translation of a task into a problem, and for its correction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from eudoxus.planners.domains import shipped
from eudoxus.planners.draft import Draft
from eudoxus.planners.pddl import Domain
from eudoxus.planners.pddl.formulas import Effect, ForEach, Makes, When
from eudoxus.planners.task import PlanningTask
from eudoxus.prompts import load, render
from eudoxus.runtime import ChatRequest

MOST_OBJECTIONS = 5
"""Shown to the model at once: more of them make answers worse (Valmeekam et al. 2023, arXiv 2305.15771, on back-prompting)."""


def translation(task: PlanningTask, *, context: Literal["example", "none"] = "example", structure: bool | None = None) -> ChatRequest:
    """The first question, with the task's worked examples, else the shipped domain's, else one of another domain.

    ``structure`` lets the model answer with macros; None decides by the domain, and says no where no examples are shown.
    """
    macros = context == "example" and has_fixed_relation(task.parsed) if structure is None else structure
    return render("llm_plus_p/problem_structured" if macros else "llm_plus_p/problem",
                  domain=task.pddl, example=examples(task) if context == "example" else "", task=task.description)


def examples(task: PlanningTask) -> str:
    """The part of the question that shows the form."""
    if task.examples:
        shown = load("llm_plus_p/example")
        return "\n\n".join(shown.render(task=example.description, problem=example.problem) for example in task.examples)
    other = shipped()["blocksworld"]
    return load("llm_plus_p/example_elsewhere").render(domain=other.pddl, task=other.example_description, problem=other.example_problem)


def correction(task: PlanningTask, draft: Draft, objections: Sequence[str]) -> ChatRequest:
    """The question asked again, with the answer so far and the first things that are wrong with it."""
    shown = [*objections[:MOST_OBJECTIONS], *([f"and {len(objections) - MOST_OBJECTIONS} more, of the same kinds"]
                                              if len(objections) > MOST_OBJECTIONS else [])]
    numbered = "\n".join(f"{number}. {objection}" for number, objection in enumerate(shown, start=1))
    prompt = "llm_plus_p/repair_structured" if draft.structured else "llm_plus_p/repair"
    answer = (draft.answer if draft.structured else draft.source).strip()
    return render(prompt, domain=task.pddl, task=task.description, answer=answer, findings=numbered)


def has_fixed_relation(domain: Domain) -> bool:
    """Whether a predicate that no action changes relates things of one type: neighbours in a grid, numbers that follow one another."""
    changed = {name for action in domain.actions for effect in action.effects for name in _changed(effect)}
    return any(predicate.name not in changed and len({place.types for place in predicate.places}) < len(predicate.places)
               for predicate in domain.predicates)


def _changed(effect: Effect) -> set[str]:
    match effect:
        case Makes(atom):
            return {atom[0]}
        case When(_, effects) | ForEach(_, effects):
            return {name for part in effects for name in _changed(part)}
        case _:
            return set()
