"""A data set: tasks as strategies see them, each beside a grader that they do not see."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from eudoxus.evaluation.grading import Grader
from eudoxus.runtime import Task
from eudoxus.runtime.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class Item:
    """One task of a data set."""

    id: str
    task: Task
    """What a strategy gets: nothing of the answer is in it."""
    grader: Grader


@dataclass(frozen=True, slots=True)
class DataSet:
    """Items, and where they come from."""

    name: str
    items: tuple[Item, ...]
    digest: str
    """SHA-256 of the file that it was read from."""
    provenance: str
    """Who published it, and under which licence."""
    metric: str = "pass@1"
    """What the mean score is called."""

    def only(self, *, limit: int | None = None, tasks: Sequence[str] = ()) -> DataSet:
        """The items named in ``tasks`` (all, when empty), the first ``limit``. Raises :class:`InvalidRequest` for an unknown name."""
        chosen = self.items
        if tasks:
            there = {item.id: item for item in self.items}
            unknown = [name for name in tasks if name not in there]
            if unknown:
                shown = ", ".join([item.id for item in self.items[:3]])
                raise InvalidRequest(f"tasks: {self.name} has no task {unknown[0]!r}; its tasks are {shown}, …", param="tasks")
            chosen = tuple(there[name] for name in dict.fromkeys(tasks))
        if limit is not None:
            if limit < 1:
                raise InvalidRequest(f"limit: expected at least 1, not {limit}", param="limit")
            chosen = chosen[:limit]
        return replace(self, items=chosen)

    def without(self, tasks: Sequence[str]) -> DataSet:
        """All items but those named in ``tasks``. Raises :class:`InvalidRequest` for an unknown name, and when none is left."""
        self.only(tasks=tasks)
        left = tuple(item for item in self.items if item.id not in tasks)
        if not left:
            raise InvalidRequest(f"tasks: nothing of {self.name} is left", param="without")
        return replace(self, items=left)


def distinct(items: Iterable[Item], name: str) -> tuple[Item, ...]:
    """``items`` as a tuple. Raises :class:`InvalidRequest` for none, or for two with one id."""
    found = tuple(items)
    seen = set[str]()
    for item in found:
        if item.id in seen:
            raise InvalidRequest(f"{name}: two tasks are called {item.id!r}", param="dataset")
        seen.add(item.id)
    if not found:
        raise InvalidRequest(f"{name}: the file holds no task", param="dataset")
    return found
