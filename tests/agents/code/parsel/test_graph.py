"""Call graph, components, and their order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eudoxus.agents.code.parsel.graph import calls, components, dependencies, reachable, written_order
from eudoxus.agents.code.parsel.parse import parse

EVEN = '''
main(n: int) -> str: even or odd
main(2) -> 'even'
  even(n: int) -> bool: whether n is even
  even(2) -> True
    odd(n: int) -> bool: whether n is odd
    odd(3) -> True
      even
  shout(text: str) -> str: in capitals
  shout('a') -> 'A'
'''


def test_mutual_recursion_is_one_component_and_comes_before_its_callers():
    program = parse(EVEN)
    assert calls(program) == {"main": ("even", "shout"), "even": ("odd",), "odd": ("even",), "shout": ()}
    assert components(dependencies(program)) == [("even", "odd"), ("shout",), ("main",)]
    assert written_order(program) == ["odd", "even", "shout", "main"]


def test_a_helper_without_constraints_belongs_to_the_function_that_tests_it():
    program = parse(EVEN.replace("  shout('a') -> 'A'\n", ""))
    assert components(dependencies(program)) == [("even", "odd"), ("main", "shout")]
    assert components(dependencies(program, tested=["shout"])) == [("even", "odd"), ("shout",), ("main",)]


def test_untested_chains_hang_together_up_to_the_first_constraint():
    program = parse("a(x): d\n1 -> 1\n  b(x): d\n    c(x): d\n    1 -> 1\n      e(x): d\n  f(x): d\n  1 -> 1\n")
    assert components(dependencies(program)) == [("c", "e"), ("a", "b"), ("f",)] or \
        components(dependencies(program)) == [("c", "e"), ("f",), ("a", "b")]


def test_a_self_loop_is_a_component_of_one():
    assert components(dependencies(parse("f(x): d\n  f\n"))) == [("f",)]


@pytest.mark.parametrize(("graph", "expected"), [
    ({"a": ("b",), "b": ("c",), "c": ("a",)}, [("a", "b", "c")]),
    ({"a": ("b",), "b": ("a", "c"), "c": ("d",), "d": ("c",)}, [("c", "d"), ("a", "b")]),
    ({"a": (), "b": (), "c": ("a", "b")}, [("a",), ("b",), ("c",)]),
])
def test_components_of_small_graphs(graph, expected):
    assert components(graph) == expected


NODES = [f"n{at}" for at in range(8)]


@given(st.fixed_dictionaries({name: st.lists(st.sampled_from(NODES), max_size=3).map(tuple) for name in NODES}))
def test_components_are_mutual_reachability_in_an_order_that_respects_dependencies(graph):
    found = components(graph)
    assert sorted(name for members in found for name in members) == sorted(graph)
    done: set[str] = set()
    for members in found:
        done |= set(members)
        for name in members:
            assert set(members) == {other for other in graph if other in reachable(graph, [name]) and name in reachable(graph, [other])}
            assert reachable(graph, [name]) <= done
