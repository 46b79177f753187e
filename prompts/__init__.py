"""Prompt files and their loader."""

from eudoxus.prompts.loader import Prompt, listed, load, parse, render

__all__ = ["Prompt", "listed", "load", "parse", "render"]
