r"""Final answers are found in replies and compared by what they say."""

from __future__ import annotations

import gzip
import json
import os
import random
import time
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eudoxus.agents import quantities
from eudoxus.agents.answers import extract, infer, normal, same
from eudoxus.agents.choices import options_in
from eudoxus.runtime.task import AnswerFormat

FORMATS: tuple[AnswerFormat, ...] = ("number", "choice", "code", "text")


@pytest.mark.parametrize(("reply", "answer"), [
    ("3 + 4 = 7\nAnswer: 7", "7"), ("**Answer:** 42 km", "42 km"), ("### Final Answer: **1,234**", "1,234"), ("- Answer: 5", "5"),
    ("thus $\\boxed{\\frac{1}{2}}$", "\\frac{1}{2}"), ("Work.\n#### 72", "72"), ("The answer is 3.5. Next, check it.", "3.5"),
    ("Final Answer: The final answer is $5$. I hope it is correct.", "5"), ("Answer:\n31\n\nThat was easy.", "31"),
    ("I count 31 eggs.", "31"),
    ("<think>Answer: 3</think>Answer: 4", "4"), ("<answer>12</answer>", "12"), ("Answer: 7\n\nThe answer is found by adding 3 and 4.", "7"),
    ("Answer: There are 31 eggs left", "31"), ("Answer: 42, because 6 * 7", "42"), ("So the answer: 36 - 5 = 31", "36 - 5 = 31"),
    ("At first the answer is 4. But then:\nAnswer: 6", "6"), ("The answer is -5.", "-5"), ("The total is $1,200.50", "$1,200.50"),
    ("Answer: unknown", None), ("I do not know.", None), ("", None), ("Answer:", None), ("At 10:30 in v2", None),
])
def test_a_number_is_found(reply: str, answer: str | None):
    assert extract(reply, "number") == answer


@pytest.mark.parametrize("said", [
    "(B)", "B", "B.", "B)", "**B**", "**(B)**", "Option B", "option (b)", "[[B]]", "b", "(b).", "B: Rome", "B. Rome", "B - Rome",
    "choice B",
    "B (Rome)", "the correct option is B", "\\text{B}", "$B$", "\"B\"", "`B`", "B because it is so", "Rome", "the rome",
])
@pytest.mark.parametrize("form", ["Answer: {}", "So the answer is {}", "\\boxed{{{}}}", "**Answer: {}**"])
def test_a_choice_is_read_in_many_spellings(said: str, form: str):
    assert extract("I think.\n" + form.format(said), "choice", options={"A": "Bonn", "B": "Rome"}) == "B"


@pytest.mark.parametrize(("reply", "answer"), [
    ("Answer: A and C", "A,C"), ("Answer: (C), (A)", "A,C"), ("Answer: A, B and D", "A,B,D"), ("Answer: A or C", None),
    ("Answer: A dog", None),
    ("Answer: I think so", None), ("Answer: A is right", "A"), ("Answer: E", None), ("It must be (C).", "C"), ("C", "C"),
    ("Answer: both", None),
])
def test_several_letters_are_one_answer_and_words_are_none(reply: str, answer: str | None):
    assert extract(reply, "choice", options={"A": "one", "B": "two", "C": "three", "D": "four"}) == answer


@pytest.mark.parametrize(("reply", "answer"), [
    ("Answer: Paris.", "Paris"), ("So the answer is } ] >.", "} ] >"), ("The answer is Yes, because it rains.", "Yes"),
    ("Answer: No", "No"),
    ("So the answer is Dr. Smith. He was there.", "Dr. Smith"), ("answer: \"a b\"", "a b"), ("\\boxed{\\text{Paris}}", "Paris"),
    ("Paris it is.", None), ("<answer>\nParis\n</answer>", "Paris"), ("So the answer is arson aspect census.", "arson aspect census"),
])
def test_a_text_is_found_where_it_is_announced(reply: str, answer: str | None):
    assert extract(reply, "text") == answer


