"""Every engine passes the contract on several grammars and vocabularies, and refuses what is no grammar with a typed error, in time."""

import contextlib
import json
import time

import pytest

from eudoxus.decoding.apply import allowed_tokens
from eudoxus.decoding.conformance import MatcherContract
from eudoxus.decoding.errors import GrammarTooLarge, InvalidGrammar, MatcherFailed, TokenRefused, Unsatisfiable
from eudoxus.decoding.grammar import JsonSchema, Lark, Limits, Regex, as_grammar, digest
from eudoxus.decoding.llguidance_engine import LlguidanceEngine
from eudoxus.decoding.outlines_engine import OutlinesEngine
from eudoxus.decoding.reference import ReferenceEngine
from eudoxus.runtime.errors import CapabilityMissing
from tests.decoding.grammars import GOAL, LARGER, NUMBER, PERSON, PLAN, QUOTED, SMALL, SUM

ENGINES = {(kind.name, v.size): kind(v) for kind in (LlguidanceEngine, OutlinesEngine, ReferenceEngine) for v in (SMALL, LARGER)}


class TestLlguidance(MatcherContract):
    @pytest.fixture(params=[257, 300])
    def engine(self, request):
        return ENGINES["llguidance", request.param]

    @pytest.fixture(params=[SUM, GOAL, PLAN, NUMBER, QUOTED, PERSON], ids=["sum", "goal", "plan", "number", "quoted", "person"])
    def grammar(self, request):
        return request.param


class TestOutlines(MatcherContract):
    never = b"\0"

    @pytest.fixture(params=[257, 300])
    def engine(self, request):
        return ENGINES["outlines-core", request.param]

    @pytest.fixture(params=[NUMBER, QUOTED, PERSON, Regex(r"\((pick|put) b[1-9](,b[1-9])*\)")], ids=["number", "quoted", "person", "act"])
    def grammar(self, request):
        return request.param


class TestReference(MatcherContract):
    texts = 1

    @pytest.fixture(params=[257, 300])
    def engine(self, request):
        return ENGINES["reference", request.param]

    @pytest.fixture(params=[SUM, GOAL, PLAN, NUMBER], ids=["sum", "goal", "plan", "number"])
    def grammar(self, request):
        return request.param


FAST = [ENGINES["llguidance", 300], ENGINES["outlines-core", 300]]
BY_NAME = {"ids": lambda engine: engine.name}


@pytest.mark.parametrize("engine", FAST, **BY_NAME)
def test_the_token_that_a_text_may_go_on_with_is_allowed_where_it_may_also_end(engine):
    matcher = engine.matcher(NUMBER)
    matcher.consume(ord("1"))
    assert matcher.accepting and matcher.allows([ord("."), ord("5")]) == 2


def test_without_exactness_forced_text_is_offered_in_one_tokenisation_only():
    engine = ENGINES["llguidance", 300]
    forced, free = (engine.matcher(Lark('start: "(not a)"'), exact=exact) for exact in (False, True))
    assert len(allowed_tokens(forced.mask(), 300)) <= len(allowed_tokens(free.mask(), 300)) == 2
    assert free.forced_bytes() == b"(not a)"


@pytest.mark.parametrize("engine", [*FAST, ENGINES["reference", 300]], **BY_NAME)
@pytest.mark.parametrize("pattern", ["(", "a{1,3", "[z-", "a{2,1}b("])
def test_a_broken_pattern_is_an_invalid_grammar(engine, pattern):
    with pytest.raises(InvalidGrammar):
        engine.matcher(Regex(pattern))


@pytest.mark.parametrize("text", ["start: nowhere", "sum: \"a\"", "start: (\"a\"", "start: \"a\" <|no_such_token|>", ""])
@pytest.mark.parametrize("kind", [LlguidanceEngine, ReferenceEngine])
def test_a_broken_lark_grammar_is_an_invalid_grammar(kind, text):
    with pytest.raises(InvalidGrammar):
        ENGINES[kind.name, 300].matcher(Lark(text))


@pytest.mark.parametrize("schema", ["{", "[1]", '{"type": "no such type"}', "7"])
@pytest.mark.parametrize("engine", FAST, **BY_NAME)
def test_a_broken_schema_is_an_invalid_grammar(engine, schema):
    with pytest.raises(InvalidGrammar):
        engine.matcher(JsonSchema(schema))


BOMBS = {
    "nested repetition": Regex("(((a{1,1000}){1,1000}){1,1000}){1,1000}"),
    "long repetition": Regex("(?:ab|cd){1000000000}"),
    "deep brackets": Regex("(" * 5000 + "a" + ")" * 5000),
    "deep schema": JsonSchema('{"items":' * 3000 + "{}" + "}" * 3000),
    "a megabyte of schema": JsonSchema.of({"enum": [f"value {i}" for i in range(80_000)]}),
}


