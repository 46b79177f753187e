"""Problems told by their structure: JSON with macros for grids and rows, whose facts are written out here.

The many facts that say which places touch are what models leave out most: of GPT-4's 42 unsolved answers to the prompt of LLM+P
(Liu et al. 2023, arXiv 2304.11477), 32 had none of them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from eudoxus.planners.pddl.conditions import parse_condition
from eudoxus.planners.pddl.errors import PddlError
from eudoxus.planners.pddl.formulas import And, Atom, Condition, Typed
from eudoxus.planners.pddl.model import ROOT, TOTAL_COST, Domain, Problem
from eudoxus.planners.pddl.parse import parse_initial
from eudoxus.planners.pddl.reader import LARGEST_TEXT, Node, read

MOST_FACTS = 50_000
"""Objects and facts that the macros of one problem may make."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_PLACE = re.compile(r"\{([a-z]*)\}")
Count = Annotated[int, Field(ge=1, le=10_000)]
Number = Annotated[int, Field(ge=-10_000, le=10_000)]


class Grid(BaseModel):
    """Places in rows and columns, each tied to those that touch it on a side."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["grid4"]
    rows: Count
    cols: Count
    name: str
    """How a place is called, with ``{r}`` and ``{c}`` for its row and column: ``cell-{r}-{c}``."""
    type: str = ""
    """Empty: what the predicate takes in its first place."""
    first: Number | tuple[Number, Number] = 0
    """The number of the first row and column; two numbers where they differ."""
    pred: str = ""
    """Holds between every two places that touch, in both orders."""
    next_row: str = ""
    """``(NEXT_ROW a b)`` for every place b and the place a in the same column of the row after it."""
    previous_row: str = ""
    next_col: str = ""
    """``(NEXT_COL a b)`` for every place b and the place a in the same row of the column after it."""
    previous_col: str = ""
    without: tuple[str, ...] = ()
    """Places that are missing from the grid."""

    def expand(self) -> Iterator[str | Atom]:
        """The places (texts) and the facts (atoms), rows first."""
        row0, col0 = self.first if isinstance(self.first, tuple) else (self.first, self.first)
        missing = {name.lower() for name in self.without}
        names = {(r, c): _named(self.name, r=row0 + r, c=col0 + c)
                 for r, c in itertools.product(range(self.rows), range(self.cols))}
        places = {at: name for at, name in names.items() if name not in missing}
        yield from places.values()
        for (r, c), here in places.items():
            sides = ((1, 0, self.next_row), (-1, 0, self.previous_row), (0, 1, self.next_col), (0, -1, self.previous_col))
            for down, across, one_way in sides:
                there = places.get((r + down, c + across))
                if there is not None:
                    yield from ((name.lower(), *ends) for name, ends in ((self.pred, (here, there)), (one_way, (there, here))) if name)

    @property
    def predicates(self) -> list[str]:
        return [name.lower() for name in (self.pred, self.next_row, self.previous_row, self.next_col, self.previous_col) if name]

    @property
    def size(self) -> int:
        return self.rows * self.cols * (1 + 4 * len(self.predicates))


class Line(BaseModel):
    """Places or numbers in a row, each tied to the one after it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["line"]
    pred: str
    """``(PRED a b)`` for every member a and the member b after it."""
    count: Count
    name: str
    """How a member is called, with ``{i}`` for its number: ``n{i}``."""
    type: str = ""
    first: Number = 0
    both: bool = False
    """Also ``(PRED b a)``."""
    reverse: bool = False
    """``(PRED b a)`` instead of ``(PRED a b)``: the first argument comes after the second."""

    def expand(self) -> Iterator[str | Atom]:
        """The members (texts) and the facts (atoms)."""
        names = [_named(self.name, i=self.first + i) for i in range(self.count)]
        yield from names
        for a, b in itertools.pairwise(names):
            if not self.reverse:
                yield self.pred.lower(), a, b
            if self.both or self.reverse:
                yield self.pred.lower(), b, a

    @property
    def predicates(self) -> list[str]:
        return [self.pred.lower()]

    @property
    def size(self) -> int:
        return 3 * self.count


