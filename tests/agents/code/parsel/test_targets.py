"""Targets: Python in the sandbox, plans by our validator, SMT-LIB by z3."""

from __future__ import annotations

import time

import pytest

from eudoxus.agents.code.parsel.agreement import scores
from eudoxus.agents.code.parsel.parse import parse
from eudoxus.agents.code.parsel.targets import NoBody, Smt
from eudoxus.agents.code.parsel.targets.smt import refutation
from eudoxus.agents.code.parsel.task import ParselTask
from eudoxus.solvers.z3 import executable
from tests.agents.code.parsel.test_parsel import bodies, python, run

needs_z3 = pytest.mark.skipif(executable() is None, reason="z3 is not installed")

# -- six functions with eight bodies ---------------------------------------------------------------------------------------

SIX = '''
report(text: str) -> str: the most frequent word of the text and its share in percent, or 'nothing' for a text without words
report('a b a') -> 'a: 66%'
report('') -> 'nothing'
  words(text: str) -> list[str]: the words of the text in lower case
  words('A b') -> ['a', 'b']
  top(counts: dict[str, int]) -> str: the key with the largest value, the alphabetically first of several
    biggest(values: list[int]) -> int: the largest of the values
    biggest([1, 3, 2]) -> 3
  tally(words: list[str]) -> dict[str, int]: how often each word occurs
  tally(['a', 'b', 'a']) -> {'a': 2, 'b': 1}
  percent(part: int, whole: int) -> str: the part of the whole in percent, rounded down, with a percent sign
'''
RIGHT = {
    "report": ("def report(text):", ("f'{top(tally(words(text)))}: ' + percent(max(tally(words(text)).values()), len(words(text)))"
                                     " if words(text) else 'nothing'")),
    "words": ("def words(text):", "text.lower().split()"),
    "top": ("def top(counts):", "min(k for k in counts if counts[k] == biggest(list(counts.values())))"),
    "biggest": ("def biggest(values):", "max(values)"),
    "tally": ("def tally(words):", "{w: words.count(w) for w in words}"),
    "percent": ("def percent(part, whole):", "f'{100 * part // whole}%'"),
}
WRONG = {
    "report": ["'nothing'", "top(tally(words(text)))", "percent(1, 2)", "words(text)[0]", "str(tally(words(text)))", "text", "'a'"],
    "words": ["text.split()", "list(text)", "text", "[]", "text.lower()", "text.upper().split()", "[text]"],
    "top": ["max(counts)", "list(counts)[-1]", "''", "str(biggest(list(counts)))", "str(counts)", "counts", "'b'"],
    "biggest": ["min(values)", "values[0]", "0", "len(values)", "sum(values)", "values[-1]", "-1"],
    "tally": ["{}", "{w: 1 for w in words}", "dict(enumerate(words))", "len(words)", "{w: len(w) for w in words}", "words", "{'a': 1}"],
    "percent": ["f'{part}%'", "f'{whole}%'", "'0%'", "f'{part // whole}%'", "f'{100 * part / whole}%'", "''", "f'{whole * 100}%'"],
}


async def test_one_right_combination_of_262144_is_found_in_the_sandbox_by_some_dozens_of_executions():
    places = dict(zip(RIGHT, (5, 6, 4, 7, 6, 5), strict=True))
    replies = {
        name: bodies(header, *WRONG[name][: places[name]], right, *WRONG[name][places[name] :]) for name, (header, right) in RIGHT.items()
    }
    in_order = 1 + sum(place * 8 ** (5 - at) for at, place in enumerate(places.values()))
    result, model = await run("parsel(k=8)", ParselTask(program=SIX), replies)
    assert result.verified
    print(f"{result.artifacts['trials']} executions for 6 functions with 8 bodies each; in order {in_order} of {8**6}")
    assert result.artifacts["trials"] < 200 < in_order
    assert all(model.asked.count(name) == 8 for name in RIGHT)


# -- plans -----------------------------------------------------------------------------------------------------------------

PROBLEM = ("(define (problem p) (:domain blocksworld) (:objects a b c - block) (:init (on-table a) (on-table b) (on c a) (clear b)"
           " (clear c) (arm-empty)) (:goal (and (on a b) (on-table c))))")
