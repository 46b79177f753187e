"""Generation on a model with random weights, which by itself says nothing sensible: what is well-formed is so by the grammar."""

from __future__ import annotations

import json
import random
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eudoxus.decoding import JsonSchema, Lark, LlguidanceEngine, Regex
from eudoxus.decoding.errors import BudgetTooSmall, DeadEnd, MatcherFailed
from eudoxus.decoding.local import LocalModel
from eudoxus.decoding.local.errors import Cancelled, PromptTooLong
from eudoxus.decoding.local.generate import Generation, Watch, constrained, generate
from eudoxus.decoding.local.law import Sampling
from eudoxus.decoding.local.measure import model_log_probs
from eudoxus.decoding.local.reading import Prompt, Sessions
from eudoxus.decoding.vocabulary import Vocabulary

WORDS = Regex("[a-z]{3,40} (true|false)")
NESTED = Lark('start: "(" start ")" | "x"\n')
FIELDS = {"name": {"type": "string", "maxLength": 6}, "age": {"type": "integer", "maximum": 200}}
PERSON = JsonSchema.of({"type": "object", "properties": FIELDS, "required": ["name", "age"], "additionalProperties": False})
GREEDY = Sampling(temperature=0)


@pytest.fixture(scope="module")
def engine(model: LocalModel) -> LlguidanceEngine:
    return LlguidanceEngine(model.vocabulary)


@pytest.fixture(scope="module")
def sessions(model: LocalModel) -> Sessions:
    return Sessions(model)


@pytest.fixture
def prompt(sessions: Sessions, model: LocalModel):
    with sessions.reading(model.directory.prompt([{"role": "user", "content": "who?"}])) as read:
        yield read


def answer(prompt: Prompt, seed: int = 0, **options) -> Generation:
    prompt.restart()
    return generate(prompt, random.Random(seed), **{"max_tokens": 30, **options})


def test_the_likeliest_tokens_are_those_of_a_plain_loop(prompt: Prompt, model: LocalModel):
    session, expected = model.session(), []
    logits = session.feed(prompt.tokens)[-1]
    while len(expected) < 12:
        token = int(np.argmax(logits[: len(model.vocabulary.tokens)]))
        if token in model.vocabulary.eos:
            break
        expected.append(token)
        logits = session.feed([token])[-1]
    made = answer(prompt, max_tokens=12, sampling=GREEDY)
    assert made.tokens == expected
    assert made.complete is None


def test_the_same_seed_gives_the_same_answer_and_another_seed_another(prompt: Prompt):
    assert answer(prompt, 1).tokens == answer(prompt, 1).tokens != answer(prompt, 2).tokens


def test_a_padded_id_is_never_drawn(prompt: Prompt, model: LocalModel):
    drawn = {token for seed in range(8) for token in answer(prompt, seed, sampling=Sampling(temperature=50.0)).tokens}
    assert len(drawn) > 100
    assert max(drawn) < len(model.vocabulary.tokens) < model.vocabulary.size


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6), room=st.integers(9, 60), grammar=st.sampled_from([WORDS, NESTED]))
def test_with_room_for_the_shortest_text_every_text_is_complete(prompt: Prompt, engine, seed: int, room: int, grammar):
    made = answer(prompt, seed, max_tokens=room, matcher=constrained(engine, grammar, room))
    assert (made.finish_reason, made.complete) == ("stop", True)
    assert len(made.tokens) <= room
    fits = re.fullmatch(WORDS.pattern, made.text) if grammar is WORDS else re.fullmatch(r"(\(*)x(\)*)", made.text)
    assert fits, made.text
    assert grammar is WORDS or len(fits[1]) == len(fits[2])


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6), room=st.integers(1, 60))
def test_a_text_that_did_not_end_in_time_is_never_called_complete(prompt: Prompt, engine, seed: int, room: int):
    made = answer(prompt, seed, max_tokens=room, matcher=constrained(engine, PERSON, room))
    assert made.complete == (made.finish_reason == "stop")
    if made.complete:
        person = json.loads(made.text)
        assert isinstance(person["age"], int) and len(person["name"]) <= 6
    else:
        assert len(made.tokens) == room


def test_where_the_reader_for_ending_in_time_disagrees_with_the_engine_the_engine_decides(prompt: Prompt, engine):
    """A class of digits in Lark is that of Unicode for the engine and of ASCII for the reader."""
    texts = [answer(prompt, seed, matcher=constrained(engine, Lark(r"start: /\d{2}-\d{2}/"), 30)).text for seed in range(30)]
    assert all(re.fullmatch(r"\d{2}-\d{2}", text) for text in texts)
    assert not all(text.isascii() for text in texts)


def test_what_no_budget_can_hold_is_refused(engine):
    with pytest.raises(BudgetTooSmall) as caught:
        constrained(engine, Regex("[a-z]{40}"), 3)
    assert caught.value.param == "max_tokens"


def test_the_end_comes_only_where_the_grammar_accepts(prompt: Prompt, engine):
    """A grammar that goes on after each complete text: the end must have been drawn, or the budget spent, at a complete text."""
    for seed in range(20):
        made = answer(prompt, seed, max_tokens=40, matcher=constrained(engine, Regex("(ab)+"), 40))
        assert re.fullmatch("(ab)+", made.text)


