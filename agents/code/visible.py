r"""Visible tests out of a statement's examples, without a model.

Read are doctests (``>>> f(1)`` and the line below), calls with their value (``f(1) ➞ 2``, ``=>``, ``==``, ``=``, ``returns``, ``# =>``),
``Input:`` and ``Output:``, "for x = 1 the output should be 2", and plain asserts. An example counts only if call and value can be read to
their ends as Python, and if no other example gives another value for the same call. A lone ``=`` does not count where the statement
writes a recurrence (``f(n) = …``), nor does a value in brackets that make no tuple of it (``f(1) ==> ("a")``).
"""

from __future__ import annotations

import ast
import builtins
import doctest
import inspect
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice

from eudoxus.agents.code.statement import function_in, header_in
from eudoxus.agents.code.syntax import called, fenced, without_fences
from eudoxus.agents.programs import parsed

MOST_TESTS = 50
_MOST_TEXT = 20_000
_MOST_LINES, _MOST_CALL, _MOST_VALUE = 12, 2_000, 120
_MOST_EXAMPLES, _MOST_ASSERTS = 100, 1_000
"""So much of a statement is looked at: it is read in the service's own process."""
_SIGN = re.compile(
    r"[`'*]*[ \t]*(?:#[ \t]*)?(?:➞|→|⟶|⇒|➜|==>|=+>|-+>|==|#=>|(?:should|must|will|would)[ \t]+(?:return|be(?:[ \t]+equal[ \t]+to)?|give)|"
    r"returns?|gives?|evaluates[ \t]+to|is[ \t]+equal[ \t]+to)[ \t]*:?[ \t]*[`*]*"
)
_AFTER = re.compile(r"[ \t]*[`*]*(?:$|#|//|[.,;:](?:\s|$)|\(|(?:because|since|as|where|for|and|but|while|if)\b|➞|→|<-|--)", re.MULTILINE)
_CHAINED = re.compile(r"[ \t]*=(?![=>])[ \t]*")
_INPUT = re.compile(
    r"^[ \t>*-]*Inputs?\**[ \t]*:\**[ \t]*(.{0,2000}?)^[ \t>*-]*Outputs?\**[ \t]*:\**[ \t]*", re.MULTILINE | re.DOTALL | re.IGNORECASE
)
_FOR = re.compile(r"\b(?:for|if|when|given)[ \t]+(?=[A-Za-z_]\w*[ \t]*=[^=])", re.IGNORECASE)
_COMES_OUT = re.compile(
    r"[,;]?[ \t]*(?:[^\n]{0,60}?[ \t])?(?:the[ \t]+)?(?:output|result|answer|function|it)[ \t]+"
    r"(?:(?:should|must|will|would)[ \t]+)?(?:be|return|is|returns)[ \t]*:?[ \t]*", re.IGNORECASE
)
_EQUALS = re.compile(r"[ \t]*=[ \t]*(?=[^=>\s])")
_ARGUMENT = re.compile(r"[,;\s]*([A-Za-z_]\w*)[ \t]*[:=](?!=)[ \t]*")
_WORDS = {"true": "True", "false": "False", "none": "None", "null": "None"}


def visible_tests(statement: str, entry_point: str) -> tuple[str, ...]:
    """Asserts that call ``entry_point``, from the examples of ``statement``, in order; at most 50. Nothing is executed."""
    text = _examples_text(statement, entry_point)[:_MOST_TEXT]
    found: dict[str, list[str]] = defaultdict(list)
    for subject, test in [*_doctests(text, entry_point), *_arrows(text, entry_point), *_inputs(text, statement, entry_point)]:
        if test not in found[subject]:
            found[subject].append(test)
    agreed = [tests[0] for tests in found.values() if len(tests) == 1]
    return tuple(dict.fromkeys((*agreed, *asserts_in(text, entry_point))))[:MOST_TESTS]


def asserts_in(text: str, entry_point: str | None = None) -> tuple[str, ...]:
    """The asserts that ``text`` has in fenced blocks or on lines of their own: those that call ``entry_point``, or else any function that
    is not built in."""
    kept: dict[str, None] = {}
    for code in (*_lone_asserts(without_fences(text)), *(test for block in fenced(text) for test in _lone_asserts(block))):
        names = called(ast.parse(code))
        if entry_point in names if entry_point else any(not hasattr(builtins, name) for name in names):
            kept[code] = None
    return tuple(kept)


