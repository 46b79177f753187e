"""Lifted grammars: whatever they generate, the behaviour accepts, and what the behaviour accepts, they generate."""

from __future__ import annotations

import functools
import re
from random import Random
from typing import Any

import pytest
import re2  # type: ignore[import-untyped]

from eudoxus.decoding import ClosingMatcher, Lark, LlguidanceEngine, ReferenceEngine, Vocabulary, allowed_tokens
from eudoxus.decoding.checking import BYTES, checker
from eudoxus.decoding.errors import BudgetTooSmall, NotInSubset
from eudoxus.decoding.ltl import Agent, Monitor, lift, lift_run, load_agent, read_agent, shipped, verify
from eudoxus.decoding.ltl.lifting import Grammar
from eudoxus.decoding.ltl.pattern import Seq, as_regex
from eudoxus.decoding.ltl.transcript import written
from tests.decoding.ltl.specs import MOVES
from tests.decoding.ltl.walks import Walker
from tests.decoding.servers import from_gbnf

TOOLS = ["calculator", "python"]
JSON = """
agent: caller
answer: answer
states:
  question: {prefix: "[Question] ", env: task}
  call:
    prefix: "[Call] "
    content: {json_schema: {type: object, properties: {n: {type: integer}}, required: [n], additionalProperties: false}}
  seen: {prefix: "[Seen] ", env: host, propositions: [failed]}
  label: {prefix: "Label: ", content: {regex: "#[A-Z]{1,3}"}}
  answer: {prefix: "[Answer] ", content: text}
behavior: {pattern: {next: [question, {until: {loop: {next: [call, seen]}, exit: label, most: 3}}, answer]}}
checks: ["G(seen & failed -> X call | N label)"]
"""


def agent(name: str) -> Agent:
    return load_agent(name).with_tools(TOOLS)


@pytest.mark.parametrize("name", shipped())
def test_all_random_walks_of_the_lifted_grammar_are_accepted(name: str) -> None:
    walker, random = Walker(lift_run(agent(name)).lark()), Random(310)
    texts = {walker.text(random) for _ in range(150)}
    assert len(texts) == 150
    for text in texts:
        found = verify(agent(name), text)
        assert found.ok, (found.violation, text)


@pytest.mark.parametrize("name", shipped())
def test_the_examples_are_in_the_language_of_the_lifted_grammar(name: str) -> None:
    assert generates(lift_run(agent(name)), agent(name).example.strip())


def generates(grammar: Grammar, text: str, rule: str = "start") -> bool:
    """Whether ``rule`` of a right-linear grammar generates ``text``."""
    for production in grammar.rules[rule]:
        pattern = as_regex(Seq((production.content, production.then)))
        if not production.to:
            if re2.fullmatch(pattern, text):
                return True
            continue
        for end in range(len(text), 0, -1):
            if re2.fullmatch(pattern, text[:end]) and generates(grammar, text[end:], production.to):
                return True
    return False


def test_a_terminal_ends_where_no_longer_text_can_match_it() -> None:
    """Lexers take the longest match and never step back: no match of a terminal may go on into another match of it or its neighbours."""
    lark, random = lift_run(agent("react")).lark(), Random(5)
    walker = Walker(lark)
    for options in walker.rules.values():
        with_next = [option[0] for option in options if len(option) == 2]
        patterns = [re2.compile(terminal(lark, name)) for name in with_next]
        for name in with_next:
            said = walker.drawn(name, random)
            for shorter in range(1, len(said)):
                assert not any(pattern.fullmatch(said[:shorter]) for pattern in patterns)


def terminal(lark: str, name: str) -> str:
    """The regular expression of a terminal."""
    return next(line for line in lark.splitlines() if line.startswith(f"{name}: ")).partition(": ")[2][1:-1]


def test_a_grammar_for_a_model_ends_where_the_host_writes() -> None:
    react = agent("react")
    after_question = Monitor(react).after("question")
    grammar = lift(react, after_question, writing=react.state("thought"))
    assert generates(grammar, "think\n[Action] python\n[Action Input] 1 + 1\n[Observation] ")
    assert generates(grammar, "think\n[Answer] 2")
    assert not generates(grammar, "think\n[Action] shell\n[Action Input] 1 + 1\n[Observation] ")
    assert not generates(grammar, "think\n[Action] python\n[Action Input] 1 + 1\n[Observation] 2\n[Thought] so")
    assert not generates(grammar, "think") and not generates(grammar, "think\n[Action Input] 1")
    first = lift(react, after_question)
    assert generates(first, "[Thought] think\n[Answer] 2") and not generates(first, "[Answer] 2")


def test_near_the_last_segment_only_what_ends_is_generated() -> None:
    react = agent("react")
    at = Monitor(react).after("question")
    few, more = (lift(react, at, remaining=remaining) for remaining in (2, 6))
    use = "[Thought] t\n[Action] python\n[Action Input] 1\n[Observation] "
    assert generates(few, "[Thought] t\n[Answer] 2") and not generates(few, use)
    assert generates(more, use) and generates(more, "[Thought] t\n[Answer] 2")