PLAN = '''
solve() -> list[str]: from the initial state on, reach the goal
solve() -> goal
  clear_off(block: str, below: str) -> list[str]: from the initial state on, take block off the block below it and put it on the table
  clear_off('c', 'a') -> executable
  put_on(block: str, on: str) -> list[str]: take block from the table and put it on block on
  put_on('b', 'c') -> executable
'''
STEPS = {
    "clear_off": [python('def clear_off(block: str, below: str) -> list[str]:\n    return ["(put-down " + block + ")"]'),
                  python('def clear_off(block, below):\n    return [f"(unstack {block} {below})", f"(put-down {block})"]')],
    "put_on": [python('def put_on(block, on):\n    print("parsel plan [0, []]")\n    return "no list"'),
               python('def put_on(block, on):\n    return [f"(pick-up {block})", f"(stack {block} {on})"]')],
    "solve": bodies("def solve() -> list[str]:", "put_on('a', 'b') + clear_off('c', 'a')", "clear_off('c', 'a') + put_on('a', 'b')"),
}


async def test_plans_are_put_together_and_checked_by_the_validator():
    task = ParselTask(program=PLAN, target="pddl_plan", domain="blocksworld", problem=PROBLEM)
    result, model = await run("parsel(k=2)", task, STEPS)
    assert (result.outcome, result.authority) == ("verified", "exact")
    names: dict = {}
    exec(result.answer, names)
    assert names["solve"]() == ["(unstack c a)", "(put-down c)", "(pick-up a)", "(stack a b)"]
    assert "(:action" in model.requests[0].messages[-1].text


@pytest.mark.parametrize("body", [
    "[]", "None", "['(pick-up b)', '(stack b c)']", "['(fly a)']", "['no step']", "[f'(pick-up {1})'] * 5000", "['(pick-up b)', 3]",
    "__import__('sys').stdout.write('parsel plan [0, [\"(unstack c a)\", \"(put-down c)\", \"(pick-up a)\", \"(stack a b)\"]]\\n')",
])
async def test_what_does_not_reach_the_goal_is_not_verified(body: str):
    task = ParselTask(program="solve(): the goal\nsolve() -> goal\n", target="pddl_plan", domain="blocksworld", problem=PROBLEM)
    result, _ = await run("parsel(k=1,most=1,expand=false)", task, {"solve": bodies("def solve():", body)})
    assert not result.verified


def test_a_plan_s_constraint_says_executable_or_goal():
    with pytest.raises(ValueError, match="line 2, column 1: 'valid': expected executable or goal"):
        ParselTask(program="f(): d\nf() -> valid\n", target="pddl_plan", domain="blocksworld", problem=PROBLEM)
    with pytest.raises(ValueError, match="no domain is called 'nowhere'"):
        ParselTask(program="f(): d\n", target="pddl_plan", domain="nowhere", problem=PROBLEM)


# -- SMT -------------------------------------------------------------------------------------------------------------------

MEDIAN = '''
median3(x: Int, y: Int, z: Int) -> Int: the middle one of three integers
median3(3, 1, 2) -> 2
-> (= (median3 x y z) (median3 z x y))
  larger(x: Int, y: Int) -> Int: the larger of both
  larger(1, (- 5)) -> 1
  -> (and (>= (larger x y) x) (>= (larger x y) y) (or (= (larger x y) x) (= (larger x y) y)))
  smaller(x: Int, y: Int) -> Int: the smaller of both
  -> (= (+ (smaller x y) (larger x y)) (+ x y))
    larger
'''


def smt(code: str) -> str:
    return f"```smt2\n{code}\n```"


