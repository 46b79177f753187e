"""The strategy: bodies from a scripted model, tried in the real sandbox."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from eudoxus.agents.code.parsel.strategy import parsel
from eudoxus.agents.code.parsel.task import ParselTask
from eudoxus.agents.code.task import CodeTask
from eudoxus.prompts import load
from eudoxus.runtime import ChatRequest, ChatTask, Limits, MemoryJournal, Message, Order, Registry, Result, Runtime, parse_spec
from eudoxus.runtime.endpoints import Endpoints
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint
from eudoxus.runtime.errors import InvalidTask

Replies = Mapping[str, Sequence[str] | str | Callable[[str], str]]
"""What is said: always the same, one after another to the same request, or by what the request says."""


class Scripted:
    """Answers by what is asked for: a function's name, or ``sketch``, ``program``, ``tests NAME``, ``split NAME``, ``helper NAME``."""

    def __init__(self, replies: Replies) -> None:
        self.replies = replies
        self.asked: list[str] = []
        self.requests: list[ChatRequest] = []

    def __call__(self, _model: str, request: ChatRequest, ordinal: int) -> str:
        subject = self._subject(request)
        self.asked.append(subject)
        self.requests.append(request)
        said = self.replies[subject]
        if callable(said):
            return said(request.messages[-1].text)
        return said if isinstance(said, str) else said[min(ordinal, len(said) - 1)]

    def _subject(self, request: ChatRequest) -> str:
        last = request.messages[-1].text
        kind = (request.prompt or "").partition("@")[0]
        if kind in ("parsel/sketch", "parsel/program", "parsel/program_again"):
            return kind.partition("/")[2]
        if kind == "code/tests":
            return "tests " + re.findall(r"for the function (\w+)", last)[-1]
        if kind == "parsel/split":
            return "split " + re.findall(r"<function>\n(\w+)", last)[-1]
        if kind == "parsel/helper":
            return "helper " + re.findall(r"Write the function (\w+)", last)[-1]
        if kind == "parsel/body_again":
            return "again " + re.findall(r"definition of (\w+)", last)[-1]
        return re.findall(r"(?:Write|Define) the function (\w+)\.", last)[-1]


async def run(path: str, task: Any, replies: Replies, **more: Any) -> tuple[Result, Scripted]:
    model = Scripted(replies)
    registry = Registry([parsel], (ChatTask, CodeTask, ParselTask))
    endpoints = Endpoints({"sim": SimulatedEndpoint(model, name="sim")}, default="sim")
    runtime = Runtime(registry, endpoints, prompt_hash=lambda id: load(id).hash)
    journal = MemoryJournal()
    result = await runtime.execute(Order(parse_spec(f"{path}/sim:m", registry), task, **more), journal, run_id="run_1")
    assert (await runtime.replay(journal)).model_dump() == result.model_dump()
    return result, model


def python(code: str) -> str:
    return f"Here it is:\n```python\n{code}\n```"


def bodies(header: str, *expressions: str) -> list[str]:
    return [python(f"{header}\n    return {expression}") for expression in expressions]


PROGRAM = '''
summary(words: list[str]) -> str: the longest word and how many words have its length
summary(['a', 'bcd', 'efg']) -> 'bcd 2'
  longest(words: list[str]) -> str: the first of the longest words
  longest(['a', 'bc', 'de']) -> 'bc'
  as_long(words: list[str], word: str) -> int: how many of the words are as long as the word
  as_long(['ab', 'c', 'de'], 'xy') -> 2
'''
GOOD = {
    "summary": bodies("def summary(words: list[str]) -> str:", "longest(words)", "f'{longest(words)} {as_long(words, longest(words))}'"),
    "longest": bodies("def longest(words: list[str]) -> str:", "sorted(words)[0]", "max(words, key=len)", "words[0]"),
    "as_long": bodies("def as_long(words, word):", "len(words)", "sum(len(w) == len(word) for w in words)"),
}


async def test_a_given_program_is_implemented_helpers_first_and_verified_by_its_constraints():
    result, model = await run("parsel(k=2)", ParselTask(program=PROGRAM), GOOD)
    assert (result.outcome, result.authority) == ("verified", "public_tests")
    assert sorted(model.asked) == sorted(["longest", "as_long", "summary"] * 2)
    assert result.answer.index("def longest") < result.answer.index("def summary")
    assert "# the first of the longest words\ndef longest" in result.answer
    assert result.artifacts["trials"] <= 6
    names: dict[str, Any] = {}
    exec(result.answer, names)
    assert names["summary"](["xx", "y", "zz", "ww"]) == "xx 3"


