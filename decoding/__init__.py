"""Constrained decoding: grammars over the tokens of any model, and exact samples of what the model would say within them.

Works without torch. The engines' libraries are imported when an engine is made.
"""

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