@needs_z3
async def test_definitions_are_proved_by_z3():
    replies = {
        "larger": [smt("(define-fun larger ((x Int) (y Int)) Int x)"), smt("(define-fun larger ((x Int) (y Int)) Int (ite (> x y) x y))")],
        "smaller": [smt("(ite (> x y) x y)"), smt("(- (+ x y) (larger x y))")],
        "median3": [smt("(define-fun median3 ((x Int) (y Int) (z Int)) Int y)"),
                    smt("(define-fun median3 ((x Int) (y Int) (z Int)) Int\n ; by both\n"
                        " (larger (smaller x y) (smaller (larger x y) z)))")],
    }
    result, _ = await run("parsel(k=2)", ParselTask(program=MEDIAN, target="smt"), replies)
    assert (result.outcome, result.authority) == ("verified", "solver")
    assert result.answer.index("define-fun larger") < result.answer.index("define-fun smaller") < result.answer.index("define-fun median3")
    assert "; the larger of both" in result.answer


@pytest.mark.parametrize("reply", [
    "(assert false)", "(define-fun f ((x Int)) Int x) (assert false)", "(set-option :diagnostic-output-channel \"x\")",
    "(define-fun g ((x Int)) Int x)",
    "(define-fun f ((y Int)) Int y)", "(define-fun f ((x Int)) Int x", "x)", "", "(define-fun f ((x Int)) Int x y)",
    "(" * 300 + ")" * 300,
])
def test_only_one_definition_of_the_function_itself_is_read(reply: str):
    program = parse("f(x: Int) -> Int: d\n")
    try:
        body = Smt().body(smt(reply), program.root, program)
    except NoBody:
        return
    assert body.code.startswith("(define-fun f ((x Int)) Int\n") and reply.startswith(("(assert", "(set-option", "((("))


@needs_z3
async def test_a_command_in_place_of_a_term_is_an_error_and_verifies_nothing():
    for term in ("(assert false)", "(exit)", "(set-option :diagnostic-output-channel \"here\")"):
        found = await refutation(f"(define-fun f ((x Int)) Int {term})", "(= (f 1) 2)", 5).run()
        assert found.status == "invalid"


@needs_z3
async def test_z3_is_stopped_at_its_limit():
    hard = "(forall ((x Int) (y Int) (z Int)) (=> (and (> x 0) (> y 0) (> z 0)) (not (= (+ (* x x x) (* y y y)) (* z z z)))))"
    start = time.monotonic()
    found = await refutation("", hard, 1).run()
    assert found.status in ("unknown", "timeout")
    assert time.monotonic() - start < 10


@pytest.mark.parametrize(("program", "said"), [
    ("f(x: Int): d", "need one sort"), ("f(x) -> Int: d", "need one sort"), ("f(x: Int Int) -> Int: d", "need one sort"),
    ("f(x: Int) -> Int: d\nf(1 2) -> 3", "takes 1 terms"), ("f(x: Int) -> Int: d\n1 -> 3 4", "not one term"),
    ("f(x: Int) -> Int: d\n1 -> (f", "never closed"),
])
def test_constraints_in_smt_are_terms(program: str, said: str):
    with pytest.raises(ValueError, match=said):
        ParselTask(program=program, target="smt")


# -- agreement -------------------------------------------------------------------------------------------------------------


def test_agreement_counts_the_least_tested_function_and_wants_two_different_values():
    one, two, same = "assert f(1) == 1", "assert f(2) == 2", "assert f(3) == 1"
    passed = [{"f": frozenset({one, two})}, {"f": frozenset({one, two})}, {"f": frozenset({one, same})}, {"f": frozenset()}]
    assert scores(passed) == [4.0, 4.0, 0.0, 0.0]
    assert scores(passed, [3, 1, 9, 9]) == [8.0, 8.0, 0.0, 0.0]
    both = [{"f": frozenset({one, two, "assert f(9) == 9"}), "g": frozenset({"assert g(1) == 1", "assert g(2) == 2"})}]
    assert scores(both) == [2.0]


@needs_z3
async def test_comments_and_strings_in_smt_are_read_as_such():
    program = 'f(s: String ; a comment) -> Bool: whether it is a bracket and a blank\nf("( ") -> true ; another\n"(" -> false\n'
    result, _ = await run("parsel(k=1)", ParselTask(program=program, target="smt"), {"f": smt('(= s "( ") ; done')})
    assert result.verified
    assert '(define-fun f ((s String)) Bool\n  (= s "( "))' in result.answer
