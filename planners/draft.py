"""A model's problem file, read: what it says, what was put right, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass

from eudoxus.planners.pddl import Domain, Finding, PddlError, Problem, check_problem, extract, normalise, parse_problem, write_problem
from eudoxus.runtime import Completion


@dataclass(frozen=True, slots=True)
class Draft:
    """One answer of the model as a problem of the domain."""

    answer: str
    """What the model wrote."""
    problem: Problem | None
    """None when the answer could not be read."""
    changes: tuple[str, ...] = ()
    """What was read otherwise than written, in words."""
    findings: tuple[Finding, ...] = ()
    """What is wrong; a draft without findings can be planned with."""

    @property
    def source(self) -> str:
        """The problem in PDDL, in our own layout; what the model wrote when it could not be read."""
        return write_problem(self.problem) if self.problem else self.answer


def read_draft(completion: Completion, domain: Domain) -> Draft:
    """Extract, parse, normalise and check the model's answer. Nothing is raised: what is wrong is told in the findings."""
    text, changes = completion.text, list[str]()
    if completion.finish_reason == "length":
        cut = Finding(rule="truncated", where="end", atom="", expected="the answer was cut off at the most tokens allowed")
        return Draft(text, None, findings=(cut,))
    try:
        found = extract(text)
        changes += found.changes
        problem = parse_problem(found.source, changes)
    except PddlError as error:
        return Draft(text, None, tuple(changes), (Finding(rule="syntax", where="the file", atom="", expected=str(error)),))
    problem, more = normalise(problem, domain)
    return Draft(text, problem, (*changes, *more), tuple(check_problem(problem, domain)))