async def test_more_bodies_are_drawn_until_one_fits():
    replies = GOOD | {"longest": bodies("def longest(words):", *["words[0]"] * 5, "max(words, key=len)")}
    result, model = await run("parsel(k=2)", ParselTask(program=PROGRAM), replies)
    assert result.verified
    assert model.asked.count("longest") == 8
    assert model.asked.count("as_long") == 2


async def test_a_program_that_nothing_fits_is_not_verified_and_says_where_it_stopped():
    replies = GOOD | {"longest": bodies("def longest(words):", "words[0]"), "split longest": "no idea"}
    result, model = await run("parsel(k=1,most=4)", ParselTask(program=PROGRAM), replies)
    assert (result.outcome, result.authority) == ("best_effort", "none")
    assert "no combination of bodies fits for longest" in result.detail
    assert (model.asked.count("longest"), model.asked.count("summary")) == (4, 1)
    assert "could not be split" in result.artifacts["notes"][0]


async def test_helpers_without_constraints_are_searched_together_with_the_function_they_help():
    program = re.sub(r"  (longest|as_long)\(\[.*\n", "", PROGRAM)
    replies = GOOD | {"summary": GOOD["summary"][1:]}
    result, _ = await run("parsel(k=3)", ParselTask(program=program), replies)
    assert result.verified
    assert 1 <= result.artifacts["trials"] <= 6


async def test_values_are_equal_only_with_their_types_unless_asked_otherwise():
    program = "half(n: int) -> float: half of n\nhalf(4) -> 2\n"
    replies = {"half": bodies("def half(n):", "n / 2"), "split half": ""}
    strict, _ = await run("parsel(k=1,most=1)", ParselTask(program=program), replies)
    loose, _ = await run("parsel(k=1,most=1)", ParselTask(program=program, strict=False), replies)
    assert (strict.verified, loose.verified) == (False, True)


@pytest.mark.parametrize(("a", "b"), [("1", "True"), ("1", "1.0"), ("[1, (2,)]", "[1, [2]]"), ("{1: 0}", "{True: 0}"), ("{1}", "{1.0}")])
async def test_strict_equality_looks_at_types_at_every_depth(a: str, b: str):
    for expected, verified in ((a, True), (b, False)):
        task = ParselTask(program=f"f(): the value\nf() -> {expected}\n")
        result, _ = await run("parsel(k=1,most=1,expand=false)", task, {"f": bodies("def f():", a)})
        assert result.verified is verified


async def test_mutually_recursive_functions_are_solved_jointly():
    program = '''
even(n: int) -> bool: whether n, at least 0, is even
even(4) -> True
even(3) -> False
  odd(n: int) -> bool: whether n, at least 0, is odd
  odd(3) -> True
    even
'''
    replies = {
        "even": bodies("def even(n):", "not odd(n)", "n == 0 or odd(n - 1)"),
        "odd": bodies("def odd(n):", "n == 1 or even(n)", "n > 0 and even(n - 1)"),
    }
    result, _ = await run("parsel(k=2)", ParselTask(program=program), replies)
    assert result.verified and "return n == 0 or odd(n - 1)" in result.answer


async def test_what_was_fixed_is_opened_again_when_its_callers_do_not_fit():
    program = "f(n: int) -> int: twice n, plus 1\nf(3) -> 7\n  g(n: int) -> int: twice n\n  g(2) -> 4\n"
    replies = {"g": bodies("def g(n):", "n ** 2", "n * 2"), "f": bodies("def f(n):", "g(n) + 1")}
    for seed in range(4):  # whichever body of g comes first
        result, model = await run("parsel(k=2,most=2)", ParselTask(program=program), replies, seed=seed)
        assert result.verified and "n * 2" in result.answer
        assert model.asked.count("g") == 2
    result, _ = await run("parsel(k=2,most=2,backtrack=false,expand=false)", ParselTask(program=program.replace("f(3) -> 7", "f(2) -> 5")),
                          replies | {"g": bodies("def g(n):", "n ** 2")})
    assert result.verified  # constraints that do not tell are met by a wrong body


