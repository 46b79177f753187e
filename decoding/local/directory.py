"""The files of a model directory that every runtime reads the same way: configuration, tokenizer, chat template."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eudoxus.decoding.local.errors import ModelUnusable
from eudoxus.decoding.vocabulary import Vocabulary
from eudoxus.runtime.errors import InvalidRequest

if TYPE_CHECKING:
    import jinja2
    import tokenizers

LONGEST_CONTEXT = 1 << 20
PRIVATE_USE = 0xF0000
"""Where the code points begin that stand for the names of special tokens while a template is rendered."""


@dataclass(frozen=True, eq=False)
class ModelVocabulary(Vocabulary):
    """A vocabulary whose :meth:`encode` gives the tokenizer's own tokens where they spell the text exactly."""

    tokenizer: Any = None

    def encode(self, text: bytes | str) -> list[int]:
        wanted = text.encode() if isinstance(text, str) else text
        try:
            found: list[int] = self.tokenizer.encode(wanted.decode(), add_special_tokens=False).ids
        except UnicodeDecodeError:
            return super().encode(wanted)
        return found if self.decode(found) == wanted else super().encode(wanted)


class ModelDirectory:
    """A Hugging Face directory: ``config.json``, ``tokenizer.json``, ``tokenizer_config.json``, optionally ``generation_config.json``
    and ``chat_template.jinja``. Weights are the runtimes' affair.

    Raises :class:`ModelUnusable`, :class:`InvalidVocabulary`.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_dir():
            raise ModelUnusable(f"there is no model directory {str(self.path)!r}")
        self.config = self._json("config.json")
        self.tokenizer_config = self._json("tokenizer_config.json", optional=True)
        self.generation_config = self._json("generation_config.json", optional=True)
        self.context = self._context()
        self.tokenizer, self.plain_tokenizer = self._tokenizer(), self._tokenizer()
        self.plain_tokenizer.encode_special_tokens = True
        self.special = tuple(token.content for token in self.tokenizer.get_added_tokens_decoder().values() if token.special)

    @functools.cached_property
    def vocabulary(self) -> ModelVocabulary:
        """The tokens as bytes, as wide as the model's logits."""
        read = Vocabulary.from_tokenizer_json(self._file("tokenizer.json"), eos=self._ends())
        size = max(int(self._of_config("vocab_size", len(read.tokens))), len(read.tokens))
        return ModelVocabulary(read.tokens, read.eos, size, self.plain_tokenizer)

    @functools.cached_property
    def template(self) -> jinja2.Template:
        """The chat template, compiled in a sandbox. Raises :class:`ModelUnusable` where there is none."""
        file = self.path / "chat_template.jinja"
        said = file.read_text(encoding="utf-8") if file.is_file() else self.tokenizer_config.get("chat_template")
        if isinstance(said, list):  # several templates by name
            said = next((entry.get("template") for entry in said if entry.get("name") == "default"), None)
        if not isinstance(said, str):
            raise ModelUnusable(f"{self.path.name} has no chat_template in tokenizer_config.json and no chat_template.jinja")
        return _environment().from_string(said)

    def encode(self, text: str) -> list[int]:
        """Tokens of ``text``, in which the names of special tokens stand for these tokens."""
        found: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return found

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of ``tokens``; special tokens stand for nothing, bytes that are no UTF-8 for the replacement character."""
        return self.vocabulary.decode(tokens).decode(errors="replace")

    def prompt(self, messages: Sequence[Mapping[str, str]]) -> list[int]:
        """Tokens of the chat so far, up to where the answer begins. A last message of the assistant is the beginning of the answer.

        What messages say never becomes a special token: its name in a message is plain text. Raises :class:`InvalidRequest` where the
        template refuses the messages, :class:`ModelUnusable` where there is none.
        """
        begun = str(messages[-1]["content"]) if messages[-1]["role"] == "assistant" else ""
        marks = {name: chr(PRIVATE_USE + i) for i, name in enumerate(self.special)}
        shown = [{**message, "content": _replaced(message["content"], marks)} for message in (messages[:-1] if begun else messages)]
        text = self._rendered(shown) + _replaced(begun, marks)
        return self._encoded(text, {mark: name for name, mark in marks.items()})

    def _rendered(self, messages: Sequence[Mapping[str, str]]) -> str:
        import jinja2

        tokens = {name: _content(self.tokenizer_config.get(name)) for name in ("bos_token", "eos_token", "unk_token", "pad_token")}
        try:
            return self.template.render(messages=messages, add_generation_prompt=True, tools=None, **tokens)
        except jinja2.TemplateError as error:
            raise InvalidRequest(f"the model's chat template refuses the messages: {error}", param="messages") from None

    def _encoded(self, text: str, names: Mapping[str, str]) -> list[int]:
        """Tokens of ``text`` in which each mark is the name of a special token, to be spelt by ordinary tokens."""
        found: list[int] = []
        for piece in re.split(f"([{''.join(names)}])", text) if names else [text]:
            if piece in names:
                found += self.plain_tokenizer.encode(names[piece], add_special_tokens=False).ids
            elif piece:
                found += self.encode(piece)
        return found

    def _context(self) -> int:
        said = self._of_config("max_position_embeddings", None) or self._of_config("n_positions", None)
        if not isinstance(said, int) or said < 2:
            raise ModelUnusable(f"config.json of {self.path.name} does not say max_position_embeddings")
        return min(said, LONGEST_CONTEXT)

    def _of_config(self, name: str, default: Any) -> Any:
        """A field of the configuration; of its part for text in models that also see."""
        return self.config.get(name, (self.config.get("text_config") or {}).get(name, default))

    def _ends(self) -> list[int] | None:
        """The ids that end a turn, as the configuration says; None leaves it to the usual names."""
        said = self.generation_config.get("eos_token_id", self._of_config("eos_token_id", None))
        ids = [said] if isinstance(said, int) else list(said or ())
        named = self.tokenizer.token_to_id(_content(self.tokenizer_config.get("eos_token")))
        if named is not None and named not in ids:
            ids.append(named)
        return ids or None

    def _tokenizer(self) -> tokenizers.Tokenizer:
        try:
            import tokenizers
        except ImportError:
            raise missing("tokenizers", "embedded") from None
        try:
            return tokenizers.Tokenizer.from_file(str(self._file("tokenizer.json")))
        except Exception as error:  # noqa: BLE001 - the library raises nothing narrower
            raise ModelUnusable(f"tokenizer.json of {self.path.name} cannot be read: {error}") from None

    def _file(self, name: str) -> Path:
        if not (self.path / name).is_file():
            raise ModelUnusable(f"the model directory {str(self.path)!r} has no {name}")
        return self.path / name

    def _json(self, name: str, *, optional: bool = False) -> dict[str, Any]:
        if optional and not (self.path / name).is_file():
            return {}
        try:
            said = json.loads(self._file(name).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ModelUnusable(f"{name} of {self.path.name} cannot be read: {error}") from None
        if not isinstance(said, dict):
            raise ModelUnusable(f"{name} of {self.path.name} is no JSON object")
        return said


def missing(library: str, extra: str) -> ModelUnusable:
    """The error that names what to install."""
    return ModelUnusable(f"{library} is not installed, which local models need: pip install 'eudoxus[{extra}]'")


def _content(token: Any) -> str:
    """The text of a token, which is written as text or as an object with ``content``."""
    return str(token.get("content", "")) if isinstance(token, dict) else str(token or "")


def _replaced(text: str, marks: Mapping[str, str]) -> str:
    for mark in marks.values():
        text = text.replace(mark, "")
    for name, mark in sorted(marks.items(), key=lambda pair: -len(pair[0])):
        text = text.replace(name, mark)
    return text


@functools.cache
def _environment() -> jinja2.Environment:
    """As chat templates expect it. A template comes with the model, so it runs in jinja's sandbox, and cannot change its arguments."""
    try:
        from jinja2.sandbox import ImmutableSandboxedEnvironment
    except ImportError:
        raise missing("jinja2", "embedded") from None
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
    environment.globals["raise_exception"] = _refuse
    environment.filters["tojson"] = _to_json
    return environment


def _refuse(message: str) -> None:
    import jinja2

    raise jinja2.TemplateError(message)


def _to_json(value: Any, indent: int | None = None) -> str:
    """Plain JSON: jinja's own filter escapes for HTML."""
    return json.dumps(value, ensure_ascii=False, indent=indent)
