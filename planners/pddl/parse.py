"""From text to domains and problems: lenient in form, exact in what it refuses.

Supported: STRIPS, types with ``either``, negative and disjunctive conditions, equality, quantifiers, conditional effects and action costs.
Anything else gives :class:`UnsupportedPddl` with the construct and its place. Missing ``:requirements`` are no error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import MappingProxyType

from eudoxus.planners.pddl.conditions import parse_condition, parse_effects, parse_typed
from eudoxus.planners.pddl.errors import PddlError, UnsupportedPddl
from eudoxus.planners.pddl.formulas import And, Atom, Condition, Effect, Typed
from eudoxus.planners.pddl.model import TOTAL_COST, Action, Domain, Predicate, Problem
from eudoxus.planners.pddl.reader import Group, Node, Word, brief, read

_UNSUPPORTED_SECTIONS = {
    ":durative-action": "a durative action", ":derived": "a derived predicate", ":process": "a process", ":event": "an event",
    ":constraints": "a section of trajectory constraints", ":axiom": "an axiom",
}


def parse_domain(text: str) -> Domain:
    """The domain that ``text`` defines. Raises :class:`PddlError` naming line and column."""
    name, sections = _definition(read(text), "domain")
    found: dict[str, list[Group]] = {}
    for section in sections:
        if section.head in _UNSUPPORTED_SECTIONS:
            raise UnsupportedPddl(f"{_UNSUPPORTED_SECTIONS[section.head]} ({section.head})", line=section.line, column=section.column)
        if section.head not in (":requirements", ":types", ":constants", ":predicates", ":functions", ":action"):
            raise PddlError(f"a domain has no section {section.head or brief(section)!r}", line=section.line, column=section.column)
        found.setdefault(section.head, []).append(section)

    def all_of(head: str, read_items: Callable[[Sequence[Node]], Sequence[Typed]]) -> list[Typed]:
        return [item for section in found.get(head, ()) for item in read_items(section.items[1:])]

    types: dict[str, tuple[str, ...]] = {}
    for declared in all_of(":types", parse_typed):
        types[declared.name] = tuple(dict.fromkeys((*types.get(declared.name, ()), *declared.types)))
    return Domain(
        name=name,
        requirements=tuple(_word(item) for section in found.get(":requirements", ()) for item in section.items[1:]),
        types=MappingProxyType(types),
        constants=tuple(all_of(":constants", parse_typed)),
        predicates=tuple(_predicate(item) for section in found.get(":predicates", ()) for item in section.items[1:]),
        functions=tuple(_functions(found.get(":functions", ()))),
        actions=tuple(_action(section) for section in found.get(":action", ())),
    )


def parse_problem(text: str, changes: list[str] | None = None) -> Problem:
    """The problem that ``text`` defines. What is read otherwise than it stands is told in ``changes``.

    Raises :class:`PddlError` naming line and column, also when ``:init`` or ``:goal`` is missing.
    """
    root = read(text)
    name, sections = _definition(root, "problem")
    said = changes if changes is not None else []
    domain, objects, goal, minimize = "", list[Typed](), None, False
    init: list[Node] = []
    seen: set[str] = set()
    for section in sections:
        match section.head:
            case ":domain":
                domain = _only_word(section)
            case ":requirements" | ":length":
                pass
            case ":objects":
                objects += parse_typed(section.items[1:])
            case ":init":
                init += _facts(section.items[1:], said)
            case ":goal":
                goal = _goal(section, said if goal is None else None)
            case ":metric":
                minimize = _metric(section)
            case head if head in _UNSUPPORTED_SECTIONS:
                raise UnsupportedPddl(f"{_UNSUPPORTED_SECTIONS[head]} ({head})", line=section.line, column=section.column)
            case _:
                raise PddlError(f"a problem has no section {section.head or brief(section)!r}", line=section.line, column=section.column)
        seen.add(section.head)
    for needed in (":init", ":goal"):
        if needed not in seen:
            raise PddlError(f"the problem has no {needed} section", line=root.line, column=root.column)
    facts, values = parse_initial(init, said)
    denied = tuple(fact for node in init for fact in _denied(node))
    return Problem(name, domain, tuple(objects), tuple(facts), goal if goal is not None else And(), tuple(values), minimize, denied)


def _definition(root: Group, kind: str) -> tuple[str, list[Group]]:
    """The name and the sections of ``(define (kind name) section…)``."""
    if root.head != "define":
        raise PddlError(f"expected (define ({kind} …) …), found {brief(root)}", line=root.line, column=root.column)
    title = root.items[1] if len(root.items) > 1 else root
    if not isinstance(title, Group) or title.head != kind:
        raise PddlError(f"expected ({kind} NAME) after 'define', found {brief(title)}", line=title.line, column=title.column)
    sections = []
    for item in root.items[2:]:
        if not isinstance(item, Group):
            raise PddlError(f"expected a section in parentheses, found {item.text!r}", line=item.line, column=item.column)
        sections.append(item)
    return _only_word(title), sections


def _predicate(node: Node) -> Predicate:
    if not isinstance(node, Group) or not node.head:
        raise PddlError(f"expected a predicate such as (on ?x ?y), found {brief(node)}", line=node.line, column=node.column)
    return Predicate(node.head, parse_typed(node.items[1:]))


def _functions(sections: Sequence[Group]) -> Iterator[Predicate]:
    for section in sections:
        items = iter(section.items[1:])
        for item in items:
            if isinstance(item, Word) and item.text == "-":
                next(items, None)  # the type of the functions before it, which can only be "number"
            else:
                yield _predicate(item)


def _action(section: Group) -> Action:
    if len(section.items) < 2 or not isinstance(section.items[1], Word) or section.items[1].text.startswith(":"):
        raise PddlError("this action has no name", line=section.line, column=section.column)
    name = section.items[1].text
    parameters: tuple[Typed, ...] = ()
    precondition: Condition = And()
    effects: tuple[Effect, ...] = ()
    rest = section.items[2:]
    for position in range(0, len(rest), 2):
        keyword = rest[position]
        if position + 1 == len(rest) or not isinstance(keyword, Word):
            reason = f"action {name}: expected a keyword and a value, found {brief(keyword)}"
            raise PddlError(reason, line=keyword.line, column=keyword.column)
        value = rest[position + 1]
        match keyword.text:
            case ":parameters":
                if not isinstance(value, Group):
                    raise PddlError(f"action {name}: expected parameters in parentheses", line=value.line, column=value.column)
                parameters = parse_typed(value.items, variables=True)
            case ":precondition":
                precondition = parse_condition(value)
            case ":effect":
                effects = parse_effects(value)
            case other:
                raise PddlError(f"an action has no {other!r}", line=keyword.line, column=keyword.column)
    return Action(name, parameters, precondition, effects)


def _goal(section: Group, changes: list[str] | None) -> Condition:
    if changes is None:
        raise PddlError("there is a second :goal section", line=section.line, column=section.column)
    parts = [parse_condition(item) for item in section.items[1:]]
    if len(parts) > 1:
        changes.append("joined the parts of the goal by 'and'")
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def _metric(section: Group) -> bool:
    said = [brief(item) for item in section.items[1:]]
    if said not in (["minimize", "(total-cost)"], ["minimize", "total-cost"]):
        raise UnsupportedPddl(f"the metric {brief(section)}", line=section.line, column=section.column)
    return True


def _facts(items: Sequence[Node], changes: list[str]) -> list[Node]:
    """The facts of an ``:init`` section, out of an ``and`` that some writers put around them."""
    if len(items) == 1 and isinstance(items[0], Group) and items[0].head == "and":
        changes.append("took the initial facts out of an 'and'")
        return list(items[0].items[1:])
    return list(items)


def parse_initial(nodes: Sequence[Node], changes: list[str]) -> tuple[list[Atom], list[tuple[Atom, float]]]:
    """The initial facts and the initial values of functions. What is read otherwise than it stands is told in ``changes``."""
    facts: list[Atom] = []
    values: list[tuple[Atom, float]] = []
    for node in nodes:
        if not isinstance(node, Group) or not node.head:
            raise PddlError(f"expected a fact in parentheses, found {brief(node)}", line=node.line, column=node.column)
        if node.head == "=":
            values.append(_value(node))
        elif node.head == "not":
            changes.append(f"dropped {brief(node)} from the initial facts: what is not listed is false")
        elif node.head in ("and", "or", "forall", "exists", "imply", "when", "oneof"):
            raise PddlError(f"initial facts are listed one by one; found {brief(node)}", line=node.line, column=node.column)
        elif node.head == "at" and len(node.items) == 3 and isinstance(node.items[2], Group):
            raise UnsupportedPddl(f"the timed initial fact {brief(node)}", line=node.line, column=node.column)
        else:
            facts.append(tuple(_word(item) for item in node.items))
    return facts, values


def _denied(node: Node) -> Iterator[Atom]:
    """The atom of ``(not (on a b))``; nothing for anything else."""
    if isinstance(node, Group) and node.head == "not" and len(node.items) == 2 and isinstance(node.items[1], Group):
        words = tuple(item.text for item in node.items[1].items if isinstance(item, Word))
        if words and len(words) == len(node.items[1].items):
            yield words


def _value(node: Group) -> tuple[Atom, float]:
    """``(= (distance a b) 5)``."""
    if len(node.items) == 3 and isinstance(node.items[2], Word):
        term, number = node.items[1], node.items[2]
        try:
            amount = float(number.text)
        except ValueError:
            amount = float("nan")
        if amount == amount and abs(amount) != float("inf"):
            return (TOTAL_COST if isinstance(term, Word) and term.text == TOTAL_COST[0] else _atom(term)), amount
    raise PddlError(f"expected (= (FUNCTION …) NUMBER), found {brief(node)}", line=node.line, column=node.column)


def _atom(node: Node) -> Atom:
    if not isinstance(node, Group) or not node.head:
        raise PddlError(f"expected a term in parentheses, found {brief(node)}", line=node.line, column=node.column)
    return tuple(_word(item) for item in node.items)


def _only_word(section: Group) -> str:
    if len(section.items) != 2:
        raise PddlError(f"expected ({section.head} NAME), found {brief(section)}", line=section.line, column=section.column)
    return _word(section.items[1])


def _word(node: Node) -> str:
    if isinstance(node, Group):
        raise PddlError(f"expected a name, found {brief(node)}", line=node.line, column=node.column)
    return node.text
