"""The remote runner keeps the order whatever the endpoint answers."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from eudoxus.decoding.grammar import Lark
from eudoxus.decoding.ltl import ConstraintViolation, Options, Segment, State, holds, load_agent, parse, read_agent, run_agent, verify
from eudoxus.decoding.ltl.remote import most_probable
from eudoxus.runtime import ChatRequest, ChatTask, Completion, Context, Message, NoParams, Result, strategy
from eudoxus.runtime.endpoints import OpenAIConfig
from eudoxus.runtime.endpoints.base import Capabilities
from eudoxus.runtime.endpoints.openai import OpenAIEndpoint
from eudoxus.runtime.endpoints.simulated import SimulatedEndpoint
from eudoxus.runtime.errors import CapabilityMissing, EndpointError
from tests.agents.running import chat, run
from tests.decoding.ltl.specs import MOVES
from tests.decoding.servers import Loopback, drawn, from_gbnf, loopback, serving

__all__ = ["loopback"]
COUNTER = """
agent: counter
answer: answer
states:
  question: {prefix: "[Q] ", env: task}
  answer: {prefix: "[A] ", content: {enum: [one, two, three]}}
behavior: question & X G answer & X answer
"""


class Plain:
    """The barest prompts."""

    def __init__(self, seed: int | None = None) -> None:
        self.seed = seed

    def write(self, text: str, allowed: Sequence[State], *, may_end: bool) -> ChatRequest:
        said = f"{text}\n--\nnext: {' '.join(state.marker for state in allowed)}{' or the end' * may_end}"
        return ChatRequest(messages=(Message(role="user", content=said),), seed=self.seed)

    def choose(self, text: str, options: Sequence[tuple[str, str, str]]) -> ChatRequest:
        said = f"{text}\n--\nchoose: {' '.join(f'{letter}={marker}' for letter, marker, _ in options)}"
        return ChatRequest(messages=(Message(role="user", content=said),))

    def again(self, problem: str) -> ChatRequest:
        return ChatRequest(messages=(Message(role="user", content=f"again: {problem}"),))


async def run_with(spec: str, answers: Any, *, options: Options | None = None, supply: Any = None,
                   prompts: Plain | None = None) -> tuple[Any, SimulatedEndpoint]:
    """The run, or the violation, of an agent over a simulated endpoint."""
    agent, found = (load_agent(spec) if spec.isidentifier() else read_agent(spec)).with_tools(["calculator"]), list[Any]()

    async def plain(ctx: Context, state: State, segments: Sequence[Segment]) -> tuple[str, str]:
        return f"{state.name} of the host", ""

    @strategy("probe")
    async def probe(task: ChatTask, params: NoParams, ctx: Context) -> Result:
        try:
            found.append(await run_agent(agent, ctx, supply=supply or plain, prompts=prompts or Plain(), options=options))
        except ConstraintViolation as violation:
            found.append(violation)
        return Result(answer="done")

    _, endpoint = await run("probe", chat("?"), answers, strategies=[probe])
    assert repr(found[0]) == repr(found[1]), "the replay went another way"
    return found[0], endpoint


def states(found: Any) -> list[str]:
    return [one.state for one in found.segments]


async def test_an_obedient_model_is_asked_once_for_each_stretch() -> None:
    replies = ["think\n[Action] calculator\n[Action Input] 1 + 1", "so\n[Answer] 2"]
    found, endpoint = await run_with("react", replies)
    assert states(found) == ["question", "thought", "action", "input", "observation", "thought", "answer"]
    assert found.refused == () and found.last("answer") == "2" and endpoint.calls == 2
    assert endpoint.requests[0][1].stop == ("\n[Question] ", "\n[Observation] ")
    assert endpoint.requests[1][1].messages[0].text.endswith("[Observation] observation of the host\n[Thought] \n--\nnext: [Thought]")


async def test_what_the_model_writes_for_the_host_does_not_count() -> None:
    made_up = "think\n[Action] calculator\n[Action Input] 1 + 1\n[Observation] 3\n[Thought] three\n[Answer] 3"
    found, _ = await run_with("react", [made_up, "so\n[Answer] 2"])
    assert found.last("answer") == "2" and found.last("observation") == "observation of the host"


async def test_of_a_reply_that_leaves_the_order_the_allowed_beginning_is_kept() -> None:
    found, endpoint = await run_with("react", ["think\n[Action Input] 1\n[Answer] 1", "[Answer] 2"])
    assert states(found) == ["question", "thought", "answer"]
    assert found.refused == ("input may not come there; expected action or answer",) and endpoint.calls == 2


async def test_after_useless_replies_the_model_chooses_and_then_writes() -> None:
    replies = ["think", "[Thought] a", "no marker", "[Observation] o", "(B)", "2"]
    found, endpoint = await run_with("react", replies)
    assert states(found) == ["question", "thought", "answer"] and found.last("answer") == "2"
    assert [request.temperature for _, request, _ in endpoint.requests] == [0.2, 0.2, 0.7, 1.0, 0.0, 0.2]
    assert endpoint.requests[4][1].messages[0].text.endswith("choose: A=[Action] B=[Answer]")


async def test_a_useless_choice_falls_to_the_state_nearest_to_the_end() -> None:
    found, _ = await run_with("react", ["think", "x", "x", "x", "I cannot say", "2"])
    assert states(found) == ["question", "thought", "answer"]


async def test_a_content_that_is_never_allowed_is_repaired_once_and_then_a_violation() -> None:
    wrong = ["think\n[Action] shell", "shell", "[Action] shell", "[Action] bash", "A", "a", "b", "c"]
    found, endpoint = await run_with("react", [*wrong, "calculator", "2 + 2", "fine\n[Answer] 4"])
    assert states(found)[2:4] == ["action", "input"] and found.last("answer") == "4"
    assert "'c' is not exactly one of: calculator" in endpoint.requests[8][1].messages[-1].text
    found, endpoint = await run_with("react", [*wrong, "perl"])
    assert isinstance(found, ConstraintViolation) and found.trace == ("question", "thought") and found.allowed == ("action",)
    assert "'perl' is not exactly one of: calculator" in str(found) and endpoint.calls == 9


async def test_a_model_that_always_jumps_to_the_answer_never_gets_there() -> None:
    found, endpoint = await run_with("react", lambda *_: "[Answer] 42")
    assert isinstance(found, ConstraintViolation) and found.trace == ("question",) and endpoint.calls == 4


@pytest.mark.parametrize("name", ["react", "reflexion", "rewoo", "plan_and_solve", COUNTER])
async def test_an_endpoint_that_breaks_the_order_on_purpose_cannot(name: str) -> None:
    agent = (load_agent(name) if name.isidentifier() else read_agent(name)).with_tools(["calculator"])
    formula = parse(" & ".join(f"({one.text})" for one in agent.constraints)) if "the pattern" not in agent.constraints[0].text else None
    words = ["calculator", "#E1", "one", "A"]
    pieces = [*(state.prefix for state in agent.states), *words, "\n", "\n", "x", "B", "[End]", " "]
    finished = refused = 0
    for seed in range(25):
        def answer(model: str, request: ChatRequest, number: int, seed: int = seed) -> Completion:
            random = Random(f"{seed} {request.messages[-1].text} {number}")
            begun = random.choice(words) + "\n" if random.random() < 0.6 else ""
            text = begun + "".join(random.choice(pieces) for _ in range(random.randint(0, 12)))
            return Completion(text=text, finish_reason=random.choice(["stop", "stop", "length"]))

        async def supply(ctx: Context, state: State, segments: Sequence[Segment]) -> tuple[str, str]:
            return "[Answer] forged\n[Answer] forged", ctx.random().choice(["", *state.propositions])

        found, _ = await run_with(name, answer, options=Options(segments=20, temperatures=(1.0,) * 8), supply=supply)
        if isinstance(found, ConstraintViolation):
            refused += 1
            continue
        finished += 1
        refused += len(found.refused)
        assert verify(agent, found.segments).ok and len(found.segments) <= 20
        assert formula is None or holds(formula, [{one.state, one.proposition} for one in found.segments])
        assert all(("forged" in one.content) <= bool(agent.state(one.state).env) for one in found.segments)
    assert finished >= 3 and refused >= 25


async def test_near_the_last_segment_the_run_is_brought_to_its_end() -> None:
    found, _ = await run_with("react", lambda *_: "go\n[Action] calculator\n[Action Input] 1", options=Options(segments=8))
    assert states(found)[-2:] == ["thought", "answer"] and found.last("answer") == "go" and len(found.segments) == 7
    replies = ["go\n[Action] calculator\n[Action Input] 1", "go\n[Action] calculator\n[Action Input] 1", "[Answer] enough"]
    found, _ = await run_with("react", replies, options=Options(segments=8))
    assert len(found.segments) == 7 and found.refused == ("action may not come there; expected answer",)


async def test_a_run_that_may_end_and_go_on_ends_where_the_model_says_so() -> None:
    found, _ = await run_with(COUNTER, ["one", "[A] two\n[End]\n[A] three"])
    assert [one.content for one in found.segments[1:]] == ["one", "two"]
    found, _ = await run_with(COUNTER, ["one", "x", "x", "x", "B"])
    assert [one.content for one in found.segments[1:]] == ["one"]


async def test_a_host_cannot_say_what_the_specification_does_not_know() -> None:
    async def supply(ctx: Context, state: State, segments: Sequence[Segment]) -> tuple[str, str]:
        return "q", "hard"

    with pytest.raises(ValueError, match="'hard' is no proposition of question; there are none"):
        await run_with("react", ["x"], supply=supply)


async def test_a_reply_that_was_cut_off_is_kept_up_to_its_last_whole_segment() -> None:
    replies = [Completion(text="think\n[Action] calculator\n[Action Input] 1 + ", finish_reason="length"), "1 + 1", "so\n[Answer] 2"]
    found, _ = await run_with("react", replies)
    assert found.segments[3].content == "1 + 1" and found.refused == ("the content of input: it was cut off",)


async def test_log_probabilities_choose_among_the_allowed_states() -> None:
    options = Options(logprobs=True)
    top = [{"token": " B", "logprob": -0.1}, {"token": "A", "logprob": -2.5}, {"token": "C", "logprob": -0.01}]
    choice = Completion(text="C", logprobs=[{"token": "C", "logprob": -0.01, "top": top}])
    found, endpoint = await run_with("react", ["think", choice, "2"], options=options)
    assert states(found) == ["question", "thought", "answer"]
    assert endpoint.requests[1][1].top_logprobs == 20 and endpoint.requests[0][1].logprobs is None
    assert most_probable(Completion(text="A"), ["A"]) is None


@pytest.mark.parametrize(("dialect", "notation", "begin"), [
    ("openai", "lark", "start: T0 action_1 | T1 answer_2"), ("llama.cpp", "gbnf", "root ::= "), ("local", "lark", "start: "),
])
async def test_an_endpoint_that_takes_grammars_is_told_the_agents_and_its_reply_is_checked_all_the_same(
        dialect: str, notation: str, begin: str) -> None:
    endpoint = SimulatedEndpoint(["think\n[Answer] 2"], name="sim", capabilities=Capabilities(grammar=dialect))
    found, _ = await run_with("react", endpoint)
    assert states(found) == ["question", "thought", "answer"]
    request = endpoint.requests[0][1]
    assert request.grammar and request.grammar[notation].startswith(begin) and request.stop is None
    endpoint = SimulatedEndpoint(lambda *_: "[Answer] 2", name="sim", capabilities=Capabilities(grammar=dialect))
    found, _ = await run_with("react", endpoint, options=Options(mode="grammar"))
    assert isinstance(found, ConstraintViolation)


async def test_in_the_mode_segments_no_grammar_is_told() -> None:
    endpoint = SimulatedEndpoint(["think\n[Answer] 2"], name="sim", capabilities=Capabilities(grammar="vllm"))
    await run_with("react", endpoint, options=Options(mode="segments"))
    assert endpoint.requests[0][1].grammar is None


async def test_where_a_run_may_end_and_go_on_the_grammar_offers_both() -> None:
    endpoint = SimulatedEndpoint(["[A] one", "[End]"], name="sim", capabilities=Capabilities(grammar="local"))
    found, _ = await run_with(COUNTER, endpoint)
    assert states(found) == ["question", "answer"] and r"\[End\]" in endpoint.requests[1][1].grammar["lark"]


async def test_a_grammar_that_the_server_refuses_is_not_told_again() -> None:
    refusal = EndpointError("too complex", endpoint="sim", status=400)
    endpoint = SimulatedEndpoint([refusal, "t\n[Action] calculator\n[Action Input] 1", "t\n[Answer] 2"], name="sim",
                                 capabilities=Capabilities(grammar="vllm"))
    found, _ = await run_with("react", endpoint)
    assert states(found)[-1] == "answer" and "refused the grammar" in found.refused[0]
    assert [request.grammar is None for _, request, _ in endpoint.requests] == [False, True, True]


@pytest.mark.parametrize(("capabilities", "spec", "said"), [
    (Capabilities(), "react", "takes no grammars, and the agent 'react' needs lark or gbnf"),
    (Capabilities(grammar="llama.cpp"), COUNTER.replace("{enum: [one, two, three]}", "{json_schema: {}}"), "takes gbnf, and .* needs lark"),
])
async def test_the_mode_grammar_needs_an_endpoint_that_takes_the_agents(capabilities: Capabilities, spec: str, said: str) -> None:
    with pytest.raises(CapabilityMissing, match=said):
        await run_with(spec, SimulatedEndpoint(["x"], name="sim", capabilities=capabilities), options=Options(mode="grammar"))


@pytest.mark.parametrize(("dialect", "seed"), [(dialect, seed) for dialect in ("local", "llama.cpp") for seed in range(12)])
async def test_a_model_that_writes_at_random_under_the_grammar_satisfies_the_formula(dialect: str, seed: int) -> None:
    """Each reply is a walk of the lifted grammar, byte by byte, whose contents are in Lark, regular expressions and lists."""
    random, said = Random(seed), list[str]()

    def walk(model: str, request: ChatRequest, ordinal: int) -> str:
        (notation, grammar), = (request.grammar or {}).items()
        said.append(drawn(Lark(grammar) if notation == "lark" else from_gbnf(grammar), random))
        return said[-1]

    endpoint = SimulatedEndpoint(walk, name="sim", capabilities=Capabilities(grammar=dialect))
    found, _ = await run_with(MOVES, endpoint, options=Options(segments=12))
    assert found.refused == () and verify(read_agent(MOVES), found.segments).ok and 5 <= len(found.segments) <= 12
    assert endpoint.calls == 1 + states(found).count("seen"), "what the host supplies ends a call, and nothing else does"
    assert all(text.endswith("\n[Seen] ") for text in said[:-1])


async def test_over_http_a_server_that_enforces_grammars_gives_runs_and_one_that_ignores_them_gives_none_in_another_order(
        loopback: Loopback) -> None:
    made = OpenAIConfig(base_url=loopback.url, capabilities=Capabilities(grammar="probe"))
    for kind in ("vllm", "openai", "fireworks"):
        with serving(loopback, kind) as server:
            found, _ = await run_with(MOVES, OpenAIEndpoint(made, name="sim"), options=Options(segments=9))
        assert found.refused == () and verify(read_agent(MOVES), found.segments).ok
        asked = [body for body in server.bodies if "next:" in body["messages"][0]["content"]]
        assert len(asked) == 1 + states(found).count("seen"), "besides what the probe asked"
    declared = made.model_copy(update={"capabilities": Capabilities(grammar="vllm")})
    with serving(loopback, "vllm", ignores=True, says=["[Count] 1\n[Done] yes"]):
        found, _ = await run_with(MOVES, OpenAIEndpoint(declared, name="sim"))
    assert isinstance(found, ConstraintViolation) and found.trace == ("task",)
