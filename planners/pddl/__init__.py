"""PDDL: our own lenient reader, the values it makes, checks, and the plan validator."""

from eudoxus.planners.pddl.check import check_domain, check_problem, lint
from eudoxus.planners.pddl.errors import PddlError, UnsupportedPddl
from eudoxus.planners.pddl.extract import Extracted, extract, normalise
from eudoxus.planners.pddl.findings import Finding
from eudoxus.planners.pddl.model import Action, Domain, Predicate, Problem
from eudoxus.planners.pddl.parse import parse_domain, parse_problem
from eudoxus.planners.pddl.requirements import needed_requirements, with_requirements
from eudoxus.planners.pddl.structure import expand
from eudoxus.planners.pddl.validate import PlanVerdict, parse_plan, validate
from eudoxus.planners.pddl.write import write_problem

__all__ = [
    "Action", "Domain", "Extracted", "Finding", "PddlError", "PlanVerdict", "Predicate", "Problem", "UnsupportedPddl", "check_domain",
    "check_problem", "expand", "extract", "lint", "needed_requirements", "normalise", "parse_domain", "parse_plan", "parse_problem",
    "validate", "with_requirements", "write_problem",
]
