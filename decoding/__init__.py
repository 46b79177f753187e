"""Constrained decoding: grammars over the tokens of any model, and exact samples of what the model would say within them.

Works without torch. The names below are loaded when they are asked for, and the engines' libraries when an engine is made.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eudoxus.decoding.apply import allowed_tokens, apply_mask
    from eudoxus.decoding.closing import ClosingMatcher, check_budget
    from eudoxus.decoding.constraint import Constraint
    from eudoxus.decoding.engine import GrammarEngine, Matcher
    from eudoxus.decoding.grammar import Choice, Grammar, JsonSchema, Lark, Limits, Regex, as_grammar
    from eudoxus.decoding.lint import Finding, lint
    from eudoxus.decoding.llguidance_engine import LlguidanceEngine
    from eudoxus.decoding.outlines_engine import OutlinesEngine
    from eudoxus.decoding.reference import ReferenceEngine
    from eudoxus.decoding.sampler import AlignedSampler
    from eudoxus.decoding.sampling import LanguageModel, Sample, Samples, Telemetry
    from eudoxus.decoding.trie import Memory
    from eudoxus.decoding.vocabulary import Vocabulary

__all__ = [
    "AlignedSampler", "Choice", "ClosingMatcher", "Constraint", "Finding", "Grammar", "GrammarEngine", "JsonSchema", "LanguageModel",
    "Lark", "Limits", "LlguidanceEngine", "Matcher", "Memory", "OutlinesEngine", "ReferenceEngine", "Regex", "Sample", "Samples",
    "Telemetry", "Vocabulary", "allowed_tokens", "apply_mask", "as_grammar", "check_budget", "lint",
]

_WHERE = {
    "apply": ("allowed_tokens", "apply_mask"), "closing": ("ClosingMatcher", "check_budget"), "constraint": ("Constraint",),
    "engine": ("GrammarEngine", "Matcher"), "grammar": ("Choice", "Grammar", "JsonSchema", "Lark", "Limits", "Regex", "as_grammar"),
    "lint": ("Finding", "lint"), "llguidance_engine": ("LlguidanceEngine",), "outlines_engine": ("OutlinesEngine",),
    "reference": ("ReferenceEngine",), "sampler": ("AlignedSampler",), "sampling": ("LanguageModel", "Sample", "Samples", "Telemetry"),
    "trie": ("Memory",), "vocabulary": ("Vocabulary",),
}


def __getattr__(name: str) -> Any:
    for module, names in _WHERE.items():
        if name in names:
            return getattr(import_module(f"eudoxus.decoding.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
