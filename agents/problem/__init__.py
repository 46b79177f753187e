"""The generic task: what is asked, where the answer stands in a reply, and how it is verified, all without code."""

from eudoxus.agents.problem.extractors import Extractor
from eudoxus.agents.problem.task import ProblemTask
from eudoxus.agents.problem.verifiers import AnyVerifier

__all__ = ["AnyVerifier", "Extractor", "ProblemTask"]
