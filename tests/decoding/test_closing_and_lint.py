"""Texts end within their budget, and a grammar's faults are named before it is used."""

import random
import time

import pytest

from eudoxus.decoding.apply import allowed_tokens
from eudoxus.decoding.bnf import compile_bnf
from eudoxus.decoding.closing import ClosingMatcher, check_budget
from eudoxus.decoding.conformance import MatcherContract
from eudoxus.decoding.earley import Recogniser
from eudoxus.decoding.errors import BudgetTooSmall, InvalidVocabulary, NotInSubset
from eudoxus.decoding.grammar import Lark, Regex
from eudoxus.decoding.lint import lint
from eudoxus.decoding.llguidance_engine import LlguidanceEngine
from eudoxus.decoding.reference import ReferenceEngine
from eudoxus.decoding.vocabulary import Vocabulary
from tests.decoding.grammars import BYTES, GOAL, LARGER, NUMBER, PERSON, PLAN, QUOTED, SMALL, SUM

ENGINE = LlguidanceEngine(LARGER)


def random_text(matcher, rng, most):
    for _ in range(most + 1):
        allowed = allowed_tokens(matcher.mask(), LARGER.size)
        assert allowed.size, f"a dead end after {LARGER.decode(matcher.consumed)!r}"
        matcher.consume(int(rng.choice(allowed.tolist())))
        if matcher.finished:
            return LARGER.decode(matcher.consumed)
    return None


@pytest.mark.parametrize("grammar", [SUM, GOAL, PLAN, QUOTED], ids=["sum", "goal", "plan", "quoted"])
def test_every_random_text_is_finished_within_its_budget(grammar):
    engine = ENGINE
    for seed, budget in enumerate((15, 16, 22, 40)):
        matcher = ClosingMatcher(engine.matcher(grammar, exact=True), grammar, budget)
        assert matcher.guaranteed
        text = random_text(matcher, random.Random(seed), budget)
        assert text is not None
        assert engine.matcher(grammar, exact=True).allows([*LARGER.encode(text), LARGER.eos[0]]) == len(LARGER.encode(text)) + 1


def test_without_closing_the_same_texts_run_over():
    cut = [random_text(ENGINE.matcher(QUOTED, exact=True), random.Random(seed), 15) for seed in range(10)]
    assert None in cut


class TestClosingIsAMatcher(MatcherContract):
    """With a budget that is felt, masks and refusals agree as for any other engine; the reference knows no budget."""

    texts = 2
    longest = 14

    def test_the_mask_is_that_of_the_reference(self):
        """Only :class:`ReferenceEngine` without a budget is the reference."""

    @pytest.fixture
    def engine(self):
        class Closing:
            name, vocabulary = "closing", LARGER

            def matcher(self, grammar, *, exact=False):
                return ClosingMatcher(ENGINE.matcher(grammar, exact=True), grammar, 14)

        return Closing()

    @pytest.fixture(params=[SUM, PLAN], ids=["sum", "plan"])
    def grammar(self, request):
        return request.param


def test_a_budget_too_small_for_any_text_is_refused_with_the_number_needed():
    with pytest.raises(BudgetTooSmall, match="at least 4") as refused:
        check_budget(Regex("a{19}"), LARGER, 2)
    assert (refused.value.allowed, refused.value.needed) == (2, 4)
    check_budget(Regex("a{19}"), LARGER, 4)
    check_budget(PERSON, LARGER, 1)  # not judged


def test_a_long_text_is_measured_without_deep_recursion():
    recogniser = Recogniser(compile_bnf(Regex("(ab)*c")))
    assert recogniser.read(b"ab" * 1500 + b"a") and recogniser.remaining() == 2


def test_closing_needs_the_single_bytes():
    vocabulary = Vocabulary.from_list(["ab", "a", "<end>"], eos=2)
    with pytest.raises(InvalidVocabulary, match="b"):
        ClosingMatcher(LlguidanceEngine(vocabulary).matcher(Regex("(ab)*")), Regex("(ab)*"), 4)


def test_the_remaining_bytes_are_those_of_the_shortest_completion():
    for text in (b"", b"(", b"((not ", b"((and", b"((not (not a)", b"(a)))"):
        recogniser = Recogniser(compile_bnf(GOAL))
        assert recogniser.read(text)
        assert recogniser.remaining() == shortest_completion(recogniser), text


def shortest_completion(recogniser):
    """By breadth-first search over bytes."""
    layer = [recogniser]
    for length in range(12):
        if any(state.accepting for state in layer):
            return length
        following = []
        for state in layer:
            for byte in state.next_bytes():
                further = state.copy()
                further.push(byte)
                following.append(further)
        layer = following
    raise AssertionError


