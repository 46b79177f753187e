"""Vocabularies are read from each kind of tokenizer file, and masks are put on logits bit by bit as a plain loop would."""

import base64
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eudoxus.decoding.apply import allowed_tokens, apply_mask, mask_of, masked_copy
from eudoxus.decoding.errors import InvalidVocabulary
from eudoxus.decoding.vocabulary import Vocabulary


def by_loop(logits: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return np.array([x if i < mask.size * 32 and mask[i >> 5] >> (i & 31) & 1 else -np.inf for i, x in enumerate(logits)], np.float32)


@settings(max_examples=150, deadline=None)
@given(
    size=st.integers(1, 700),
    padding=st.integers(0, 70),
    density=st.sampled_from([0.0, 0.002, 0.05, 0.5, 1.0]),
    seed=st.integers(0, 10**6),
)
def test_a_mask_is_applied_as_a_loop_over_all_tokens_would(size, padding, density, seed):
    rng = np.random.Generator(np.random.PCG64(seed))
    tokens = np.flatnonzero(rng.random(size) < density)
    logits = rng.normal(size=size + padding).astype(np.float32)
    logits[rng.random(logits.size) < 0.1] = rng.choice([np.inf, -np.inf, -0.0, 1e-45])
    mask = mask_of(tokens, size)
    expected = by_loop(logits, mask)
    assert allowed_tokens(mask, size).tolist() == tokens.tolist()
    assert masked_copy(logits, mask).tobytes() == expected.tobytes()
    apply_mask(logits, mask)
    assert logits.tobytes() == expected.tobytes()


def test_rows_are_masked_each_by_its_own():
    logits = np.arange(6 * 77, dtype=np.float32).reshape(6, 77)
    masks = np.stack([mask_of(list(range(row, 77, row + 1)), 77) for row in range(6)])
    expected = np.stack([by_loop(row, mask) for row, mask in zip(logits, masks, strict=True)])
    apply_mask(logits, masks)
    assert np.array_equal(logits, expected)


@pytest.mark.parametrize(("logits", "mask"), [
    (np.zeros(40, np.float64), np.zeros(2, np.int32)),
    (np.zeros(40, np.float32), np.zeros(2, np.int64)),
    (np.zeros((2, 40), np.float32), np.zeros((3, 2), np.int32)),
    (np.zeros((2, 40), np.float32), np.zeros(2, np.int32)),
])
def test_wrong_shapes_and_types_are_refused(logits, mask):
    with pytest.raises(ValueError, match="expected"):
        apply_mask(logits, mask)


def test_a_byte_level_tokenizer_is_read(tmp_path):
    file = {
        "model": {"type": "BPE", "vocab": {"a": 0, "Ġb": 1, "Ã": 2, "Ċ": 3, "Ã©": 4}, "merges": []},
        "decoder": {"type": "ByteLevel"},
        "added_tokens": [{"id": 6, "content": "<|im_end|>", "special": True}, {"id": 7, "content": "<tool>", "special": False}],
    }
    (tmp_path / "tokenizer.json").write_text(json.dumps(file))
    vocabulary = Vocabulary.from_tokenizer_json(tmp_path / "tokenizer.json", size=10)
    assert vocabulary.tokens == (b"a", b" b", b"\xc3", b"\n", "é".encode(), b"", b"", b"<tool>")
    assert vocabulary.eos == (6,) and vocabulary.size == 10


def test_a_sentence_piece_tokenizer_with_byte_fallback_is_read(tmp_path):
    vocab = [["<unk>", 0], ["</s>", 0], ["<0x0A>", 0], ["▁the", -1], ["é", -2]]
    file = {"model": {"type": "Unigram", "vocab": vocab, "byte_fallback": True}}
    (tmp_path / "tokenizer.json").write_text(json.dumps(file))
    vocabulary = Vocabulary.from_tokenizer_json(tmp_path / "tokenizer.json")
    assert vocabulary.tokens[2:] == (b"\n", b" the", "é".encode()) and vocabulary.eos == (1,)
    assert Vocabulary.from_tokenizer_json(tmp_path / "tokenizer.json", eos=[0, 1]).eos == (0, 1)


def test_a_tokenizer_trained_by_the_tokenizers_library_is_read_as_it_reads_itself(tmp_path):
    tokenizers = pytest.importorskip("tokenizers", reason="tokenizers is not installed")
    trained = tokenizers.Tokenizer(tokenizers.models.BPE())
    trained.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.decoder = tokenizers.decoders.ByteLevel()
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=320, initial_alphabet=alphabet, special_tokens=["<|endoftext|>"])
    trained.train_from_iterator(["(on a b) (on-table c) Überraschung naïve 北京 🙂"] * 20, trainer)
    trained.save(str(tmp_path / "tokenizer.json"))
    vocabulary = Vocabulary.from_tokenizer_json(tmp_path / "tokenizer.json")
    for text in ("(on-table naïve) 🙂🙂", "北 京\n\tb"):
        assert vocabulary.decode(trained.encode(text).ids).decode() == text
    assert vocabulary.decode(vocabulary.encode("(on a 北京)")) == "(on a 北京)".encode()


def test_a_tiktoken_file_is_read(tmp_path):
    (tmp_path / "x.tiktoken").write_bytes(b"".join(base64.b64encode(t) + b" %d\n" % i for i, t in enumerate((b"a", b"\xff", b"ab"))))
    vocabulary = Vocabulary.from_tiktoken_file(tmp_path / "x.tiktoken", special={"<|endoftext|>": 5})
    assert vocabulary.tokens == (b"a", b"\xff", b"ab", b"", b"", b"") and vocabulary.eos == (5,)


@pytest.mark.parametrize(("make", "field"), [
    (lambda: Vocabulary.from_list([], eos=0), "tokens"),
    (lambda: Vocabulary.from_list(["a"], eos=[]), "eos"),
    (lambda: Vocabulary.from_list(["a"], eos=1), "eos"),
    (lambda: Vocabulary.from_list(["a", "b"], eos=[0, 0]), "eos"),
    (lambda: Vocabulary.from_list(["a", "b"], eos=0, size=1), "size"),
    (lambda: Vocabulary.from_list(["a", "<e>"], eos=1).encode("ab"), "text"),
])
def test_a_bad_vocabulary_is_refused_with_the_field(make, field):
    with pytest.raises(InvalidVocabulary, match="expected|no token|twice") as refused:
        make()
    assert refused.value.param == field


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"model": {"vocab": 3}}', '{"model": null}'])
def test_a_file_that_is_no_tokenizer_is_refused(tmp_path, content):
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(InvalidVocabulary, match="tokenizer.json"):
        Vocabulary.from_tokenizer_json(tmp_path / "tokenizer.json")
    with pytest.raises(InvalidVocabulary, match="ranks"):
        Vocabulary.from_tiktoken_file(tmp_path / "missing", special={})
