"""Constrained decoding: grammars, aligned sampling, temporal logic, and the local model."""
