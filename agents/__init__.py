"""Reasoning strategies over chat: one file each, named after the strategy."""
