"""IFEval's files: read into tasks that hide the instructions, graded strictly, scored in the four ways of the paper."""

from __future__ import annotations

import json

import pytest

from eudoxus.evaluation.catalogue import load
from eudoxus.evaluation.dataset import Item
from eudoxus.evaluation.formats import ifeval
from eudoxus.evaluation.instruction_following import following
from eudoxus.runtime import ChatTask
from eudoxus.runtime.errors import InvalidRequest

WORDS = {"relation": "less than", "num_words": 4, "num_bullets": None, "keywords": None}
ROWS = [
    {"key": 1000, "prompt": "Greet.", "instruction_id_list": ["punctuation:no_comma", "length_constraints:number_words"],
     "kwargs": [{}, WORDS]},
    {"key": 1001, "prompt": "Quote.", "instruction_id_list": ["startend:quotation"], "kwargs": [{}]},
]


def lines(*rows: dict) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


async def test_a_strategy_sees_the_prompt_and_the_grader_the_instructions(tmp_path):
    (tmp_path / "input_data.jsonl").write_bytes(lines(*ROWS))
    found = load("ifeval", tmp_path / "input_data.jsonl")
    first: Item = found.items[0]
    assert (first.id, found.metric) == ("ifeval/1000", "prompt accuracy")
    assert isinstance(first.task, ChatTask)
    assert first.task.model_dump_json(exclude_defaults=True) == '{"messages":[{"role":"user","content":"Greet."}]}'
    grade = await first.grader.grade("Well, hello")
    assert (grade.solved, grade.score) == (False, 0.5)
    assert grade.parts == {"punctuation:no_comma": False, "length_constraints:number_words": True}
    assert "commas" in grade.detail
    assert (await first.grader.grade("Hello")).solved
    assert not (await first.grader.grade(None)).solved


def test_the_four_accuracies_are_counted_by_prompt_and_by_instruction():
    said = lines({"prompt": "Greet.", "response": "Sure, here it is:\nhello"}, {"prompt": "Quote.", "response": '"so"'},
                 {"prompt": "?", "response": ""})
    found = following(lines(*ROWS), said)
    assert (found.prompts, found.instructions) == (2, 3)
    assert (found.strict.prompts, found.strict.instructions) == (0.5, pytest.approx(1 / 3))
    assert (found.loose.prompts, found.loose.instructions) == (1.0, 1.0)
    assert found.strict.by_key == {"length_constraints:number_words": 0.0, "punctuation:no_comma": 0.0, "startend:quotation": 1.0}


@pytest.mark.parametrize(("row", "said"), [
    ({**ROWS[1], "instruction_id_list": ["startend:quotations"]}, "row 1: no instruction is called 'startend:quotations'"),
    ({**ROWS[1], "kwargs": []}, "row 1: expected instruction_id_list and as many kwargs"),
    ({**ROWS[0], "kwargs": [{}, {"num_words": 3}]}, "row 1: length_constraints:number_words: kwargs.relation"),
    ({**ROWS[1], "prompt": 3}, "row 1"),
])
def test_a_line_that_is_not_as_expected_is_named(row: dict, said: str):
    with pytest.raises(InvalidRequest, match=said):
        list(ifeval.items(lines(row)))


def test_a_prompt_without_a_response_is_an_error():
    with pytest.raises(InvalidRequest, match="no response to the prompt 1001"):
        following(lines(*ROWS), lines({"prompt": "Greet.", "response": "a"}))