@pytest.mark.parametrize("engine", [*FAST, ENGINES["reference", 300]], **BY_NAME)
@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_is_refused_at_once(engine, bomb):
    begun = time.monotonic()
    with pytest.raises(GrammarTooLarge):
        engine.matcher(bomb)
    assert time.monotonic() - begun < 2


EXPANDING = {
    "pattern": {"type": "string", "pattern": "^((a{1,1000}){1,1000}){1,1000}$"},
    "items": {"type": "array", "items": {"type": "integer"}, "minItems": 10**8, "maxItems": 10**9},
    "length": {"type": "string", "minLength": 10**8},
    "itself": {"$ref": "#"},
    "doubling": {
        "$defs": {f"d{i}": {"type": "array", "prefixItems": [{"$ref": f"#/$defs/d{i + 1}"}] * 2} for i in range(30)} | {"d30": {}},
        "$ref": "#/$defs/d0",
    },
    "product": {"allOf": [{"oneOf": [{"properties": {f"p{i}{j}": {"type": "integer"}}} for j in range(6)]} for i in range(8)]},
    "another document": {"$ref": "http://127.0.0.1:9/schema"},
}


@pytest.mark.parametrize("engine", FAST, **BY_NAME)
@pytest.mark.parametrize("schema", EXPANDING.values(), ids=EXPANDING.keys())
def test_a_schema_that_would_expand_is_refused_or_read_lazily_and_never_hangs(engine, schema):
    begun = time.process_time()
    with contextlib.suppress(GrammarTooLarge, InvalidGrammar):
        assert engine.matcher(JsonSchema.of(schema)).mask().any()
    assert time.process_time() - begun < 3


def test_an_ambiguous_grammar_fails_with_a_typed_error_and_does_not_hang():
    engine = LlguidanceEngine(SMALL, Limits(step_seconds=0.01))
    matcher = engine.matcher(Lark('start: s\ns: s s | "a"'))
    begun = time.monotonic()
    with pytest.raises(MatcherFailed, match="ambiguous|gave up"):
        for _ in range(5000):
            matcher.consume(ord("a"))
    assert time.monotonic() - begun < 60


@pytest.mark.parametrize("engine", FAST, **BY_NAME)
def test_a_grammar_of_nothing_is_unsatisfiable(engine):
    with pytest.raises((Unsatisfiable, InvalidGrammar)):
        engine.matcher(Regex(r"[^\x00-\U0010ffff]"))


@pytest.mark.parametrize("text", ['start: "a" start', 'start: a | b\na: "x" b\nb: "y" a "z"?', 'start: "(" (start | "[" start "]")+ ")"'])
@pytest.mark.parametrize("kind", [LlguidanceEngine, ReferenceEngine])
def test_a_grammar_whose_texts_never_end_is_unsatisfiable(kind, text):
    with pytest.raises(Unsatisfiable):
        ENGINES[kind.name, 300].matcher(Lark(text))


@pytest.mark.parametrize(
    "text", ['start: "a" start?', 'start: a\na: "x" a | b*\nb: b "y"', 'start: %json {"type": "integer"}', 'start: "a"' + ' "b"' * 9000]
)
def test_a_grammar_that_ends_or_is_not_read_is_let_through(text):
    assert ENGINES["llguidance", 300].matcher(Lark(text)).mask().any()


@pytest.mark.parametrize("kind", [LlguidanceEngine, OutlinesEngine, ReferenceEngine])
def test_only_so_many_compiled_grammars_are_kept_and_the_others_compile_again(kind):
    engine = kind(SMALL, Limits(kept_grammars=3))
    for _ in range(2):
        for count in range(1, 9):
            assert engine.matcher(Regex(f"a{{{count}}}")).allows(b"a" * 10) == count
    kept = engine._bnf if kind is ReferenceEngine else engine._compiled
    assert kept.cache_info().currsize == 3


def test_an_engine_without_context_free_grammars_says_so():
    with pytest.raises(CapabilityMissing, match="llguidance"):
        ENGINES["outlines-core", 300].matcher(SUM)


def test_json_has_no_white_space_between_its_tokens():
    for engine in FAST:
        matcher = engine.matcher(PERSON, exact=True)
        for token in SMALL.encode('{"name":"Ada","age":36}'):
            matcher.consume(token)
        assert matcher.accepting
        matcher.reset()
        matcher.consume(ord("{"))
        with pytest.raises(TokenRefused, match="not allowed"):
            matcher.consume(ord(" "))


def test_types_of_outlines_are_taken_as_grammars():
    outlines = pytest.importorskip("outlines.types", reason="outlines is not installed")
    assert as_grammar(outlines.Regex("a+")) == Regex("a+")
    assert as_grammar(outlines.CFG('start: "a"')) == Lark('start: "a"')
    assert json.loads(as_grammar(outlines.JsonSchema({"type": "integer"})).schema) == {"type": "integer"}


def test_anything_else_is_no_grammar():
    with pytest.raises(InvalidGrammar, match="int"):
        as_grammar(3)
    assert len({digest(Regex("a")), digest(Lark("a")), digest(JsonSchema("a"))}) == 3
