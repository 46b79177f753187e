"""Running a specification on a task: header, context, result, end. And replaying what was run."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from eudoxus.runtime.budget import Budget, Limits
from eudoxus.runtime.cache import Cache
from eudoxus.runtime.canonical import difference
from eudoxus.runtime.chat import Json
from eudoxus.runtime.context import Context
from eudoxus.runtime.endpoints.base import Endpoint
from eudoxus.runtime.errors import Diverged, EudoxusError, JournalError, NotRecorded, error_record
from eudoxus.runtime.journal import EndRecord, Header, Journal, LeaseRecord
from eudoxus.runtime.model import Endpoints, StrategyModel, bind
from eudoxus.runtime.result import Result
from eudoxus.runtime.session import ReplayMode, Session, Watcher
from eudoxus.runtime.spec import MAX_REMEMBERED, ModelRef, Spec, StrategySpec, parse_spec
from eudoxus.runtime.strategy import Registry
from eudoxus.runtime.task import Task


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be run: everything that decides the outcome besides the answers of the world."""

    spec: Spec
    task: Task
    seed: int = 0
    limits: Limits = field(default_factory=Limits)
    metadata: Json | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A specification bound to its endpoints, and what the header of a run says about it."""

    model: StrategyModel
    spec: Json
    path: str
    code: Json
    prompts: Json | None
    answered_by: str | None
    """``manual`` when a person answers at some leaf; None when the endpoints tell."""


@dataclass(slots=True)
class Runtime:
    """What is there to run with."""

    registry: Registry
    endpoints: Endpoints
    prompt_hash: Callable[[str], str] | None = None
    """Gives the hash of a prompt file by its id; the runtime itself knows no prompts."""
    _prepared: dict[str, Prepared] = field(default_factory=dict)

    def check(self, order: Order) -> None:
        """Raise what would keep ``order`` from starting: unknown endpoints, missing capabilities, a task that does not fit."""
        self.prepare(order.spec).model.strategy.reads(order.task)

    def prepare(self, spec: Spec) -> Prepared:
        """``spec`` bound, with everything inside it. Raises :class:`UnknownEndpoint`, :class:`CapabilityMissing`."""
        path = str(spec)
        found = self._prepared.get(path)
        if found is None:
            found = self._prepare(spec, path)
            if len(self._prepared) < MAX_REMEMBERED:
                self._prepared[path] = found
        return found

    def _prepare(self, spec: Spec, path: str) -> Prepared:
        outermost = self._resolved(directed(spec))
        inside = nested_specs(outermost)
        for part in inside:
            bind(part, self.registry, self.endpoints, enclosed=part is not outermost)
        model = bind(outermost, self.registry, self.endpoints)
        assert isinstance(model, StrategyModel)
        strategies = [self.registry.get(name) for name in dict.fromkeys(part.strategy for part in inside)]
        prompts = {id: self.prompt_hash(id) for s in strategies for id in s.prompts} if self.prompt_hash else {}
        code = {s.name: s.code_hash for s in strategies}
        leaves = [self.endpoints.get(part.model.endpoint) for part in inside if isinstance(part.model, ModelRef)]
        by = next((who for leaf in leaves if (who := getattr(leaf, "answered_by", None))), None)
        return Prepared(model, outermost.plain(), str(outermost), code, prompts or None, by)

    def _resolved(self, spec: StrategySpec) -> StrategySpec:
        """``spec`` with the default endpoint and model named, so that what is recorded means the same everywhere."""
        default = self.endpoints.get(None) if _is_open(spec) else None
        return parse_spec(_resolved(spec.plain(), default), self.registry)  # type: ignore[return-value]

    async def execute(self, order: Order, journal: Journal, *, run_id: str, mode: ReplayMode = "extend", watcher: Watcher | None = None,
                      cache: Cache | None = None) -> Result:
        """Run ``order`` and give its result; every outside act is in ``journal`` afterwards.

        A journal that holds part of the run is gone on from; one that holds the whole of it gives its result at once. A spent budget is
        a result (``outcome: limit``). Raises :class:`EudoxusError` when the run fails; the journal's end record says the same.
        On cancellation nothing is written: the run can be gone on with.
        """
        session = Session(run_id, journal, order.seed, mode, watcher=watcher, cache=cache)
        ended = journal.recorded.end
        if mode == "extend" and ended is not None and ended.status == "completed" and ended.result is not None:
            return Result.model_validate(ended.result)
        self._begin(order, session)
        try:
            result = await self._run(order, session)
        except JournalError as error:
            if mode != "strict" and isinstance(error, Diverged | NotRecorded):
                await journal.append(EndRecord(status="failed", error=error_record(error), ts=session.stamp()))
            raise
        except EudoxusError as error:
            if mode == "strict":
                _same_end(ended, "failed", error_record(error))
            else:
                await journal.append(EndRecord(status="failed", error=error_record(error), ts=session.stamp()))
            raise
        status = "incomplete" if result.outcome == "limit" else "completed"
        if mode == "strict":
            _same_end(ended, status, result.model_dump(mode="json"))
        else:
            await journal.append(EndRecord(status=status, result=result.model_dump(mode="json"), ts=session.stamp()))
        return result

    async def _run(self, order: Order, session: Session) -> Result:
        ctx = Context(session)
        ctx.open(Budget(order.limits, session.clock))
        model = self.prepare(order.spec).model
        session.binder = lambda spec: bind(spec, self.registry, self.endpoints, enclosed=True)
        return await ctx.bound(model.model).apply(model.strategy, model.params, order.task)

    def _begin(self, order: Order, session: Session) -> None:
        """Write the header of a new run, or check that the journal is of this very run and take it over."""
        journal, header = session.journal, session.journal.recorded.header
        if header is None:
            if session.mode == "strict":
                raise NotRecorded("the journal is empty: there is nothing to replay")
            journal.append(self._header(order, session))
            return
        if session.mode == "off":
            raise JournalError("mode 'off' asks everything anew and needs an empty journal")
        recorded, present = _identity(header), _identity(self._header(order, session))
        if recorded != present:
            raise Diverged("header", difference(recorded, present))
        if session.mode == "extend":
            journal.recorded.reopen()
            session.epoch = journal.recorded.epoch + 1
            journal.append(LeaseRecord(ep=session.epoch, ts=session.stamp()))

    def _header(self, order: Order, session: Session) -> Header:
        prepared = self.prepare(order.spec)
        return Header(
            run_id=session.run_id, created=session.stamp(), spec=prepared.spec, path=prepared.path, task=task_line(order.task),
            seed=order.seed, limits=order.limits.model_dump(exclude_none=True) or None, code=prepared.code, prompts=prepared.prompts,
            model=prepared.answered_by, pkg=f"eudoxus/{package_version()}", metadata=order.metadata,
        )

    def order_of(self, header: Header) -> Order:
        """What a journal's header says was run. Raises :class:`SpecError` or :class:`InvalidTask` when that is not known any more."""
        return Order(parse_spec(header.spec, self.registry), self.registry.task(header.task), header.seed,
                     Limits.model_validate(header.limits or {}), header.metadata)

    async def replay(self, journal: Journal, *, mode: ReplayMode = "strict", watcher: Watcher | None = None) -> Result:
        """Run again what ``journal`` records. *strict* makes no call and checks the result; *extend* goes on live where records end.

        Raises :class:`Diverged`, :class:`NotRecorded`, and what the run itself raised.
        """
        header = journal.recorded.header
        if header is None:
            raise NotRecorded("the journal is empty: there is nothing to replay")
        return await self.execute(self.order_of(header), journal, run_id=header.run_id, mode=mode, watcher=watcher)


