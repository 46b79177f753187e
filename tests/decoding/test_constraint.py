"""A host that draws the tokens itself is told what may come next, and can go back; what goes wrong is an outcome of the one text."""

import random
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eudoxus.decoding.apply import allowed_tokens
from eudoxus.decoding.constraint import Constraint
from eudoxus.decoding.errors import (
    BudgetTooSmall,
    DeadEnd,
    GrammarTooLarge,
    InvalidGrammar,
    MatcherFailed,
    NotInSubset,
    TokenRefused,
    Unsatisfiable,
)
from eudoxus.decoding.grammar import JsonSchema, Lark, Limits, Regex
from eudoxus.decoding.llguidance_engine import LlguidanceEngine
from eudoxus.decoding.reference import ReferenceEngine
from eudoxus.decoding.vocabulary import Vocabulary
from tests.decoding.grammars import LARGER, PERSON, PLAN, QUOTED, SMALL, SUM

FAST = LlguidanceEngine(LARGER)
AMBIGUOUS = Lark('start: s\ns: s s | "a" | "b"')
NARROW = ReferenceEngine(SMALL, Limits(items_in_row=60))
LACKING = ReferenceEngine(Vocabulary.from_list(["a", "ab", "ac", "d", "<end>"], eos=4))
"""After the token ``a`` neither ``ab`` nor ``ac`` can be reached any more."""


def allowed(constraint, new=()):
    return allowed_tokens(constraint.step(new), constraint.vocabulary.size).tolist()


@pytest.mark.parametrize("grammar", [SUM, PLAN, QUOTED, PERSON], ids=["sum", "plan", "quoted", "person"])
def test_what_the_mask_allows_is_a_text_of_the_grammar_and_ends_only_where_it_is_complete(grammar):
    for seed in range(5):
        rng, text = random.Random(seed), Constraint.of(FAST, grammar, exact=True)
        judge = FAST.matcher(grammar, exact=True)
        new = []
        for _ in range(60):
            may = allowed(text, new)
            assert (set(may) >= set(LARGER.eos)) == judge.accepting == (text.outcome == "complete")
            new = [rng.choice(may)]
            judge.consume(new[0])
            if judge.finished:
                break
        text.step(new)
        assert text.outcome == ("ended" if judge.finished else "complete" if judge.accepting else "open")


def test_after_the_end_a_host_that_goes_on_is_given_end_tokens_only():
    text = Constraint.of(FAST, Regex("ab"))
    assert allowed(text, [*LARGER.encode("ab"), LARGER.eos[1]]) == list(LARGER.eos) and text.outcome == "ended"
    assert allowed(text, [LARGER.eos[0], 276]) == list(LARGER.eos) and text.outcome == "ended" and len(text.tokens) == 5
    text.rollback(3)
    assert text.outcome == "complete" and text.tokens == tuple(LARGER.encode("ab"))


@pytest.mark.parametrize("token", [ord("x"), 276, 299, 300, -1, 10**9], ids=["text", "special", "padding", "beyond", "negative", "huge"])
def test_a_token_that_the_mask_forbade_is_an_outcome_and_can_be_taken_back(token):
    text = Constraint.of(FAST, Regex("abc"))
    before = allowed(text, [ord("a")])
    assert allowed(text, [token, ord("b")]) == list(LARGER.eos)
    assert text.outcome == "refused" and isinstance(text.error, TokenRefused) and text.tokens == (ord("a"), token, ord("b"))
    text.rollback(1)
    assert text.outcome == "refused"
    text.rollback(1)
    assert text.outcome == "open" and text.error is None and allowed(text) == before


def test_a_vocabulary_that_lacks_a_piece_ends_in_a_dead_end_that_can_be_left():
    text = Constraint.of(LACKING, Regex("a[bc]d?"))
    assert allowed(text) == [0, 1, 2]
    assert allowed(text, [0]) == [4] and text.outcome == "dead_end" and isinstance(text.error, DeadEnd) and "b'a'" in str(text.error)
    text.step([4])
    text.rollback(1)
    assert text.outcome == "dead_end"
    text.seek([2, 3])
    assert text.outcome == "complete" and text.error is None


