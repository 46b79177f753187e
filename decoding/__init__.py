"""Constrained decoding: grammars over the tokens of any model, and exact samples of what the model would say within them."""
