"""A Llama of one layer with random weights: every text of tokens is about as likely as any other, so only the mask makes it well-formed."""

import pytest

from eudoxus.decoding.vocabulary import Vocabulary
from tests.decoding.grammars import BYTES, MERGED

torch = pytest.importorskip("torch", reason="torch is not installed")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")

PAD, ENDS, WIDTH = 276, [277, 278], 320
VOCABULARY = Vocabulary.from_list([*BYTES, *MERGED, "", "<end>", "<stop>"], eos=ENDS, size=300)
"""279 tokens, given as 300; the model's logits are 320 wide."""


def random_llama(seed: int = 0):
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(
        vocab_size=WIDTH, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        bos_token_id=None, eos_token_id=ENDS, pad_token_id=PAD,
    )
    model = transformers.LlamaForCausalLM(config).eval()
    model.generation_config.max_new_tokens = 60
    return model


def padded(*prompts: bytes):
    """Prompts of different lengths as ``generate`` takes them: padded on the left, with what to attend to."""
    length = max(map(len, prompts))
    ids = torch.tensor([[PAD] * (length - len(prompt)) + list(prompt) for prompt in prompts])
    return {"input_ids": ids, "attention_mask": (ids != PAD).long()}
