"""What went wrong with a program, in words for the next thought: failing tests, and which block of the program is at fault.

The blocks are those of LDB (Zhong et al. 2024, arXiv 2402.16906) as RethinkMCTS uses them (Li et al. 2024, arXiv 2409.09584, §3.2).
"""

from __future__ import annotations

from eudoxus.agents.code.feedback import capped
from eudoxus.agents.code.running import Tried, run_tests
from eudoxus.agents.code.task import CodeTask
from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, Context


async def debugged(ctx: Context, tried: Tried, program: str, task: CodeTask, **sampling: float | int | None) -> str:
    """The program, its failing tests with what came out, and what a model says of the blocks that were executed in one of them.

    The failing tests are run again with a trace; one request follows, with ``sampling`` fields, unless no test left a trace (a program
    that cannot be loaded, or does not end). ``tried`` must have failed.
    """
    known = f"The program:\n\n{fenced(program)}\n\n{tried.feedback}"
    traced = await run_tests(ctx, program, task, tests=tried.failing, trace="blocks") if tried.failing else tried
    if not traced.trace:
        return capped(known)
    request = blocks_request(program, traced, task).model_copy(update=sampling)
    analysis = (await ctx.complete(request))[0].text.rpartition("</think>")[2].strip()
    return capped(f"{known}\n\n{traced.trace}\n\nAn examination of the blocks says:\n{analysis}")


def blocks_request(program: str, traced: Tried, task: CodeTask) -> ChatRequest:
    """The question which of the executed blocks goes wrong."""
    return render("rethink_mcts/blocks", problem=problem_of(task), program=fenced(program), failure=traced.feedback, blocks=traced.trace)


def problem_of(task: CodeTask) -> str:
    """The task in words: its statement, the name of the function, and the tests that the statement does not show."""
    return f"{task.statement.strip()}\n\n{task.wanted}"


def fenced(program: str) -> str:
    """A program as a block."""
    return f"```python\n{program.rstrip()}\n```"
