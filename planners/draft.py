"""A model's problem, read: what it says, what was put right, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from eudoxus.planners.equivalence import isomorphism_class
from eudoxus.planners.pddl import Domain, Finding, PddlError, Problem, expand, extract, lint, normalise, parse_problem, write_problem
from eudoxus.runtime import Completion

_THOUGHT_ENDS = re.compile(r"</think(?:ing)?>")
_DEFINES = re.compile(r"\(\s*define\b", re.IGNORECASE)


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
    """What is wrong or suspicious; a draft without errors can be planned with."""
    structured: bool = False
    """Whether the answer is JSON with macros instead of PDDL."""

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that keep the draft from being used; the others are warnings."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def usable(self) -> bool:
        return self.problem is not None and not self.errors

    @property
    def source(self) -> str:
        """The problem in PDDL, in our own layout; what the model wrote when it could not be read."""
        return write_problem(self.problem) if self.problem else self.answer

    def same_as(self, other: Draft) -> bool:
        """Whether both say the same: equal problems, or equal texts where they could not be read."""
        if self.problem is None or other.problem is None:
            return self.problem is other.problem and self.answer.strip() == other.answer.strip()
        return self.problem.same_as(other.problem)


def read_draft(completion: Completion, domain: Domain) -> Draft:
    """Extract, parse, normalise and check the model's answer. Nothing is raised: what is wrong is told in the findings."""
    text, changes = completion.text, list[str]()
    if completion.finish_reason == "length":
        cut = Finding(rule="truncated", where="end", atom="", expected="the answer was cut off at the most tokens allowed")
        return Draft(text, None, findings=(cut,))
    structure = _structure_in(text)
    try:
        if structure is not None:
            problem = expand(structure, domain)
            changes.append("wrote out the macros of the answer")
        else:
            found = extract(text)
            changes += found.changes
            problem = parse_problem(found.source, changes)
    except PddlError as error:
        wrong = Finding(rule="syntax", where="the file", atom="", expected=str(error))
        return Draft(text, None, tuple(changes), (wrong,), structure is not None)
    problem, more = normalise(problem, domain)
    return Draft(text, problem, (*changes, *more), tuple(lint(problem, domain)), structure is not None)


def agreeing(drafts: Sequence[Draft], domain: Domain) -> list[list[Draft]]:
    """The drafts in groups that say the same up to the names of objects: usable ones first, and of those the largest group first.

    Equal problems make a group, and groups that differ by a renaming join. The first of a group is its most frequent wording.
    """
    groups: list[list[Draft]] = []
    for equal in sorted(_equal_ones(drafts), key=len, reverse=True):
        joined = next((group for group in groups if equal[0].usable and group[0].usable and _renamed(equal[0], group[0], domain)), None)
        if joined is None:
            groups.append(equal)
        else:
            joined += equal
    return sorted(groups, key=lambda group: (not group[0].usable, -len(group), len(group[0].errors)))


def _equal_ones(drafts: Sequence[Draft]) -> list[list[Draft]]:
    groups: list[list[Draft]] = []
    for draft in drafts:
        found = next((group for group in groups if draft.same_as(group[0])), None)
        if found is None:
            groups.append([draft])
        else:
            found.append(draft)
    return groups


def _renamed(one: Draft, other: Draft, domain: Domain) -> bool:
    """Whether both say the same once names that only one of them has are exchanged.

    A name that both have means the same in both: who swaps two objects has not renamed them, and means something else.
    """
    assert one.problem is not None
    assert other.problem is not None
    shared = {thing.name for thing in one.problem.objects} & {thing.name for thing in other.problem.objects}
    keys = {isomorphism_class(domain, replace(problem, init=(*problem.init, *((f"called-{name}", name) for name in sorted(shared)))))
            for problem in (one.problem, other.problem)}
    return len(keys) == 1


def _structure_in(answer: str) -> str | None:
    """The JSON object of an answer that holds one and no PDDL definition."""
    spoken = _THOUGHT_ENDS.split(answer)[-1]
    begin, end = spoken.find("{"), spoken.rfind("}")
    return spoken[begin:end + 1] if _DEFINES.search(answer) is None and 0 <= begin < end else None
