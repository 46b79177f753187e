"""An evaluation that kills itself: ``python -m tests.evaluation.killed_program FOLDER POINT CALLS``; CALLS gets a line for each call."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from eudoxus.evaluation.records import GradeLine, Line, RecordFile, SampleLine
from eudoxus.runtime import ChatRequest
from tests.evaluation.running import adding, evaluated, simulated

AFTER = 5
"""So many calls (two and a half samples), or AFTER // 2 samples, are there when it is killed."""

SPEC = "repeat(times=2)/direct/sim:m"
"""Two calls for each of the six samples."""


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(folder: Path, point: str, calls: Path) -> None:
    noted = 0

    def answer(model: str, request: ChatRequest, number: int) -> str:
        nonlocal noted
        if point == "within_a_sample" and noted == AFTER:
            die()
        noted += 1
        with calls.open("a") as file:
            file.write(request.messages[-1].text.split("?")[0] + "\n")
        return adding(model, request, number)

    plain, seen = RecordFile.append, 0

    def append(self: RecordFile, line: Line) -> None:
        nonlocal seen
        if point == "within_a_line" and isinstance(line, GradeLine) and seen == AFTER // 2:
            os.write(self._fd, b'{"task": "sum/3", "sam')
            die()
        plain(self, line)
        seen += isinstance(line, SampleLine)
        if point == "before_the_grade" and seen == AFTER // 2:
            die()

    RecordFile.append = append  # type: ignore[method-assign]
    asyncio.run(evaluated(folder, simulated(answer), spec=SPEC, concurrency=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
