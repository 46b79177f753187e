"""Who needs whom to be implemented and tested: the call graph, its strongly connected components, and their order (§2.2 and §2.3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from eudoxus.agents.code.parsel.language import Program

Graph = Mapping[str, tuple[str, ...]]
"""For each function those that it depends on."""


def calls(program: Program) -> dict[str, tuple[str, ...]]:
    """For each function those that it may call."""
    return {name: function.uses for name, function in program.functions.items()}


def dependencies(program: Program, *, tested: Iterable[str] = ()) -> dict[str, tuple[str, ...]]:
    """The calls, and besides from each helper without constraints to the function it helps, since only that one's constraints test it.

    ``tested`` are functions without constraints that have other tests, and so can stand alone.
    """
    graph = {name: list(uses) for name, uses in calls(program).items()}
    alone = set(tested)
    for name, function in program.functions.items():
        for child in function.children:
            if not program.functions[child].constraints and child not in alone:
                graph[child].append(name)
    return {name: tuple(uses) for name, uses in graph.items()}


def components(graph: Graph) -> list[tuple[str, ...]]:
    """The strongly connected components, those that others depend on first; in each the functions in the order of the program.

    Tarjan's algorithm (1972) without recursion: programs may be nested as deep as they are long.
    """
    index, low = dict[str, int](), dict[str, int]()
    path, on_path = list[str](), set[str]()
    found: list[tuple[str, ...]] = []
    place = {name: at for at, name in enumerate(graph)}
    for start in graph:
        if start in index:
            continue
        work = [(start, iter(graph[start]))]
        index[start] = low[start] = len(index)
        path.append(start)
        on_path.add(start)
        while work:
            name, rest = work[-1]
            following = next((other for other in rest if other not in index or other in on_path), None)
            if following is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[name])
                if low[name] == index[name]:
                    members = path[path.index(name) if path[-1] != name else -1 :]
                    on_path.difference_update(members)
                    del path[-len(members) :]
                    found.append(tuple(sorted(members, key=place.__getitem__)))
            elif following in index:
                low[name] = min(low[name], index[following])
            else:
                index[following] = low[following] = len(index)
                path.append(following)
                on_path.add(following)
                work.append((following, iter(graph[following])))
    return found


def reachable(graph: Graph, start: Iterable[str]) -> set[str]:
    """Everything that ``start`` depends on, itself included."""
    found, todo = set[str](), list(start)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += graph.get(name, ())
    return found


def written_order(program: Program) -> list[str]:
    """The functions as a program lists them: helpers first, the root last."""
    order = [name for component in components(calls(program)) for name in reversed(component)]
    return [name for name in order if name != program.root.name] + [program.root.name]
