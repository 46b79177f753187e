"""Batch evaluation: data sets, hidden graders, a runner that can be killed, statistics and reports.

Nothing below this package may import it: gold answers and hidden tests live here, and a strategy must not be able to reach them.
"""

from eudoxus.evaluation.catalogue import known, load
from eudoxus.evaluation.dataset import DataSet, Item
from eudoxus.evaluation.grading import Grade, Grader

__all__ = ["DataSet", "Grade", "Grader", "Item", "known", "load"]