def kinds(text):
    return {(finding.kind, finding.severity) for finding in lint(Lark(text))}


@pytest.mark.parametrize("grammar", [SUM, GOAL, PLAN, NUMBER, QUOTED], ids=["sum", "goal", "plan", "number", "quoted"])
def test_good_grammars_have_no_errors(grammar):
    assert not [finding for finding in lint(grammar) if finding.severity == "error"]


def test_a_lexeme_that_is_a_prefix_of_another_at_its_place_is_warned_of_as_it_hides_a_way_on():
    text = 'start: "(" ("clear" | "on-table") " b)" | "(on " "b b)"'
    assert ("lexeme_prefix", "warning") in kinds(text)
    assert ENGINE.matcher(Lark(text), exact=True).allows(LARGER.encode("(on-table b)")) < len(LARGER.encode("(on-table b)"))
    assert kinds('start: "(clear " "b)" | "(on-table " "b)" | "(on " "b b)"') == set()


@pytest.mark.parametrize(
    ("text", "kind", "severity"),
    [
        ('start: s\ns: s s | "a"', "ambiguous", "warning"),
        ('start: s\ns: s "+" s | "a"', "ambiguous", "warning"),
        ('start: a\na: a | "x"', "ambiguous", "warning"),
        ('start: ("a"*)*', "ambiguous", "warning"),
        ('start: list\nlist: list "," "a" | "a"', "left_recursion", "note"),
        ('start: "a"\nother: "b"', "unreachable", "warning"),
        ('start: "a" | loop\nloop: "b" loop', "unproductive", "warning"),
        ('start: "a" start', "unsatisfiable", "error"),
        ("start: nowhere", "invalid", "error"),
        ('start: "a" "', "not_read", "note"),
        ('start: %json {"type": "integer"}', "not_read", "note"),
    ],
)
def test_each_fault_is_found(text, kind, severity):
    assert (kind, severity) in kinds(text)


def test_lint_looks_at_a_repetition_bomb_without_hanging():
    begun = time.process_time()
    assert kinds('start: (("a"{1,1000}){1,1000}){1,1000}') == {("invalid", "error")}
    assert kinds('start: "a"{1,9000}') == {("not_read", "note")}
    assert kinds("start: /" + "(" * 190 + "a" + ")" * 190 + "/") <= {("invalid", "error")}
    assert kinds("start: " + '"a"{1}' * 40_000) <= {("invalid", "error"), ("not_read", "note")}
    assert time.process_time() - begun < 5


def test_what_the_reader_does_not_know_it_says():
    for text in ('start: "a"i', "start: /a/i", "start: /a(?=b)/", "start: /a*?/", "start: /\\p{L}/"):
        with pytest.raises(NotInSubset):
            compile_bnf(Lark(text))
    assert SMALL.size == 257


@pytest.mark.parametrize(("text", "nests"), [
    ('start: "(" start ")" | "a"', True), ('start: "a" x | "b"\nx: start "c"', True), ('start: start "a" | "b" start | "c"', True),
    ('start: "a" start | "b"', False), ('start: start "a" | "b"', False), ('start: x*\nx: "a" y?\ny: "b"+', False),
    ('start: "a" x\nx: y "c" | "d"\ny: "e" x', True), ('start: "a" x\nx: "c" y | "d"\ny: "e" x', False),
])
def test_a_grammar_nests_where_a_rule_can_stand_inside_itself_with_text_on_both_sides(text: str, nests: bool):
    assert compile_bnf(Lark(text)).nests == nests


@pytest.mark.parametrize("text", ['start: /[a-z]+/ ("," /[a-z]{3,5}/)* ";"', 'start: "ab" x\nx: "cd" y | "stop"\ny: /e+/ x'])
def test_without_nesting_no_token_puts_the_end_off_by_more_than_the_slack(text: str):
    vocabulary = Vocabulary.from_list([*BYTES, "ab", "abcd", "cdee", "eeee", "stop", "<end>"], eos=261)
    matcher = ClosingMatcher(ReferenceEngine(vocabulary).matcher(Lark(text)), Lark(text), 60)
    rng = random.Random(4)
    while not matcher.finished:
        before = matcher.recogniser.remaining()
        matcher.consume(int(rng.choice(list(allowed_tokens(matcher.mask(), vocabulary.size)))))
        assert matcher.recogniser.remaining() <= before + matcher.slack
    assert len(matcher.consumed) <= 61
