"""Sample several chains of thought, return the answer that most of them reach."""

from __future__ import annotations

from eudoxus.runtime import ChatTask, Completion, Message

from .running import JSON, chat, run


async def test_the_most_frequent_answer_wins_and_its_first_reply_is_returned():
    replies = ["So 3 + 4.\nAnswer: 8", "3 + 4 = 7.\nAnswer: 7", "It is seven.\nAnswer: **7.0**", "Answer: 9", "Seven.\nAnswer: 7 apples"]
    result, endpoint = await run("self_consistency", chat("3 + 4?"), replies)
    assert result.answer == "3 + 4 = 7.\nAnswer: 7"
    assert (result.outcome, result.authority, result.detail) == ("best_effort", "model", "3 of 5 replies agree")
    assert result.artifacts == {
        "answer": "7", "format": "number", "unread": 0,
        "votes": [{"answer": "7", "count": 3}, {"answer": "8", "count": 1}, {"answer": "9", "count": 1}],
    }
    assert (endpoint.calls, endpoint.completions) == (1, 5)


async def test_a_tie_goes_to_the_answer_seen_first():
    result, _ = await run("self_consistency(n=4)", chat("Q"), ["Answer: Rome", "Answer: Bonn", "Answer: bonn.", "Answer: ROME"])
    assert result.artifacts["answer"] == "Rome"


async def test_replies_without_an_answer_do_not_vote():
    result, _ = await run("self_consistency(n=4)", chat("Q"), ["I cannot say.", "I cannot say.", "I cannot say.", "Answer: Rome"])
    assert result.answer == "Answer: Rome"
    assert result.artifacts["unread"] == 3


async def test_replies_that_were_cut_off_do_not_vote_by_their_last_words():
    cut = Completion(text="First 12 + 30 = 42\nAnswer: 4", finish_reason="length")
    result, _ = await run("self_consistency(n=3)", chat("Q", answer_format="number"), [cut, cut, "Answer: 42"])
    assert result.artifacts["votes"] == [{"answer": "42", "count": 1}]


async def test_when_no_answer_can_be_read_the_first_reply_is_returned_and_it_says_so():
    result, _ = await run("self_consistency(n=2)", chat("Q"), ["Hello.", "Hi."])
    assert (result.answer, result.authority, result.detail) == ("Hello.", "none", "no final answer could be read in any of 2 replies")


async def test_a_choice_may_be_spelled_in_many_ways():
    task = chat("What is red?\n(A) blood\n(B) grass\n(C) milk")
    result, _ = await run("self_consistency(n=4)", task, ["Answer: (A)", "Answer: B", "The answer is **A**.", "Answer: blood"])
    assert (result.artifacts["format"], result.artifacts["votes"][0]) == ("choice", {"answer": "A", "count": 3})


async def test_code_is_compared_by_its_syntax_tree():
    first, other = "def f(x):\n    return x+1", "def f(x):\n    return x - 1"
    same = "def f( x ):\n    '''Adds one.'''\n    return x + 1  # one more"
    replies = [f"I add.\nAnswer:\n```python\n{code}\n```" for code in (other, first, same)]
    result, _ = await run("self_consistency(n=3)", chat("Write f."), replies)
    assert result.answer == replies[1]
    assert (result.artifacts["format"], result.artifacts["answer"]) == ("code", first)


async def test_the_task_is_told_to_think_and_keeps_its_conversation():
    said = (Message(role="user", content="Hi"), Message(role="assistant", content="Hello"), Message(role="user", content="3 + 4?"))
    _, endpoint = await run("self_consistency(n=1)", ChatTask(messages=said), ["Answer: 7"])
    request = endpoint.requests[0][1]
    assert request.messages[1:] == said
    assert (request.messages[0].role, request.temperature) == ("system", 0.7)
    assert "step by step" in request.messages[0].text
    assert request.prompt.startswith("self_consistency/instruction@")


async def test_the_instruction_joins_a_system_message_that_is_there():
    said = (Message(role="system", content="You are a pirate."), Message(role="user", content="3 + 4?"))
    _, endpoint = await run("self_consistency(n=1)", ChatTask(messages=said), ["Answer: 7"])
    messages = endpoint.requests[0][1].messages
    assert len(messages) == 2
    assert messages[0].text.startswith("You are a pirate.\n\nThink step by step")


async def test_json_answers_are_voted_on_as_values_and_invalid_ones_do_not_vote():
    task = chat("n?", response_format=JSON)
    replies = ["no", "no", '{"n": 3}', '{"n":3}', '{"n": 4}']
    result, endpoint = await run("self_consistency", task, replies)
    assert (result.answer, result.outcome, result.authority) == ('{"n": 3}', "verified", "exact")
    assert result.artifacts["votes"] == [{"answer": '{"n":3}', "count": 2}, {"answer": '{"n":4}', "count": 1}]
    assert endpoint.requests[0][1].messages == task.messages


async def test_calls_of_tools_are_voted_on_whatever_their_ids():
    def calling(id: str, at: str) -> Completion:
        return Completion(text="", tool_calls=[{"id": id, "type": "function", "function": {"name": "look", "arguments": at}}])

    replies = [calling("1", '{"at": "sea"}'), calling("2", '{"at": "sky"}'), calling("3", '{"at":"sky"}')]
    result, _ = await run("self_consistency(n=3)", chat("Look!"), replies)
    assert result.completion == replies[1]


async def test_a_limit_keeps_the_vote_of_the_replies_there_are():
    result, _ = await run("self_consistency(n=5)", chat("Q"), ["Answer: 1", "Answer: 2", "Answer: 2"], requests=3)
    assert (result.outcome, result.answer) == ("limit", "Answer: 2")
