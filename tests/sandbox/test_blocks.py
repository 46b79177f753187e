"""The block trace: where the blocks are, what is kept of their visits, and that the program stays the same program."""

from __future__ import annotations

from typing import Any

import pytest

from eudoxus.sandbox.inside.blocks import Trace

SOURCE = '''"""Doc."""
from __future__ import annotations
import math

def total(items):
    """Sum of the positive ones."""
    found = 0
    for item in items:
        if item > 0:
            found += item
        else:
            skipped = item
    rest = found
    try:
        return rest / 0
    except ZeroDivisionError:
        rest += 1
    finally:
        done = True
    return rest
'''


def traced(source: str, mode: Any = "blocks") -> tuple[Trace, dict[str, Any]]:
    trace = Trace(source, "candidate.py", mode)
    names: dict[str, Any] = {"__name__": "candidate", **trace.names}
    exec(trace.code, names)
    return trace, names


def test_blocks_are_runs_of_statements_with_their_lines_and_visits():
    trace, names = traced(SOURCE)
    trace.take()
    assert names["total"]([1, -2, 3]) == 5
    assert names["total"].__doc__ == "Sum of the positive ones."
    found = trace.take()
    assert [(b["first_line"], b["last_line"], b["visits"]) for b in found["blocks"]] == [
        (7, 8, 1), (9, 9, 3), (10, 10, 2), (12, 12, 1), (13, 14, 1), (15, 15, 1), (17, 17, 1), (19, 19, 1), (20, 20, 1)]
    assert found["dropped"] == 0


def test_a_snapshot_has_the_variables_at_the_head_of_the_block():
    trace, names = traced(SOURCE)
    trace.take()
    names["total"]([1, 2])
    heads = {b["first_line"]: b["snapshots"] for b in trace.take()["blocks"]}
    assert heads[9] == [{"visit": 1, "step": 2, "locals": {"items": "[1, 2]", "found": "0", "item": "1"}},
                        {"visit": 2, "step": 4, "locals": {"items": "[1, 2]", "found": "1", "item": "2"}}]


def test_steps_tell_in_which_order_blocks_were_entered():
    trace, names = traced(SOURCE)
    trace.take()
    names["total"]([1, -2])
    steps = sorted((shot["step"], block["first_line"]) for block in trace.take()["blocks"] for shot in block["snapshots"])
    assert steps == [(1, 7), (2, 9), (3, 10), (4, 9), (5, 12), (6, 13), (7, 15), (8, 17), (9, 19), (10, 20)]


def test_the_first_and_last_five_visits_are_kept_and_the_rest_counted():
    trace, names = traced("def f(n):\n    for i in range(n):\n        x = i\n")
    trace.take()
    names["f"](100)
    found = trace.take()
    body = found["blocks"][1]
    assert [s["visit"] for s in body["snapshots"]] == [1, 2, 3, 4, 5, 96, 97, 98, 99, 100]
    assert (body["visits"], found["dropped"]) == (100, 90)


def test_after_two_thousand_records_visits_are_only_counted():
    trace, names = traced("def f(n):\n    for i in range(n):\n        x = i\n")
    trace.take()
    names["f"](10_000)
    body = trace.take()["blocks"][1]
    assert body["visits"] == 10_000
    assert body["snapshots"][-1]["visit"] == 1_999


def test_a_question_starts_the_records_anew():
    trace, names = traced("def f(n):\n    return n\n")
    names["f"](1)
    assert trace.take()["blocks"]
    assert trace.take() == {"blocks": [], "dropped": 0}


def test_values_are_short_and_objects_show_as_their_type():
    class Node:
        def __repr__(self) -> str:
            raise SystemExit

    trace, names = traced("def f(node, text, call):\n    return 1\n")
    trace.take()
    names["f"](Node(), "x" * 1000, len)
    shown = trace.take()["blocks"][0]["snapshots"][0]["locals"]
    assert shown["node"] == "<Node>"
    assert len(shown["text"]) == 80
    assert "call" not in shown


@pytest.mark.parametrize("source", [
    "def f(n):\n    match n:\n        case 1:\n            return 'one'\n        case _:\n            return 'more'\n",
    "def f(n):\n    global g\n    g = n\n    return g\n",
    "def f(n):\n    while n < 3:\n        n += 1\n    else:\n        n = 9\n    return n\n",
    "def f(n):\n    def inner():\n        nonlocal n\n        n += 1\n        return n\n    return inner()\n",
    "class A:\n    x = 1\n    def m(self): return self.x\ndef f(n): return A().m()\n",
    "def f(n):\n    if n: return 1\n    elif n == 0: return 2\n    else: return 3\n",
    "def f(n):\n    with open('/dev/null') as file:\n        yield n\n    yield 2\n",
    "def f(n):\n    try:\n        raise ValueError\n    except* ValueError:\n        n = 7\n    return n\n",
])
@pytest.mark.parametrize("mode", ["lines", "blocks"])
def test_a_marked_program_does_the_same(source, mode):
    plain: dict[str, Any] = {"__name__": "candidate"}
    exec(source, plain)
    _, names = traced(source, mode)
    for n in (0, 1):
        a, b = plain["f"](n), names["f"](n)
        assert (list(a) == list(b)) if hasattr(a, "__next__") else a == b


def test_line_numbers_of_exceptions_stay():
    _, names = traced("def f(n):\n    x = n\n\n    return 1 / x\n")
    with pytest.raises(ZeroDivisionError) as raised:
        names["f"](0)
    assert raised.tb.tb_next.tb_lineno == 4


def test_lines_mode_tells_which_lines_ran():
    trace, names = traced(SOURCE, "lines")
    trace.take()
    names["total"]([1])
    assert trace.take() == {"lines": [7, 8, 9, 10, 13, 14, 15, 17, 19, 20]}
