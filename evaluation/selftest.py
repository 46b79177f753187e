"""The harness before the models: every reference solution must pass, or no verdict is worth anything."""

from __future__ import annotations

from eudoxus.evaluation.dataset import DataSet
from eudoxus.evaluation.side_by_side import side_by_side
from eudoxus.runtime.errors import EudoxusError

SHOWN = 10


class ReferencesFailed(EudoxusError):
    """Reference solutions do not pass here. The message names them; ``failed`` holds their ids and why."""

    code = "references_failed"

    def __init__(self, dataset: str, failed: list[tuple[str, str]], checked: int) -> None:
        self.failed = failed
        named = "; ".join(f"{id}: {detail}" for id, detail in failed[:SHOWN])
        more = f"; and {len(failed) - SHOWN} more" if len(failed) > SHOWN else ""
        super().__init__(
            f"{len(failed)} of {checked} reference solutions of {dataset} do not pass here, so nothing was asked: {named}{more}. Put this "
            "right, or leave these tasks out by --without")


async def self_test(dataset: DataSet, *, concurrency: int = 4) -> int:
    """How many references passed: all that there are. Raises :class:`ReferencesFailed`, and what graders raise."""
    todo, failed, checked = iter(dataset.items), list[tuple[str, str]](), 0

    async def work() -> None:
        nonlocal checked
        for item in todo:
            grade = await item.grader.self_test()
            checked += grade is not None
            if grade is not None and not grade.solved:
                failed.append((item.id, grade.detail))

    await side_by_side(work, concurrency)
    if failed:
        order = {item.id: at for at, item in enumerate(dataset.items)}
        raise ReferencesFailed(dataset.name, sorted(failed, key=lambda one: order[one[0]]), checked)
    return checked