def test_gbnf_has_the_same_rules() -> None:
    said = lift(agent("react"), Monitor(agent("react")).after("question")).gbnf()
    names = [line.partition(" ::= ")[0] for line in said.splitlines()]
    assert names[0] == "root" and '"[Thought] " thought-1' in said
    used = set(re.findall(r" ([a-z]+-\d+)(?= \||\n)", said))
    assert used == set(names) - {"root"}


@pytest.mark.parametrize("name", shipped())
def test_gbnf_and_lark_describe_the_same_texts(name: str) -> None:
    grammar, random = lift_run(agent(name)), Random(3)
    rules, walker = read_gbnf(grammar.gbnf()), Walker(grammar.lark())
    for text in [agent(name).example.strip(), *(walker.text(random, patience=10) for _ in range(10))]:
        assert gbnf_generates(rules, text)
        for wrong in (text.replace("[Question] ", "[Thought] ", 1), text + "\n[Question] q"):
            assert not gbnf_generates(rules, wrong)


def read_gbnf(text: str) -> dict[str, list[tuple[str, str]]]:
    """The rules of a right-linear GBNF: regular expression and nonterminal of each option."""
    rules: dict[str, list[tuple[str, str]]] = {}
    for line in text.splitlines():
        name, _, right = line.partition(" ::= ")
        rules[name] = []
        expression, to = "", ""
        for quoted, klass, word, sign in re.findall(r'"((?:[^"\\]|\\.)*)"|(\[(?:[^\]\\]|\\.)*\])|([a-z]+(?:-[a-z]+)*-\d+)|(\S)', right):
            to = word or to
            if sign == "|" and expression.count("(") == expression.count(")"):
                rules[name].append((expression, to))
                expression = to = ""
            elif quoted:
                expression += re.sub(r"\\x([0-9A-F]{2})|(\W)", lambda one: rf"\x{{{one[1] or f'{ord(one[2]):X}'}}}", quoted)
            else:
                expression += re.sub(r"\\[uU]([0-9A-F]+)", r"\\x{\1}", klass) if klass else "(?:" if sign == "(" else sign
        rules[name].append((expression, to))
    return rules


def gbnf_generates(rules: dict[str, list[tuple[str, str]]], text: str, rule: str = "root") -> bool:
    for pattern, to in rules[rule]:
        if not to and re2.fullmatch(pattern, text):
            return True
        if to and any(re2.fullmatch(pattern, text[:end]) and gbnf_generates(rules, text[end:], to) for end in range(1, len(text) + 1)):
            return True
    return False


def test_json_under_a_schema_is_left_to_the_engine() -> None:
    caller = read_agent(JSON)
    grammar = lift(caller, Monitor(caller).after("question"))
    assert re.search(r'call_\d+: %json \{.*"required": \["n"\].*\} T\d+', grammar.lark())
    with pytest.raises(NotInSubset, match="cannot be written in GBNF"):
        grammar.gbnf()


def engine_accepts(llguidance: Any, lark: str, text: str) -> bool:
    """Whether llguidance, over single bytes, takes ``text`` to the end and may stop there."""
    matcher = llguidance.LLMatcher(_bytes(llguidance), llguidance.LLMatcher.grammar_from_lark(lark))
    assert not matcher.is_error(), matcher.get_error()
    tokens = [code + 1 for code in text.encode()]
    return matcher.try_consume_tokens(tokens) == len(tokens) and matcher.is_accepting()


@functools.cache
def _bytes(llguidance: Any) -> Any:
    class Bytes:
        eos_token_id = bos_token_id = 0
        special_token_ids = (0,)
        tokens = (b"<eos>", *(bytes([code]) for code in range(256)))

        def __call__(self, text: bytes | str) -> list[int]:
            return [code + 1 for code in (text if isinstance(text, bytes) else text.encode())]

    return llguidance.LLTokenizer(llguidance.TokenizerWrapper(Bytes()))


@pytest.mark.parametrize("name", shipped())
def test_an_engine_takes_what_the_behaviour_accepts_and_nothing_else(name: str) -> None:
    llguidance = pytest.importorskip("llguidance", reason="needs the package llguidance")
    one, lark, random = agent(name), lift_run(agent(name)).lark(), Random(11)
    walker, refused = Walker(lark), 0
    for _ in range(15):
        text = walker.text(random, patience=12)
        assert engine_accepts(llguidance, lark, text), text
        segments = list(verify(one, text).segments)
        place = random.randrange(len(segments))
        changed = written(one, [*segments[:place], *segments[place + 1 :]] if random.random() < 0.5 else [*segments, segments[place]])
        assert engine_accepts(llguidance, lark, changed) == verify(one, changed).ok, changed
        refused += not verify(one, changed).ok
    assert refused >= 10


