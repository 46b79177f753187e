"""Tree search: one engine, many policies."""

from eudoxus.agents.search.engine import Found, search
from eudoxus.agents.search.parts import (
    Answer,
    Evaluator,
    Explorer,
    LazyPolicy,
    Policy,
    Problem,
    Proposal,
    Proposer,
    Rejected,
    Unreadable,
    Verifier,
)
from eudoxus.agents.search.tree import Node, Tree

__all__ = [
    "Answer", "Evaluator", "Explorer", "Found", "LazyPolicy", "Node", "Policy", "Problem", "Proposal", "Proposer", "Rejected", "Tree",
    "Unreadable", "Verifier", "search",
]