@pytest.mark.parametrize(("reply", "answer"), [
    ("```python\ndef f(): pass\n```", "def f(): pass"), ("~~~\nx = 1\n~~~\n", "x = 1"), ("```\nuse()\n```", "use()"),
    ("```python\ndef f(): pass\n```\nUse it:\n```python\nf()\n```", "def f(): pass"), ("def f():\n    return 1", "def f():\n    return 1"),
    ("```python\ndef g(): pass\n```\nAnswer:\n```python\nf = 1\n```\n```\nout\n```", "f = 1"),
    ("```python\ndef f(): pass", "def f(): pass"),
    ("Hello", None), ("There is no code.", None), ("```\n```", None), ("````md\n```\nx\n```\n````", "```\nx\n```"),
])
def test_code_is_found_in_its_block(reply: str, answer: str | None):
    assert extract(reply, "code") == answer


@pytest.mark.parametrize(("reply", "format"), [
    ("Answer: 4", "number"), ("12 + 30 = 42", "number"), ("Maybe (B)", "choice"), ("Answer: Par", "text"),
    ("```python\ndef f(): pa", "code"),
])
def test_a_reply_that_was_cut_off_gives_no_half_answer(reply: str, format: AnswerFormat):
    assert extract(reply, format) is not None
    assert extract(reply, format, cut_off=True) is None
    assert extract("Answer: 42\nThis is", "number", cut_off=True) == "42"


@pytest.mark.parametrize(("a", "b"), [
    ("1,234.50", "1234.5"), ("1 234", "1234"), ("$5", "5 dollars"), ("5", "5 apples"), ("1/2", "0.5"), ("\\frac{1}{2}", "50%"),
    ("50 percent", "50"),
    ("1 1/2", "1.5"), ("1½", "3/2"), ("3 \\times 10^8", "300,000,000"), ("1.5e3", "1500"), ("3×10⁸ m/s", "3e8"), ("−5", "-5"),
    ("2^10", "1024"),
    ("5 km", "5 kilometers"), ("60 km/h", "60 kilometers per hour"), ("x = 7", "7"), ("three", "3"), ("$2 million", "2000000"),
    ("1.234,56", "1234.56"),
    ("0.333", "1/3"), ("3.14", "3.14159"), ("about 12", "12"), ("20 °C", "20 degrees Celsius"), ("\\dfrac34", "0.75"),
    ("5 m^2", "5 square meters"),
    ("(1/2)", "\\boxed{1/2}"[7:-1]), ("12 dozen", "144"), ("**8**", "8"), ("\\$12", "12"), ("007", "7"),
])
def test_numbers_that_say_the_same(a: str, b: str):
    assert same(a, b, "number")
    assert same(b, a, "number")


@pytest.mark.parametrize(("a", "b"), [
    ("5", "6"), ("5 km", "5 m"), ("5 am", "5 pm"), ("$5", "5 cents"), ("0.5", "0.51"), ("2.5", "3"), ("1234567890123", "1234567890124"),
    ("5%", "5 km"),
    ("0.001", "0.0014"), ("10:30", "10:31"), ("-5", "5"), ("1/3", "1/4"), ("33", "33.4"), ("1.5e3", "1.5e4"), ("9^99", "9^98"), ("2n", "2"),
])
def test_numbers_that_differ(a: str, b: str):
    assert not same(a, b, "number")
    assert not same(b, a, "number")


@pytest.mark.parametrize("text", [
    "5x", "2n", "3i", "10:30", "3:4", "1/2/2020", "5-6", "5 or 6", "1,2,3", "3,5", "5 feet 3 inches", "1/0", "9^999",
    "1e99999", "\\frac{a}{b}", "5\\pi", "", "one of them", "four or five", "9" * 5000,
])
def test_what_is_no_single_number_is_not_read_as_one(text: str):
    assert quantities.parse(text) is None


@pytest.mark.parametrize(("a", "b", "equal"), [
    ("The Beatles", "beatles", True), ("well-known", "well known", True), ("it's", "its", True), ("10:30", "1030", False),
    ("a", "the", False),
    ("x > 5", "x < 5", False), ("C++", "C", False), (") ]", ") }", False), (") )", ")", False), ("New  York.", "new york", True),
    ("3.5", "35", False),
    ("“Yes”", "yes", True), ("Ｒome", "rome", True),
])
def test_texts_are_compared_by_their_words(a: str, b: str, equal: bool):
    assert same(a, b, "text") is equal
    assert same(b, a, "text") is equal