async def test_a_missing_helper_is_written_when_bodies_call_it():
    program = "area(width: int, height: int) -> int: the area of a rectangle\narea(2, 3) -> 6\n"
    replies = {
        "area": bodies("def area(width: int, height: int) -> int:", "times(width, height)"),
        "helper times": python('def times(a: int, b: int) -> int:\n    """The product of both."""\n    return a * b'),
        "times": bodies("def times(a: int, b: int) -> int:", "a * b"),
    }
    result, model = await run("parsel(k=1)", ParselTask(program=program), replies)
    assert result.verified and "def times" in result.answer
    assert "  times(a: int, b: int) -> int: The product of both." in result.artifacts["parsel"]
    assert "times(width, height)" in model.requests[1].messages[-1].text


async def test_a_function_that_is_too_hard_is_split_into_helpers():
    program = "f(n: int) -> int: the square of n, plus 1\nf(3) -> 10\n"
    split = "```parsel\nf(n: int) -> int: the square of n, plus 1\n  square(n: int) -> int: n times n\n```"
    replies = {
        "f": lambda asked: bodies("def f(n):", "square(n) + 1" if "square(n: int)" in asked else "n + 8")[0],
        "split f": split, "square": bodies("def square(n):", "n * n"),
    }

    result, _ = await run("parsel(k=1,most=1)", ParselTask(program=program), replies)
    assert result.verified and "def square" in result.answer
    assert result.artifacts["notes"] == ["f was split into square"]


async def test_a_body_that_cannot_be_used_is_asked_for_once_more():
    program = "f(n: int) -> int: n plus 1\nf(3) -> 4\n"
    replies = {"f": "I would rather not.", "again f": bodies("def f(n):", "n + 1")[0]}
    result, model = await run("parsel(k=1)", ParselTask(program=program), replies)
    assert result.verified and model.asked == ["f", "again f"]
    assert "This cannot be used" in model.requests[1].messages[-1].text


@pytest.mark.parametrize("reply", ["def f(m):\n    return m", "@cache\ndef f(n):\n    return n", "async def f(n):\n    return n",
                                   "def g(n):\n    return n", "f = 1"])
async def test_bodies_with_other_arguments_decorators_or_names_are_not_used(reply: str):
    program = "f(n: int) -> int: n plus 1\nf(3) -> 4\n"
    result, _ = await run("parsel(k=1,most=1,expand=false)", ParselTask(program=program), {"f": python(reply), "again f": "no"})
    assert (result.outcome, result.answer) == ("failed", None)
    assert "no usable body for f" in result.detail


async def test_a_reply_s_own_helpers_go_into_its_function_and_those_of_the_program_are_left_out():
    program = "f(n: int) -> int: n plus 2\nf(3) -> 5\n  g(n: int) -> int: n plus 1\n  g(1) -> 2\n"
    reply = python("import math\nBASE = 0\ndef g(n):\n    return 'mine'\ndef own(n):\n    return n + 1 + BASE\n"
                   "def f(n):\n    return own(g(math.floor(n)))")
    result, _ = await run("parsel(k=1)", ParselTask(program=program), {"f": reply, "g": bodies("def g(n):", "n + 1")})
    assert result.verified
    assert result.answer.startswith("import math\n") and "mine" not in result.answer and "    def own(n):" in result.answer


TASK = CodeTask(statement='''from typing import List

def longest_run(numbers: List[int]) -> int:
    """How many times in a row the most repeated number stands in the list.

    >>> longest_run([1, 1, 2])
    2
    >>> longest_run([])
    0
    """
''')
WRITTEN = '''```parsel
longest_run(numbers: list) -> int: the length of the longest run of equal numbers, 0 for an empty list
longest_run([5]) -> 99
  run_lengths(numbers: list[int]) -> list[int]: the lengths of the runs of equal numbers, in order
  run_lengths([1, 1, 2]) -> [2, 1]
```'''
ENGLISH = {
    "sketch": "Split the list into runs of equal numbers; the answer is the length of the longest.",
    "program": WRITTEN,
    "longest_run": bodies(
        "def longest_run(numbers: List[int]) -> int:", "max(run_lengths(numbers))", "max(run_lengths(numbers), default=0)"),
    "run_lengths": python(
        "from itertools import groupby\ndef run_lengths(numbers):\n    return [len(list(g)) for _, g in groupby(numbers)]"),
}


