"""The path syntax and its JSON form."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from eudoxus.runtime import NoParams, Params, Registry, Result, StrategySpec, parse_spec, strategy
from eudoxus.runtime.errors import InvalidParams, SpecError, UnknownStrategy
from eudoxus.runtime.spec import ModelRef, Spec


class Draws(Params):
    n: int = 4
    temperature: float | None = 0.8
    label: str = ""
    flags: tuple[bool, ...] = ()


class Parts(Params):
    positional = "strategies"
    strategies: tuple[StrategySpec, ...] = ()
    k: int | None = None


class Ways(Params):
    named = "routes"
    routes: dict[str, StrategySpec] = Field(default_factory=dict)


@strategy("best_of_n")
async def best_of_n(task: Any, params: Draws, ctx: Any) -> Result: ...


@strategy("direct")
async def direct(task: Any, params: NoParams, ctx: Any) -> Result: ...


@strategy("vote")
async def vote(task: Any, params: Parts, ctx: Any) -> Result: ...


@strategy("route")
async def route(task: Any, params: Ways, ctx: Any) -> Result: ...


REGISTRY = Registry([best_of_n, direct, vote, route], presets={"cheap": "best_of_n(n=2)", "house": "direct/openai:gpt"})


def read(text: str) -> Spec:
    return parse_spec(text, REGISTRY)


def test_each_head_applies_to_everything_right_of_it():
    assert read("best_of_n(n=8)/direct/vllm:org/name") == StrategySpec(
        strategy="best_of_n", params={"n": 8},
        model=StrategySpec(strategy="direct", model=ModelRef(endpoint="vllm", name="org/name")),
    )


def test_a_parameter_that_is_null_stays_null():
    spec = read("best_of_n(temperature=null)/openai:m")
    assert spec.plain()["params"] == {"temperature": None}  # not 0.8, which stands where nothing is said
    assert parse_spec(spec.plain(), REGISTRY) == spec


@pytest.mark.parametrize(("text", "leaf"), [
    ("openai:gpt-4o-mini", ModelRef(endpoint="openai", name="gpt-4o-mini")),
    ("ollama:llama3:8b", ModelRef(endpoint="ollama", name="llama3:8b")),
    ("gpt-4o-mini", ModelRef(name="gpt-4o-mini")),
    ("org/name", ModelRef(name="org/name")),
    ("raw/llama3:8b", ModelRef(name="llama3:8b")),
    ("raw/direct", ModelRef(name="direct")),
])
def test_what_is_no_strategy_is_a_model(text: str, leaf: ModelRef):
    assert read(text) == leaf


def test_arguments_without_a_name_go_to_the_positional_field_and_unknown_names_to_the_named_one():
    assert read("vote(best_of_n(n=2)/direct, direct, k=2)/a:b") == read(
        'vote(strategies=[best_of_n(n=2)/direct, direct], k=2)/a:b')
    assert read("route(code=best_of_n(n=2), other=direct)") == read('route(routes={"code": best_of_n(n=2), "other": direct})')


def test_a_preset_stands_for_its_specification():
    assert read("cheap/openai:gpt") == read("best_of_n(n=2)/openai:gpt")
    assert read("vote(cheap, direct)/house") == read("vote(best_of_n(n=2), direct)/direct/openai:gpt")


@pytest.mark.parametrize(("text", "error", "says", "column"), [
    ("best_of/openai:gpt-4o-mini", UnknownStrategy, "did you mean 'best_of_n'", 0),
    ("direct/best_of/openai:gpt", UnknownStrategy, "best_of_n", 7),
    ("vote(direct, nope(n=1))/a:b", UnknownStrategy, "nope", 13),
    ("best_of_n(n=1", SpecError, "')' is missing", 13),
    ("best_of_n(3)/x", SpecError, "by name", 10),
    ("best_of_n(n=1, n=2)/x", SpecError, "given twice", 15),
    ("direct/", SpecError, "missing after '/'", 7),
    (":gpt", SpecError, "endpoint:model", 0),
    ("best_of_n(n=)/x", SpecError, "a value is missing", 12),
    ("vote([direct)", SpecError, "expected ',' or ']'", 12),
    ("direct\x00/a:b", SpecError, "control character", 6),
])
def test_a_malformed_path_is_refused_with_a_caret_at_the_column(text: str, error: type[SpecError], says: str, column: int):
    with pytest.raises(error) as caught:
        read(text)
    shown, caret = str(caught.value).split("\n")
    assert says in caret
    assert shown == text
    assert caret.index("^") == column


@pytest.mark.parametrize(("text", "says"), [
    ("best_of_n(m=1)/a:b", "no parameter 'm'"),
    ("best_of_n(n=many)/a:b", "n='many'"),
    ("best_of_n(temperatur=1)/a:b", "did you mean temperature"),
])
def test_a_wrong_parameter_is_named_with_its_value(text: str, says: str):
    with pytest.raises(InvalidParams, match=says):
        read(text)


def test_nesting_and_length_are_limited():
    with pytest.raises(SpecError, match="deep"):
        read("/".join(["direct"] * 12) + "/a:b")
    with pytest.raises(SpecError, match="deep"):
        read("vote(" * 40 + "direct" + ")" * 40)
    with pytest.raises(SpecError, match="deep"):
        read("best_of_n(label=" + "[" * 300)
    with pytest.raises(SpecError, match="at most"):
        read("d" * 5000)


@pytest.mark.parametrize("said", [{"strategy": "direct", "model": 3}, {"strategy": 3}, {"stratgy": "direct"}, {"name": ["x"]}, {}])
def test_a_malformed_json_form_is_refused(said: dict[str, Any]):
    with pytest.raises(SpecError):
        parse_spec(said, REGISTRY)


names = st.text("abcdefghij-./_0123456789", min_size=1, max_size=12).filter(lambda s: not s.startswith("/"))
leaves = st.builds(ModelRef, endpoint=st.sampled_from(["openai", "vllm"]), name=names)
draws = st.fixed_dictionaries({}, optional={
    "n": st.integers(1, 10**6), "temperature": st.none() | st.floats(0, 2), "label": st.text(max_size=20).filter(str.isprintable),
    "flags": st.lists(st.booleans(), max_size=3)})


def specs(model: st.SearchStrategy[Any], depth: int) -> st.SearchStrategy[StrategySpec]:
    plain = st.builds(StrategySpec, strategy=st.just("best_of_n"), params=draws, model=model)
    if depth == 0:
        return plain
    inner = specs(st.none(), depth - 1).map(StrategySpec.plain)
    votes = st.builds(StrategySpec, strategy=st.just("vote"), model=model, params=st.fixed_dictionaries(
        {"strategies": st.lists(inner, max_size=3)}, optional={"k": st.none() | st.integers(1, 9)}))
    ways = st.builds(StrategySpec, strategy=st.just("route"), model=model, params=st.fixed_dictionaries(
        {"routes": st.dictionaries(st.text(max_size=5).filter(str.isprintable), inner, max_size=3)}))
    return plain | votes | ways


@given(specs(leaves, 2))
def test_path_and_json_form_round_trip(spec: StrategySpec):
    whole = parse_spec(spec.plain(), REGISTRY)
    assert whole.plain() == spec.plain()
    if len(str(whole)) <= 1024:
        assert read(str(whole)) == whole


@given(st.text("abdeirct_ofn()=/,:[]{}\" 019.vr", max_size=40))
def test_any_text_is_read_or_refused_with_a_spec_error(text: str):
    try:
        spec = read(text)
    except (SpecError, InvalidParams):
        return
    assert read(str(spec)) == spec