def test_an_engine_decodes_json_between_markers() -> None:
    llguidance = pytest.importorskip("llguidance", reason="needs the package llguidance")
    lark = lift_run(read_agent(JSON)).lark()
    run = '[Question] q\n[Call] {"n":3}\n[Seen] s\nt\nLabel: #AB\n[Answer] a'
    assert verify(read_agent(JSON), run).ok and engine_accepts(llguidance, lark, run)
    for wrong in (run.replace("3", '"x"'), run.replace("#AB", "#ABCD"), run.replace("[Seen] s\nt\n", "")):
        assert not verify(read_agent(JSON), wrong).ok and not engine_accepts(llguidance, lark, wrong)
    spaced = run.replace(":3", ": 3")
    assert verify(read_agent(JSON), spaced).ok
    assert not engine_accepts(llguidance, lark, spaced), "where blanks are free, a model may never end"


def test_a_run_with_contents_in_lark_is_taken_and_others_are_not() -> None:
    mover = read_agent(MOVES)
    run = "[Task] t\n[Move] (pick-up b1)\n[Move] (stack b1 b2)\n[Seen] held\n[Count] 2\n[Done] no way"
    for judge in (checker(Lark(lift_run(mover).lark())), checker(from_gbnf(lift_run(mover).gbnf()))):
        assert verify(mover, run).ok and judge.verdict(run).complaint is None
        for wrong in (run.replace("b2)", "c2)"), run.replace("[Count] 2", "[Count] b2"), run.replace("2\n[Done]", "2 \n[Done]"),
                      run.replace("[Seen] held\n", ""), run + " "):
            assert judge.verdict(wrong).complaint, wrong
    assert str(verify(mover, run.replace("b2)", "c2)")).violation) == (
        "line 3: segment 3: the content of move: it is not of the grammar: 'c2)' may not come after '(stack b1 '; expected 'b'")


def test_the_end_can_be_said_where_nothing_is_being_written() -> None:
    counter = read_agent("agent: c\nanswer: a\nstates: {a: {prefix: 'A: ', content: {enum: [x]}}, b: {prefix: 'B: ', env: true}}\n"
                         "behavior: a & G(a -> N b) & G(b -> N a)")
    after = lift(counter, Monitor(counter).after("a").after("b"))
    assert generates(after, "[End]") and generates(after, "A: x\nB: ") and generates(after, "A: x")


@pytest.mark.parametrize("name", ["react", "MOVES"])
def test_the_vocabularys_trie_times_the_bytes_of_the_grammar_allows_what_the_engine_allows(name: str) -> None:
    """The reference engine walks all tokens byte by byte, also those that run over the end of a content into a marker."""
    one = agent(name) if name != "MOVES" else read_agent(MOVES)
    grammar, random = Lark(lift(one, Monitor(one).after(one.states[0].name)).lark()), Random(5)
    merged = ["]", " a", "\n[", "a\n", "[T", "[Act", "ion] ", "\n[Action] ", "] (", "b1)", "b1)\n[", "é", "[End]", "\n[Seen", "calc"]
    vocabulary = Vocabulary.from_list([*(bytes([byte]) for byte in range(256)), *merged, "<end>"], eos=256 + len(merged))
    for _ in range(4):
        reference, engine = ReferenceEngine(vocabulary).matcher(grammar), LlguidanceEngine(vocabulary).matcher(grammar, exact=True)
        for _ in range(40):
            allowed = set(allowed_tokens(reference.mask(), vocabulary.size))
            assert allowed == set(allowed_tokens(engine.mask(), vocabulary.size)), reference.consumed
            longer = sorted(token for token in allowed if 256 <= token < 256 + len(merged))
            token = random.choice(longer if longer and random.random() < 0.6 else sorted(allowed))
            if token == 256 + len(merged):
                break
            reference.consume(int(token))
            engine.consume(int(token))


def test_a_budget_of_tokens_ends_a_run_in_time() -> None:
    """The shortest way to the end is known at each state of the run; near the budget only ways on that fit are left."""
    react, random = agent("react"), Random(3)
    grammar = Lark(lift(react, Monitor(react).after("question")).lark())
    for room in (24, 40, 90):
        matcher = ClosingMatcher(LlguidanceEngine(BYTES).matcher(grammar, exact=True), grammar, room)
        while not matcher.finished:
            matcher.consume(int(random.choice(list(allowed_tokens(matcher.mask(), BYTES.size)))))
        text = BYTES.decode(matcher.consumed).decode()
        assert len(text.encode()) <= room and text.startswith("[Thought] ") and ("\n[Answer] " in text or text.endswith("\n[Observation] "))
    with pytest.raises(BudgetTooSmall):
        ClosingMatcher(LlguidanceEngine(BYTES).matcher(grammar, exact=True), grammar, 12)