def directed(spec: Spec) -> StrategySpec:
    """A bare model as the strategy ``direct`` over it."""
    return StrategySpec(strategy="direct", model=spec) if isinstance(spec, ModelRef) else spec


def task_line(task: Task) -> Json:
    """The task as the journal and the API keep it."""
    return {"kind": task.kind, **task.model_dump(mode="json", exclude_none=True)}


def nested_specs(spec: Spec) -> list[StrategySpec]:
    """``spec`` and every strategy inside it, parameters included, outermost first."""
    if isinstance(spec, ModelRef):
        return []
    inside = [inner for value in spec.params.values() for inner in _specs_in(value)]
    return [spec, *inside, *(nested_specs(spec.model) if spec.model is not None else [])]


def _specs_in(value: Any) -> list[StrategySpec]:
    if isinstance(value, dict) and isinstance(value.get("strategy"), str):
        return nested_specs(StrategySpec.model_validate(value))
    if isinstance(value, dict | list):
        return [spec for inner in (value.values() if isinstance(value, dict) else value) for spec in _specs_in(inner)]
    return []


def _is_open(spec: StrategySpec) -> bool:
    """Whether some leaf is left to the default endpoint."""
    ends = [part.model for part in nested_specs(spec)]
    last: Spec | None = spec
    while isinstance(last, StrategySpec):
        last = last.model
    return last is None or any(isinstance(end, ModelRef) and end.endpoint is None for end in ends)


def _resolved(said: Json, default: Endpoint | None, *, outermost: bool = True) -> Json:
    if default is None:
        return said
    if "strategy" not in said:
        return said if said.get("endpoint") else {"endpoint": default.name, "name": said["name"]}
    inner = said.get("model")
    if inner is None and outermost:
        inner = {"endpoint": default.name, "name": getattr(default, "default_model", None) or "default"}
    params = {key: _resolved_inside(value, default) for key, value in said.get("params", {}).items()}
    resolved = {"strategy": said["strategy"], "params": params}
    return resolved if inner is None else resolved | {"model": _resolved(inner, default, outermost=outermost)}


def _resolved_inside(value: Any, default: Endpoint) -> Any:
    if isinstance(value, dict) and isinstance(value.get("strategy"), str):
        return _resolved(value, default, outermost=False)
    if isinstance(value, dict):
        return {key: _resolved_inside(inner, default) for key, inner in value.items()}
    return [_resolved_inside(inner, default) for inner in value] if isinstance(value, list) else value


@functools.cache
def package_version() -> str:
    try:
        return version("eudoxus")
    except PackageNotFoundError:
        return "unknown"


def _identity(header: Header) -> Json:
    return {"spec": header.spec, "task": header.task, "seed": header.seed}  # the path is for people: JSON knows no order of keys


def _same_end(ended: EndRecord | None, status: str, outcome: Json) -> None:
    """In strict replay the outcome must be the recorded one, as far as one was recorded."""
    if ended is None or ended.status == "cancelled":
        return
    recorded = {"status": ended.status, "outcome": ended.error if ended.error is not None else ended.result}
    present = {"status": status, "outcome": outcome}
    if recorded != present:
        raise Diverged("end", difference(recorded, present))
