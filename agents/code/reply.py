"""Programs out of replies: whole and ready to run, whatever a model wrote around them."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from eudoxus.agents.code.names import bound_by, imports_for, undefined
from eudoxus.agents.code.statement import header_tree
from eudoxus.agents.code.syntax import DEFINES, FUNCTIONS, called, complaint, fenced, functions
from eudoxus.agents.programs import parsed

if TYPE_CHECKING:
    from eudoxus.agents.code.task import CodeTask

_THOUGHT = re.compile(r"<(think|thinking|thought|reasoning|scratchpad)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_TAGGED = re.compile(
    r"\[(PYTHON|CODE)\]\s*\n?(.*?)(?:\[/\1\]|\Z)|<(code|program|python|answer)>\s*\n?(.*?)(?:</\3>|\Z)", re.DOTALL | re.IGNORECASE
)
_CODE_BEGINS = re.compile(r"^(?:from\s+\w[\w.]*\s+import\b|import\s+\w|def\s+\w+\s*\(|async\s+def\b|class\s+\w+\s*[:(]|@\w)", re.MULTILINE)
_LIKE_CODE = re.compile(r"^[ \t]*(?:def|return|import|from|class|for|while|if)\b.*[:=()\[]|^[ \t]*[\w.\[\]]+[ \t]*=|\w\(", re.MULTILINE)
_PROMPT = re.compile(r"^[ \t]*>>> ?", re.MULTILINE)
_TYPOGRAPHIC = str.maketrans({"\u00a0": " ", "\u2028": "\n", "“": '"', "”": '"', "‘": "'", "’": "'", "−": "-"})
_MOST_CUTS = 12
_MOST_REPLY = 60_000
"""So much of a reply is looked at: it is read in the service's own process."""
_SHOWING = frozenset({"print", "input", "main", "exit", "quit", "pprint"})


class NoProgram(ValueError):
    """The reply holds no program that can be run; the message says why, for the model itself."""


def program_in(reply: str, task: CodeTask) -> str:
    """The whole program in ``reply``, ready to run: with imports and helpers of the statement's header, and without example calls.

    Tolerated are fences, prose, thinking tags, a body without its header, a restated header, several blocks, missing imports of the
    standard library, tabs, doctest prompts, a method in place of the function, a half-finished end, and calls, prints and asserts after the
    program. Raises :class:`NoProgram`.
    """
    entry, header = task.entry_point, task.header
    pieces = _pieces(_THOUGHT.sub("\n", reply).rpartition("</think>")[2][:_MOST_REPLY])
    programs = [code for piece in pieces if (code := _repaired(piece, entry, header)) is not None]
    chosen = next((at for at in reversed(range(len(programs))) if _defines(programs[at], entry)), None)
    if chosen is None:
        raise NoProgram(_why_not(pieces, programs, entry))
    code = _without_examples(programs[chosen], entry)
    code = _with_missing(code, [*([header] if header else []), *programs[:chosen], *programs[chosen + 1 :]], entry)
    if problem := complaint(code):
        raise NoProgram(f"the program cannot be compiled: {problem[1]}")
    return code


# -- where the code is -----------------------------------------------------------------------------------------------------


