"""Strategies: decorated plain functions, and the registry that knows them by name."""

from __future__ import annotations

import difflib
import functools
import hashlib
import inspect
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, cast, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError

from eudoxus.runtime.errors import InvalidParams, InvalidTask, UnknownStrategy
from eudoxus.runtime.published import published
from eudoxus.runtime.result import Result
from eudoxus.runtime.task import ChatTask, Task

if TYPE_CHECKING:
    from eudoxus.runtime.context import Context
    from eudoxus.runtime.spec import Spec

NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")


class Params(BaseModel):
    """Base of a strategy's knobs. The docstring under each field becomes its description in the JSON schema."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    positional: ClassVar[str | None] = None
    """The list field that collects arguments without a name in the path syntax: ``vote(parsel, direct)``."""
    named: ClassVar[str | None] = None
    """The mapping field that collects names that are no field: ``route(code=parsel, math=direct)``."""


class NoParams(Params):
    """For strategies without knobs."""


Body = Callable[[Any, Any, "Context"], Awaitable[Result]]


@dataclass(frozen=True, slots=True)
class Strategy:
    """A registered strategy: its function and what is known about it without running it."""

    name: str
    body: Body = field(repr=False)
    params: type[Params]
    takes: tuple[type[Task], ...]
    prompts: tuple[str, ...] = ()
    """Ids of the prompt files it renders; their hashes go into the header of every run."""
    calls: str = ""
    """What it costs in model calls, in words."""
    requires: frozenset[str] = frozenset()
    """Capabilities that its model must have."""

    @property
    def doc(self) -> str:
        return inspect.getdoc(self.body) or ""

    @property
    def code_hash(self) -> str:
        """Digest of the module that defines it."""
        return _module_hash(inspect.getmodule(self.body))

    def check(self, params: Mapping[str, Any]) -> Params:
        """``params`` validated. Raises :class:`InvalidParams` naming each field, its value and what was expected."""
        try:
            return self.params.model_validate(dict(params))
        except ValidationError as error:
            raise InvalidParams(self._complaint(error), param=_pointer(error)) from None

    def _complaint(self, error: ValidationError) -> str:
        said = []
        for problem in error.errors(include_url=False, include_context=False):
            name = ".".join(map(str, problem["loc"])) or "params"
            if problem["type"] == "extra_forbidden":
                near = difflib.get_close_matches(name, self.params.model_fields)
                hint = f"; did you mean {near[0]}?" if near else f"; it has: {', '.join(self.params.model_fields) or 'none'}"
                said.append(f"{self.name} has no parameter {name!r}{hint}")
            else:
                said.append(f"{self.name}: {name}={_shown(problem['input'])}: {problem['msg'].removeprefix('Value error, ')}")
        return "; ".join(said)

    def reads(self, task: Task) -> Task:
        """``task`` in a kind that this strategy takes. Raises :class:`InvalidTask` when that is impossible."""
        if isinstance(task, self.takes):
            return task
        chat = task if isinstance(task, ChatTask) else ChatTask(**task.request().__dict__)
        if issubclass(ChatTask, self.takes):
            return chat
        complaint: InvalidTask | None = None
        for kind in self.takes:
            try:
                return kind.from_chat(chat)
            except InvalidTask as error:
                complaint = complaint or error
        raise complaint or InvalidTask(f"{self.name} does not take a task of kind {task.kind!r}")


def strategy(
    name: str, *, takes: type[Task] | tuple[type[Task], ...] = ChatTask, prompts: Iterable[str] = (), calls: str = "",
    requires: Iterable[str] = (),
) -> Callable[[Body], Strategy]:
    """Make ``async def name(task, params, ctx) -> Result`` a strategy; its params model is read from the annotation.

    Publish it by an entry point of the group ``eudoxus.strategies``.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"a strategy's name is a lower-case word, not {name!r}")

    def decorate(body: Body) -> Strategy:
        names = list(inspect.signature(body).parameters)
        hints = get_type_hints(body, localns={"Context": object})
        params = cast("type[Params]", hints.get(names[1], NoParams))
        kinds = takes if isinstance(takes, tuple) else (takes,)
        return Strategy(name, body, params, kinds, tuple(prompts), calls, frozenset(requires))

    return decorate


class Registry:
    """Strategies, task kinds and presets by name."""

    def __init__(self, strategies: Iterable[Strategy] = (), tasks: Iterable[type[Task]] = (ChatTask,),
                 presets: Mapping[str, str] = MappingProxyType({})) -> None:
        self.strategies: Mapping[str, Strategy] = {s.name: s for s in strategies}
        self.tasks: Mapping[str, type[Task]] = {t.kind: t for t in tasks}
        self.presets = dict(presets)
        self.read_before: dict[str, Spec] = {}
        """Paths that were read before: a service sees the same few again and again."""

    @classmethod
    def installed(cls, presets: Mapping[str, str] = MappingProxyType({})) -> Registry:
        """Everything that installed packages publish under ``eudoxus.strategies`` and ``eudoxus.tasks``, imported as it is asked for."""
        registry = cls(presets=presets)
        registry.strategies, registry.tasks = published("eudoxus.strategies"), published("eudoxus.tasks")
        return registry

    def loaded(self) -> Registry:
        """Itself, with everything imported: a service does that before it listens, not while somebody waits."""
        for group in (self.strategies, self.tasks):
            for name in group:
                group[name]
        return self

    def __contains__(self, name: str) -> bool:
        return name in self.strategies

    def get(self, name: str, *, text: str = "", at: int = 0) -> Strategy:
        """Raises :class:`UnknownStrategy`, pointing at column ``at`` of ``text``, with near names."""
        found = self.strategies.get(name)
        if found is None:
            near = difflib.get_close_matches(name, [*self.strategies, *self.presets], n=2)
            raise UnknownStrategy(name, did_you_mean=near, text=text, at=at)
        return found

    def task(self, said: Mapping[str, Any]) -> Task:
        """The task in ``said``: its fields and a ``kind``. Raises :class:`InvalidTask` naming field, value and expectation."""
        fields = dict(said)
        kind = fields.pop("kind", "chat")
        cls = self.tasks.get(kind) if isinstance(kind, str) else None
        if cls is None:
            raise InvalidTask(f"task.kind={kind!r}: expected one of {', '.join(sorted(self.tasks))}", param="task.kind")
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            where = ".".join(["task", *_place(first["loc"], fields)])
            reason = first["msg"].removeprefix("Value error, ")
            raise InvalidTask(f"{where}: {reason} (got {_shown(first['input'])})", param=where) from None


@functools.cache
def _module_hash(module: Any) -> str:
    try:
        return hashlib.sha256(inspect.getsource(module).encode()).hexdigest()[:12]
    except (OSError, TypeError):
        return "unknown"


def _pointer(error: ValidationError) -> str:
    return ".".join(["params", *map(str, error.errors(include_url=False, include_context=False)[0]["loc"])])


def _place(loc: tuple[int | str, ...], said: Any) -> list[str]:
    """The names on the way to a field as they were said: without the kinds that choose among alternatives."""
    names = list[str]()
    for number, name in enumerate(loc):
        if isinstance(said, dict) and number + 1 < len(loc) and name == said.get("kind") and (name not in said or loc[number + 1] == name):
            continue
        names.append(str(name))
        said = said.get(name) if isinstance(said, dict) else said[name] if isinstance(said, list) and isinstance(name, int) else None
    return names


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
