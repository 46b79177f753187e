"""The answer meets constraints, decided by z3."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal

import orjson
from pydantic import AfterValidator, Field, field_validator

from eudoxus.agents.problem.base import ProblemVerifier
from eudoxus.runtime import Context, Verdict
from eudoxus.runtime.errors import EffectFailed, InvalidTask
from eudoxus.runtime.result import Authority
from eudoxus.solvers import Check, Refused, gate, literal
from eudoxus.solvers.smtlib import Sort

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,40}")
MOST_VALUE = 10_000


def _passes_the_gate(text: str) -> str:
    try:
        script = gate(text, quantifiers=True)
    except Refused as problem:
        raise ValueError(str(problem)) from None
    if script.goals:
        raise ValueError("minimize, maximize and assert-soft say nothing about whether an answer is right; expected assertions")
    if not script.assertions:
        raise ValueError("expected at least one (assert …): without any, every answer is right")
    return text


class MeetsConstraints(ProblemVerifier):
    """The answer's values meet constraints in SMT-LIB 2. They enter as literals: an answer is never read as SMT-LIB."""

    kind: Literal["z3"] = "z3"
    authority: ClassVar[Authority] = "solver"
    constraints: Annotated[str, Field(max_length=100_000), AfterValidator(_passes_the_gate)]
    """Declarations, definitions and assertions over the ``variables``, which are declared: ``(assert (= (* answer answer) 49))``."""
    variables: dict[str, Sort] = Field(default={"answer": "Int"}, min_length=1, max_length=200)
    """Names and sorts of what the answer gives. With one variable the answer is its value, with several a JSON object of all."""
    wanted: Literal["sat", "unsat"] = "sat"
    """``unsat`` for claims that must hold always: assert their contrary."""
    seconds: float = Field(5.0, gt=0, le=60)
    memory_mb: int = Field(512, ge=64, le=4096)

    @field_validator("variables")
    @classmethod
    def _names(cls, variables: dict[str, Sort]) -> dict[str, Sort]:
        for name in variables:
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name[:60]!r} is no name of a variable: letters, digits and _, a letter first")
        return variables

    async def verify(self, ctx: Context, answer: str) -> Verdict:
        values = self._values(answer)
        if isinstance(values, str):
            return self.refused(values)
        given = [f"(define-const {name} {self.variables[name]} {value})" for name, value in values.items()]
        text = "\n".join([*given, self.constraints])
        quantified = gate(self.constraints, quantifiers=True).quantified
        found = await ctx.perform(Check(text=text, seconds=self.seconds, memory_mb=self.memory_mb, quantifiers=quantified))
        if found.status == self.wanted:
            return self.accepted()
        match found.status:
            case "sat" | "unsat":
                return self.refused(self._broken(found.core))
            case "invalid":
                raise InvalidTask(f"task.verifier.constraints: z3 cannot read them: {found.message}", param="task.verifier.constraints")
            case "unavailable" | "crashed":
                raise EffectFailed(found.message)
        return self.refused(f"z3 could not decide it: {found.message or found.status}")

    def _values(self, answer: str) -> dict[str, str] | str:
        """The literal of each variable, or what is wrong with the answer."""
        said: Any = None
        if len(answer) > MOST_VALUE:
            return f"the answer has {len(answer):,} characters"
        if len(self.variables) > 1 or answer.lstrip().startswith("{"):
            try:
                said = orjson.loads(answer)
            except orjson.JSONDecodeError as error:
                return f"expected a JSON object with {', '.join(self.variables)}; the answer is not JSON: {error}"
            if not isinstance(said, dict) or (missing := [name for name in self.variables if name not in said]):
                return f"expected a JSON object with {', '.join(missing if isinstance(said, dict) else self.variables)}"
        else:
            said = dict.fromkeys(self.variables, answer)
        values = dict[str, str]()
        for name, sort in self.variables.items():
            text = said[name] if isinstance(said[name], str) else orjson.dumps(said[name]).decode()
            if (found := literal(sort, text)) is None:
                return f"{name} = {text[:80]!r} is no {sort}"
            values[name] = found
        return values

    def _broken(self, core: list[str]) -> str:
        """Which assertions the answer contradicts."""
        if self.wanted == "unsat":
            return "the claim does not hold: z3 found a case against it"
        assertions = gate(self.constraints, quantifiers=True).assertions
        said = [assertions[name][:200] for name in core if name in assertions]
        return "the answer does not meet the constraints" + (f"; these cannot all hold: {'; '.join(said)}" if said else "")
