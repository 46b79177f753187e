"""The ground floor: context, journal, budget, endpoints, and how strategies are named, bound and run."""

from eudoxus.runtime.budget import Budget, Limits
from eudoxus.runtime.cache import Cache, MemoryCacheStore
from eudoxus.runtime.chat import ChatRequest, Completion, Message, Response, Usage
from eudoxus.runtime.context import Context
from eudoxus.runtime.effect import Effect
from eudoxus.runtime.errors import EudoxusError
from eudoxus.runtime.journal import FileJournal, Journal, MemoryJournal, read_journal
from eudoxus.runtime.model import EndpointModel, Model, StrategyModel, as_model, bind
from eudoxus.runtime.result import Result, Verdict
from eudoxus.runtime.run import Order, Runtime
from eudoxus.runtime.spec import ModelRef, Spec, StrategySpec, parse_spec
from eudoxus.runtime.strategy import NoParams, Params, Registry, Strategy, strategy
from eudoxus.runtime.task import ChatTask, Task

__all__ = [
    "Budget", "Cache", "ChatRequest", "ChatTask", "Completion", "Context", "Effect", "EndpointModel", "EudoxusError", "FileJournal",
    "Journal", "Limits", "MemoryCacheStore", "MemoryJournal", "Message", "Model", "ModelRef", "NoParams", "Order", "Params", "Registry",
    "Response", "Result", "Runtime", "Spec", "Strategy", "StrategyModel", "StrategySpec", "Task", "Usage", "Verdict", "as_model", "bind",
    "parse_spec", "read_journal", "strategy",
]
