"""Automata of keywords, forbidden words and numbers of words: they accept what the checks accept, and engines keep to them."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eudoxus.decoding import LlguidanceEngine, ReferenceEngine
from eudoxus.decoding.apply import allowed_tokens
from eudoxus.decoding.errors import GrammarTooLarge, InvalidGrammar, Unsatisfiable
from eudoxus.decoding.instructions import instruction
from eudoxus.decoding.instructions.automata import automaton, automaton_of
from tests.decoding.grammars import LARGER, SMALL

WORD = st.text(alphabet="ab -", min_size=1, max_size=3)
TEXT = st.text(alphabet="abAB c-.\n", max_size=14)


def agrees(text: str, keywords: list[str], forbidden: list[str], low: int, high: int | None) -> bool:
    """The same, said by the checks."""
    checks = [instruction("keywords:existence", {"keywords": keywords})] if keywords else []
    checks += [instruction("keywords:forbidden_words", {"forbidden_words": forbidden})] if forbidden else []
    checks += [instruction("length_constraints:number_words", {"num_words": low, "relation": "at least"})] if low else []
    checks += [] if high is None else [instruction("length_constraints:number_words", {"num_words": high + 1, "relation": "less than"})]
    return all(one.judge(text).ok for one in checks)


@settings(max_examples=300, deadline=None)
@given(st.lists(WORD, max_size=3), st.lists(WORD, max_size=2), st.integers(0, 3), st.one_of(st.none(), st.integers(0, 4)),
       st.lists(TEXT, min_size=8, max_size=8))
def test_it_accepts_just_what_the_checks_accept(keywords: list[str], forbidden: list[str], low: int, high: int | None, texts: list[str]):
    try:
        found = automaton(keywords, forbidden, min_words=low, max_words=high)
    except Unsatisfiable:
        assert not any(agrees(text, keywords, forbidden, low, high) for text in texts)
        return
    shortest = found.shortest()
    assert shortest is not None
    assert found.accepts(shortest)
    for text in [*texts, shortest, "".join(keywords), " ".join(keywords)]:
        assert found.accepts(text) == agrees(text, keywords, forbidden, low, high), text
        assert found.state(text) is None or found.accepts(text + (found.shortest(text) or ""))


DEMANDS = {
    "keywords": {"keywords": ["rain", "train", "sun"], "max_words": 5},
    "forbidden": {"keywords": ["cats"], "forbidden": ["cat", "a dog"], "min_words": 2, "max_words": 6},
    "words": {"min_words": 3, "max_words": 4},
}
LLGUIDANCE, REFERENCE = LlguidanceEngine(LARGER), ReferenceEngine(SMALL)


@pytest.mark.parametrize(("name", "engine", "walks"), [
    ("keywords", LLGUIDANCE, 8), ("forbidden", LLGUIDANCE, 8), ("words", LLGUIDANCE, 8),
    ("words", REFERENCE, 5), ("forbidden", REFERENCE, 2),
], ids=lambda value: getattr(value, "name", value))
def test_engines_allow_just_what_the_automaton_does_on_random_walks(name: str, engine: LlguidanceEngine, walks: int):
    found, chance, vocabulary = automaton(**DEMANDS[name]), random.Random(7), engine.vocabulary
    start, tokens = engine.matcher(found.lark(), exact=True), [(text, ids[0]) for text, ids in vocabulary.by_text.items() if text.isascii()]
    for _ in range(walks):
        matcher, text = start.fork(), ""
        for _ in range(chance.randrange(40)):
            allowed = set(allowed_tokens(matcher.mask(), vocabulary.size).tolist())
            assert allowed - set(vocabulary.eos) == {token for said, token in tokens if found.state(text + said.decode()) is not None}
            assert bool(allowed & set(vocabulary.eos)) == found.accepts(text)
            token = chance.choice(sorted(allowed - set(vocabulary.eos)))
            matcher.consume(token)
            text += vocabulary.tokens[token].decode()
        rest = found.shortest(text)
        assert rest is not None
        for byte in rest.encode():
            matcher.consume(byte)
        assert matcher.accepting
        meant = DEMANDS[name]
        assert agrees(text + rest, meant.get("keywords", []), meant.get("forbidden", []), meant.get("min_words", 0), meant["max_words"])


def test_letters_count_as_equal_whatever_their_case_and_other_characters_are_not_written():
    found = automaton(["Rain"])
    assert found.accepts("tRAINs")
    assert not found.accepts("Rain é")
    assert found.shortest() == "rain"


@pytest.mark.parametrize(("demands", "said"), [
    ({"keywords": ["new york times"], "max_words": 2}, 'the keyword "new york times"; at most 2 words'),
    ({"keywords": ["rain", "a cat b"], "forbidden": ["dog", "cat"], "max_words": 9}, 'the keyword "a cat b"; the forbidden word "cat"'),
    ({"keywords": ["x"], "max_words": 0}, 'the keyword "x"; at most 0 words'),
    ({"min_words": 3, "max_words": 2}, "min_words is 3, max_words is 2"),
])
def test_demands_that_exclude_each_other_are_named(demands: dict, said: str):
    with pytest.raises(Unsatisfiable, match=said) as raised:
        automaton(**demands)
    assert raised.value.code == "unsatisfiable"


def test_what_is_too_much_or_no_text_is_refused():
    with pytest.raises(InvalidGrammar, match="at most 8"):
        automaton(list("abcdefghi"))
    for word in ("", "é", "a\tb"):
        with pytest.raises(InvalidGrammar, match="ASCII"):
            automaton([word])
    with pytest.raises(GrammarTooLarge, match="10,000 states"):
        automaton(["alpha", "beta", "gamma", "delta", "epsilon", "omega"], max_words=300)
    with pytest.raises(GrammarTooLarge):
        LlguidanceEngine(SMALL).matcher(automaton(["alpha", "beta", "gamma", "delta"], max_words=30).lark())


def test_eight_keywords_in_any_order_are_a_grammar():
    found = automaton(list("abcdefgh"))
    assert len(found.moves) == 256
    assert found.accepts("hgfedcba")
    assert not found.accepts("hgfedcb")


def test_instructions_that_an_automaton_can_hold_become_one():
    held = [instruction("keywords:existence", {"keywords": ["rain"]}), instruction("punctuation:no_comma", {}),
            instruction("length_constraints:number_words", {"num_words": 3, "relation": "less than"}),
            instruction("count:word_count_range", {"min_words": 2, "max_words": 9})]
    found = automaton_of(held)
    assert found is not None
    assert [text for text in ("rain", "no rain", "no rain today", "no, rain") if found.accepts(text)] == ["no rain", "no, rain"]
    assert automaton_of(held[1:2]) is None
    with pytest.raises(Unsatisfiable):
        automaton_of([instruction("length_constraints:number_words", {"num_words": 0, "relation": "less than"})])