def _examples_text(statement: str, entry_point: str) -> str:
    """Where the examples stand: the docstring of the function, and the statement around its header."""
    header = header_in(statement)
    node = function_in(header, entry_point) if header else None
    if header is None or node is None:
        return statement
    texts = (part.value.value for part in node.body if isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))
    shown = next((inspect.cleandoc(text) for text in texts if isinstance(text, str)), "")
    return f"{shown}\n\n{statement.replace(header, '')}"


# -- doctests --------------------------------------------------------------------------------------------------------------


def _doctests(text: str, entry: str) -> Iterator[tuple[str, str]]:
    """What is called, and the test, for each doctest. Statements before a call, such as assignments, go with it."""
    before: list[str] = []
    for source, want in _prompted(text):
        tree = parsed(source)
        if tree is None or len(tree.body) != 1:
            before = []
            continue
        (statement,) = tree.body
        if not isinstance(statement, ast.Expr):
            before.append(source.strip())
            continue
        test = _expected(statement.value, want) if entry in called(statement) else None
        if test is not None:
            lead = [line for line in before if not line.startswith(("import doctest", f"from {entry}"))]
            yield "\n".join([*lead, ast.unparse(statement.value)]), "\n".join([*lead, test])


def _prompted(text: str) -> Iterator[tuple[str, str]]:
    """Source and wanted output of each example with a prompt, tolerant of blanks that doctest insists on."""
    regular = re.sub(r"^([ \t]*)(>>>|\.\.\.)(?=\S)", r"\1\2 ", text.expandtabs(), flags=re.MULTILINE)
    try:
        examples = doctest.DocTestParser().get_examples(regular)
    except ValueError:
        examples = []
        for piece in re.findall(r"^[ ]*>>> .*(?:\n(?![ ]*>>>|[ ]*$).*)*", regular, re.MULTILINE):
            lines = [line.strip() for line in piece.split("\n")]
            try:
                examples += doctest.DocTestParser().get_examples("\n".join(lines))
            except ValueError:
                continue
    for example in examples:
        yield example.source, f"!{example.exc_msg}" if example.exc_msg else example.want


def _expected(call: ast.expr, want: str) -> str | None:
    """The assert that ``call`` gives what the doctest wants; None where that is no value. What is wanted may be part of the call."""
    said = ast.unparse(call)
    if want.startswith("!"):
        name = want[1:].split(":")[0].strip()
        kind = getattr(builtins, name, None)
        if not (isinstance(kind, type) and issubclass(kind, Exception)):
            return None
        return f"try:\n    {said}\nexcept {name}:\n    pass\nelse:\n    assert False, 'expected {name}'"
    if isinstance(call, ast.Compare) and (not want.strip() or want.strip() == "True"):
        return f"assert {said}"
    if not want.strip():
        return None
    value, rest = _value(want)
    return f"assert {said} == {value}" if value and not rest.strip() else None


# -- calls with their value ------------------------------------------------------------------------------------------------


def _arrows(text: str, entry: str) -> Iterator[tuple[str, str]]:
    recurrence = re.search(rf"(?<![\w.]){re.escape(entry)}\(\s*[A-Za-z_]\w*[^\n()]*\)[ \t]*=[^=>]", text) is not None
    for found in islice(re.finditer(rf"(?<![\w.]){re.escape(entry)}\(", text), _MOST_EXAMPLES):
        line = text[text.rfind("\n", 0, found.start()) + 1 : found.start()]
        end = _closing(text, found.end() - 1)
        if end is None or ">>>" in line:
            continue
        call = parsed(f"({text[found.start() : end]}\n)")
        sign = _SIGN.match(text, end) or (None if recurrence else _EQUALS.match(text, end))
        if call is None or sign is None or not _plain(call):
            continue
        value, rest = _value(text[sign.end() :].split("\n\n")[0])
        for _ in range(_MOST_LINES):
            if value is None or (chained := _CHAINED.match(rest)) is None:
                break
            value, rest = _value(rest[chained.end() :])
        if value is not None and (_AFTER.match(rest) or not rest):
            said = ast.unparse(call)
            yield said, f"assert {said} == {value}"


def _closing(text: str, opening: int) -> int | None:
    """Where the bracket at ``opening`` is closed again, brackets in strings left out; None when it is not within a few lines."""
    quote = ""
    depth = lines = 0
    at = opening
    while at < min(len(text), opening + _MOST_CALL) and lines < _MOST_LINES:
        sign = text[at]
        lines += sign == "\n"
        if quote:
            if sign == "\\":
                at += 1
            elif sign == quote:
                quote = ""
        elif sign in "'\"":
            quote = sign
        elif sign in "([{":
            depth += 1
        elif sign in ")]}":
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return None


