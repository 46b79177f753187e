"""Programs without hypotheses, the second baseline of Hypothesis Search (Wang et al. 2024, arXiv 2309.05660, §3.1)."""

from __future__ import annotations

from pydantic import Field

from eudoxus.agents.induction.attempts import result
from eudoxus.agents.induction.programs import Programming, note, repaired, write
from eudoxus.agents.induction.task import InductionTask
from eudoxus.runtime import Context, Result, strategy

PROMPTS = [f"hypothesis_search/{name}" for name in ("program_only", "program_again", "repair")]


class ProgramOnly(Programming):
    programs: int = Field(8, ge=1, le=256)
    """Programs drawn. The paper draws 64."""


@strategy("program_only", takes=InductionTask, prompts=PROMPTS, calls="programs, and up to rounds times repairs while none is right")
async def program_only(task: InductionTask, params: ProgramOnly, ctx: Context) -> Result:
    """Draw programs from the train pairs alone, repair the best, and let their outputs on the test inputs be the attempts.

    ``verified`` by ``public_tests`` when the program of the first attempts is right on all train pairs; ``failed`` when none gives a grid.
    """
    drawn = await write(task, params, ctx.scope("write"), "", params.programs)
    note(ctx, drawn, task, params)
    found = await repaired(task, params, ctx, drawn)
    return result(found, task, params.attempts, ctx.refusal())
