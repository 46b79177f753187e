"""Planning without a model: PDDL in, a checked plan, a verdict, findings or a comparison out. The service and the command line ask here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from eudoxus.planners.domains import shipped
from eudoxus.planners.engines import EngineName, Mode, PlanResult, SecondOpinion, Status
from eudoxus.planners.equivalence import compare
from eudoxus.planners.pddl import (
    Domain,
    Finding,
    PddlError,
    PlanVerdict,
    Problem,
    UnsupportedPddl,
    check_domain,
    lint,
    normalise,
    parse_domain,
    parse_problem,
    validate,
    write_problem,
)
from eudoxus.planners.solve import Confirm, Solve
from eudoxus.runtime.errors import InvalidRequest

T = TypeVar("T")


class UnreadablePddl(InvalidRequest):
    """A text is not PDDL; ``param`` says which one, the message where."""

    code = "invalid_pddl"


class Checked(BaseModel):
    """What is wrong with a domain, or with a problem as one of a domain."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    usable: bool
    """Whether there is no error; warnings do not count."""
    findings: list[Finding]
    """Errors first."""
    changes: list[str] = []
    """What was read otherwise than written, because it can only be meant so."""


class Planned(BaseModel):
    """What came of planning."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    result: PlanResult
    findings: list[Finding] = []
    """What the checks say of the problem. With an error among them no planner is run."""
    changes: list[str] = []
    """What was read otherwise than written."""
    verdict: PlanVerdict | None = None
    """Our validator on the plan; None without a plan, and for constructs that it cannot read, such as quantities."""
    second: SecondOpinion | None = None
    """The validator of unified-planning on the plan, where it was asked for."""

    @property
    def proven(self) -> bool:
        """Whether there is a plan and nobody who was asked objects to it."""
        return self.result.status == "solved" and (self.verdict is None or self.verdict.valid) and \
            (self.second is None or self.second.status != "invalid")


class Comparison(BaseModel):
    """Whether two problems say the same."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    answer: Literal["yes", "no", "unknown"]
    reason: str


def domain_text(said: str) -> str:
    """``said``, or the shipped domain of that name. Raises :class:`InvalidRequest` for a name that no shipped domain has."""
    if "(" in said:
        return said
    found = shipped().get(said.strip())
    if found is None:
        name = said.strip()[:60]
        raise InvalidRequest(f"no domain is called {name!r}: give one in PDDL, or one of {', '.join(shipped())}", param="domain")
    return found.pddl


async def plan(domain: str, problem: str, *, engine: EngineName = "auto", mode: Mode = "fast", seconds: float = 10.0, memory_mb: int = 2048,
               confirm: bool = False) -> Planned:
    """Check the problem, look for a plan, and validate it; with ``confirm`` by unified-planning, too.

    What our reader does not support goes to the planner as it stands. Raises :class:`UnreadablePddl`.
    """
    domain = domain_text(domain)
    findings, changes, read = await asyncio.to_thread(_prepared, domain, problem)
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        # Out of reach even when nothing is ever undone: that is a proof, not a slip of the pen.
        status: Status = "unsolvable" if all(error.rule == "unreachable_goal" for error in errors) else "input_error"
        told = PlanResult(status=status, engine=engine, message="; ".join(map(str, errors[:3])))
        return Planned(result=told, findings=findings, changes=changes)
    source = write_problem(read[1]) if read else problem
    result = await Solve(domain=domain, problem=source, engine=engine, mode=mode, seconds=seconds, memory_mb=memory_mb).run()
    verdict = second = None
    if result.status == "solved":
        verdict = await asyncio.to_thread(_verdict, *read, result.plan) if read else None
        second = await Confirm(domain=domain, problem=source, plan="\n".join(result.plan)).run() if confirm else None
    return Planned(result=result, findings=findings, changes=changes, verdict=verdict, second=second)


def judged(domain: str, problem: str, plan: str | Sequence[str]) -> PlanVerdict:
    """Our validator on a plan: its text, or its steps. Raises :class:`UnreadablePddl`."""
    said, wanted = _read("domain", domain_text(domain), parse_domain), _read("problem", problem, parse_problem)
    try:
        return validate(said, wanted, plan)
    except PddlError as error:
        raise UnreadablePddl(f"the plan cannot be validated: {error}", param="plan") from None


def checked(domain: str, problem: str | None = None) -> Checked:
    """All findings on a problem, or on the domain alone. What cannot be read is a finding as well."""
    changes: list[str] = []
    try:
        said = parse_domain(domain_text(domain))
        findings = [_of_domain(finding) for finding in check_domain(said)]
    except PddlError as error:
        return Checked(usable=False, findings=[Finding(rule="syntax", where="the domain", atom="", expected=str(error))])
    if problem is not None:
        try:
            wanted, more = normalise(parse_problem(problem, changes), said)
            changes += more
            findings += lint(wanted, said)
        except PddlError as error:
            findings.append(Finding(rule="syntax", where="the problem", atom="", expected=str(error)))
    return Checked(usable=all(finding.severity != "error" for finding in findings), findings=findings, changes=changes)


def compared(domain: str, a: str, b: str, *, placeholder: bool = False) -> Comparison:
    """Whether the problems ``a`` and ``b`` say the same up to the names of objects. Raises :class:`UnreadablePddl`."""
    said = _read("domain", domain_text(domain), parse_domain)
    first, second = (normalise(_read(name, text, parse_problem), said)[0] for name, text in (("a", a), ("b", b)))
    found = compare(said, first, second, placeholder=placeholder)
    return Comparison(answer=found.answer, reason=found.reason)


def _prepared(domain: str, problem: str) -> tuple[list[Finding], list[str], tuple[Domain, Problem] | None]:
    """Findings, changes, and both texts read; None for the texts when they use a construct that we do not support."""
    changes: list[str] = []
    try:
        said = _read("domain", domain, parse_domain)
        wanted = _read("problem", problem, lambda text: parse_problem(text, changes))
    except UnsupportedPddl:
        return [], [], None
    wanted, more = normalise(wanted, said)
    findings = [*(_of_domain(finding) for finding in check_domain(said)), *lint(wanted, said)]
    return findings, [*changes, *more], (said, wanted)


def _read(name: str, text: str, parse: Callable[[str], T]) -> T:
    try:
        return parse(text)
    except UnsupportedPddl as error:
        error.param = name
        raise
    except PddlError as error:
        raise UnreadablePddl(f"the {name} cannot be read: {error}", param=name) from None


def _of_domain(finding: Finding) -> Finding:
    return finding.model_copy(update={"where": f"domain, {finding.where}"})


def _verdict(domain: Domain, problem: Problem, plan: Sequence[str]) -> PlanVerdict:
    try:
        return validate(domain, problem, plan)
    except PddlError as error:
        return PlanVerdict(valid=False, length=len(plan), message=str(error))
