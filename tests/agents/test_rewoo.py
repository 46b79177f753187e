"""ReWOO: plans are read into a graph, ready steps run together, failures are mended, and the answer comes from the evidence."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eudoxus import sandbox
from eudoxus.agents.plans import Step, UnreadablePlan, filled, read_plan
from eudoxus.runtime import ChatRequest, MemoryJournal
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint
from eudoxus.runtime.journal import EffectRecord
from tests.agents.running import JSON, chat, run

TOOLS = ["calculator", "python", "LLM"]
QUESTION = chat("How much is (3 + 4) * (5 + 6)?")
SUMS = "Plan: left\n#E1 = calculator[3 + 4]\nPlan: right\n#E2 = calculator[5 + 6]\nPlan: product\n#E3 = calculator[#E1 * #E2]"


@pytest.fixture(autouse=True)
async def closed_afterwards() -> AsyncIterator[None]:
    yield
    await sandbox.close_shared()


def by_prompt(**replies: str | Callable[[str], str]) -> SimulatedEndpoint:
    """A model that answers by the kind of question: ``plan``, ``again``, ``patch``, ``solve``, and ``llm`` for all else."""
    begins = {"You plan how": "plan", "A plan for a task is being": "patch", "You answer a task": "solve"}

    def answer(model: str, request: ChatRequest, number: int) -> str:
        first, last = request.messages[0].text, request.messages[-1].text
        kind = "again" if last.startswith("The plan cannot") else next((k for begin, k in begins.items() if first.startswith(begin)), "llm")
        said = replies[kind]
        return said(last) if callable(said) else said

    return SimulatedEndpoint(answer, name="sim")


def observations(result: Any) -> dict[str, str]:
    return {step["variable"]: step["observation"] for step in result.artifacts["steps"]}


async def test_steps_that_do_not_need_each_other_run_in_one_wave_and_the_answer_sees_all():
    journal = MemoryJournal()
    result, endpoint = await run("rewoo", QUESTION, by_prompt(plan=SUMS, solve="77"), journal=journal)
    assert (result.answer, observations(result)) == ("77", {"#E1": "7", "#E2": "11", "#E3": "77"})
    assert result.artifacts["steps"][2]["action"] == "calculator[7 * 11]" and len(endpoint.requests) == 2
    assert "#E3 = calculator[#E1 * #E2]\n77" in endpoint.requests[-1][1].messages[-1].text


async def test_questions_to_the_model_of_one_wave_have_keys_of_their_own_and_see_the_question_alone():
    plan = "Plan: a\n#E1 = LLM[Who?]\nPlan: b\n#E2 = LLM[Where?]\nPlan: c\n#E3 = LLM[Join #E1 and #E2]"
    journal = MemoryJournal()
    endpoint = by_prompt(plan=plan, solve="done", llm=lambda said: {"Who?": "Ada", "Where?": "London"}.get(said, said.upper()))
    result, _ = await run("rewoo", QUESTION, endpoint, journal=journal)
    assert observations(result) == {"#E1": "Ada", "#E2": "London", "#E3": "JOIN ADA AND LONDON"}
    paths = [record.path for record in await journal.records() if isinstance(record, EffectRecord)]
    assert {"root/wave[0]/step[0]/c0", "root/wave[0]/step[1]/c0", "root/wave[1]/step[0]/c0"} <= set(paths)
    assert [m.text for m in endpoint.requests[1][1].messages] in (["Who?"], ["Where?"])


async def test_a_failed_step_has_the_rest_of_the_plan_mended_and_what_is_done_stays():
    endpoint = by_prompt(plan=SUMS.replace("5 + 6", "five + 6"),
        patch="Plan: right\n#E2 = calculator[5 + 6]\nPlan: p\n#E4 = calculator[#E1*#E2]",
                         solve="77")
    result, _ = await run("rewoo", QUESTION, endpoint)
    assert observations(result) == {"#E1": "7", "#E2": "11", "#E4": "77"} and result.artifacts["patches"] == 1
    asked = endpoint.requests[1][1].messages[-1].text
    done, _, failed = asked.partition("failed, or not begun")
    assert "#E1 = calculator[3 + 4]\n7" in done and "error: 'five'" in failed and "not begun" in failed


async def test_mending_ends_and_the_answer_is_given_from_what_there_is():
    endpoint = by_prompt(plan=SUMS.replace("5 + 6", "five"), patch=lambda _: "Plan: r\n#E2 = calculator[six]", solve="77")
    result, _ = await run("rewoo(patches=2)", QUESTION, endpoint)
    assert result.artifacts["patches"] == 2 and len(endpoint.requests) == 4 and observations(result)["#E2"].startswith("error: 'six'")
    result, endpoint = await run("rewoo(patches=0)", QUESTION, by_prompt(plan=SUMS.replace("5 + 6", "five"), solve="?"))
    assert observations(result)["#E3"] == "(not begun)" and len(endpoint.requests) == 2


async def test_the_rest_of_a_plan_may_be_nothing():
    endpoint = by_prompt(plan=SUMS.replace("5 + 6", "five"), patch="NONE.", solve="77")
    result, _ = await run("rewoo", QUESTION, endpoint)
    assert observations(result) == {"#E1": "7"} and result.artifacts["patches"] == 1


async def test_a_plan_that_cannot_be_read_is_asked_for_once_more_with_the_reason():
    result, endpoint = await run("rewoo", QUESTION, by_prompt(plan="Plan: a\n#E1 = calculator[#E2]", again=SUMS, solve="77"))
    assert result.answer == "77" and "#E1 uses #E2, which no step above gives" in endpoint.requests[1][1].messages[-1].text
    result, endpoint = await run("rewoo", QUESTION, by_prompt(plan="I think 77", again="really"))
    assert result.outcome == "failed" and "no line such as #E1" in result.detail and len(endpoint.requests) == 2


async def test_values_are_written_as_the_next_tool_reads_them():
    plan = ("Plan: a\n#E1 = calculator[1 - 3]\nPlan: b\n#E2 = calculator[#E1 ** 2 / 3]\nPlan: c\n#E3 = LLM[say]\n"
            "Plan: d\n#E4 = python[print(len(#E3), #E1 + 1)]")
    result, _ = await run("rewoo(tools=[calculator,python])", QUESTION, by_prompt(plan=plan, llm='"); print("x', solve="done"))
    assert observations(result) == {"#E1": "-2", "#E2": "4/3 = 1.33333333333", "#E3": '"); print("x', "#E4": "12 -1"}


async def test_the_tasks_verifier_decides():
    plan = "Plan: a\n#E1 = calculator[1]"
    result, _ = await run("rewoo", chat("JSON", response_format=JSON), by_prompt(plan=plan, solve='{"n": 1}'))
    assert (result.answer, result.outcome) == ('{"n": 1}', "verified")


async def test_a_spent_budget_is_a_limit():
    result, _ = await run("rewoo", QUESTION, by_prompt(plan=SUMS, solve="77"), requests=1)
    assert result.outcome == "limit"


# -- reading -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("reply", "steps"), [
    ("Plan: a\n#E1 = calculator[1 + (2)]", [(1, "a", "calculator", "1 + (2)")]),
    ("**Plan 1:** a\n**#E1** = Calculator[2]", [(1, "a", "calculator", "2")]),
    ("Plan: a\n#E12 = python[xs = [1, 2]\nxs[0]]\n\nPlan: b\n#E1 = LLM[is #E12 [sic] right?]",
     [(12, "a", "python", "xs = [1, 2]\nxs[0]"), (1, "b", "LLM", "is #E12 [sic] right?")]),
    ("Plan: a\n#E1 = python[print('[')]\nPlan: b\n#E2 = LLM[x]", [(1, "a", "python", "print('[')"), (2, "b", "LLM", "x")]),
    ("<think>#E1 = LLM[no]</think>#E1 = LLM[yes]", [(1, "", "LLM", "yes")]),
    ("1. Plan: a\n   #E1 = LLM[x]", [(1, "a", "LLM", "x")]),
])
def test_plans_are_read_as_models_write_them(reply: str, steps: list[tuple[int, str, str, str]]):
    assert read_plan(reply, TOOLS) == [Step(*step) for step in steps]


@pytest.mark.parametrize(("reply", "said"), [
    ("", "no line such as"), ("#E1 = shell[ls]", "#E1 uses shell, but there are only calculator"),
    ("#E1 = LLM[a]\n#E1 = LLM[b]", "#E1 is taken"), ("#E1 = LLM[#E1]", "uses #E1, which no step above gives"),
    ("#E1 = LLM[#E2]\n#E2 = LLM[a]", "uses #E2"), ("#E1 = LLM[a", "not closed"),
    ("\n".join(f"#E{n} = LLM[a]" for n in range(10, 30)), "at most 16"), ("#E3 = LLM[a]", "#E3 is taken"),
])
def test_a_plan_that_cannot_be_carried_out_says_why(reply: str, said: str):
    with pytest.raises(UnreadablePlan, match=said):
        read_plan(reply, TOOLS, done={3})


def test_a_variable_is_not_a_part_of_a_longer_one_and_values_are_put_in_once():
    assert filled("#E1 #E10 #E1x", {1: "#E10", 10: "ten"}.__getitem__) == "#E10 ten #E10x"


STEPS = st.lists(st.tuples(st.sampled_from(TOOLS), st.text(alphabet="ab(){} \n+'#", max_size=20).map(str.strip), st.integers(0, 8)),
    min_size=1,
                 max_size=8)


@given(STEPS)
def test_what_is_written_is_read_again(said: list[tuple[str, str, int]]):
    steps = [Step(number, f"step {number}", tool, f"{text} #E{needs}".strip() if 0 < needs < number else f"{text}.")
             for number, (tool, text, needs) in enumerate(said, start=1)]
    assert read_plan("\n".join(step.written() for step in steps), TOOLS) == steps


@given(st.text(alphabet="#E12= calculator[]LMPlan:\n`*", max_size=120))
def test_no_reply_breaks_the_reader(reply: str):
    try:
        assert read_plan(reply, TOOLS)
    except UnreadablePlan as problem:
        assert str(problem)
