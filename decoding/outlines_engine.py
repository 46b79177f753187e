"""Regular expressions and flat JSON schemas through outlines-core (Apache-2.0): an automaton over tokens, built before the first token.

Compiling costs about half a second per 100 000 tokens of vocabulary; afterwards a step is a look-up. All tokenisations are allowed.

outlines-core 0.2.14 drops tokens at states where the text may end: ``[0-9]+(\\.[0-9]+)?`` refuses the token ``.`` after ``1``. Its
automaton tells a match one byte late, so the state after the token looks like a match that is none. Here every pattern is closed by a
NUL that is no token of the model: then no state inside the pattern is a match, and the text may end where the NUL leads to the end. The
price is that no token with a NUL is ever allowed.
"""

from __future__ import annotations

import functools
import threading
from typing import Any, Self

from eudoxus.decoding.apply import Mask, mask_of
from eudoxus.decoding.engine import TextSoFar
from eudoxus.decoding.errors import EngineMissing, InvalidGrammar, Unsatisfiable
from eudoxus.decoding.grammar import Grammar, JsonSchema, Lark, Limits, Regex, check_size
from eudoxus.decoding.vocabulary import Vocabulary
from eudoxus.runtime.errors import CapabilityMissing

END = b"\0"


class OutlinesEngine:
    """Matchers of outlines-core for one vocabulary. Safe for threads."""

    name = "outlines-core"

    def __init__(self, vocabulary: Vocabulary, limits: Limits | None = None) -> None:
        self.vocabulary = vocabulary
        self.limits = limits or Limits()
        self._library = _library()
        texts = {text: list(ids) for text, ids in vocabulary.by_text.items() if END not in text}
        texts[END] = [vocabulary.size]
        self._tokens = self._library.Vocabulary(vocabulary.eos[0], texts)
        self._compiled = functools.lru_cache(maxsize=self.limits.kept_grammars)(self._compile)
        self._lock = threading.Lock()

    def matcher(self, grammar: Grammar, *, exact: bool = False) -> OutlinesMatcher:
        """See :meth:`eudoxus.decoding.engine.GrammarEngine.matcher`. No context-free grammars."""
        with self._lock:
            index, masks = self._compiled(grammar)
        return OutlinesMatcher(self.vocabulary, index, masks)

    def _compile(self, grammar: Grammar) -> tuple[Any, dict[int, Mask]]:
        """The automaton, and the masks of its states as they come to be known."""
        check_size(grammar, self.limits)
        if isinstance(grammar, Lark):
            raise CapabilityMissing("outlines-core takes a Regex or a JsonSchema, not Lark: use the engine llguidance", param="grammar")
        try:
            pattern = grammar.pattern if isinstance(grammar, Regex) else _regex_of(grammar)
            check_size(Regex(pattern), self.limits)
            index = self._library.Index(f"(?:{pattern})\\x00", self._tokens)
        except ValueError as error:
            empty = "incompatible with the regex" in str(error)
            raise (Unsatisfiable if empty else InvalidGrammar)(f"outlines-core: {error}", param="grammar") from None
        if not index.get_final_states() or not index.get_allowed_tokens(index.get_initial_state()):
            raise Unsatisfiable("no tokens spell a text of this grammar", param="grammar")
        return index, {}


class OutlinesMatcher(TextSoFar):
    """A :class:`~eudoxus.decoding.engine.Matcher` over an index of outlines-core; masks are kept per state, for all matchers."""

    def __init__(self, vocabulary: Vocabulary, index: Any, masks: dict[int, Mask], consumed: tuple[int, ...] = (),
                 states: tuple[int, ...] = ()) -> None:
        super().__init__(vocabulary, consumed)
        self._index, self._masks = index, masks
        self._states = list(states) or [index.get_initial_state()]

    def mask(self) -> Mask:
        if self.finished:
            return self._nothing()
        state = self._states[-1]
        if state not in self._masks:
            tokens = [token for token in self._index.get_allowed_tokens(state) or () if token < self.vocabulary.size]
            self._masks[state] = mask_of([*tokens, *(self.vocabulary.eos if self._complete() else ())], self.vocabulary.size)
        return self._masks[state].copy()

    def fork(self) -> Self:
        return type(self)(self.vocabulary, self._index, self._masks, self.consumed, tuple(self._states))

    def _advance(self, token: int) -> bool:
        after = self._index.get_next_state(self._states[-1], token)
        if after is not None:
            self._states.append(after)
        return after is not None

    def _retreat(self, tokens: int) -> None:
        del self._states[-tokens:]

    def _complete(self) -> bool:
        end = self._index.get_next_state(self._states[-1], self.vocabulary.size)
        return end is not None and bool(self._index.is_final_state(end))


def _regex_of(schema: JsonSchema) -> str:
    """The regular expression of a schema without recursion, without white space between tokens."""
    from outlines_core import json_schema

    return str(json_schema.build_regex_from_schema(schema.schema, ""))


def _library() -> Any:
    try:
        import outlines_core
    except ImportError:
        raise EngineMissing("outlines-core is not installed: pip install 'eudoxus[decoding]'", param="engine") from None
    return outlines_core
