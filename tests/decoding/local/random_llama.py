"""A model directory with random weights: a Llama small enough to run in no time, with a tokenizer, a chat template and padded logits."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tokenizers", reason="the extra embedded is not installed")
pytest.importorskip("onnx", reason="onnx writes the graph of the model with random weights")

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

TEMPLATE = """\
{%- for message in messages -%}
{%- if message.role not in ('system', 'user', 'assistant') %}{{ raise_exception('no role ' + message.role) }}{% endif -%}
<|start|>{{ message.role }}
{{ message.content | trim }}<|end|>
{% endfor -%}
{%- if add_generation_prompt -%}<|start|>assistant
{% endif -%}"""
SPECIAL = ["<|pad|>", "<|start|>", "<|end|>"]
VOCABULARY, PADDED = 288, 304
HIDDEN, LAYERS, HEADS, KV_HEADS, INNER, CONTEXT = 32, 2, 4, 2, 48, 1024


def write(folder: Path, *, seed: int = 1, onnx: bool = True) -> Path:
    """The directory, with ``model.onnx`` if asked for."""
    folder.mkdir(parents=True, exist_ok=True)
    _tokenizer().save(str(folder / "tokenizer.json"))
    _json(folder / "tokenizer_config.json", {
        "eos_token": "<|end|>", "pad_token": "<|pad|>", "chat_template": TEMPLATE, "tokenizer_class": "PreTrainedTokenizerFast",
    })
    _json(folder / "generation_config.json", {"eos_token_id": [2]})
    _json(folder / "config.json", {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": PADDED, "hidden_size": HIDDEN,
        "intermediate_size": INNER, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS,
        "max_position_embeddings": CONTEXT, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu",
        "tie_word_embeddings": True, "eos_token_id": 2, "bos_token_id": 1, "dtype": "float16",
    })
    _weights(folder / "model.safetensors", np.random.default_rng(seed))
    if onnx:
        from eudoxus.decoding.tiny.export import export

        export(folder)
    return folder


def _tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=SPECIAL, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(["the user asks the assistant and the assistant answers, true or false, name and age"] * 9, trainer)
    return tokenizer


def _weights(path: Path, rng: np.random.Generator) -> None:
    width = HIDDEN // HEADS
    shapes = {"model.embed_tokens": (PADDED, HIDDEN), "model.norm": (HIDDEN,)}
    for layer in range(LAYERS):
        at = f"model.layers.{layer}"
        shapes |= {
            f"{at}.input_layernorm": (HIDDEN,), f"{at}.post_attention_layernorm": (HIDDEN,),
            f"{at}.self_attn.q_proj": (HEADS * width, HIDDEN), f"{at}.self_attn.k_proj": (KV_HEADS * width, HIDDEN),
            f"{at}.self_attn.v_proj": (KV_HEADS * width, HIDDEN), f"{at}.self_attn.o_proj": (HIDDEN, HEADS * width),
            f"{at}.mlp.gate_proj": (INNER, HIDDEN), f"{at}.mlp.up_proj": (INNER, HIDDEN), f"{at}.mlp.down_proj": (HIDDEN, INNER),
        }
    header, body = {"__metadata__": {"format": "pt"}}, b""
    for name, shape in shapes.items():
        values = np.ones(shape) if len(shape) == 1 else rng.normal(0, 0.35, shape)
        data = values.astype(np.float16).tobytes()
        header[f"{name}.weight"] = {"dtype": "F16", "shape": list(shape), "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    said = json.dumps(header).encode()
    said += b" " * (-len(said) % 8)
    path.write_bytes(len(said).to_bytes(8, "little") + said + body)


def _json(path: Path, said: object) -> None:
    path.write_text(json.dumps(said), encoding="utf-8")
