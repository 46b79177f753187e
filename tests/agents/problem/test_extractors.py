"""Where answers stand in replies."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from eudoxus.agents.problem import Extractor

READ: TypeAdapter[Any] = TypeAdapter(Extractor)
KINDS: list[dict[str, Any]] = [
    {"kind": "whole"}, {"kind": "final"}, {"kind": "regex", "pattern": r"x = (-?\d+)"}, {"kind": "number"}, {"kind": "block"},
    {"kind": "program"}, {"kind": "json", "pointer": "/a/0"},
]


def read(said: dict[str, Any], reply: str) -> str | None:
    found: str | None = READ.validate_python(said)(reply)
    return found


@pytest.mark.parametrize(("said", "reply", "answer"), [
    ({"kind": "regex", "pattern": r"x = (-?\d+)"}, "x = 3, no: x = -5.", "-5"),
    ({"kind": "regex", "pattern": r"x = (-?\d+)", "which": "first"}, "x = 3, no: x = -5.", "3"),
    ({"kind": "regex", "pattern": r"\d+"}, "12 or 13", "13"),
    ({"kind": "regex", "pattern": r"a(b)?c"}, "ac", None),
    ({"kind": "regex", "pattern": r"x"}, "y", None),
    ({"kind": "number"}, "First 7. So the answer is 1,234.5 km, I think.", "1,234.5"),
    ({"kind": "number"}, "We get 3 and then 4\n(done)", "4"),
    ({"kind": "number"}, "none", None), ({"kind": "number"}, " four\n", "four"), ({"kind": "number"}, "1 1/2 km", "1 1/2"),
    ({"kind": "block"}, "```python\na\n```\ntext\n~~~\nb\n  c\n~~~\n", "b\n  c"),
    ({"kind": "block", "language": "python"}, "```python\na\n```\n```\nb\n```", "a"),
    ({"kind": "block"}, "1. x\n   ```\n   a\n     b\n   ```", "a\n  b"),
    ({"kind": "block"}, "```\nopen", None),
    ({"kind": "program"}, "So:\n```python\ndef f():\n    return 1\n```\nand\n```\nf()\n```", "def f():\n    return 1"),
    ({"kind": "json"}, 'a {"b": 1} and ```json\n{"c": [1, 2]}\n```', '{"c": [1, 2]}'),
    ({"kind": "json", "pointer": "/c/1"}, '{"c": [1, "two"]}', "two"),
    ({"kind": "json", "pointer": "/a~1b/~0"}, '{"a/b": {"~": 7}}', "7"),
    ({"kind": "json", "pointer": "/c/9"}, '{"c": [1]}', None),
    ({"kind": "json"}, "no", None),
    ({"kind": "final"}, "So it is 4.\nAnswer: four", "four"), ({"kind": "final"}, " just this ", "just this"),
    ({"kind": "whole"}, "<think>hm</think> all of it ", "all of it"), ({"kind": "whole"}, " ", None),
])
def test_an_answer_is_found_where_the_task_says(said: dict[str, Any], reply: str, answer: str | None):
    assert read(said, reply) == answer


@pytest.mark.parametrize(("said", "complaint"), [
    ({"kind": "regex", "pattern": "(a)(b)"}, "at most one group, found 2"), ({"kind": "regex", "pattern": "(a"}, "missing \\)"),
    ({"kind": "regex", "pattern": "(?=a)b"}, "no look-around"), ({"kind": "regex", "pattern": r"(a)\1"}, "no look-around and no back-ref"),
    ({"kind": "regex", "pattern": "a{1000}{1000}"}, "not a regular expression"), ({"kind": "regex", "pattern": "a" * 3000}, "at most 2000"),
    ({"kind": "json", "pointer": "a.b"}, "JSON pointer"), ({"kind": "sorcery"}, "regex"), ({"kind": "block", "colour": 1}, "extra"),
])
def test_what_is_no_extractor_is_refused_with_the_reason(said: dict[str, Any], complaint: str):
    with pytest.raises(ValidationError, match=complaint):
        READ.validate_python(said)


@pytest.mark.parametrize("said", KINDS, ids=lambda said: said["kind"])
@given(reply=st.text(alphabet="ab`~{}[]()\"\\\n x=1:#.,", max_size=200) | st.text(max_size=100))
def test_no_reply_breaks_an_extractor(said: dict[str, Any], reply: str):
    assert isinstance(read(said, reply), str | None)


@pytest.mark.parametrize("said", [*KINDS, {"kind": "regex", "pattern": "(?:a+)+$"}, {"kind": "regex", "pattern": "(x+x+)+y"}],
                         ids=lambda said: said.get("pattern", said["kind"]))
@pytest.mark.parametrize("reply", ["a" * 100_000 + "!", "x" * 100_000, "```a\n" * 20_000, '{"a":' * 10_000, "[" * 50_000, "1 " * 50_000])
def test_no_reply_takes_long(said: dict[str, Any], reply: str):
    start = time.process_time()
    read(said, reply)
    assert time.process_time() - start < 2
