"""Prompt files and their loader."""

from eudoxus.prompts.loader import Prompt, listed, load, parse, prompt_hash, render

__all__ = ["Prompt", "listed", "load", "parse", "prompt_hash", "render"]