class _Structure(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "structured"
    domain: str = ""
    objects: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    init: tuple[str, ...] = ()
    goal: str | tuple[str, ...]
    macros: tuple[Annotated[Grid | Line, Field(discriminator="kind")], ...] = ()
    minimize: bool | None = None


def expand(text: str, domain: Domain) -> Problem:
    """The problem that a JSON object ``{objects, init, goal, macros}`` tells, all facts written out.

    ``objects`` gives names by type; ``init`` and ``goal`` are lists of PDDL expressions; ``macros`` are :class:`Grid` and :class:`Line`.
    Raises :class:`PddlError` naming the member and what was expected there.
    """
    if len(text) > LARGEST_TEXT:
        raise PddlError(f"the text is longer than {LARGEST_TEXT:,} characters")
    try:
        told = _Structure.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part not in ("grid4", "line"))
        raise PddlError(f"{where or 'the JSON'}: {first['msg']}, found {str(first['input'])[:60]!r}") from None
    if sum(macro.size for macro in told.macros) > MOST_FACTS:
        raise PddlError(f"macros: they make more than {MOST_FACTS:,} objects and facts")
    objects = {name.lower(): kind.lower() for kind, names in told.objects.items() for name in names}
    facts: dict[Atom, None] = {}
    for number, macro in enumerate(told.macros):
        kind = _kind(macro, domain, f"macros.{number}")
        for made in macro.expand():
            if isinstance(made, tuple):
                facts[made] = None
            else:
                objects.setdefault(made, kind)
    listed, values = parse_initial(_expressions(told.init, "init"), [])
    costs = domain.has_costs if told.minimize is None else told.minimize
    if costs and domain.function(TOTAL_COST[0]) and all(term != TOTAL_COST for term, _ in values):
        values.append((TOTAL_COST, 0.0))
    constants = {constant.name for constant in domain.constants}
    return Problem(told.name.lower(), told.domain.lower() or domain.name,
                   tuple(Typed(name, (kind,)) for name, kind in objects.items() if name not in constants),
                   tuple(dict.fromkeys((*facts, *listed))), _goal(told.goal), tuple(values), costs)


def _named(pattern: str, **numbers: int) -> str:
    """``pattern`` with its places filled; an unknown place stays and makes the name invalid."""
    return _PLACE.sub(lambda place: str(numbers.get(place[1], place[0])), pattern).lower()


def _kind(macro: Grid | Line, domain: Domain, where: str) -> str:
    """The type of what a macro makes. Raises :class:`PddlError` for names that are none, and predicates that do not tie two things."""
    made = [name for name in macro.expand() if isinstance(name, str)]
    wrong = next((name for name in made if not _NAME.fullmatch(name)), None)
    if wrong is not None or len(set(made)) < len(made):
        places = "{r} and {c}, such as cell-{r}-{c}" if isinstance(macro, Grid) else "{i}, such as n{i}"
        raise PddlError(f"{where}.name: expected a pattern with {places}, found {macro.name[:60]!r}, which gives "
                        f"{'one name for all' if wrong is None else wrong[:60]!r}")
    if not macro.predicates:
        raise PddlError(f"{where}: expected pred, next_row, previous_row, next_col or previous_col, each a predicate's name; found none")
    types: tuple[str, ...] = ()
    for name in macro.predicates:
        declared = domain.predicate(name)
        if declared is None or declared.arity != 2:
            two = ", ".join(p.name for p in domain.predicates if p.arity == 2) or "none"
            raise PddlError(f"{where}: expected a predicate of two places ({two}), found {name!r}")
        types = types or declared.places[0].types
    return macro.type.lower() or (types[0] if types else ROOT)


def _expressions(texts: Sequence[str], where: str) -> list[Node]:
    nodes: list[Node] = []
    for number, text in enumerate(texts):
        try:
            nodes.append(read(text))
        except PddlError as error:
            raise PddlError(f"{where}.{number}: {error.reason}, in {text[:60]!r}") from None
    return nodes


def _goal(said: str | Sequence[str]) -> Condition:
    parts = tuple(parse_condition(node) for node in _expressions([said] if isinstance(said, str) else said, "goal"))
    return parts[0] if isinstance(said, str) else And(parts)


def macros_schema() -> Mapping[str, object]:
    """The JSON schema of what :func:`expand` reads, for endpoints that constrain their output."""
    return _Structure.model_json_schema()