def _plain(call: ast.Module) -> bool:
    """Whether a call has nothing but values for arguments."""
    (statement,) = call.body
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
        return False
    arguments = [*statement.value.args, *(keyword.value for keyword in statement.value.keywords)]
    return all(_is_value(argument) for argument in arguments)


def _is_value(node: ast.expr) -> bool:
    return not any(isinstance(inner, ast.Name | ast.Call | ast.Attribute | ast.Lambda) for inner in ast.walk(node)) and not any(
        isinstance(inner, ast.Constant) and inner.value is Ellipsis for inner in ast.walk(node))


def _value(text: str) -> tuple[str | None, str]:
    """The longest Python value at the beginning of ``text``, and what comes after it."""
    text = text.lstrip(" \t")
    word = re.match(r"(true|false|none|null)\b", text)
    if word:
        return _WORDS[word[1]], text[word.end() :]
    ends = _value_ends(text)
    for end in reversed(ends):
        tree = None if text[:end].rstrip().endswith((",", ".")) else parsed(f"({text[:end]}\n)")
        if tree and len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr) and _is_value(found := tree.body[0].value):
            if text[:1] == "(" and isinstance(found, ast.Constant):
                break
            return ast.unparse(found), text[end:]
    return None, text


def _value_ends(text: str) -> list[int]:
    """Places in ``text`` where a value may end: on its first line, or where the bracket is closed that it begins with."""
    if text[:1] in ("[", "(", "{"):
        end = _closing(text, 0)
        line = text.find("\n", end or 0)
        first = len(text) if line < 0 else line
        return [end, *range(end + 1, min(first, end + 80) + 1)] if end else []
    first_line = text.partition("\n")[0][:_MOST_VALUE]
    return list(range(1, len(first_line) + 1))


# -- input and output ------------------------------------------------------------------------------------------------------


def _inputs(text: str, statement: str, entry: str) -> Iterator[tuple[str, str]]:
    header = header_in(statement)
    node = function_in(header, entry) if header else None
    if node is None:
        return
    names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
    examples = [
        (_arguments(found[1].strip(), names), text[found.end() :].lstrip("\n"))
        for found in islice(_INPUT.finditer(text), _MOST_EXAMPLES)
    ]
    for found in islice(_FOR.finditer(text), _MOST_EXAMPLES):
        given, rest = _named(text[found.end() :], names)
        if out := _COMES_OUT.match(rest):
            examples.append((given, rest[out.end() :]))
    for given, after in examples:
        value, rest = _value(after)
        if given is not None and value is not None and (_AFTER.match(rest) or not rest):
            said = f"{entry}({', '.join(given)})"
            yield said, f"assert {said} == {value}"


def _arguments(text: str, names: list[str]) -> list[str] | None:
    """The values of an example's input in the order of the parameters; None where they do not fit one another."""
    given, rest = _named(text, names)
    if given is not None or rest != text:
        return given if not rest.strip() else None
    values: list[str] = []
    while rest.strip(" \t\n,;"):
        value, rest = _value(rest.lstrip(" \t\n,;"))
        if value is None:
            return None
        values.append(value)
    return values if len(values) == len(names) else None


def _named(text: str, names: list[str]) -> tuple[list[str] | None, str]:
    """The values in ``name = value, …`` at the beginning of ``text`` in the order of the parameters, and the rest.

    Where statement and header call them differently, as many count in the order in which they stand.
    """
    found: dict[str, str] = {}
    rest = text
    while rest.strip() and len(found) < len(names) and (named := _ARGUMENT.match(rest)):
        value, after = _value(rest[named.end() :])
        if value is None or named[1] in found:
            break
        found[named[1]], rest = value, after
    if set(found) == set(names):
        return [found[name] for name in names], rest
    in_order = len(found) == len(names) and all(said not in names or said == name for said, name in zip(found, names, strict=True))
    return (list(found.values()) if in_order else None), rest


# -- asserts ---------------------------------------------------------------------------------------------------------------


def _lone_asserts(text: str) -> Iterable[str]:
    lines = text.split("\n")
    for start in islice((at for at, line in enumerate(lines) if line.lstrip().startswith("assert ")), _MOST_ASSERTS):
        for end in range(start + 1, min(start + 1 + _MOST_LINES, len(lines) + 1)):
            tree = parsed("\n".join(part.strip() for part in lines[start:end]))
            if tree and len(tree.body) == 1:
                yield ast.unparse(tree.body[0])
                break
