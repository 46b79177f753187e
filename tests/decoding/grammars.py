"""Grammars and vocabularies that the tests of decoding share."""

from eudoxus.decoding.grammar import JsonSchema, Lark, Regex
from eudoxus.decoding.vocabulary import Vocabulary

SUM = Lark('start: sum\nsum: term (("+" | "-" | "*") term)*\nterm: /[0-9]{1,3}(\\.[0-9]+)?/ | "(" sum ")"\n')
GOAL = Lark('start: "(" goal "))" "\\n"?\ngoal: "a)" | "(not " goal ")" | "(and" (" " goal)* ")"\n')
PLAN = Lark(
    'start: step ("\\n" step)*\n'
    'step: "(pick-up " BLOCK ")" | "(put-down " BLOCK ")" | "(stack " BLOCK " " BLOCK ")" | "(unstack " BLOCK " " BLOCK ")"\n'
    "BLOCK: /b[1-9][0-9]?/\n"
)
NUMBER = Regex(r"-?[0-9]+(\.[0-9]+)?")
QUOTED = Regex(r'"([^"\\\x00-\x1f]|\\["\\nt])*"')
PERSON = JsonSchema.of(
    {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 12}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
)
BYTES = [bytes([i]) for i in range(256)]
MERGED = ["((", "))", "))\n", "12", "34", " b1", "b1", "(not ", "not (", "pick", "-up ", '"name', '":"', '","', "é", "1)",
          ")\n(", ".5", "))))\n", ")))))\n"]
SMALL = Vocabulary.from_list([*BYTES, "<end>"], eos=256)
LARGER = Vocabulary.from_list([*BYTES, *MERGED, "", "<end>", "<stop>"], eos=[277, 278], size=300)
