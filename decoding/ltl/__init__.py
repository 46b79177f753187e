"""Agents whose steps obey temporal logic: specifications, automata, grammars, and a runner over any endpoint."""

from eudoxus.decoding.ltl.agent import Agent, Monitor, State
from eudoxus.decoding.ltl.automaton import Automaton, Symbol
from eudoxus.decoding.ltl.errors import AgentSpecError, ConstraintViolation, FormulaError, SpecTooLarge, Unsatisfiable
from eudoxus.decoding.ltl.formula import Formula, holds, parse
from eudoxus.decoding.ltl.lifting import Grammar, lift, lift_run
from eudoxus.decoding.ltl.remote import Options, Prompts, Run, run_agent
from eudoxus.decoding.ltl.spec import load_agent, read_agent, shipped
from eudoxus.decoding.ltl.transcript import Segment, Verification, Violation, verify

__all__ = [
    "Agent", "AgentSpecError", "Automaton", "ConstraintViolation", "Formula", "FormulaError", "Grammar", "Monitor", "Options", "Prompts",
    "Run", "Segment", "SpecTooLarge", "State", "Symbol", "Unsatisfiable", "Verification", "Violation", "holds", "lift", "lift_run",
    "load_agent", "parse", "read_agent", "run_agent", "shipped", "verify",
]
