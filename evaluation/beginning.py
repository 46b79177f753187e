"""Beginning an evaluation: the plan, checked before anything is asked."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from eudoxus.evaluation.dataset import DataSet
from eudoxus.evaluation.records import Folder, Plan, now
from eudoxus.runtime import Limits, Order, Runtime, parse_spec
from eudoxus.runtime.errors import InvalidRequest
from eudoxus.runtime.run import package_version

MOST_SAMPLES = 10_000


def begin(
    folder: Path, spec: str, dataset: DataSet, runtime: Runtime, *, path: Path | None = None, samples: int = 1, seed: int = 0,
    limits: Limits | None = None, id: str | None = None,
) -> Folder:
    """Make the folder of a new evaluation of ``spec`` on all items of ``dataset``.

    Raises what the specification is refused for, :class:`InvalidTask` when it does not take the tasks, and :class:`InvalidRequest` when
    the folder holds an evaluation.
    """
    if not 1 <= samples <= MOST_SAMPLES:
        raise InvalidRequest(f"samples: expected 1 to {MOST_SAMPLES}, not {samples}", param="samples")
    parsed = parse_spec(spec, runtime.registry)
    runtime.check(Order(parsed, dataset.items[0].task))
    plan = Plan(
        id=id or f"eval_{uuid4().hex[:16]}", spec=runtime.prepare(parsed).path, dataset=dataset.name,
        path=str(path.resolve()) if path else None, digest=dataset.digest, provenance=dataset.provenance, metric=dataset.metric,
        tasks=tuple(item.id for item in dataset.items), samples=samples, seed=seed, limits=limits or Limits(), created=now(),
        pkg=f"eudoxus/{package_version()}")
    return Folder.create(folder, plan)
