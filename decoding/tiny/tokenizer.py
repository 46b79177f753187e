"""The tokenizer of the tiny model: byte-level BPE, trained on the language, and the chat template that finds the task in a message."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from eudoxus.decoding.tiny.language import samples

VOCABULARY = 512
"""256 bytes, 4 special tokens, and 252 merges."""
PAD, TASK, PDDL, END = SPECIAL = ("<|pad|>", "<|task|>", "<|pddl|>", "<|end|>")
WORDS = r"```(?:pddl)?|\)*\s?\(:?[a-z-]+| ?[A-Za-z]+[0-9]*|\)+|\s+|[^\sA-Za-z]"
"""What a token never crosses: a word with the space before it, or a predicate with the parentheses before it."""
CONTEXT = 1024
"""Tokens of question and answer together."""

TEMPLATE = """\
{%- set said = messages | selectattr('role', 'equalto', 'user') | map(attribute='content') | list | last -%}
{%- set task = said.split('<task>')[-1].split('</task>')[0] if '<task>' in said else said -%}
{{- '<|task|>' + task.replace('<|', '< |').split() | join(' ') -}}
{%- if messages[-1].role == 'assistant' -%}
{{- '<|pddl|>' + messages[-1].content + '<|end|>' -}}
{%- elif add_generation_prompt -%}
{{- '<|pddl|>' -}}
{%- endif -%}
"""
"""The model sees the section ``<task>`` of the last user message, on one line, or the whole message when it has none."""


def trained(seed: int) -> Tokenizer:
    """The tokenizer for the language, the same for the same seed."""
    tokenizer = Tokenizer(models.BPE())
    bytewise = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(WORDS), "isolated"), bytewise])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                                  special_tokens=list(SPECIAL), show_progress=False)
    corpus = islice(samples(seed, (2, 3, 4, 5), held_out=False), 4000)
    tokenizer.train_from_iterator((f"{sample.english}\n{sample.answer}" for sample in corpus), trainer)
    return tokenizer


def save(tokenizer: Tokenizer, folder: Path) -> None:
    """``tokenizer.json`` and ``tokenizer_config.json`` with the chat template, as transformers reads them."""
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": PAD, "eos_token": END, "model_max_length": CONTEXT,
              "clean_up_tokenization_spaces": False, "padding_side": "left", "chat_template": TEMPLATE}
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
