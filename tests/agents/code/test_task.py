"""Code tasks: what is found in a statement, what is refused, and what the verifier says."""

from __future__ import annotations

import time

import pytest
from pydantic import ValidationError

from eudoxus.agents.code import CodeTask
from eudoxus.runtime import ChatTask, Message, Registry
from eudoxus.runtime.errors import InvalidTask
from tests.agents.code.running import HEADER, LARGEST, RIGHT, WRONG, fenced, run


def chat(*said: str) -> ChatTask:
    return ChatTask(messages=tuple(Message(role="user", content=text) for text in said))


# -- what is found ---------------------------------------------------------------------------------------------------------


def test_a_header_gives_the_entry_point_and_its_examples_the_tests():
    assert LARGEST.entry_point == "largest"
    assert LARGEST.tests == ("assert largest([1, 3, 2]) == 3", "assert largest([-2, -5]) == -2")
    assert LARGEST.tests_from == "docstring"


def test_given_tests_are_kept_as_they_are():
    task = CodeTask(statement=HEADER, tests=("assert largest([7]) == 7",))
    assert (task.tests, task.tests_from) == (("assert largest([7]) == 7",), "given")


def test_who_says_that_there_are_no_tests_gets_none():
    assert CodeTask(statement=HEADER, tests=(), tests_from="given").tests == ()


def test_a_task_is_the_same_after_it_was_written_down():
    for task in (LARGEST, CodeTask(statement="Write something."), CodeTask(statement=HEADER, tests_from="given")):
        assert CodeTask.model_validate(task.model_dump(mode="json")) == task
        assert Registry((), (CodeTask,)).task({"kind": "code", **task.model_dump(mode="json")}) == task


@pytest.mark.parametrize(("statement", "tests", "name"), [
    (HEADER, (), "largest"),
    ("def helper(x):\n    return x\n\n\ndef wanted(x):\n    '''To be written.'''\n", (), "wanted"),
    ("def wanted(x):\n    ...\n\n\ndef check(x):\n    return wanted(x) == 1\n", (), "wanted"),
    ("Write a function to remove characters.", ("assert remove_Occ('hello','l') == 'heo'",), "remove_Occ"),
    ("Write a function called fibonacci that takes n.", (), "fibonacci"),
    ("Write a Python function `is_prime(n)` that tells whether n is prime.", (), "is_prime"),
    ("Please complete this:\n```python\nimport math\n\ndef area(r: float) -> float:\n    # pi r squared\n```", (), "area"),
    ("Fix it.\n\nimport math\ndef area(r):\n    return math.pi * r\n\nIt should square r.", (), "area"),
    ("Write a poem.", (), None),
])
def test_the_entry_point_is_found_where_there_is_one(statement: str, tests: tuple[str, ...], name: str | None):
    assert CodeTask(statement=statement, tests=tests).entry_point == name


@pytest.mark.parametrize(("fields", "said"), [
    ({"statement": ""}, "statement"),
    ({"statement": HEADER, "entry_point": "two words"}, "entry_point: expected the name of a function"),
    ({"statement": HEADER, "tests": ["assert largest([1]) => 1"]}, "tests: test 1 is no Python: SyntaxError"),
    ({"statement": HEADER, "tests": 5}, "task.tests"),
    ({"statement": HEADER, "tests": [5]}, "task.tests.0"),
    ({"statement": 5}, "task.statement"),
    ({"statement": HEADER, "entry_point": 5}, "task.entry_point"),
    ({"statement": HEADER, "setup": "import ("}, "setup: no Python"),
    ({"statement": HEADER, "tests_from": "hidden"}, "tests_from"),
])
def test_a_field_that_is_wrong_is_named(fields: dict[str, object], said: str):
    with pytest.raises(InvalidTask, match=said):
        Registry((), (CodeTask,)).task({"kind": "code", **fields})


# -- from chat -------------------------------------------------------------------------------------------------------------


def test_a_fenced_header_in_a_message_is_a_task():
    task = CodeTask.from_chat(chat(f"Please complete\n\n```python\n{HEADER}```\n\nDo not use max."))
    assert (task.entry_point, len(task.tests), task.tests_from) == ("largest", 2, "docstring")
    assert "Do not use max" in task.statement and task.header == HEADER.rstrip()


