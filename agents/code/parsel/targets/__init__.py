"""The languages that Parsel programs are implemented in."""

from eudoxus.agents.code.parsel.targets.base import Job, NoBody, Target, Tries
from eudoxus.agents.code.parsel.targets.plan import PddlPlan
from eudoxus.agents.code.parsel.targets.python import Python
from eudoxus.agents.code.parsel.targets.smt import Smt

__all__ = ["Job", "NoBody", "PddlPlan", "Python", "Smt", "Target", "Tries"]
