r"""Random walks of a lifted grammar, read from its text: nothing here knows agents or automata."""

from __future__ import annotations

import re
from random import Random
from re import _parser  # type: ignore[attr-defined]


class Walker:
    """A reader of right-linear Lark whose terminals are regular expressions."""

    def __init__(self, lark: str) -> None:
        self.rules: dict[str, list[list[str]]] = {}
        self.terminals: dict[str, _parser.SubPattern] = {}
        for line in lark.splitlines():
            name, _, right = line.partition(": ")
            if name.isupper():
                body = re.sub(r"\\x\{([0-9A-F]+)\}", lambda found: f"\\U{int(found[1], 16):08X}", right[1:-1])
                self.terminals[name] = _parser.parse(body)
            else:
                self.rules[name] = [option.split() for option in right.split(" | ")]

    def text(self, random: Random, patience: int = 40) -> str:
        """One text of the language; after ``patience`` productions those are taken that lead to the end fastest."""
        distance = self._distances()
        said, here, steps = "", "start", 0
        while True:
            options = self.rules[here]
            if steps >= patience:
                options = [min(options, key=lambda option: distance[option[-1]])]
            terminal, *rest = random.choice(options)
            said += self.drawn(terminal, random)
            if not rest:
                return said
            (here,), steps = rest, steps + 1

    def drawn(self, terminal: str, random: Random) -> str:
        """One text that a terminal matches."""
        return self._drawn(self.terminals[terminal], random)

    def _distances(self) -> dict[str, int]:
        distance = dict.fromkeys(self.terminals, 0)
        while len(distance) < len(self.terminals) + len(self.rules):
            found = {name: 1 + min(distance[option[-1]] for option in options if option[-1] in distance)
                     for name, options in self.rules.items() if name not in distance and any(option[-1] in distance for option in options)}
            assert found, "a rule that never ends"
            distance |= found
        return distance

    def _drawn(self, pattern: _parser.SubPattern, random: Random) -> str:
        said = ""
        for operator, value in pattern:
            match str(operator):
                case "LITERAL":
                    said += chr(value)
                case "IN":
                    low, high = random.choice([(one, one) if str(kind) == "LITERAL" else one for kind, one in value])
                    said += chr(random.randint(low, min(high, low + 90)))
                case "MAX_REPEAT":
                    least, most, inner = value
                    times = random.randint(least, min(most, least + 3))
                    said += "".join(self._drawn(inner, random) for _ in range(times))
                case "BRANCH":
                    said += self._drawn(random.choice(value[1]), random)
                case "SUBPATTERN":
                    said += self._drawn(value[-1], random)
                case other:
                    raise AssertionError(f"{other} in a terminal")
        return said
