"""``generate`` of transformers with a grammar: every text is one of the grammar, however rows are drawn, reordered or taken back."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

from eudoxus.decoding.apply import apply_mask, mask_of  # noqa: E402
from eudoxus.decoding.errors import InvalidVocabulary  # noqa: E402
from eudoxus.decoding.grammar import Lark, Regex  # noqa: E402
from eudoxus.decoding.llguidance_engine import LlguidanceEngine  # noqa: E402
from eudoxus.decoding.processor import GrammarLogitsProcessor, masked  # noqa: E402
from eudoxus.decoding.reference import ReferenceEngine  # noqa: E402
from eudoxus.decoding.vocabulary import Vocabulary  # noqa: E402
from eudoxus.runtime.errors import InvalidParams  # noqa: E402
from tests.decoding.grammars import GOAL, NUMBER, PERSON, PLAN, SUM  # noqa: E402
from tests.decoding.tiny_llama import ENDS, PAD, VOCABULARY, padded, random_llama  # noqa: E402

ENGINE = LlguidanceEngine(VOCABULARY)
MODEL = random_llama()
SAMPLED = {"do_sample": True, "top_k": 0, "top_p": 1.0, "temperature": 1.0}
PROMPTS = padded(b"a", b"Plan: ", b"((1")


def generated(processor, inputs, **settings):
    output = MODEL.generate(**inputs, logits_processor=[processor], **settings)
    return output, output[:, inputs["input_ids"].shape[1] :].tolist()


def well_formed(grammar, tokens, *, finished=True):
    """By another engine, on bytes; pads follow the end and nothing else does."""
    ends = [at for at, token in enumerate(tokens) if token in ENDS]
    text = tokens[: ends[0]] if ends else tokens
    assert all(token in (PAD, *ENDS) for token in tokens[len(text) :])
    if grammar is PERSON:
        person = json.loads(VOCABULARY.decode(text))
        return set(person) == {"name", "age"} and isinstance(person["age"], int)
    judge = ReferenceEngine(VOCABULARY).matcher(grammar)
    return judge.allows(text) == len(text) and (not finished or judge.allows([*text, ENDS[0]]) == len(text) + 1)


@pytest.mark.parametrize("grammar", [SUM, GOAL, PLAN, NUMBER], ids=["sum", "goal", "plan", "number"])
def test_every_sampled_text_is_well_formed_and_finished_within_its_budget(grammar):
    for seed in range(4):
        torch.manual_seed(seed)
        processor = GrammarLogitsProcessor(ENGINE, grammar, max_tokens=40)
        output, rows = generated(processor, PROMPTS, num_return_sequences=3, max_new_tokens=41, **SAMPLED)
        assert [well_formed(grammar, row) for row in rows] == [True] * 9
        assert set(processor.outcomes(output)) == {"ended"}


def test_without_a_budget_a_text_is_well_formed_or_cut_off_and_said_to_be_open():
    torch.manual_seed(1)
    processor = GrammarLogitsProcessor(ENGINE, PERSON)
    output, rows = generated(processor, PROMPTS, num_return_sequences=8, max_new_tokens=25, **SAMPLED)
    outcomes = processor.outcomes(output)
    assert {"open", "ended"} <= set(outcomes) <= {"open", "complete", "ended"}
    assert all(well_formed(PERSON, row) for row, outcome in zip(rows, outcomes, strict=True) if outcome != "open")


def test_without_the_processor_the_same_model_writes_no_such_text():
    torch.manual_seed(0)
    output = MODEL.generate(**PROMPTS, num_return_sequences=5, max_new_tokens=20, **SAMPLED)
    assert not any(well_formed(NUMBER, row) for row in output[:, PROMPTS["input_ids"].shape[1] :].tolist())


def test_greedy_text_is_well_formed_and_the_raw_logits_are_left_alone():
    processor = GrammarLogitsProcessor(ENGINE, SUM, max_tokens=20)
    inputs = padded(b"1+")
    found = MODEL.generate(
        **inputs, logits_processor=[processor], do_sample=False, max_new_tokens=21, return_dict_in_generate=True, output_logits=True
    )
    assert well_formed(SUM, found.sequences[0, 2:].tolist())
    assert all(torch.isfinite(logits).all() for logits in found.logits)


def test_the_end_is_offered_exactly_where_the_text_is_complete_and_padding_never():
    torch.manual_seed(3)
    seen = []

    class Watching(GrammarLogitsProcessor):
        def __call__(self, input_ids, scores):
            found = super().__call__(input_ids, scores)
            for row, text in zip(input_ids.tolist(), found, strict=True):
                judge = ReferenceEngine(VOCABULARY).matcher(PLAN)
                tokens = [token for token in row[6:] if token not in (PAD, *ENDS)]
                assert judge.allows(tokens) == len(tokens)
                for token in tokens:
                    judge.consume(token)
                assert torch.isfinite(text[ENDS]).tolist() == [judge.accepting] * 2
                assert not torch.isfinite(text[len(VOCABULARY.tokens) :]).any() and not torch.isfinite(text[PAD])
                seen.append(judge.accepting)
            return found

    MODEL.generate(**PROMPTS, logits_processor=[Watching(ENGINE, PLAN)], max_new_tokens=40, **SAMPLED)
    assert {True, False} == set(seen)


@pytest.mark.parametrize("grammar", [SUM, PLAN], ids=["sum", "plan"])
def test_beams_are_well_formed_though_they_are_reordered_at_every_step(grammar):
    processor = GrammarLogitsProcessor(ENGINE, grammar, max_tokens=24)
    output, rows = generated(processor, PROMPTS, num_beams=5, num_return_sequences=5, max_new_tokens=25)
    assert [well_formed(grammar, row) for row in rows] == [True] * 15
    assert len({tuple(row) for row in rows[:5]}) == 5 and set(processor.outcomes(output)) == {"ended"}


def test_beams_that_are_sampled_are_well_formed_too():
    torch.manual_seed(5)
    processor = GrammarLogitsProcessor(ENGINE, GOAL, max_tokens=24)
    _, rows = generated(processor, PROMPTS, num_beams=3, max_new_tokens=25, **SAMPLED)
    assert all(well_formed(GOAL, row) for row in rows)


def test_drafts_that_are_refused_are_taken_back():
    prompt = padded(b"12+34*(12+34)-12+34")
    plain, rows = generated(GrammarLogitsProcessor(ENGINE, SUM, max_tokens=40), prompt, do_sample=False, max_new_tokens=41)
    assisted, _ = generated(
        GrammarLogitsProcessor(ENGINE, SUM, max_tokens=40), prompt, do_sample=False, max_new_tokens=41, prompt_lookup_num_tokens=4
    )
    assert well_formed(SUM, rows[0]) and plain.tolist() == assisted.tolist()


def test_each_prompt_of_a_batch_can_have_a_grammar_of_its_own():
    torch.manual_seed(0)
    grammars = [SUM, Regex("yes|no"), Lark('start: "(" /[a-z]{3}/ ")"')]
    processor = GrammarLogitsProcessor(ENGINE, grammars, max_tokens=20)
    for beams in ({"num_return_sequences": 2, **SAMPLED}, {"num_beams": 2, "num_return_sequences": 2}):
        _, rows = generated(processor, PROMPTS, max_new_tokens=21, **beams)
        for at, row in enumerate(rows):
            assert well_formed(grammars[at // 2], row)
    with pytest.raises(InvalidParams, match="2 rows cannot be shared out among 3 grammars"):
        generated(processor, padded(b"a", b"b"), **SAMPLED)
    with pytest.raises(InvalidParams, match="empty list"):
        GrammarLogitsProcessor(ENGINE, [])


def test_each_call_begins_anew_and_one_that_goes_on_with_an_earlier_text_does_after_a_reset():
    processor = GrammarLogitsProcessor(ENGINE, SUM, max_tokens=20)
    for prompt in (b"1", b"23", b"23", b"another prompt"):
        output, rows = generated(processor, padded(prompt), max_new_tokens=21, do_sample=False)
        assert well_formed(SUM, rows[0])
    processor.reset()
    _, rows = generated(processor, {"input_ids": output[:, :-2]}, max_new_tokens=21, do_sample=False)
    assert well_formed(SUM, rows[0])


def test_a_model_of_another_vocabulary_is_refused():
    with pytest.raises(InvalidVocabulary, match="279 tokens"):
        GrammarLogitsProcessor(ENGINE, SUM)(torch.zeros(1, 1, dtype=torch.long), torch.zeros(1, 100))


def test_it_says_that_it_cannot_be_shared_by_requests_that_come_and_go():
    assert GrammarLogitsProcessor.supports_continuous_batching is False


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("width", [64, 70, 97, 130])
def test_scores_of_each_type_and_width_are_masked_alike_and_copied(dtype, width):
    rng = np.random.default_rng(width)
    masks = np.stack([mask_of(np.flatnonzero(rng.random(97) < density), 97) for density in (0.0, 0.01, 0.5, 1.0)])
    scores = torch.from_numpy(rng.normal(size=(4, width)).astype(np.float32))
    expected = scores.numpy().copy()
    apply_mask(expected, masks)
    given = scores.to(dtype)
    found = masked(given, masks)
    assert torch.isinf(found).tolist() == np.isinf(expected).tolist() and found.dtype == dtype
    assert torch.equal(found[~torch.isinf(found)], given[~torch.isinf(found)]) and torch.isfinite(given).all()


def test_a_tokenizer_of_transformers_gives_its_vocabulary():
    tokenizers = pytest.importorskip("tokenizers", reason="tokenizers is not installed")
    from transformers import PreTrainedTokenizerFast

    trained = tokenizers.Tokenizer(tokenizers.models.BPE())
    trained.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.decoder = tokenizers.decoders.ByteLevel()
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trained.train_from_iterator(["(on a b) naïve"] * 9, tokenizers.trainers.BpeTrainer(
        vocab_size=270, initial_alphabet=alphabet, special_tokens=["<s>", "</s>"]))
    fast = PreTrainedTokenizerFast(tokenizer_object=trained, eos_token="</s>")
    vocabulary = Vocabulary.from_transformers(fast, size=320)
    assert vocabulary.eos == (1,) and vocabulary.size == 320 and vocabulary.decode(fast.encode("(on naïve b)")).decode() == "(on naïve b)"
    with pytest.raises(InvalidVocabulary, match="no fast tokenizer"):
        Vocabulary.from_transformers(object())
