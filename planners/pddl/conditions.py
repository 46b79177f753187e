"""From expressions to typed lists, conditions and effects. Nesting is bounded by the reader."""

from __future__ import annotations

from collections.abc import Sequence

from eudoxus.planners.pddl.errors import PddlError, UnsupportedPddl
from eudoxus.planners.pddl.formulas import (
    And,
    Atom,
    Condition,
    Costs,
    Effect,
    Equal,
    Every,
    ForEach,
    Holds,
    Makes,
    Not,
    Or,
    Some,
    Typed,
    When,
)
from eudoxus.planners.pddl.reader import Group, Node, Word, brief


def parse_typed(items: Sequence[Node], *, variables: bool = False) -> tuple[Typed, ...]:
    """``a b - block c - (either x y) d``: names with their types; names without one are objects. ``?x-block`` is not split.

    Raises :class:`PddlError` for a group among the names, a ``-`` without a type or, with ``variables``, a name without ``?``.
    """
    done: list[Typed] = []
    waiting: list[str] = []
    position = 0
    while position < len(items):
        item = items[position]
        if isinstance(item, Group):
            raise PddlError(f"expected a name, found {brief(item)}", line=item.line, column=item.column)
        if item.text == "-":
            position += 1
            if position == len(items):
                raise PddlError("there is no type after '-'", line=item.line, column=item.column)
            types = _types(items[position])
            done += [Typed(name, types) for name in waiting]
            waiting = []
        elif variables and not item.text.startswith("?"):
            raise PddlError(f"expected a variable such as ?x, found {item.text!r}", line=item.line, column=item.column)
        else:
            waiting.append(item.text)
        position += 1
    return tuple(done) + tuple(Typed(name) for name in waiting)


def _types(node: Node) -> tuple[str, ...]:
    if isinstance(node, Word):
        return (node.text,)
    names = [item.text for item in node.items[1:] if isinstance(item, Word)]
    if node.head != "either" or not names or len(names) < len(node.items) - 1:
        raise PddlError(f"expected a type or (either TYPE …), found {brief(node)}", line=node.line, column=node.column)
    return tuple(names)


def parse_condition(node: Node) -> Condition:
    """A precondition or goal; ``()`` asks for nothing. Raises :class:`UnsupportedPddl` for preferences and numeric comparisons."""
    group = _group(node, "a condition")
    parts = group.items[1:]
    match group.head:
        case "":
            if group.items:
                raise PddlError(f"expected a condition, found {brief(group)}", line=group.line, column=group.column)
            return And()
        case "and":
            return And(tuple([parse_condition(part) for part in parts]))
        case "or":
            return Or(tuple([parse_condition(part) for part in parts]))
        case "not":
            return Not(parse_condition(_exactly(group, 1)[0]))
        case "imply":
            left, right = _exactly(group, 2)
            return Or((Not(parse_condition(left)), parse_condition(right)))
        case "forall" | "exists":
            variables, part = _exactly(group, 2)
            kind = Every if group.head == "forall" else Some
            return kind(_variables(variables), parse_condition(part))
        case "=":
            left, right = _exactly(group, 2)
            if isinstance(left, Word) and isinstance(right, Word):
                return Equal(left.text, right.text)
            raise UnsupportedPddl(f"the numeric comparison {brief(group)}", line=group.line, column=group.column)
        case "<" | ">" | "<=" | ">=":
            raise UnsupportedPddl(f"the numeric comparison {brief(group)}", line=group.line, column=group.column)
        case "preference" | "at-end" | "always" | "sometime" | "within" | "at-most-once" | "sometime-after" | "sometime-before":
            raise UnsupportedPddl(f"the construct {group.head!r}", line=group.line, column=group.column)
        case _:
            return Holds(_atom(group))


def parse_effects(node: Node) -> tuple[Effect, ...]:
    """The effects of an action; ``()`` changes nothing. Raises :class:`UnsupportedPddl` for numbers other than the total cost."""
    group = _group(node, "an effect")
    parts = group.items[1:]
    match group.head:
        case "":
            if group.items:
                raise PddlError(f"expected an effect, found {brief(group)}", line=group.line, column=group.column)
            return ()
        case "and":
            done: list[Effect] = []
            for part in parts:
                done += parse_effects(part)
            return tuple(done)
        case "not":
            return (Makes(_atom(_group(_exactly(group, 1)[0], "an atom")), value=False),)
        case "when":
            condition, part = _exactly(group, 2)
            return (When(parse_condition(condition), parse_effects(part)),)
        case "forall":
            variables, part = _exactly(group, 2)
            return (ForEach(_variables(variables), parse_effects(part)),)
        case "increase":
            return (_costs(group),)
        case "decrease" | "assign" | "scale-up" | "scale-down" | "probabilistic" | "oneof":
            raise UnsupportedPddl(f"the effect {group.head!r}", line=group.line, column=group.column)
        case _:
            return (Makes(_atom(group)),)


def _costs(group: Group) -> Costs:
    what, amount = _exactly(group, 2)
    if str(what) not in ("(total-cost)", "total-cost"):
        raise UnsupportedPddl(f"increasing {brief(what)}, which is not (total-cost),", line=group.line, column=group.column)
    if isinstance(amount, Word):
        try:
            number = float(amount.text)
        except ValueError:
            number = -1.0
        if not 0 <= number < float("inf"):
            raise PddlError(f"expected a cost of 0 or more, found {amount.text!r}", line=amount.line, column=amount.column)
        return Costs(number)
    if amount.head in ("+", "-", "*", "/"):
        raise UnsupportedPddl(f"the computed cost {brief(amount)}", line=amount.line, column=amount.column)
    return Costs(_atom(amount))


def _variables(node: Node) -> tuple[Typed, ...]:
    return parse_typed(_group(node, "variables").items, variables=True)


def _group(node: Node, wanted: str) -> Group:
    if isinstance(node, Word):
        raise PddlError(f"expected {wanted} in parentheses, found {node.text!r}", line=node.line, column=node.column)
    return node


def _exactly(group: Group, count: int) -> tuple[Node, ...]:
    parts = group.items[1:]
    if len(parts) != count:
        raise PddlError(f"{group.head!r} takes {count}, found {len(parts)}: {brief(group)}", line=group.line, column=group.column)
    return parts


def _atom(group: Group) -> Atom:
    words = [item.text for item in group.items if isinstance(item, Word)]
    if not words or len(words) < len(group.items):
        raise PddlError(f"expected an atom such as (on a b), found {brief(group)}", line=group.line, column=group.column)
    return tuple(words)
