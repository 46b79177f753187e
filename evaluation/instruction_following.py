"""The four accuracies of IFEval over recorded responses (Zhou et al. 2023, arXiv 2311.07911, §4)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from eudoxus.decoding.instructions import check_loosely
from eudoxus.evaluation.files import rows, text_of
from eudoxus.evaluation.formats import ifeval
from eudoxus.runtime.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Parts of 1."""

    prompts: float
    """Prompts of which all instructions are followed."""
    instructions: float
    """Instructions that are followed."""
    by_key: dict[str, float]
    """The same for each instruction by itself."""


@dataclass(frozen=True, slots=True)
class Following:
    """How far responses follow the instructions in their prompts."""

    prompts: int
    instructions: int
    strict: Accuracy
    loose: Accuracy
    """Kindly read: without a first or last line, without asterisks; see :func:`eudoxus.decoding.instructions.check_loosely`."""


def following(tasks: bytes, responses: bytes) -> Following:
    """Score ``responses``, lines of ``prompt`` and ``response``, against ``tasks``, lines in IFEval's format.

    Raises :class:`InvalidRequest` for a prompt without a response, and for malformed files. Further responses do not matter.
    """
    said = {text_of(row, "prompt", at=f"response {number}"): str(row.get("response") or "")
            for number, row in enumerate(rows(responses), start=1)}
    strict, loose = list[list[tuple[str, bool]]](), list[list[tuple[str, bool]]]()
    for task in ifeval.prompts(tasks):
        response = said.get(task.prompt)
        if response is None:
            raise InvalidRequest(f"there is no response to the prompt {task.key}: {task.prompt[:80]!r}", param="responses")
        strict.append([(one.key, one.check(response).ok) for one in task.instructions])
        loose.append([(one.key, check_loosely(one, response).ok) for one in task.instructions])
    return Following(len(strict), sum(map(len, strict)), _accuracy(strict), _accuracy(loose))


def _accuracy(verdicts: list[list[tuple[str, bool]]]) -> Accuracy:
    by_key = defaultdict[str, list[bool]](list)
    for key, ok in (one for task in verdicts for one in task):
        by_key[key].append(ok)
    each = [ok for oks in by_key.values() for ok in oks]
    return Accuracy(
        _mean([all(ok for _, ok in task) for task in verdicts]), _mean(each), {key: _mean(oks) for key, oks in sorted(by_key.items())})


def _mean(oks: list[bool]) -> float:
    return sum(oks) / len(oks) if oks else 0.0