def test_an_ambiguous_text_fails_in_time_and_what_came_before_goes_on():
    text = Constraint.of(NARROW, AMBIGUOUS)
    while text.outcome != "failed":
        text.step([ord("a")])
        assert len(text.tokens) < 1000
    assert isinstance(text.error, MatcherFailed) and allowed(text) == [256]
    text.rollback(len(text.tokens) - 2)
    assert text.outcome == "complete" and allowed(text) == [ord("a"), ord("b"), 256]


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("step"), st.integers(0, 10**6)),
        st.tuples(st.just("wrong"), st.sampled_from([ord("x"), ord(")"), 256, -3, 999])),
        st.tuples(st.just("back"), st.integers(0, 12)),
        st.tuples(st.just("fork"), st.just(0)),
        st.tuples(st.just("seek"), st.integers(0, 10**6)),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(actions=ACTIONS, engine=st.sampled_from([(ReferenceEngine(SMALL), SUM), (LlguidanceEngine(SMALL), PLAN), (NARROW, AMBIGUOUS)]))
def test_however_a_text_was_reached_it_stands_where_a_fresh_one_with_its_tokens_stands(actions, engine):
    text = Constraint.of(*engine, exact=True)
    for action, number in actions:
        if action == "step":
            may = allowed(text)
            text.step([may[number % len(may)]])
        elif action == "wrong":
            text.step([number])
        elif action == "back":
            text.rollback(min(number, len(text.tokens)))
        elif action == "fork":
            text = text.fork()
        else:
            rng = random.Random(number)
            text.seek([*text.tokens[: rng.randrange(len(text.tokens) + 1)], *rng.choices(b"(1+2)ab", k=rng.randrange(4))])
        fresh = Constraint.of(*engine, exact=True)
        fresh.seek(text.tokens)
        assert fresh.tokens == text.tokens and allowed(fresh) == allowed(text) and fresh.outcome == text.outcome


def test_more_cannot_be_taken_back_than_there_is():
    text = Constraint.of(FAST, SUM)
    text.step([ord("1")])
    for tokens in (-1, 2):
        with pytest.raises(ValueError, match="cannot take back"):
            text.rollback(tokens)


def test_within_a_budget_every_text_is_complete_when_it_is_spent():
    for seed in range(20):
        rng, text = random.Random(seed), Constraint.of(FAST, QUOTED, max_tokens=9)
        new = []
        for _ in range(9):
            new = [rng.choice(allowed(text, new))]
        text.step(new)
        assert text.outcome in ("complete", "ended")


@pytest.mark.parametrize(("engine", "grammar", "max_tokens", "error"), [
    (FAST, Regex("a{40}"), 3, BudgetTooSmall),
    (FAST, PERSON, 40, NotInSubset),
    (FAST, Lark('start: "a" start'), None, Unsatisfiable),
    (ReferenceEngine(LARGER), Lark('start: "a" start'), None, Unsatisfiable),
    (FAST, JsonSchema.of({"enum": ["x" * 1000] * 1000}), None, GrammarTooLarge),
    (FAST, Lark("start: " + '"a"{1,60000}'), None, GrammarTooLarge),
    (FAST, Lark("start: nowhere"), None, InvalidGrammar),
    (FAST, 7, None, InvalidGrammar),
], ids=["budget", "budget unreadable", "unsatisfiable", "unsatisfiable reference", "megabyte", "bomb", "unknown rule", "no grammar"])
def test_what_cannot_work_is_refused_before_the_first_token(engine, grammar, max_tokens, error):
    begun = time.process_time()
    with pytest.raises(error):
        Constraint.of(engine, grammar, max_tokens=max_tokens)
    assert time.process_time() - begun < 5


def test_nothing_here_imports_torch_or_transformers():
    modules = "eudoxus.decoding, eudoxus.decoding.processor, eudoxus.decoding.vllm_plugin"
    code = f"import sys, {modules}; print(*({{'torch', 'transformers', 'vllm'}} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""