def test_asserts_in_a_message_are_given_tests():
    task = CodeTask.from_chat(chat("Write a function to add numbers.", "It must pass:\nassert add(1, 2) == 3\nassert add(0, 0) == 0"))
    assert (task.entry_point, task.tests_from) == ("add", "given")
    assert task.tests == ("assert add(1, 2) == 3", "assert add(0, 0) == 0")


def test_a_message_without_a_function_is_refused_with_one_that_would_work():
    with pytest.raises(InvalidTask) as refused:
        CodeTask.from_chat(chat("How are you?"))
    works = str(refused.value).partition("would work:\n\n")[2]
    task = CodeTask.from_chat(chat(works))
    assert (task.entry_point, task.tests) == ("middle", ("assert middle([3, 1, 2]) == 2",))


def test_the_request_shows_the_statement_and_only_tests_that_it_does_not_show():
    assert "assert" not in LARGEST.request().messages[-1].text.replace("asserts", "")
    asked = CodeTask(statement=HEADER, tests=("assert largest([7]) == 7",)).request(temperature=0.3)
    assert "assert largest([7]) == 7" in asked.messages[-1].text and asked.temperature == 0.3
    generated = CodeTask(statement=HEADER, tests=("assert largest([7]) == 7",), tests_from="generated")
    assert "[7]" not in generated.request().messages[-1].text


# -- the verifier ----------------------------------------------------------------------------------------------------------


async def test_a_program_that_passes_is_verified_by_public_tests():
    result, _ = await run("direct", LARGEST, [fenced(RIGHT)])
    assert (result.outcome, result.authority) == ("verified", "public_tests")


async def test_a_failure_names_the_test_and_what_came_out():
    result, _ = await run("direct", LARGEST, [fenced(WRONG)])
    assert result.outcome == "best_effort"
    assert "1 of 2 tests passed" in result.detail and "largest([-2, -5]) returned 0" in result.detail


async def test_generated_tests_verify_nothing():
    task = LARGEST.model_copy(update={"tests_from": "generated"})
    result, _ = await run("direct", task, [fenced(RIGHT)])
    assert (result.outcome, result.authority) == ("best_effort", "model")


async def test_without_tests_nothing_is_said():
    result, _ = await run("direct", CodeTask(statement=HEADER, tests_from="given"), [fenced(WRONG)])
    assert (result.outcome, result.authority) == ("best_effort", "none")


async def test_a_reply_without_a_program_says_so():
    result, _ = await run("direct", LARGEST, ["I would rather not."])
    assert "does not define" in result.detail or "cannot be compiled" in result.detail


async def test_setup_and_header_are_there_for_program_and_tests():
    header = "class Point:\n    pass\n\ndef three():\n    return 3\n\ndef f(x):\n    '''Three.'''\n"
    task = CodeTask(statement=header, tests=("assert f(SEVEN) == three()",), setup="SEVEN = 7")
    result, _ = await run("direct", task, ["def f(x):\n    return three() if x == SEVEN else 0"])
    assert result.verified, result.detail


async def test_a_function_that_works_in_place_can_be_tested():
    task = CodeTask(statement="def put(xs):\n    '''Append 1.'''\n", tests=("xs = [0]\nput(xs)\nassert xs == [0, 1]",))
    assert (await run("direct", task, ["def put(xs):\n    xs.append(1)"]))[0].verified
    assert not (await run("direct", task, ["def put(xs):\n    xs.append(2)"]))[0].verified


@pytest.mark.parametrize("piece", [
    "f(", "def f(x):\n", "def f(x):\n    '''\n    f(1) == 2", "(", "```\ndef f(:\n```\n", "assert f(\n", ">>> f(1)\n", "f(1) == 1 = 1 = 1",
    "Input: [\n", "for x = 1 ", "def f(x): (\n", "'''", "class A:\n", "`f(1)` returns ", "x = [",
])
def test_no_statement_holds_the_service_up(piece: str):
    begin = time.process_time()
    CodeTask(statement=(piece * (100_000 // len(piece)))[:100_000], entry_point="f")
    assert time.process_time() - begin < 3


def test_the_model_is_frozen():
    with pytest.raises(ValidationError):
        LARGEST.entry_point = "other"  # type: ignore[misc]
