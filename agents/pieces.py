"""An answer written piece by piece: asking for the next piece, and joining it to what stands there.

With ``prefill`` the answer so far is the beginning of the model's own message, which the endpoint continues token by token. Otherwise a
prompt asks for the next words; then where one piece ends and the next begins is a matter of spaces, and the end is marked by ``[END]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from eudoxus.agents.instructions import with_text
from eudoxus.agents.transcript import continued
from eudoxus.prompts import render
from eudoxus.runtime import ChatRequest, Completion, Context, Message

PROMPTS = ["deal/begin", "deal/continue", "deal/finish"]
END = "[END]"
_END_TOKENS = 8
"""Tokens that the mark of the end and an unfinished word may take."""
_NO_SPACE_BEFORE = ".,;:!?)]}%…’”»"
_NO_SPACE_AFTER = "([{“«\n\t "
_SHORTEST_ECHO = 12


@dataclass(frozen=True, slots=True)
class Text:
    """An answer so far."""

    text: str
    ended: bool = False
    log_prob: float = 0.0
    """Sum over the tokens drawn so far; 0 where the endpoint tells none."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Asks for pieces of the answer to ``request``."""

    request: ChatRequest
    prefill: bool = False
    logprobs: bool = False

    async def go_on(self, ctx: Context, begun: Text, tokens: int, *, n: int = 1, temperature: float | None = None) -> list[Text]:
        """``n`` continuations of ``begun`` by about ``tokens`` tokens."""
        limit = tokens if self.prefill else tokens + _END_TOKENS
        asked = self._asked(begun.text, tokens).model_copy(update={
            "max_tokens": limit, "temperature": temperature, "logprobs": True if self.logprobs else None})
        return [self._longer(begun, one) for one in await ctx.complete(asked, n=n)]

    async def finish(self, ctx: Context, begun: Text, *, n: int = 1, temperature: float | None = None) -> list[Text]:
        """``begun`` with all of the rest, ``n`` times, within the limit of tokens that the task sets."""
        asked = self._asked(begun.text, None).model_copy(update={"temperature": temperature, "logprobs": True if self.logprobs else None})
        return [replace(self._longer(begun, one), ended=one.finish_reason != "length") for one in await ctx.complete(asked, n=n)]

    def _asked(self, begun: str, tokens: int | None) -> ChatRequest:
        if self.prefill:
            said = Message(role="assistant", content=begun)
            return self.request.model_copy(update={"messages": (*self.request.messages, said)}) if begun else self.request
        if tokens is None:
            return continued(self.request, begun, render("deal/finish")) if begun else self.request
        words = str(max(1, round(tokens * 0.75)))  # an English word takes about 4/3 tokens
        if not begun:
            return with_text(self.request, render("deal/begin", words=words))
        return continued(self.request, begun, render("deal/continue", words=words))

    def _longer(self, begun: Text, piece: Completion) -> Text:
        log_prob = begun.log_prob + sum(float(entry.get("logprob") or 0.0) for entry in piece.logprobs or ())
        cut = piece.finish_reason == "length"
        if self.prefill:
            return Text(begun.text + piece.text, not cut, log_prob)
        said, marked, _ = piece.text.rpartition("</think>")[2].partition(END)
        if cut and not marked:
            said = said[:_last_space(said)]
        text = joined(begun.text, said)
        return Text(text, bool(marked) or (not cut and text == begun.text), log_prob)


def joined(begun: str, piece: str) -> str:
    """``begun`` and then ``piece``, with a space between them where one belongs and is missing, and without what the piece repeats."""
    piece = _without_echo(begun, piece)
    if not begun or not piece.strip():
        return begun + piece.strip()
    if piece.startswith("\n") or begun[-1] in _NO_SPACE_AFTER:
        return begun + (piece.rstrip() if piece.startswith("\n") else piece.strip())
    piece = piece.strip()
    if piece[0] in _NO_SPACE_BEFORE or (piece[0] == '"' and begun.count('"') % 2):
        return begun + piece
    return f"{begun} {piece}"


def _without_echo(begun: str, piece: str) -> str:
    """``piece`` without a repetition of all of ``begun``, or of its last line."""
    said = piece.lstrip()
    for echo in (begun.strip(), begun.strip().rpartition("\n")[2]):
        if len(echo) >= _SHORTEST_ECHO and said.startswith(echo):
            return said[len(echo):]
    return piece


def _last_space(text: str) -> int:
    return max((place for place, character in enumerate(text) if character.isspace()), default=len(text))


def different(texts: Sequence[Text]) -> list[Text]:
    """Each text once, in its likeliest form, in the order of the first."""
    found = dict[tuple[str, bool], Text]()
    for one in texts:
        known = found.get((one.text, one.ended))
        if known is None or one.log_prob > known.log_prob:
            found[one.text, one.ended] = one
    return list(found.values())