@pytest.mark.parametrize(("a", "b", "equal"), [
    ("f( 1 )", "f(1)  # one", True), ("def f():\n  '''doc'''\n  return 1", "def f():\n\n    return 1", True), ("x = 'a'", 'x = "a"', True),
    ("f(1)", "f(2)", False), ("class A:\n  'doc'", "class A: pass", True), ("x = 1 +", "x = 1 +  \n\n", True),
    ("fn f() {}", "fn f() { }", False),
    ("a = (1,\n 2)", "a = 1, 2", True), ("if x:\n  y()\nz()", "if x:\n  y()\n  z()", False),
])
def test_programs_are_compared_by_their_syntax(a: str, b: str, equal: bool):
    assert same(a, b, "code") is equal
    assert same(b, a, "code") is equal


@pytest.mark.parametrize(("task", "options"), [
    ("Which?\nOptions:\n(A) red\n(B) green", {"A": "red", "B": "green"}), ("Which?\nA. red\nB. green\n", {"A": "red", "B": "green"}),
    ("Which? (A) red (B) green (C) blue", {"A": "red", "B": "green", "C": "blue"}),
    ("Which?\n- A) red\n- B) green", {"A": "red", "B": "green"}),
    ("First:\n(A) x\n(B) y\n\nNow:\n(A) red\n(B) green", {"A": "red", "B": "green"}), ("Plan A. is good", {}), ("No options", {}), ("", {}),
])
def test_options_are_read_from_the_task(task: str, options: dict[str, str]):
    assert options_in(task) == options


@pytest.mark.parametrize(("task", "replies", "format"), [
    ("3 + 4?", ["Answer: 7", "Answer: 8 apples", "Hm."], "number"), ("Film?", ["Answer: 12 Angry Men", "Answer: 12 Monkeys"], "text"),
    ("Which?\n(A) x\n(B) y", ["Answer: (A)", "Answer: y", "?"], "choice"),
    ("Which?\n(A) x\n(B) y", ["Answer: none", "Answer: (A)"], "text"),
    ("Write f.", ["```python\ndef f(): pass\n```"] * 2, "code"), ("Sum?", ["```\n1 + 1\n```\nAnswer: a sum"] * 2, "text"),
    ("Q", ["Hi"], "text"),
    ("Q", ["Answer: 4", "Answer: four or five"], "text"), ("Q", [], "text"),
])
def test_the_format_is_inferred_from_task_and_answers(task: str, replies: list[str], format: AnswerFormat):
    assert infer(task, replies) == format


NUMBERS = st.one_of(
    st.integers(-10**12, 10**12).map(str), st.integers(-10**12, 10**12).map(lambda i: f"{i:,}"),
    st.decimals(-10**6, 10**6, allow_nan=False, places=3).map(str), st.floats(-1e300, 1e300, allow_nan=False).map(repr),
    st.tuples(st.integers(-999, 999), st.integers(1, 999)).map(lambda f: f"{f[0]}/{f[1]}"),
)
NUMBER_FORMS = ["Answer: {}", "**Answer:** {}", "So the answer is {}.", "Thus \\boxed{{{}}}", "#### {}", "Answer: ${}$", "{}"]


@given(NUMBERS, st.sampled_from(NUMBER_FORMS))
def test_every_number_is_found_again(number: str, form: str):
    found = extract("First, 1 + 1 is 2.\n" + form.format(number), "number")
    assert found is not None
    assert same(found, number, "number")


@given(st.fractions(-10**6, 10**6, max_denominator=1000))
def test_every_way_to_write_a_number_has_its_value(value: Fraction):
    spellings = [f"{value}", f"{value.numerator}/{value.denominator}", f"\\frac{{{value.numerator}}}{{{value.denominator}}}", f"{value} km"]
    if value.denominator == 1:
        spellings += [f"{int(value):,}", f"{int(value)}.00", f"{int(value)}e0", f"{int(value) * 100}%"]
    for spelling in spellings:
        found = quantities.parse(spelling)
        assert found is not None
        assert found.value == (value * 100 if found.unit == "%" else value)


@given(
    st.sampled_from("ABCDEFGH"), st.sampled_from(["Answer: {}", "Answer: ({})", "The answer is ({}).", "**Answer: {}.**", "\\boxed{{{}}}"])
)
def test_every_letter_is_found_again(letter: str, form: str):
    assert extract("Neither (A) nor B.\n" + form.format(letter), "choice") == letter