async def test_a_task_in_english_is_sketched_translated_implemented_and_verified_by_its_visible_tests():
    result, model = await run("parsel(k=2)", TASK, ENGLISH)
    assert (result.outcome, result.authority) == ("verified", "public_tests")
    assert model.asked[:2] == ["sketch", "program"]
    assert "longest_run(numbers: List[int]) -> int: the length" in result.artifacts["parsel"]
    assert "99" not in result.artifacts["parsel"], "the root has the task's tests, not the model's"
    assert "from typing import List" in result.answer and "import groupby" in result.answer
    assert ENGLISH["sketch"] in model.requests[1].messages[-1].text


async def test_a_program_that_cannot_be_used_is_asked_for_once_more_with_the_error():
    wrong = WRITTEN.replace("longest_run(numbers: list)", "longest(numbers: list)").replace("longest_run([5]) -> 99\n", "")
    result, model = await run("parsel(k=2)", TASK, ENGLISH | {"program": wrong, "program_again": WRITTEN})
    assert result.verified
    assert "the first function must be longest_run, not longest" in model.requests[2].messages[-1].text


@pytest.mark.parametrize(("program", "said"), [
    ("nothing here", "expected a definition"),
    (WRITTEN.replace("numbers: list)", "xs: list)"), "longest_run must take the arguments (numbers)"),
    (WRITTEN.replace("[2, 1]\n", "[2, 1\n"), "never closed"),
    (WRITTEN.replace("[2, 1]\n", "2 1\n"), "no value in Python"),
    (WRITTEN.replace("  run_lengths([1", "  a(x): b\n  c(x): d\n  run_lengths([1"), "at most 3"),
])
async def test_programs_that_stay_unusable_end_in_failure_that_says_why(program: str, said: str):
    replies = {"sketch": "…", "program": program, "program_again": program}
    result, model = await run("parsel(programs=2,functions=3)", TASK, replies)
    assert (result.outcome, result.answer) == ("failed", None)
    assert said in result.detail and result.detail.startswith("program 1: ") and "; program 2: " in result.detail
    assert model.asked == ["sketch", "program", "program_again"] * 2


async def test_constraints_of_the_model_that_no_body_meets_are_given_up():
    wrong = WRITTEN.replace("-> [2, 1]", "-> [2, 2]")
    replies = ENGLISH | {"program": wrong, "split run_lengths": "?"}
    result, _ = await run("parsel(k=2,most=2)", TASK, replies)
    assert result.verified
    assert "constraints of run_lengths were given up: no body meets them" in result.artifacts["notes"]
    assert "[2, 2]" not in result.artifacts["parsel"]


async def test_constraints_of_a_person_are_never_given_up():
    wrong = PROGRAM.replace("'xy') -> 2", "'xy') -> 7")
    result, _ = await run("parsel(k=2,most=2)", ParselTask(program=wrong), GOOD | {"split as_long": "?"})
    assert not result.verified and "no combination of bodies fits for as_long" in result.detail


async def test_a_second_program_is_written_when_the_first_fails():
    first = "```parsel\nlongest_run(numbers: list) -> int: how many numbers there are\n```"
    replies = ENGLISH | {"program": [first, WRITTEN], "sketch": "the same words"}
    replies["longest_run"] = lambda asked: bodies(
        "def longest_run(numbers):", "max(run_lengths(numbers), default=0)" if "run_lengths" in asked else "len(numbers)")[0]
    result, model = await run("parsel(k=2,most=2,programs=2,expand=false)", TASK, replies)
    assert model.asked.count("sketch") == 2
    assert result.verified


async def test_without_tests_those_of_the_model_choose_and_verify_nothing():
    task = CodeTask(statement="Write a function double(n) that returns twice the integer n.", entry_point="double")
    replies = {
        "sketch": "…", "program": "```parsel\ndouble(n: int) -> int: twice n\n```",
        "double": bodies("def double(n: int) -> int:", "n ** 2", "2 * n", "n + n", "4"),
        "tests double": python("assert double(2) == 4\nassert double(3) == 6\nassert double(0) == 0\nassert double(5) == 25"),
    }
    result, model = await run("parsel(k=4)", task, replies)
    assert (result.outcome, result.authority) == ("best_effort", "model")
    assert "2 * n" in result.answer or "n + n" in result.answer
    assert model.asked.count("tests double") == 1
    never, model = await run("parsel(k=4,generated=never)", task, {name: said for name, said in replies.items() if name != "tests double"})
    assert never.outcome == "best_effort"