def _pieces(text: str) -> list[str]:
    """The parts of a reply that may be code, in order: fenced or tagged blocks, else what begins like code, else all of it."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if blocks := fenced(text):
        inside = [tagged for block in blocks for tagged in ([found[2] or found[4] or "" for found in _TAGGED.finditer(block)] or [block])]
        return [block for block in inside if block.strip()]
    if tagged := [found[2] or found[4] or "" for found in _TAGGED.finditer(text)]:
        return [block for block in tagged if block.strip()]
    pieces = [text] if text.strip() else []
    begin = _CODE_BEGINS.search(text)
    if begin and begin.start() > 0:
        pieces.append(text[begin.start() :])
    if _PROMPT.search(text):
        pieces.append(text)
    return pieces


def _repaired(piece: str, entry: str | None, header: str | None) -> str | None:
    """``piece`` as Python, as it stands or with its faults mended; None when that cannot be done."""
    for text in _readings(piece):
        whole = f"def {entry}(" in text.replace(" (", "(") if entry else "def " in text
        if not whole and header and (body := _completed(header, text)) is not None:
            return body
        if (code := _cut(text)) is not None and (entry is None or not whole or _mentions(code, entry)):
            return code
    return None


def _readings(piece: str) -> list[str]:
    """``piece``, and what it may have been meant to be."""
    plain = piece.strip("\n").rstrip()
    bare = textwrap.dedent(plain) if plain[:1].isspace() else plain
    found = [plain, bare]
    if _PROMPT.search(plain):
        lines = [re.sub(r"^[ \t]*(?:>>>|\.\.\.) ?", "", line) for line in plain.split("\n") if re.match(r"[ \t]*(?:>>>|\.\.\.)", line)]
        found.append("\n".join(lines))
    if "\t" in plain:
        found += [bare.expandtabs(4), bare.expandtabs(8)]
    if plain != plain.translate(_TYPOGRAPHIC):
        found.append(bare.translate(_TYPOGRAPHIC))
    return list(dict.fromkeys(found))


def _completed(header: str, text: str) -> str | None:
    """The header with ``text`` for the body of its last function; None where it is none.

    What is not indented any more belongs to something else, unless the body calls a function that is defined there.
    """
    lines = text.split("\n")
    first = next((line for line in lines if line.strip() and not line.strip().startswith("#")), "")
    if not first:
        return None
    indented = text if first[:1].isspace() else textwrap.indent(text, "    ")
    tree = header_tree(header)
    last = functions(tree)[-1] if tree and functions(tree) else None
    if last is None or (not first[:1].isspace() and _stands_alone(text)):
        return None
    begun = re.compile(r"^(?![ \t#]|$)", re.MULTILINE).search(indented, indented.index(first.strip()))
    body = indented[: begun.start()] if begun else indented
    code = _cut(f"{header.rstrip()}\n{body}", keep=header.count("\n") + 2)
    if code is not None and begun and any(_mentions(indented[begun.start() :], name) for name in undefined(ast.parse(code))):
        return _cut(f"{header.rstrip()}\n{indented}", keep=header.count("\n") + 2)
    return code


def _stands_alone(text: str) -> bool:
    """Whether ``text`` makes sense outside a function: it defines something, or is a call or prose rather than a body."""
    tree = parsed(text)
    if tree is None:
        return not re.search(r"^[ \t]*return\b", text, re.MULTILINE)
    if any(isinstance(node, DEFINES) for node in tree.body):
        return not any(isinstance(node, ast.Return) for node in tree.body)
    return not any(isinstance(node, ast.Return | ast.Yield) for node in ast.walk(tree))


def _cut(text: str, *, keep: int = 1) -> str | None:
    """The longest beginning of ``text``, in whole lines and at least ``keep``, that compiles."""
    lines = text.split("\n")
    for _ in range(_MOST_CUTS):
        code = "\n".join(lines)
        problem = complaint(code)
        if problem is None:
            return code.rstrip() + "\n" if code.strip() else None
        at = min(problem[0], len(lines)) if problem[0] else len(lines)
        unclosed = "never closed" in problem[1] or "unterminated" in problem[1]
        end = at - 1 if not unclosed or at < len(lines) else len(lines) - 1
        end = min(end, len(lines) - 1)
        if end < keep:
            return None
        lines = lines[:end]
        while lines and not lines[-1].strip():
            lines.pop()
    return None


# -- what belongs to the program -------------------------------------------------------------------------------------------


def _defines(code: str, entry: str | None) -> bool:
    tree = parsed(code)
    if tree is None:
        return False
    if entry is None:
        return bool(functions(tree))
    return any(entry in bound_by(node) for node in tree.body) or _method(tree, entry) is not None


def _mentions(code: str, entry: str) -> bool:
    return re.search(rf"\bdef\s+{re.escape(entry)}\b", code) is not None


def _method(tree: ast.Module, entry: str) -> str | None:
    """The class without arguments that has the entry point for a method, as answers to puzzles are often written."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and any(isinstance(part, FUNCTIONS) and part.name == entry for part in node.body):
            makes = [part for part in node.body if isinstance(part, ast.FunctionDef) and part.name == "__init__"]
            if all(len(part.args.args) == 1 for part in makes):
                return node.name
    return None


