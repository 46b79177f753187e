"""Inductive reasoning: finding the rule behind a few examples."""

from eudoxus.agents.induction.task import InductionTask, Pair

__all__ = ["InductionTask", "Pair"]