async def test_with_tests_for_every_function_each_is_chosen_alone():
    program = re.sub(r"^ *\w+\(\[.*\n", "", PROGRAM, flags=re.MULTILINE)
    tests = {f"tests {name}": python(code) for name, code in {
        "longest": "assert longest(['a', 'bc']) == 'bc'\nassert longest(['b', 'a']) == 'b'",
        "as_long": "assert as_long(['a', 'bc'], 'x') == 1\nassert as_long([], 'x') == 0",
        "summary": "assert summary(['a']) == 'a 1'\nassert summary(['bb', 'cc']) == 'bb 2'",
    }.items()}
    result, model = await run("parsel(k=3,generated=all)", ParselTask(program=program), GOOD | tests)
    assert (result.outcome, result.authority) == ("best_effort", "model")
    assert result.detail == "the program has no constraints; nothing was verified"
    assert "max(words, key=len)" in result.answer and "sum(len(w)" in result.answer and "as_long(words, longest(words))" in result.answer
    assert [name for name in model.asked if name.startswith("tests")] == ["tests longest", "tests as_long", "tests summary"]


async def test_a_program_in_a_chat_message_is_read_from_its_fence():
    said = f"Not\n```python\nx = 1\n```\nbut\n```parsel\n{PROGRAM}```\nas in\n```\nthis\n```\nThanks."
    chat = ChatTask(messages=(Message(role="user", content=said),))
    result, _ = await run("parsel(k=2)", chat, GOOD)
    assert result.verified


async def test_a_function_in_a_chat_message_is_a_task_in_english():
    chat = ChatTask(messages=(Message(role="user", content=f"```python\n{TASK.statement}```"),))
    result, _ = await run("parsel(k=2)", chat, ENGLISH)
    assert result.verified


async def test_a_chat_message_without_either_is_refused_with_one_that_would_work():
    chat = ChatTask(messages=(Message(role="user", content="What is the capital of France?"),))
    with pytest.raises(InvalidTask) as caught:
        await run("parsel", chat, {})
    example = caught.value.message.partition("would work:\n\n")[2]
    ParselTask.from_chat(ChatTask(messages=(Message(role="user", content=example),)))


@pytest.mark.parametrize(("fields", "said"), [
    ({"program": "f(x)"}, "program: line 1, column 1: expected a definition"),
    ({"program": "f(x): d\nf(1 2) -> 3"}, "line 2, column 1: '1 2' are no arguments"),
    ({"program": "f(x): d\n1 if -> 3"}, "are no arguments"),
    ({"program": "f(x): d\n1 -> 3 +"}, "'3 +' is no value"),
    ({"program": "lambda(x): d"}, "is no Python"),
    ({"program": "f(x): d", "target": "pddl_plan"}, "domain and problem are needed"),
    ({"program": "f(x): d", "domain": "blocksworld"}, "only by it"),
    ({"program": "f(x): d", "setup": "def"}, "setup is no Python"),
    ({"program": "f(x: Int): d", "target": "smt"}, "need one sort"),
    ({"program": "f(x): d\n" + "".join(f"  g{at}(x): d\n" for at in range(200))}, "at most 200 functions"),
])
def test_a_task_that_cannot_be_done_is_refused_with_the_reason(fields: dict[str, Any], said: str):
    registry = Registry([parsel], (ChatTask, CodeTask, ParselTask))
    with pytest.raises(InvalidTask) as caught:
        registry.task({"kind": "parsel", **fields})
    assert said in caught.value.message


@pytest.mark.parametrize("requests", [0, 1, 5, 7])
async def test_a_spent_budget_ends_the_run_with_what_there_is(requests: int):
    result, model = await run("parsel(k=2,most=2,expand=false)", TASK, ENGLISH, limits=Limits(requests=requests))
    assert result.outcome in ("limit", "verified") and len(model.asked) <= requests
    assert result.outcome == "limit" or result.verified


async def test_a_hostile_body_cannot_make_itself_verified():
    program = "f(n: int) -> int: n plus 1\nf(3) -> 4\n"
    hostile = python("def f(n):\n    class Any(int):\n        def __eq__(self, other): return True\n    return Any(9)")
    exits = python("def f(n):\n    import os\n    os._exit(0)")
    result, _ = await run("parsel(k=2,most=2,expand=false)", ParselTask(program=program), {"f": [hostile, exits]})
    assert not result.verified