@given(st.lists(st.sampled_from(["x = 1", "def f(a):\n    return a", "print('`')", "# note", ""]), min_size=1, max_size=5))
def test_every_program_is_found_again(lines: list[str]):
    code = "\n".join(lines)
    found = extract(f"Here:\n```python\n{code}\n```\nDone.", "code")
    assert (found or "").rstrip() == code.rstrip()


ANYTHING = st.one_of(st.text(max_size=40), NUMBERS, st.text(alphabet="0123456789.,%$/^-+ekm \\{}()=", max_size=12))


@given(ANYTHING, ANYTHING, st.sampled_from(FORMATS))
def test_sameness_is_reflexive_and_symmetric(a: str, b: str, format: AnswerFormat):
    assert same(a, a, format)
    assert same(a, b, format) == same(b, a, format)


@given(ANYTHING, st.sampled_from(FORMATS), st.booleans())
def test_any_text_is_read_without_an_error_and_never_taken_whole(text: str, format: AnswerFormat, cut_off: bool):
    found = extract(f"I say {text} and so on", format, cut_off=cut_off)
    assert found is None or len(found) < len(text) + 18


@given(st.text(max_size=40))
def test_normal_text_is_normal_already(text: str):
    assert same(normal(text), text, "text")


@pytest.mark.parametrize("piece", [
    "Answer:\n", "\\boxed{", "<answer>", "```\n", "the answer is ", "9", "(A) ", "1,", "{", "the ", "- ", "\\frac{", "$", "((", "x=-",
])
@pytest.mark.parametrize("format", FORMATS)
def test_hostile_replies_are_read_quickly(piece: str, format: AnswerFormat):
    reply = piece * (60_000 // len(piece))
    start = time.process_time()
    extract(reply, format)
    infer(reply, [reply])
    same(reply, reply + " ", format)
    assert time.process_time() - start < 2


def recorded() -> list[tuple[str, str, str]]:
    """Input, prediction and target of every recorded reply that announces its answer."""
    folder = Path(os.environ.get("EUDOXUS_DATA", "")) / "code" / "bbh_code_davinci_002"
    outputs = [output for file in sorted(folder.glob("*.json.gz")) for output in json.loads(gzip.decompress(file.read_bytes()))["outputs"]]
    return [(o["input"].rpartition("\n\nQ:")[2], o["prediction"], o["target"]) for o in outputs if "So the answer is" in o["prediction"]]


@pytest.mark.skipif("EUDOXUS_DATA" not in os.environ, reason="EUDOXUS_DATA is not set: recorded replies of code-davinci-002 are needed")
def test_the_answers_of_recorded_replies_are_found_and_graded_as_by_their_authors():
    replies = recorded()
    assert len(replies) > 1000
    found = graded = 0
    for task, reply, target in replies:
        format, options = infer(task, [reply]), options_in(task)
        answer = extract(reply, format, options=options)
        found += answer is not None
        announced = reply.rpartition("So the answer is ")[2].strip().removesuffix(".")
        wanted = target.strip("()") if format == "choice" else target
        graded += (answer is not None and same(answer, wanted, format)) == (announced == target)
    assert found >= 0.99 * len(replies)
    assert graded >= 0.99 * len(replies)


@pytest.mark.skipif("EUDOXUS_DATA" not in os.environ, reason="EUDOXUS_DATA is not set: recorded replies of code-davinci-002 are needed")
def test_recorded_answers_equal_each_other_only_when_their_texts_do():
    dice = random.Random(0)
    answers = [extract(reply, "text") or "" for _, reply, _ in recorded()]
    for _ in range(2000):
        a, b = dice.choice(answers), dice.choice(answers)
        assert same(a, b, "text") == (a.casefold() == b.casefold())


@pytest.mark.skipif("EUDOXUS_DATA" not in os.environ, reason="EUDOXUS_DATA is not set: the GSM8K problems are needed")
def test_every_result_of_gsm8k_is_found_in_its_solution():
    file = Path(os.environ["EUDOXUS_DATA"]) / "prompts" / "gsm8k" / "test.jsonl.gz"
    solutions = [json.loads(line)["answer"] for line in gzip.decompress(file.read_bytes()).splitlines()]
    assert len(solutions) == 1319
    for solution in solutions:
        found = extract(solution, "number")
        assert found is not None
        assert same(found, solution.rpartition("#### ")[2], "number")
