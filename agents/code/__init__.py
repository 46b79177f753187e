"""Code strategies: a task, reading programs from replies, tests, running, feedback, and choosing among candidates."""

from eudoxus.agents.code.feedback import block_trace, failures
from eudoxus.agents.code.generated import generated_tests
from eudoxus.agents.code.reply import NoProgram, program_in
from eudoxus.agents.code.running import Tried, run_tests
from eudoxus.agents.code.task import CodeTask
from eudoxus.agents.code.visible import visible_tests

__all__ = ["CodeTask", "NoProgram", "Tried", "block_trace", "failures", "generated_tests", "program_in", "run_tests", "visible_tests"]
