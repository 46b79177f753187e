"""Reading Parsel text: all errors at once, each with line and column."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field, replace

from eudoxus.agents.code.parsel.language import NAME, Argument, Constraint, Function, ParselError, Program
from eudoxus.agents.code.parsel.lines import Line, closing, divided, outside, pieces

MOST_ERRORS = 50
"""After as many the rest is not read."""
MOST_NEAR = 500
"""Functions that are looked through for a similar name."""

_EXPECTED = (
    "expected a definition such as 'double(n: int) -> int: twice n', a constraint such as '2 -> 4', or the name of a function in scope"
)


def parse(text: str) -> Program:
    """The program. Raises :class:`ParselError`, the first of :func:`read`."""
    program, errors = read(text)
    if errors:
        raise errors[0]
    assert program is not None
    return program


def read(text: str) -> tuple[Program | None, list[ParselError]]:
    """The program and what is wrong with it, in the order of the lines; no program unless there is nothing wrong. Raises nothing."""
    reading = _Reading()
    try:
        reading.header, lines = divided(text)
    except ParselError as error:
        return None, [error]
    for line in lines:
        try:
            reading.take(line)
        except ParselError as error:
            reading.errors.append(error)
        if reading.wrong >= MOST_ERRORS:
            return None, [*reading.end()[1], ParselError(f"there are {MOST_ERRORS} errors, the rest was not read")]
    return reading.end()


@dataclass(slots=True)
class _Open:
    """A definition that further lines may belong to."""

    name: str
    indent: int
    known: set[str] = field(default_factory=set)
    """Its children so far."""


class _Reading:
    """The functions read so far, and the branch of the tree that the next line may belong to."""

    def __init__(self) -> None:
        self.header = ""
        self.errors: list[ParselError] = []
        self._functions: dict[str, Function] = {}
        self._branch: list[_Open] = []
        self._later: list[tuple[Line, str]] = []
        """References that were out of scope where they stand; the reason is known at the end."""
        self._blank = ""

    @property
    def wrong(self) -> int:
        return len(self.errors) + len(self._later)

    def take(self, line: Line) -> None:
        """Read one line. Raises :class:`ParselError`."""
        indent = self._indent(line)
        if NAME.fullmatch(line.text):
            self._refer(line, indent)
            return
        arrow, colon = -1, -1
        for at, sign in outside(line, ("->", ":"), stop=":"):
            colon = at if sign == ":" else -1
            arrow = at if sign == "->" and arrow < 0 else arrow
        if colon >= 0:
            self._define(line, indent, colon)
        elif arrow >= 0:
            self._constrain(line, indent, arrow)
        else:
            raise line.error(_EXPECTED)

    def end(self) -> tuple[Program | None, list[ParselError]]:
        for line, name in self._later:
            self.errors.append(line.error(self._missing(name)))
        if not self._functions and not self.errors:
            self.errors.append(ParselError("there is no definition: a program has one, with its helpers indented below it"))
        self.errors.sort(key=lambda error: (error.line or 1 << 30, error.column))
        return (None if self.errors else Program(self._functions, self.header)), self.errors

    def _indent(self, line: Line) -> int:
        """How deep the line stands. Raises :class:`ParselError` where tabs and blanks are mixed."""
        kind = "".join(sorted(set(line.indent)))
        if kind and not self._blank:
            self._blank = kind
        if kind and (len(kind) > 1 or kind != self._blank):
            raise ParselError("tabs and blanks are mixed in indentations; use blanks", line=line.number, column=1)
        return len(line.indent)

    def _level(self, line: Line, indent: int) -> None:
        """Leave the definitions that end before this line. Raises :class:`ParselError` where it goes back to no earlier level."""
        levels = [open.indent for open in self._branch]
        if self._branch and indent <= levels[-1]:
            if indent not in levels:
                raise line.error(f"the indentation of {indent} is none of the earlier ones: {', '.join(map(str, levels))}")
            del self._branch[levels.index(indent) :]

    def _define(self, line: Line, indent: int, colon: int) -> None:
        function = _definition(line, colon)
        earlier = self._functions.get(function.name)
        if earlier is not None:
            raise line.error(f"{function.name} is defined already, in line {earlier.line}")
        self._level(line, indent)
        if self._functions and not self._branch:
            root = next(iter(self._functions.values()))
            raise line.error(
                f"a second root beside {root.name} of line {root.line}; indent {function.name} below the function that uses it")
        if self._branch:
            parent = self._branch[-1]
            parent.known.add(function.name)
            known = self._functions[parent.name]
            self._functions[parent.name] = replace(known, children=(*known.children, function.name))
        self._functions[function.name] = function
        self._branch.append(_Open(function.name, indent))

    def _constrain(self, line: Line, indent: int, arrow: int) -> None:
        open = next((open for open in self._branch if open.indent == indent), None)
        if open is None:
            above = self._branch[-1] if self._branch else None
            hint = f"; that of {above.name} is {above.indent}" if above else ""
            raise line.error(f"no definition stands at the indentation of {indent} for this constraint to belong to{hint}")
        function = self._functions[open.name]
        second = next((at for at, _ in outside(line, ("->",), arrow + 2)), None)
        if second is not None:
            raise line.error("a second -> in one constraint", second)
        expected = line.text[arrow + 2 :].strip()
        if not expected:
            raise line.error("a value is expected after ->", arrow)
        constraint = Constraint(_arguments(line, arrow, open.name), expected, *line.place(0))
        self._functions[open.name] = replace(function, constraints=(*function.constraints, constraint))

    def _refer(self, line: Line, indent: int) -> None:
        owners = [open for open in self._branch if open.indent < indent]
        if not owners:
            raise line.error(f"{line.text} stands below no function; {_EXPECTED}")
        owner = owners[-1]
        if not any(line.text == open.name or line.text in open.known for open in owners):
            self._later.append((line, line.text))
            return
        function = self._functions[owner.name]
        if line.text not in function.uses:
            self._functions[owner.name] = replace(function, references=(*function.references, line.text))

    def _missing(self, name: str) -> str:
        defined = self._functions.get(name)
        if defined is not None:
            return (f"{name} of line {defined.line} is not in scope here: a reference names the functions around it, or the helpers that "
                    "those have above it")
        near = difflib.get_close_matches(name, list(self._functions)[:MOST_NEAR], n=1)
        return f"no function is called {name}" + (f"; did you mean {near[0]}?" if near else "")


def _definition(line: Line, colon: int) -> Function:
    """The function that a line defines whose description begins behind ``colon``."""
    text = line.text
    name = NAME.match(text)
    if name is None:
        raise line.error("a definition begins with a name of letters, digits and _")
    opened = name.end() + len(text[name.end() :]) - len(text[name.end() :].lstrip())
    if text[opened : opened + 1] != "(":
        raise line.error(f"( is expected after {name[0]}, and the names of its arguments", opened)
    closed = closing(line, opened)
    after = text[closed + 1 : colon]
    returns: list[tuple[int, str]] = []
    if after.strip():
        arrow = closed + 1 + len(after) - len(after.lstrip())
        if not text.startswith("->", arrow):
            raise line.error("-> or : is expected after the arguments", arrow)
        returns = pieces(line, arrow + 2, colon)
        if not returns or not all(said for _, said in returns):
            raise line.error("a name or type of what is returned is expected after ->", arrow)
        second = next((at for at, _ in outside(line, ("->", ":"), arrow + 2, stop=":") if at < colon), None)
        if second is not None:
            raise line.error("a second -> before the description", second)
    description = text[colon + 1 :].strip()
    if not description:
        raise line.error(f"a description of {name[0]} is expected after the colon", colon)
    arguments = [_argument(line, at, said) for at, said in pieces(line, opened + 1, closed)]
    _check_arguments(line, arguments)
    return Function(name[0], description, tuple(a for _, a in arguments), tuple(said for _, said in returns), line=line.number)


def _argument(line: Line, at: int, said: str) -> tuple[int, Argument]:
    name = NAME.match(said)
    if name is None:
        raise line.error("an argument's name is expected", at)
    part = Line(line.number, line.indent, line.text[: at + len(said)], line.starts)
    signs = list(outside(part, (":", "="), at + name.end(), stop="="))
    colon = signs[0][0] if signs and signs[0][1] == ":" else None
    equal = signs[-1][0] if signs and signs[-1][1] == "=" else None
    end = at + len(said)
    head = line.text[at + name.end() : colon or equal or end].strip()
    if head or [sign for _, sign in signs].count(":") > 1:
        raise line.error(f"expected an argument such as {name[0]}, {name[0]}: int or {name[0]}: int = 0", at)
    type = line.text[colon + 1 : equal or end].strip() if colon is not None else ""
    default = line.text[equal + 1 : end].strip() if equal is not None else ""
    if (colon is not None and not type) or (equal is not None and not default):
        raise line.error(f"the {'type' if not type and colon is not None else 'default'} of {name[0]} is missing", end - 1)
    return at, Argument(name[0], type, default)


def _check_arguments(line: Line, arguments: list[tuple[int, Argument]]) -> None:
    seen, defaults = set[str](), False
    for at, argument in arguments:
        if argument.name in seen:
            raise line.error(f"a second argument {argument.name}", at)
        if defaults and not argument.default:
            raise line.error(f"{argument.name} has no default, but an argument before it has one", at)
        seen.add(argument.name)
        defaults = bool(argument.default)


def _arguments(line: Line, arrow: int, name: str) -> str:
    """The arguments on a constraint's left side, which may be written as a call: ``f(1, 2) -> 3`` and ``1, 2 -> 3`` say the same."""
    left = line.text[:arrow].rstrip()
    rest = left.removeprefix(name).lstrip()
    if left.startswith(name) and rest.startswith("("):
        opened = len(left) - len(rest)
        if closing(line, opened) == len(left) - 1:
            return left[opened + 1 : -1].strip()
    return left
