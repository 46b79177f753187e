"""Graders: what says whether an answer is right. They hold gold answers and hidden tests; no strategy ever sees one."""

from eudoxus.evaluation.grading.base import Grade, Grader, GradingFault
from eudoxus.evaluation.grading.code import CheckGrader, Part
from eudoxus.evaluation.grading.efficiency import EfficiencyGrader, Level
from eudoxus.evaluation.grading.grids import GridGrader
from eudoxus.evaluation.grading.instructions import InstructionGrader
from eudoxus.evaluation.grading.text import AnswerGrader

__all__ = ["AnswerGrader", "CheckGrader", "EfficiencyGrader", "Grade", "Grader", "GradingFault", "GridGrader", "InstructionGrader", "Level",
           "Part"]
