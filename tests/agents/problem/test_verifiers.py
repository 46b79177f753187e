"""Verifiers of problems: what they accept, what they say of the rest, and what they refuse to be made of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from eudoxus import sandbox
from eudoxus.agents.problem import ProblemTask
from eudoxus.planners.domains import shipped
from eudoxus.runtime import ChatTask, MemoryJournal, Order, Registry, Result, Runtime, parse_spec
from eudoxus.runtime.endpoints import Endpoints
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint
from eudoxus.runtime.errors import InvalidTask
from tests.agents.running import STRATEGIES

REGISTRY = Registry(STRATEGIES, (ChatTask, ProblemTask))
BLOCKS = """(define (problem two) (:domain blocksworld) (:objects a b - block)
 (:init (arm-empty) (on-table a) (on-table b) (clear a) (clear b)) (:goal (on a b)))"""
TREE = {"$defs": {"t": {"type": "object", "properties": {"left": {"$ref": "#/$defs/t"}, "n": {"type": "integer"}}, "required": ["n"]}},
        "$ref": "#/$defs/t"}
SQUARE = {"kind": "z3", "constraints": "(assert (! (= (* answer answer) 49) :named square)) (assert (< answer 0))"}
FEW_WORDS = {"kind": "instructions", "instructions": [
    {"id": "punctuation:no_comma"}, {"id": "length_constraints:number_words", "kwargs": {"relation": "less than", "num_words": 4}}]}
ADD = {"kind": "python_tests", "tests": ["assert add(1, 2) == 3", "assert add(-1, 1) == 0"]}


@pytest.fixture(autouse=True)
async def closed_afterwards() -> AsyncIterator[None]:
    yield
    await sandbox.close_shared()


def problem(verifier: dict[str, Any] | None, **more: Any) -> ProblemTask:
    found = REGISTRY.task({"kind": "problem", "messages": [{"role": "user", "content": "?"}],
                           **({"verifier": verifier} if verifier else {}), **more})
    assert isinstance(found, ProblemTask)
    return found


async def answered(task: ProblemTask, reply: str) -> Result:
    """What ``best_of_n(n=1)`` makes of one reply, and the same from its replay."""
    runtime = Runtime(REGISTRY, Endpoints({"sim": SimulatedEndpoint([reply], name="sim")}, default="sim"), prompt_hash=lambda id: "")
    journal = MemoryJournal()
    result = await runtime.execute(Order(parse_spec("best_of_n(n=1)/sim:m", REGISTRY), task), journal, run_id="run_1")
    assert await runtime.replay(journal) == result
    return result


@pytest.mark.parametrize(("verifier", "reply", "authority"), [
    ({"kind": "regex", "pattern": r"\d{4}-\d\d"}, "It was then.\nAnswer: 2024-05", "exact"),
    ({"kind": "regex", "pattern": "secret", "match": "search"}, "the secret word", "exact"),
    ({"kind": "number", "value": 3.14, "tolerance": 0.01}, "about 3.1416", "exact"),
    ({"kind": "number", "value": "2/3"}, "The answer is 4/6.", "exact"),
    ({"kind": "number", "value": 200, "relative": 0.01}, "201", "exact"),
    ({"kind": "number", "value": 0.5}, "50 %", "exact"),
    ({"kind": "json_schema", "schema": {"type": "object", "required": ["n"]}}, 'Here: ```json\n{"n": 1}\n```', "exact"),
    ({"kind": "json_schema", "schema": TREE}, '{"n": 1, "left": {"n": 2}}', "exact"),
    (FEW_WORDS, "no comma here", "exact"),
    ({**FEW_WORDS, "loose": True}, "Sure, here:\n*no comma here*", "exact"),
    (FEW_WORDS, "<think>a, b, c, d</think>no comma here", "exact"),
    (ADD, "```python\ndef add(a, b):\n    return a + b\n```", "public_tests"),
    ({"kind": "pddl_plan", "domain": "blocksworld", "problem": BLOCKS}, "The plan:\n1. (pick-up a)\n2. (stack a b)", "exact"),
    ({"kind": "pddl_plan", "domain": shipped()["blocksworld"].pddl, "problem": BLOCKS}, "```pddl\n(pick-up a) (stack a b)\n```", "exact"),
    (SQUARE, "Answer: -7", "solver"),
    ({"kind": "z3", "variables": {"x": "Int", "s": "String"}, "constraints": "(assert (= (str.len s) x))"}, '{"x": 3, "s": "a\\"b"}',
     "solver"),
    ({"kind": "z3", "constraints": "(declare-const k Int) (assert (= answer (* 2 k)))"}, "12", "solver"),
    ({"kind": "z3", "wanted": "unsat", "constraints": "(declare-const k Int) (assert (< (* k k) answer))"}, "0", "solver"),
])
async def test_a_right_answer_is_verified_with_the_verifiers_authority(verifier: dict[str, Any], reply: str, authority: str):
    result = await answered(problem(verifier), reply)
    assert (result.outcome, result.authority, result.answer) == ("verified", authority, reply)


@pytest.mark.parametrize(("verifier", "reply", "said"), [
    ({"kind": "regex", "pattern": r"\d{4}"}, "Answer: 24", "'24' does not match \\d{4} as a whole"),
    ({"kind": "number", "value": 42}, "41", "41 is not the number that is asked for"),
    ({"kind": "number", "value": 42}, "many", "no answer was found in the reply; expected a number"),
    ({"kind": "json_schema", "schema": {"type": "object", "required": ["n"]}}, "{}", '"n" is a required property (at the top)'),
    ({"kind": "json_schema", "schema": TREE}, '{"n": 1, "left": {"n": "2"}}', '"2" is not of type "integer" (at left/n)'),
    (FEW_WORDS, "one, two, three, four", "2 of 2 instructions are not followed:\n1. Use no commas in the entire response. But there are 3"),
    (ADD, "```python\ndef add(a, b):\n    return a * b\n```", "2 of 2 tests do not pass:\nassert add(1, 2) == 3\n  failed"),
    (ADD, "```python\ndef add(a, b):\n    return a - -b if a > 0 else 1 / 0\n```", "assert add(-1, 1) == 0\n  error: ZeroDivisionError"),
    (ADD, "```python\nimport os\nos._exit(0)\n```", "2 of 2 tests do not pass"),
    (ADD, "I cannot", "expected a program in a fenced block"),
    ({"kind": "pddl_plan", "domain": "blocksworld", "problem": BLOCKS}, "(stack a b)",
     "step 1, (stack a b): its precondition does not hold"),
    ({"kind": "pddl_plan", "domain": "blocksworld", "problem": BLOCKS}, "(pick-up a)", "the goal is not reached: (on a b)"),
    ({"kind": "pddl_plan", "domain": "blocksworld", "problem": BLOCKS}, "Pick (a) up.", "no plan was found"),
    ({"kind": "pddl_plan", "domain": "blocksworld", "problem": BLOCKS, "most_steps": 1}, "(pick-up a)\n(stack a b)",
     "at most 1 are allowed"),
    (SQUARE, "7", "these cannot all hold: (< answer 0)"),
    (SQUARE, "-6", "these cannot all hold: (= (* answer answer) 49)"),
    (SQUARE, "7) (assert true", "is no Int"),
    ({"kind": "z3", "variables": {"x": "Int", "y": "Int"}, "constraints": "(assert (< x y))"}, '{"x": 1}', "expected a JSON object with y"),
    ({"kind": "z3", "wanted": "unsat", "constraints": "(declare-const k Int) (assert (< (* k k) answer))"}, "1", "found a case against it"),
])
async def test_what_is_wrong_is_said_for_the_next_attempt(verifier: dict[str, Any], reply: str, said: str):
    result = await answered(problem(verifier), reply)
    assert result.outcome == "best_effort" and said in result.detail, result.detail


async def test_a_number_is_never_told():
    result = await answered(problem({"kind": "number", "value": 4711}), "4712")
    assert "4711" not in result.model_dump_json()


@pytest.mark.parametrize(("verifier", "field", "said"), [
    ({"kind": "regex", "pattern": "(a"}, "task.verifier.pattern", "missing \\)"),
    ({"kind": "regex"}, "task.verifier.pattern", "required"),
    ({"kind": "number", "value": "many"}, "task.verifier.value", "expected a number"),
    ({"kind": "number", "value": 1, "tolerance": -1}, "task.verifier.tolerance", "greater than or equal to 0"),
    ({"kind": "json_schema", "schema": {"type": "strin"}}, "task.verifier.schema", "not a JSON schema: \"strin\""),
    ({"kind": "json_schema", "schema": {"$ref": "http://127.0.0.1:9/x"}}, "task.verifier.schema", "not a JSON schema"),
    ({"kind": "json_schema", "schema": {"pattern": "("}}, "task.verifier.schema", "not a JSON schema"),
    ({"kind": "python_tests", "tests": ["assert f(1) =="]}, "task.verifier.tests.0", "not Python: invalid syntax"),
    ({"kind": "pddl_plan", "domain": "chess", "problem": BLOCKS}, "task.verifier.domain", "no domain is called 'chess'"),
    ({"kind": "pddl_plan", "domain": "(define (domain x)", "problem": BLOCKS}, "task.verifier.domain", "line 1"),
    ({"kind": "pddl_plan", "domain": "blocksworld", "problem": "(define"}, "task.verifier.problem", "line 1"),
    ({"kind": "pddl_plan", "domain": "blocksworld", "problem": BLOCKS.replace("(on a b)", "(above a b)")}, "task.verifier.problem",
     "above"),
    ({"kind": "z3", "constraints": '(include "/etc/passwd")'}, "task.verifier.constraints", "command include is not allowed"),
    ({"kind": "z3", "constraints": "(declare-const x Int)"}, "task.verifier.constraints", "at least one"),
    ({"kind": "z3", "constraints": "(assert true)", "variables": {"x) (assert false": "Int"}}, "task.verifier.variables", "no name"),
    ({"kind": "instructions", "instructions": []}, "task.verifier.instructions", "at least 1"),
    ({"kind": "instructions", "instructions": [{"id": "punctuation:no_coma"}]}, "task.verifier.instructions.0", "did you mean"),
    ({"kind": "oracle"}, "task.verifier", "regex"),
])
def test_a_verifier_that_cannot_work_is_refused_by_field(verifier: dict[str, Any], field: str, said: str):
    with pytest.raises(InvalidTask, match=said) as refusal:
        problem(verifier)
    assert refusal.value.param == field


async def test_constraints_that_z3_cannot_read_end_the_run_with_the_field():
    with pytest.raises(InvalidTask, match="unknown constant y") as refusal:
        await answered(problem({"kind": "z3", "constraints": "(assert (> answer y))"}), "1")
    assert refusal.value.param == "task.verifier.constraints"


async def test_a_schema_whose_work_explodes_ends_in_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("eudoxus.agents.problem.json_schema.SECONDS", 2.0)
    doubling = {"properties": {"x": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}}
    result = await answered(problem({"kind": "json_schema", "schema": doubling}), '{"x":' * 60 + "1" + "}" * 60)
    assert "more than 2 seconds" in result.detail


@pytest.mark.parametrize("verifier", [
    None, {"kind": "json_schema", "schema": {"enum": [None, 1], "default": None}}, ADD, SQUARE, {"kind": "number", "value": 0.1},
    {"kind": "pddl_plan", "domain": "blocksworld", "problem": BLOCKS}, {"kind": "regex", "pattern": "a"},
], ids=str)
def test_a_task_is_the_same_after_the_journal(verifier: dict[str, Any] | None):
    from eudoxus.runtime.run import task_line

    task = problem(verifier, answer={"kind": "json", "pointer": "/a"}, step_prompt="s")
    assert REGISTRY.task(task_line(task)) == task


async def test_without_a_verifier_the_extracted_answer_is_told_beside_the_reply():
    result = await answered(problem(None, answer={"kind": "number"}), "It must be 7, or so.")
    assert (result.answer, result.artifacts["answer"], result.outcome) == ("It must be 7, or so.", "7", "best_effort")


async def test_a_verdict_that_a_program_could_forge_does_not_count():
    pytest.importorskip("pydantic_monty")
    await sandbox.close_shared()
    sandbox.configure_shared(sandbox.SandboxSettings(backend="monty"))
    result = await answered(problem(ADD), "```python\ndef add(a, b):\n    return a + b\n```")
    assert result.outcome == "best_effort" and "could forge" in result.detail
