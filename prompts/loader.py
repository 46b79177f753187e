"""Prompt files: read once, rendered strictly.

A prompt is ``prompts/<strategy>/<name>.md``: YAML front matter (``id``, ``for``, ``placeholders``, ``answer``), then the text with
``{{name}}`` where values go. Lines ``--- system ---``, ``--- user ---`` and ``--- assistant ---`` split it into messages; without
them it is one user message. Values are inserted once and never read again, so text that holds ``{{x}}`` or such a line is safe in them.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Literal, cast

import yaml

from eudoxus.runtime.chat import ChatRequest, Message
from eudoxus.runtime.errors import PromptError

Role = Literal["system", "user", "assistant"]

_NAME = r"[a-z][a-z0-9_]{0,63}"
_ID = re.compile(rf"{_NAME}(?:/{_NAME})+")
_PLACEHOLDER = re.compile(r"\{\{([^{}\n]*)\}\}")
_MARKER = re.compile(r"^--- (system|user|assistant) ---[ \t]*$", re.MULTILINE)
_FRONT = re.compile(r"\A\ufeff?---[ \t]*\n(.*?\n)---[ \t]*\n(.*)\Z", re.DOTALL)
_FIELDS = {"id", "for", "placeholders", "answer"}


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt file. Equal texts have equal hashes, whatever their front matter says."""

    id: str
    hash: str
    """12 hex digits of the SHA-256 of the text: the version that journals record."""
    text: str
    placeholders: tuple[str, ...]
    purpose: str
    """What the prompt is for (``for`` in the file)."""
    answer: str
    """The form in which the model is told to answer."""
    sections: tuple[tuple[Role, str], ...]
    """The text, split into messages."""

    @property
    def version(self) -> str:
        """``id@hash``."""
        return f"{self.id}@{self.hash}"

    def messages(self, /, **values: str) -> tuple[Message, ...]:
        """The messages with ``values`` in place. Raises :class:`PromptError` naming a missing or superfluous placeholder."""
        self._check(values)
        return tuple(Message(role=role, content=_PLACEHOLDER.sub(lambda found: values[found[1]], text)) for role, text in self.sections)

    def render(self, /, **values: str) -> str:
        """The texts of :meth:`messages`, parted by blank lines."""
        return "\n\n".join(message.text for message in self.messages(**values))

    def _check(self, values: Mapping[str, str]) -> None:
        missing = [name for name in self.placeholders if name not in values]
        superfluous = [name for name in values if name not in self.placeholders]
        wrong = [name for name, value in values.items() if not isinstance(value, str)]
        if missing:
            raise PromptError(f"prompt {self.id}: no value for {_listed(missing)}", param=missing[0])
        if superfluous:
            raise PromptError(f"prompt {self.id} has no placeholder {_listed(superfluous)}", param=superfluous[0])
        if wrong:
            raise PromptError(f"prompt {self.id}: {wrong[0]} must be text, not {type(values[wrong[0]]).__name__}", param=wrong[0])


def render(id: str, /, **values: str) -> ChatRequest:
    """The prompt ``id`` with ``values`` in place as a request; ``model_copy(update=…)`` sets sampling fields.

    Raises :class:`PromptError` for an unknown prompt, and naming a missing or superfluous placeholder.
    """
    prompt = load(id)
    return ChatRequest(messages=prompt.messages(**values), prompt=prompt.version)


@functools.cache
def load(id: str) -> Prompt:
    """The shipped prompt ``id`` (``strategy/name``). Raises :class:`PromptError` when there is none or its file is malformed."""
    if not _ID.fullmatch(id):
        raise PromptError(f"{id!r} is no prompt id: expected strategy/name in lower-case letters, digits and _", param="id")
    try:
        source = files(__package__).joinpath(*f"{id}.md".split("/")).read_text("utf-8")
    except OSError:
        raise PromptError(f"there is no prompt {id!r}", param="id") from None
    return parse(id, source)


def listed() -> list[Prompt]:
    """Every shipped prompt, by id. Raises :class:`PromptError` when one of them is malformed."""
    return [load(id) for id in sorted(_ids(files(__package__), ""))]


def parse(id: str, source: str) -> Prompt:
    """A prompt from the text of its file. Raises :class:`PromptError` saying what is wrong with it."""
    found = _FRONT.match(source)
    if found is None:
        raise PromptError(f"prompt {id}: the file must begin with front matter between two lines '---'")
    front, text = _front_matter(id, found[1]), found[2].strip()
    if front["id"] != id:
        raise PromptError(f"prompt {id}: its front matter says id: {front['id']}; the id is the file's place")
    declared = tuple(front["placeholders"])
    _check_placeholders(id, text, declared)
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return Prompt(id, digest, text, declared, front["for"], front["answer"], _sections(id, text))


def _front_matter(id: str, source: str) -> dict[str, Any]:
    try:
        front = yaml.safe_load(source)
    except yaml.YAMLError as error:
        raise PromptError(f"prompt {id}: the front matter is not YAML: {error}") from None
    if not isinstance(front, dict) or set(front) != _FIELDS:
        raise PromptError(f"prompt {id}: the front matter must have exactly the fields {_listed(sorted(_FIELDS))}")
    for name in ("id", "for", "answer"):
        if not isinstance(front[name], str) or not front[name].strip():
            raise PromptError(f"prompt {id}: {name} must be text (quote it if it holds a colon)", param=name)
    names = front["placeholders"]
    if not isinstance(names, list) or not all(isinstance(name, str) and re.fullmatch(_NAME, name) for name in names):
        raise PromptError(f"prompt {id}: placeholders must be a list of lower-case names", param="placeholders")
    return front


def _check_placeholders(id: str, text: str, declared: tuple[str, ...]) -> None:
    used = [found[1] for found in _PLACEHOLDER.finditer(text)]
    for name in used:
        if name not in declared:
            raise PromptError(f"prompt {id}: {{{{{name}}}}} is used but not declared in placeholders", param=name)
    for name in declared:
        if name not in used:
            raise PromptError(f"prompt {id}: placeholder {name} is declared but not used", param=name)
    if len(set(declared)) < len(declared):
        raise PromptError(f"prompt {id}: a placeholder is declared twice", param="placeholders")


def _sections(id: str, text: str) -> tuple[tuple[Role, str], ...]:
    before, *rest = _MARKER.split(text)
    if not rest:
        sections = [("user", text)]
    elif before.strip():
        raise PromptError(f"prompt {id}: there is text before the first line '--- {rest[0]} ---'")
    else:
        sections = list(zip(rest[::2], (part.strip() for part in rest[1::2]), strict=True))
    for role, part in sections:
        if not part:
            raise PromptError(f"prompt {id}: the {role} message is empty")
    return cast("tuple[tuple[Role, str], ...]", tuple(sections))


def prompt_hash(id: str) -> str:
    """The version of a prompt file, for the headers of runs."""
    return load(id).hash


def _ids(folder: Traversable, prefix: str) -> Iterator[str]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _ids(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(".md") and _ID.fullmatch(id := prefix + entry.name.removesuffix(".md")):
            yield id


def _listed(names: list[str]) -> str:
    return ", ".join(names)
