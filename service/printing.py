"""The console on which commands print their tables."""

from __future__ import annotations

from rich.console import Console


def output() -> Console:
    """Standard output; not cut to 80 columns when it goes to another program. Text is printed as it stands, with ``[x]`` and ``:x:``."""
    console = Console(highlight=False, markup=False, emoji=False)
    return console if console.is_terminal else Console(highlight=False, markup=False, emoji=False, width=1000)