def _without_examples(code: str, entry: str | None) -> str:
    """``code`` without asserts, prints, main blocks and calls of its functions at the top level, and what only these need."""
    tree = ast.parse(code)
    own = {node.name for node in functions(tree)} | ({entry} if entry else set())
    lines = code.split("\n")
    taken = [0] * (len(lines) + 2)
    for node in tree.body:
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
            taken[line] += 1
    made = set[str]()
    for node in tree.body:
        span = range(node.lineno, (node.end_lineno or node.lineno) + 1)
        if _is_example(node, own, made) and all(taken[line] == 1 for line in span):
            made |= set(bound_by(node))
            for line in span:
                lines[line - 1] = ""
    rest = "\n".join(lines)
    kept = re.sub(r"\n{4,}", "\n\n\n", rest).strip("\n") + "\n"
    return kept if parsed(kept) is not None else code


def _is_example(node: ast.stmt, own: set[str], made: set[str]) -> bool:
    """Whether a top-level statement shows or tests the program and is no part of it."""
    if isinstance(node, (*DEFINES, ast.Import, ast.ImportFrom)):
        return False
    if isinstance(node, ast.Assert) or _is_main(node):
        return True
    names = set(called(node))
    attributes = {inner.func.attr for inner in ast.walk(node) if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute)}
    reads = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load)}
    return bool(names & (own | _SHOWING) or attributes & {"testmod", "main", "exit"} or reads & made)


def _is_main(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and any(isinstance(inner, ast.Name) and inner.id == "__name__" for inner in ast.walk(node.test))


def _with_missing(code: str, others: Sequence[str], entry: str | None) -> str:
    """``code`` with what it uses and lacks before it: definitions of the header and of other blocks, and imports."""
    tree = ast.parse(code)
    own = {name for node in tree.body for name in bound_by(node)}
    if entry and entry not in own and (cls := _method(tree, entry)):
        code = f"{code}\n\n{entry} = {cls}().{entry}\n"
    own |= {entry} if entry else set()
    added = _lacking(set(undefined(tree)) - own, own, others)
    added = [*imports_for(undefined(ast.parse("\n".join([*added, code])))), *added]
    if not added:
        return code
    future = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    if future:
        lines = code.split("\n")
        end = max(node.end_lineno or node.lineno for node in future)
        return "\n".join([*lines[:end], *added, *lines[end:]])
    return "\n".join([*added, "", "", code.lstrip("\n")])


def _lacking(missing: set[str], own: set[str], others: Sequence[str]) -> list[str]:
    """The top-level definitions of ``others`` that bind the names in ``missing``, with those that they need in turn, in their order."""
    there = [
        (ast.get_source_segment(source, node) or "", set(bound_by(node)), set(undefined(ast.Module([node], []))))
        for source in map(_source, others) if (given := parsed(source))
        for node in given.body if isinstance(node, (*DEFINES, ast.Import, ast.ImportFrom, ast.Assign))
    ]
    chosen, before = set[int](), -1
    while len(chosen) > before:
        before = len(chosen)
        for at, (_, binds, needs) in enumerate(there):
            if at not in chosen and binds & missing:
                chosen.add(at)
                missing = (missing - binds) | (needs - own - set().union(*(there[other][1] for other in chosen)))
    return [there[at][0] for at in sorted(chosen)]


def _source(header: str) -> str:
    """A header, or a program, as Python that can be parsed."""
    bare = header.rstrip()
    return f"{bare}\n    pass\n" if parsed(f"{bare}\n    pass\n") else bare


def _why_not(pieces: Sequence[str], programs: Sequence[str], entry: str | None) -> str:
    wanted = f"a function called {entry}" if entry else "a function"
    if not pieces or (not programs and not any(_LIKE_CODE.search(piece) for piece in pieces)):
        return f"the reply holds no program; expected {wanted} in one ```python block"
    if not programs:
        problem = complaint(textwrap.dedent(pieces[-1]))
        return f"the program cannot be compiled: {problem[1] if problem else 'it is no Python'}"
    found = [node.name for code in programs for node in functions(ast.parse(code))]
    return f"the program does not define {wanted}" + (f"; it defines {', '.join(dict.fromkeys(found))}" if found else "")