def test_a_text_that_can_only_end_costs_no_further_pass(prompt: Prompt, engine):
    made = answer(prompt, matcher=constrained(engine, Regex("true"), 30))
    assert made.text == "true"
    assert prompt.session.tokens[len(prompt.tokens) :] == tuple(made.tokens[:-1])


def test_a_mask_computed_ahead_changes_nothing(prompt: Prompt, engine):
    for grammar in (WORDS, PERSON, NESTED):
        plain, ahead = (answer(prompt, 5, max_tokens=50, matcher=constrained(engine, grammar, 50), ahead=ahead) for ahead in (False, True))
        assert (plain.text, plain.finish_reason) == (ahead.text, ahead.finish_reason)


def test_a_vocabulary_that_cannot_spell_the_grammar_is_a_typed_error(prompt: Prompt, model: LocalModel):
    known = model.vocabulary
    lacking = Vocabulary(tuple(b"" if b"q" in text else text for text in known.tokens), known.eos, known.size)
    with pytest.raises((DeadEnd, MatcherFailed)):
        answer(prompt, matcher=LlguidanceEngine(lacking).matcher(Regex("abcq"), exact=True))


def test_a_stop_string_ends_the_text_before_it_and_its_tokens_are_not_reported(prompt: Prompt):
    whole = answer(prompt, 3, max_tokens=25)
    stop = re.findall("[ -~]{2}", whole.text)[-1]
    pieces: list[str] = []
    cut = answer(prompt, 3, max_tokens=25, stops=(stop,), watch=Watch(pieces.append, top_logprobs=0))
    assert cut.text == whole.text[: whole.text.index(stop)] == "".join(pieces)
    assert cut.finish_reason == "stop"
    assert b"".join(bytes(entry["bytes"]) for entry in cut.logprobs).decode(errors="replace").startswith(cut.text)
    assert len(cut.logprobs) <= len(cut.tokens) < 25


def test_a_text_that_a_stop_string_cut_is_not_called_complete(prompt: Prompt, engine):
    made = answer(prompt, 1, stops=(" ",), matcher=constrained(engine, WORDS, 30))
    assert (made.finish_reason, made.complete) == ("stop", False)
    assert " " not in made.text


def test_pieces_make_up_the_text(prompt: Prompt):
    pieces: list[str] = []
    made = answer(prompt, 4, watch=Watch(pieces.append))
    assert len(pieces) > 5
    assert "".join(pieces) == made.text


def test_log_probabilities_are_the_models_own(prompt: Prompt, model: LocalModel, engine):
    """Grammar and temperature do not show in them."""
    made = answer(prompt, 2, sampling=Sampling(0.3), matcher=constrained(engine, WORDS, 30), watch=Watch(top_logprobs=3))
    session = model.session()
    logits = session.feed([*prompt.tokens, *made.tokens], last=len(made.tokens) + 1)[:-1]
    for token, row, entry in zip(made.tokens, logits, made.logprobs, strict=True):
        expected = model_log_probs(model.vocabulary, row)
        assert abs(entry["logprob"] - expected[token]) < 1e-3
        assert bytes(entry["bytes"]) == model.vocabulary.tokens[token]
        assert len(entry["top"]) == 3
        assert entry["top"][0]["logprob"] >= entry["logprob"]
        assert abs(entry["top"][0]["logprob"] - expected.max()) < 1e-3


def test_each_token_is_measured_if_asked(prompt: Prompt, engine):
    made = answer(prompt, watch=Watch(telemetry=True), matcher=constrained(engine, WORDS, 30))
    assert len(made.telemetry) == len(made.tokens)
    assert all(token.entropy > 0 and token.varentropy >= 0 and token.mask_us > 0 for token in made.telemetry)
    assert made.telemetry[0].forward_us == 0 < made.telemetry[1].forward_us
    assert answer(prompt).telemetry == []


def test_it_stops_between_tokens_when_told(prompt: Prompt):
    heard: list[str] = []
    with pytest.raises(Cancelled):
        answer(prompt, 4, watch=Watch(heard.append, lambda: len(heard) >= 3))
    assert len(heard) == 3


def test_the_context_ends_an_answer(model: LocalModel, sessions: Sessions):
    long = (model.directory.encode("the user asks ") * model.context)[: model.context - 5]
    with sessions.reading(long) as read:
        made = generate(read, random.Random(3), max_tokens=100)
    assert len(made.tokens) <= 5
    assert made.finish_reason == "length" or len(made.tokens) < 5
    with pytest.raises(PromptTooLong, match=f"{model.context} tokens"), sessions.reading([5] * model.context):
        pass


def test_a_prompt_that_begins_as_another_did_is_read_from_there(model: LocalModel):
    sessions = Sessions(model, most=2)
    first, second = list(range(10, 40)), [*range(10, 30), *range(50, 60)]
    with sessions.reading(first) as read:
        assert read.reused == 0
    with sessions.reading(second) as read:
        assert read.reused == 20
        assert np.abs(read.logits - model.session().feed(second)[-1]).max() < 1e-4
    with sessions.reading([*first, 7]) as read, sessions.reading([*second, 8]) as other:
        assert (read.reused, other.reused) == (30, 30)
    with sessions.reading(first) as read:
        assert read.reused == 29
    for start in range(40, 200, 10):
        with sessions.reading([start, start + 1]):
            pass
    assert len(sessions._free) == 2
