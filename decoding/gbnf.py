r"""Regular expressions and Lark in GBNF, the notation of llama.cpp that vLLM, SGLang and Fireworks read as well.

GBNF counts in characters, our reader of regular expressions in bytes: what it makes of characters beyond ASCII is put together again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from eudoxus.decoding.errors import GrammarTooLarge, NotInSubset
from eudoxus.decoding.grammar import Lark, Limits, Regex, check_size
from eudoxus.decoding.lark import Item, Lexeme, Name, Rules, parse_lark
from eudoxus.decoding.regex import ASCII, OTHER, Chars, Choice, Expr, Repeat, Sequence, parse_regex


def as_gbnf(grammar: Lark | Regex) -> str:
    """The same texts in GBNF, from the rule ``root``.

    Raises :class:`NotInSubset` for what is not read or has no characters (``%json``, single bytes beyond ASCII), and
    :class:`InvalidGrammar`.
    """
    check_size(grammar, Limits())
    try:
        if isinstance(grammar, Regex):
            return f"root ::= {_choice(parse_regex(grammar.pattern))}\n"
        rules = parse_lark(grammar.text)
        # The start is GBNF's root; names have no underscores there, and those of Lark have letters of one case.
        return _rules(rules, {name: {"start": "root", "root": "Root"}.get(name, name.replace("_", "-")) for name in rules})
    except RecursionError:
        raise GrammarTooLarge("the grammar nests too deeply to be written in GBNF", param="grammar") from None


def as_part(text: str, prefix: str) -> str:
    """Rules of a grammar in Lark as a part of another in GBNF: each name has ``prefix`` before it, and the part is ``<prefix>start``.

    Raises as :func:`as_gbnf`.
    """
    rules = parse_lark(text)
    return _rules(rules, {name: prefix + name.replace("_", "-") for name in rules})


def _rules(rules: Rules, names: dict[str, str]) -> str:
    ordered = sorted(rules.items(), key=lambda rule: rule[0] != "start")
    return "".join(f"{names[name]} ::= {_choice(expr, names)}\n" for name, expr in ordered)


Part: TypeAlias = "Expr[Item] | Expr[Chars]"


def _choice(expr: Part, names: dict[str, str] | None = None) -> str:
    if isinstance(expr, Choice) and _class(expr) is None:
        return " | ".join(_sequence(part, names) for part in expr.parts)
    return _sequence(expr, names)


def _sequence(expr: Part, names: dict[str, str] | None) -> str:
    said, run = list[str](), bytearray()

    def flush() -> None:
        if run:
            said.append(_quoted(bytes(run)))
            run.clear()

    for part in _flat(expr):
        if isinstance(part, frozenset) and len(part) == 1:
            run += bytes(part)
        else:
            flush()
            said.append(_item(part, names))
    flush()
    return " ".join(one for one in said if one != '""') or '""'


def _flat(expr: Part) -> Iterator[Part]:
    """The parts of sequences inside each other, in a row."""
    match expr:
        case Sequence(parts):
            for part in parts:
                yield from _flat(part)
        case Lexeme(_, Sequence() as inner):
            yield from _flat(inner)
        case _:
            yield expr


def _item(expr: Part, names: dict[str, str] | None) -> str:
    match expr:
        case Name(name):
            assert names is not None
            return names[name]
        case Lexeme(_, inner):
            return _item(inner, names)
        case Repeat(part, low, high):
            times = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((low, high))
            count = f"{low}" if low == high else f"{low},{'' if high is None else high}"
            said = _item(part, names)
            simple = not said.endswith(("*", "+", "?", "}"))
            return f"{said if simple else f'({said})'}{times or f'{{{count}}}'}"
        case Sequence():
            said = _sequence(expr, names)
            return said if len(list(_flat(expr))) <= 1 or _is_text(expr) else f"({said})"
    return _class(expr) or f"({_choice(expr, names)})"


def _is_text(expr: Sequence[Item] | Sequence[Chars]) -> bool:
    return all(isinstance(part, frozenset) and len(part) == 1 for part in _flat(expr))


def _class(expr: Part) -> str | None:
    """A class of characters; None for what is none. What has all characters beyond ASCII is written by what it lacks, since servers differ
    in how they read escapes of those."""
    match expr:
        case frozenset():
            return f"[{_ranges(expr)}]"
        case Choice((frozenset() as ascii, beyond)) if beyond == OTHER:
            return f"[^{_ranges(ASCII - ascii)}]" if ascii != ASCII else "([^a] | [a])"
    return r"[^\x00-\x7F]" if expr == OTHER else None


def _ranges(members: Iterable[int]) -> str:
    found = list[list[int]]()
    for code in sorted(members):
        if code >= 0x80:
            raise NotInSubset(f"the byte {code:#x} alone is no character, which GBNF counts in", param="grammar")
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return "".join(_sign(low) if low == high else f"{_sign(low)}-{_sign(high)}" for low, high in found)


def _sign(code: int) -> str:
    return chr(code) if chr(code).isalnum() else f"\\x{code:02X}"


def _quoted(text: bytes) -> str:
    try:
        characters = text.decode()
    except UnicodeDecodeError:
        raise NotInSubset(f"the bytes {text!r} are no characters, which GBNF counts in", param="grammar") from None
    return '"' + "".join(_in_quotes(sign) for sign in characters) + '"'


def _in_quotes(sign: str) -> str:
    if sign in '"\\':
        return f"\\{sign}"
    if sign.isascii():
        return sign if sign.isprintable() else {"\n": r"\n", "\t": r"\t", "\r": r"\r"}.get(sign, f"\\x{ord(sign):02X}")
    return sign
