"""Values back from the sandbox: in which form, how much of them, and what a hostile program makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from eudoxus.runtime.errors import InvalidRequest
from eudoxus.sandbox import Call, Limits, Program, RunResult, Sandbox
from eudoxus.sandbox.codec import encode

from .test_white_box import ATTACKS

pytestmark = pytest.mark.asyncio(loop_scope="module")
TAKEOVER = ATTACKS.joinpath("takeover.py").read_text()


async def evaluated(sandbox: Sandbox, code: str, *args: Any, **options: Any) -> RunResult:
    """``f`` of each of ``args``; the result must survive the journal."""
    found = await sandbox.evaluate(Program(code=code, entry="f"), [Call(args=[encode(arg)]) for arg in args], **options)
    assert RunResult.model_validate_json(found.model_dump_json()) == found
    return found


def with_numpy(sandbox: Sandbox) -> None:
    if not sandbox.slots[0].jail.interpreter.numpy:
        pytest.skip("numpy is not installed for the interpreter in the jail")


def told(found: RunResult) -> list[Any]:
    """The value of each call, or the type of its exception, or how it ended."""
    return [test.value if test.outcome == "passed" else test.exc.type if test.outcome == "error" and test.exc else test.outcome
            for test in found.tests]


# -- the form --------------------------------------------------------------------------------------------------------------


async def test_values_come_back_in_the_order_of_the_calls(sandbox: Sandbox):
    found = await evaluated(sandbox, "def f(x): return x * 2", 1, "a", [1, (2,)], 2**60, None)
    assert told(found) == [2, "aa", [1, {"$tuple": [2]}] * 2, {"$int": "2000000000000000"}, "TypeError"]
    assert found.outcome == "error" and found.verdict == "final"


async def test_arrays_and_scalars_of_numpy_are_lists_and_numbers_wherever_they_stand(sandbox: Sandbox):
    with_numpy(sandbox)
    code = "import numpy as np\ndef f(x): return eval(x)"
    given_back = {
        "np.array([[0, 1], [2, 3]])": [[0, 1], [2, 3]], "np.zeros((1, 2))": [[0.0, 0.0]], "np.array([True, False])": [True, False],
        "np.array(3)": 3, "np.float32(1.5)": 1.5, "np.bool_(True)": True, "[np.array([1], 'u1'), np.int8(2)]": [[1], 2],
        "{'a': np.array(['x'])}": {"$dict": [["a", ["x"]]]}, "np.zeros((2, 0))": [[], []],
        "np.array([1.0, np.nan])": [1.0, {"$float": "nan"}], "np.ma.array([1, 2])": [1, 2]}
    assert told(await evaluated(sandbox, code, *given_back)) == list(given_back.values())


async def test_an_array_arrives_as_an_array(sandbox: Sandbox):
    with_numpy(sandbox)
    grid = {"$ndarray": {"dtype": "<i8", "shape": [1, 2], "data": "AQAAAAAAAAACAAAAAAAAAA=="}}
    found = await sandbox.evaluate(Program(code="def f(x): return [x.shape, x * 2]", entry="f"), [Call(args=[grid])])
    assert told(found) == [[{"$tuple": [1, 2]}, [[2, 4]]]]


# -- how much --------------------------------------------------------------------------------------------------------------


async def test_a_value_over_its_bytes_is_an_error_and_the_next_is_not(sandbox: Sandbox):
    found = await evaluated(sandbox, "def f(x): return 'x' * x", 100, 98, value_bytes=100)
    assert told(found) == ["TooLarge", "x" * 98] and "100 are handed on" in found.tests[0].exc.msg  # type: ignore[union-attr]


async def test_all_values_together_have_a_limit(sandbox: Sandbox):
    found = await evaluated(sandbox, "def f(x): return 'x' * x", 50, 50, 40, 1, total_bytes=100)
    assert told(found) == ["x" * 50, "TooLarge", "x" * 40, "x"]


async def test_a_call_that_ends_the_program_keeps_the_next_from_nothing(sandbox: Sandbox):
    code = "import os\ndef f(x):\n    while x == 1: pass\n    os._exit(0) if x == 2 else None\n    return x"
    found = await evaluated(sandbox, code, 0, 1, 3, 2, 4, limits=Limits(call_s=0.3))
    assert told(found) == [0, "timeout", 3, "protocol_error", 4] and found.outcome == "timeout"


async def test_after_three_ends_the_rest_ends_alike(sandbox: Sandbox):
    found = await evaluated(sandbox, "import os\ndef f(x): os._exit(0)", 1, 2, 3, 4, 5)
    assert told(found) == ["protocol_error"] * 5


async def test_all_calls_together_end_with_the_time_of_the_run(sandbox: Sandbox):
    found = await evaluated(sandbox, "import time\ndef f(x): time.sleep(1.5); return x", 1, 2, 3, 4, limits=Limits(wall_s=2.5))
    assert told(found) == [1, "timeout", "timeout", "timeout"] and found.wall_ms < 5500


async def test_a_program_that_cannot_be_loaded_gives_no_value(sandbox: Sandbox):
    assert told(await evaluated(sandbox, "def f(x: return", 1, 2)) == ["load_error"] * 2


async def test_calls_without_a_function_to_call_are_refused(sandbox: Sandbox):
    with pytest.raises(InvalidRequest, match="name the function"):
        await sandbox.evaluate(Program(code="x = 1"), [Call(args=[1])])


# -- hostile programs ------------------------------------------------------------------------------------------------------

HOSTILE = {
    "an object": ("object()", "NotPlain"),
    "a function in a list": ("[1, f]", "NotPlain"),
    "an array of objects": ("__import__('numpy').array([object()])", "NotPlain"),
    "a cycle": ("(lambda a: (a.append(a), a)[1])([])", "TooLarge"),
    "a list 100,000 deep": ("__import__('functools').reduce(lambda a, _: [a], range(10**5), 1)", "TooLarge"),
    "a huge text": ("'x' * 10**8", "TooLarge"),
    "a huge array": ("__import__('numpy').zeros(10**7)", "TooLarge"),
    "an integer of many digits": ("10**20000", "TooLarge"),
    "an iterator without end": ("__import__('itertools').count()", "TooLarge"),
    "an array of a milliard empty rows": ("__import__('numpy').zeros((10**9, 0))", "TooLarge"),
    "a subclass with methods of its own": ("type('L', (list,), {'__iter__': lambda s: iter('no'), '__len__': lambda s: 7})([1])", [1]),
    "a dict that looks like a tag": ("{'$tuple': [1]}", {"$dict": [["$tuple", [1]]]}),
    "a lone surrogate": (r"'\ud800'", {"$str": "7aCA"}),
    "an exception whose text is no text": (r"(_ for _ in ()).throw(ValueError('\ud800'))", "ValueError"),
}


@pytest.mark.parametrize("what", HOSTILE)
async def test_a_hostile_value_is_an_error_or_plain(sandbox: Sandbox, what: str):
    code, expected = HOSTILE[what]
    if "numpy" in code:
        with_numpy(sandbox)
    found = await evaluated(sandbox, f"def f(x): return {code} if x else 'next'", 1, 0)
    assert told(found) == [expected, "next"]


FORGED = {
    "an object": ('{"$opaque": "7", "type": "int"}', "NotPlain"),
    "a name of a type with a lone surrogate": ('{"$opaque": "", "type": "\\ud800"}', "NotPlain"),
    "an infinite number": ("1e999", {"$float": "inf"}),
    "a lone surrogate": ('"\\ud800"', {"$str": "7aCA"}),
    "an object without a tag": ('{"a": [1]}', {"$dict": [["a", [1]]]}),
    "an unknown tag": ('{"$pickle": "gASV"}', "protocol_error"),
    "two tags": ('{"$tuple": [], "$list": []}', "protocol_error"),
    "a set of lists": ('{"$set": [[1]]}', "protocol_error"),
    "10,000 levels": ("[" * 10_000 + "]" * 10_000, "protocol_error"),
    "an array of fewer bytes": ('{"$ndarray": {"dtype": "<i8", "shape": [100], "data": ""}}', "protocol_error"),
    "an array of objects": ('{"$ndarray": {"dtype": "|O8", "shape": [1], "data": "AAAAAAAAAAA="}}', "protocol_error"),
    "many empty rows": ('{"$ndarray": {"dtype": "<i8", "shape": [1000000, 0], "data": ""}}', "TooLarge"),
    "no JSON": ("{", "protocol_error"),
    "nothing": ('0, "v2": ', "protocol_error"),
}


@pytest.mark.parametrize("what", FORGED)
async def test_a_forged_answer_is_an_error_or_plain_and_ends_nothing_else(sandbox: Sandbox, what: str):
    text, expected = FORGED[what]
    code = TAKEOVER + f"hello(['f'])\nraw('{{\"s\": %d, \"v\": %s}}' % (receive()['s'], {text!r}))\nimport time\ntime.sleep(9)"
    found = await evaluated(sandbox, code, 1, limits=Limits(wall_s=1, call_s=0.5))
    assert told(found) == [expected]
    assert told(await evaluated(sandbox, "def f(x): return x", 5)) == [5]


async def test_an_answer_to_another_question_is_none(sandbox: Sandbox):
    code = TAKEOVER + "hello(['f'])\nsend({'s': receive()['s'] + 1, 'v': 1})"
    assert told(await evaluated(sandbox, code, 1)) == ["protocol_error"]


async def test_answers_that_nobody_asked_for_are_not_taken(sandbox: Sandbox):
    code = TAKEOVER + "hello(['f'])\ns = receive()['s']\nfor v in range(100): send({'s': s, 'v': v})"
    assert told(await evaluated(sandbox, code, 1)) in (["protocol_error"], [0])
