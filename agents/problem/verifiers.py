"""All verifiers of problems, told apart by their ``kind``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from eudoxus.agents.problem.constraints import MeetsConstraints
from eudoxus.agents.problem.instructions import FollowsInstructions
from eudoxus.agents.problem.json_schema import FollowsSchema
from eudoxus.agents.problem.pddl_plan import SolvesPddl
from eudoxus.agents.problem.plain import IsNumber, MatchesRegex
from eudoxus.agents.problem.python_tests import PassesTests

AnyVerifier = Annotated[
    MatchesRegex | IsNumber | FollowsSchema | PassesTests | SolvesPddl | MeetsConstraints | FollowsInstructions,
    Field(discriminator="kind"),
]
