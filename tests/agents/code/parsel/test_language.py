"""Reading and printing Parsel programs."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eudoxus.agents.code.parsel.language import INDENT, Argument, Constraint, Function, ParselError, Program
from eudoxus.agents.code.parsel.lines import MOST_LINES
from eudoxus.agents.code.parsel.parse import MOST_ERRORS, parse, read

WHOLE = '''A word about the whole: don't panic.
#*#*#
# a comment
main(x: int, names: dict[str, int] = {"a:b": 1}) -> int: don't (ever: use "quotes
  1, {} -> 2
'''


def places(text: str) -> list[tuple[int, int]]:
    return [(error.line, error.column) for error in read(text)[1]]


NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
TERMS = st.sampled_from(
    ["1", "-2.5", "'it\\'s'", '"a:b -> c"', "[1, (2, 3)]", "{1: 2, 'x': []}", "f(x)[0]", "''", "'''a'b'''", "x if y else z"])
TYPES = st.sampled_from(["int", "dict[str, int]", "Callable[[int], bool]", "int | None", "'list[int]'"])
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\n"), min_size=1).map(str.strip).filter(
    lambda text: text and not text.endswith("\\"))
ARGUMENTS = st.builds(Argument, NAMES, st.just("") | TYPES, st.just("") | TERMS)


@st.composite
def programs(draw: st.DrawFn) -> Program:
    names = draw(st.lists(NAMES, min_size=1, max_size=8, unique=True))
    parents = {name: draw(st.sampled_from(names[:at])) for at, name in enumerate(names) if at}
    kept: dict[str, list[str]] = {name: [] for name in names}
    order: list[str] = []

    def visit(name: str) -> None:
        order.append(name)
        for other in names:
            if parents.get(other) == name:
                kept[name].append(other)
                visit(other)

    visit(names[0])
    functions = {}
    for name in order:
        arguments = draw(st.lists(ARGUMENTS, max_size=3, unique_by=lambda a: a.name))
        arguments.sort(key=lambda a: bool(a.default))
        scope, above, child = list[str](), parents.get(name), name
        while above is not None:
            siblings = kept[above]
            scope += [above, *siblings[: siblings.index(child)]]
            above, child = parents.get(above), above
        references = draw(st.lists(st.sampled_from([name, *scope]), max_size=2, unique=True))
        sides = st.just("") | TERMS | st.just(f"{name}(1)") | st.just("1, [2]")
        constraints = draw(st.lists(st.builds(Constraint, sides, TERMS), max_size=2))
        functions[name] = Function(name, draw(WORDS), tuple(arguments), tuple(draw(st.lists(TYPES, max_size=2))), tuple(constraints),
                                   tuple(references), tuple(kept[name]))
    header = draw(st.just("") | st.just("Two lines,\n  the second: indented"))
    return Program(functions, header)


@settings(max_examples=60, deadline=None)
@given(programs())
def test_every_program_reads_as_it_is_printed(program: Program):
    again = parse(str(program))
    assert again == program
    assert str(again) == str(program)


@given(st.text(st.sampled_from("ab()[]{}:->,=#\\'\" \t\n\r1"), max_size=80))
def test_any_text_is_either_read_or_refused_with_a_place_in_it(text: str):
    program, errors = read(text)
    assert (program is None) == bool(errors)
    for error in errors:
        assert 0 <= error.line <= text.count("\n") + 1
        assert error.line == 0 or 1 <= error.column <= len(text.split("\n")[error.line - 1]) + 1
    if program is not None:
        assert parse(str(program)) == program


def test_a_program_has_header_definitions_constraints_and_references():
    program = parse('''Sort things.
#*#*#
main(xs: list[int], twice=False) -> list[int], int: everything: sorted, and "how many
[2, 1] -> ([1, 2], 2)
main([], twice=True) -> ([], 0)
  merge(left, right): two sorted lists \\
     as one
    main
  split(xs) -> halves: don't lose any
    merge
''')
    main, merge, split = program.functions.values()
    assert program.header == "Sort things."
    assert main.arguments == (Argument("xs", "list[int]"), Argument("twice", default="False"))
    assert (main.returns, main.description) == (("list[int]", "int"), 'everything: sorted, and "how many')
    assert main.constraints == (Constraint("[2, 1]", "([1, 2], 2)"), Constraint("[], twice=True", "([], 0)"))
    assert (main.constraints[1].line, main.constraints[1].column) == (5, 1)
    assert (main.children, merge.references, split.references) == (("merge", "split"), ("main",), ("merge",))
    assert merge.description == "two sorted lists as one"


def test_a_constraint_may_be_written_as_a_call_or_as_its_arguments():
    program = parse("f(x): d\nf(1, 2) -> 3\n1, 2 -> 3\nf(1) + f(2) -> 3\nf(f(1)) -> 3\n-> 3\nf() -> 3\n")
    assert [c.arguments for c in program.root.constraints] == ["1, 2", "1, 2", "f(1) + f(2)", "f(1)", "", ""]


@pytest.mark.parametrize(("text", "line", "column", "said"), [
    ("f(x: a", 1, 2, "never closed"),
    ("f(x)) : a", 1, 5, "no bracket is open"),
    ("f(x] : a", 1, 4, "no bracket is open"),
    ("f: a", 1, 2, "( is expected after f"),
    ("1f(x): a", 1, 1, "begins with a name"),
    ("f(x) a: b", 1, 6, "-> or : is expected"),
    ("f(x) ->: b", 1, 6, "name or type"),
    ("f(x) -> a -> b: c", 1, 11, "second ->"),
    ("f(x):", 1, 5, "description of f"),
    ("f(x,): d", 1, 5, "argument's name"),
    ("f(x, x): d", 1, 6, "second argument x"),
    ("f(x = 1, y): d", 1, 10, "no default"),
    ("f(x:): d", 1, 4, "type of x"),
    ("f(x y): d", 1, 3, "such as x, x: int"),
    ("f(x): d\nprint it", 2, 1, "expected a definition"),
    ("f(x): a\ng(x): b", 2, 1, "second root beside f of line 1"),
    ("f(x): a\n  f(x): b", 2, 3, "defined already, in line 1"),
    ("f(x): a\n   g(x): b\n  1 -> 2", 3, 3, "indentation of 2"),
    ("f(x): a\n   g(x): b\n  h(x): c", 3, 3, "none of the earlier ones: 0, 3"),
    ("f(x): a\n\tg(x): b\n  h(x): c", 3, 1, "tabs and blanks"),
    ("f(x): a\n1 -> 2 -> 3", 2, 8, "second ->"),
    ("f(x): a\n1 ->", 2, 3, "value is expected"),
    ('f(x): a\n"1 -> 2', 2, 1, "has no end"),
    ("1 -> 2", 1, 1, "no definition stands"),
    ("f", 1, 1, "below no function"),
    ("f(x): a\n  hlper\n  helper(x): b", 2, 3, "did you mean helper?"),
    ("f(x): a\n  g(x): b\n    h(x): c\n  i(x): d\n    h", 5, 5, "not in scope"),
    ("f(x): a \\", 1, 9, "nothing follows"),
    ("a\n#*#*#\nf(x): b\n#*#*#", 4, 1, "second line #*#*#"),
])
def test_an_error_names_its_place_and_what_was_expected(text: str, line: int, column: int, said: str):
    with pytest.raises(ParselError) as caught:
        parse(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert said in caught.value.reason
    assert str(caught.value).startswith(f"line {line}, column {column}: ")


def test_all_errors_are_told_in_the_order_of_the_lines():
    assert places("f(x: d\nf(x): d\n  g\n  h(: e\n1 -> \n") == [(1, 2), (3, 3), (4, 4), (5, 3)]
    assert len(read("f(x): d\n" + "oops it\n" * 200)[1]) == MOST_ERRORS + 1


def test_nothing_is_no_program():
    (error,) = read("\n# only a comment\n")[1]
    assert error.reason == "there is no definition: a program has one, with its helpers indented below it"


def test_ten_thousand_lines_are_read_and_one_more_is_refused():
    lines = ["main(x): d", *(f"{INDENT}f{at}(x): e" for at in range(MOST_LINES - 1))]
    start = time.monotonic()
    program = parse("\n".join(lines) + "\n")
    assert len(program.functions) == MOST_LINES
    assert time.monotonic() - start < 20
    with pytest.raises(ParselError, match="line 10001, column 1: a program has at most 10,000 lines"):
        parse("\n".join([*lines, f"{INDENT}g(x): e"]))


def test_long_texts_and_lines_are_refused():
    with pytest.raises(ParselError, match="at most 1,000,000 characters"):
        parse("f(x): " + "d" * 1_000_000)
    with pytest.raises(ParselError, match="line 2, column 1: a line has at most 20,000 characters"):
        parse("f(x): d\n" + " \\\n".join(["[1,"] * 9000))


def test_a_program_as_deep_as_it_is_long_is_no_trouble():
    program = parse("".join(f"{' ' * at}f{at}(x): d\n" for at in range(600)))
    assert parse(str(program)) == program


def test_helpers_are_added_below_a_function():
    program = parse("f(x): d\n  g(x): e\n")
    grown = program.extended("g", [Function("h", "more")])
    assert parse(str(grown)) == grown
    assert grown.functions["g"].children == ("h",)
    with pytest.raises(ParselError, match="g is defined already"):
        program.extended("f", [Function("g", "again")])


def test_thousands_of_unknown_names_are_refused_quickly():
    start = time.monotonic()
    lines = [f"  some_helper_{at}(x): d" for at in range(4000)] + [f"  some_helpr_{at}" for at in range(4000)]
    errors = read("f(x): d\n" + "\n".join(lines))[1]
    assert len(errors) == MOST_ERRORS + 1 and errors[-1].line == 0
    assert time.monotonic() - start < 20
