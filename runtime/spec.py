"""Which strategy over which model, as a path or as JSON: ``best_of_n(n=8)/openai:gpt-4o-mini``.

Grammar of the path::

    spec     = head *( "/" head ) [ "/" leaf ]  |  leaf
    head     = name [ "(" [ argument *( "," argument ) ] ")" ]        a registered strategy or a preset
    argument = [ key "=" ] value                                     JSON scalar or list, bare word, or a nested spec
    leaf     = endpoint ":" model  |  model  |  "raw/" model         model names may hold slashes

Each head applies to everything right of it. Both forms parse into the same values, and ``str(spec)`` is the path again.
"""

from __future__ import annotations

import json
import re
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from eudoxus.runtime.errors import InvalidParams, SpecError
from eudoxus.runtime.strategy import NAME, Registry

MAX_LENGTH = 1024
MAX_DEPTH = 8
MAX_REMEMBERED = 1024

_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_.+-]*")
_KEY = re.compile(r"\s*([a-z][a-z0-9_]*)\s*=(?!=)")


class ModelRef(BaseModel):
    """The end of a path: a model of an endpoint; ``endpoint`` None means the default one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    endpoint: str | None = None
    name: str

    def __str__(self) -> str:
        if self.endpoint is None:
            plain = ":" not in self.name and not NAME.match(self.name + "/")
            return self.name if plain else f"raw/{self.name}"
        return f"{self.endpoint}:{self.name}"

    def plain(self) -> dict[str, Any]:
        """The canonical JSON form."""
        return self.model_dump(mode="json", exclude_none=True)


class StrategySpec(BaseModel):
    """A strategy, its parameters as plain JSON, and what it applies to; ``model`` None means the enclosing model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    strategy: str
    params: dict[str, Any] = {}
    model: StrategySpec | ModelRef | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_bare_name(cls, said: Any) -> Any:
        return {"strategy": said} if isinstance(said, str) else said

    def __str__(self) -> str:
        arguments = ", ".join(f"{key}={_written(value)}" for key, value in self.params.items())
        head = f"{self.strategy}({arguments})" if arguments else self.strategy
        return head if self.model is None else f"{head}/{self.model}"

    def plain(self) -> dict[str, Any]:
        """The canonical JSON form: without ``model`` where there is none, but with the parameters that are null."""
        said = self.model_dump(mode="json", include={"strategy", "params"})
        return said if self.model is None else said | {"model": self.model.plain()}


Spec = StrategySpec | ModelRef


def parse_spec(said: str | dict[str, Any], registry: Registry) -> Spec:
    """Read a specification from its path or its JSON form, names and parameters checked against ``registry``.

    Raises :class:`SpecError` (with a caret under the column), :class:`UnknownStrategy`, :class:`InvalidParams`.
    """
    if isinstance(said, str):
        spec = registry.read_before.get(said)
        if spec is None:
            spec = _Path(said, registry).read()
            if len(registry.read_before) < MAX_REMEMBERED:
                registry.read_before[said] = spec
        return spec
    return _from_json(said, registry, depth=1)


def _written(value: Any) -> str:
    if isinstance(value, dict) and "strategy" in value:
        return str(StrategySpec.model_validate(value))
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)}: {_written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, str) and _BARE.fullmatch(value) and value not in ("true", "false", "null", "NaN", "Infinity"):
        return value
    return json.dumps(value, ensure_ascii=False)


def _from_json(said: Any, registry: Registry, depth: int) -> Spec:
    """The canonical JSON form, checked level by level."""
    if isinstance(said, str):
        said = {"strategy": said} if said in registry else {"name": said}
    if depth > MAX_DEPTH:
        raise SpecError(f"strategies are nested more than {MAX_DEPTH} deep")
    if not isinstance(said, dict):
        raise SpecError(f"a specification is a path or an object with 'strategy', not {type(said).__name__}")
    try:
        if "strategy" not in said:
            return ModelRef.model_validate(said)
        spec = StrategySpec.model_validate({**said, "model": None})
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise SpecError(f"{where}: {first['msg']} (an object with strategy, params, model; or endpoint, name)") from None
    if spec.strategy in registry.presets:
        base = parse_spec(registry.presets[spec.strategy], registry)
        return _onto(base, _from_json(said["model"], registry, depth + 1) if said.get("model") is not None else None)
    params = _checked(spec.strategy, spec.params, registry, depth)
    model = _from_json(said["model"], registry, depth + 1) if said.get("model") is not None else None
    return StrategySpec(strategy=spec.strategy, params=params, model=model)


def _checked(name: str, params: dict[str, Any], registry: Registry, depth: int) -> dict[str, Any]:
    """Parameters that were given, validated and as plain JSON; specs inside them are checked in turn."""
    strategy = registry.get(name)
    known = strategy.params.model_fields
    field = strategy.params.named
    if field is not None and (others := {k: v for k, v in params.items() if k not in known}):
        params = {k: v for k, v in params.items() if k in known} | {field: {**params.get(field, {}), **others}}
    given = strategy.check(params).model_dump(mode="json", exclude_unset=True)
    return {key: _specs_checked(value, registry, depth + 1) for key, value in given.items()}


def _specs_checked(value: Any, registry: Registry, depth: int) -> Any:
    if isinstance(value, dict) and "strategy" in value:
        return _from_json({k: v for k, v in value.items() if v is not None}, registry, depth).plain()
    if isinstance(value, dict):
        return {k: _specs_checked(v, registry, depth) for k, v in value.items()}
    if isinstance(value, list):
        return [_specs_checked(v, registry, depth) for v in value]
    return value


def _onto(spec: Spec, model: Spec | None) -> Spec:
    """``spec`` (a preset) applied to ``model``: put at the open end of the chain."""
    if model is None or isinstance(spec, ModelRef):
        return spec
    return spec.model_copy(update={"model": model if spec.model is None else _onto(spec.model, model)})


class _Path:
    """A recursive-descent reader of the path syntax; every error knows its column."""

    def __init__(self, text: str, registry: Registry) -> None:
        self.text, self.registry, self.at = text, registry, 0
        if len(text) > MAX_LENGTH:
            raise SpecError(f"a specification has at most {MAX_LENGTH} characters, this one has {len(text)}")
        if bad := re.search(r"[\x00-\x1f\x7f]", text):
            raise self._error("a control character", bad.start())

    def read(self) -> Spec:
        if not self.text.strip():
            raise SpecError("an empty specification; write a path such as best_of_n(n=4)/openai:gpt-4o-mini")
        spec = self._chain(inside=False, depth=1)
        if self.at < len(self.text):
            raise self._error(f"unexpected {self.text[self.at]!r}")
        return spec

    def _chain(self, *, inside: bool, depth: int) -> Spec:
        """heads and a leaf; ``inside`` parentheses a leaf ends at a delimiter, outside it takes the rest of the text."""
        if depth > MAX_DEPTH:
            raise self._error(f"strategies are nested more than {MAX_DEPTH} deep")
        start = self.at
        name = NAME.match(self.text, self.at)
        ending = self.text[name.end() : name.end() + 1] if name else ""
        is_head = bool(name) and (ending in ("", "(", "/") or (inside and ending in ",)]} "))
        if name and is_head and name.group() == "raw" and ending == "/":
            self.at = name.end() + 1
            return ModelRef(name=self._leaf_text(inside))
        known = name is not None and (name.group() in self.registry or name.group() in self.registry.presets)
        if name and is_head and (known or ending == "(" or self._a_leaf_follows(name.end(), inside)):
            return self._head(name.group(), start, inside=inside, depth=depth)
        return self._leaf(inside)

    def _a_leaf_follows(self, end: int, inside: bool) -> bool:
        """Whether ``name/…endpoint:model`` follows, so that ``name`` must have been meant as a strategy."""
        if self.text[end : end + 1] != "/":
            return False
        rest = self.text[end + 1 :]
        return ":" in (re.split(r"[,)\]}]", rest)[0] if inside else rest)

    def _head(self, name: str, start: int, *, inside: bool, depth: int) -> Spec:
        preset = self.registry.presets.get(name) if name not in self.registry else None
        if preset is None:
            self.registry.get(name, text=self.text, at=start)
        self.at = start + len(name)
        params: dict[str, Any] = {}
        if self._peek() == "(":
            if preset is not None:
                raise self._error(f"the preset {name!r} takes no parameters")
            params = self._arguments(name, depth)
        model: Spec | None = None
        if self._peek() == "/":
            self.at += 1
            if self._peek() in ("", ",", ")"):
                raise self._error("a model or strategy is missing after '/'")
            model = self._chain(inside=inside, depth=depth + 1)
        if preset is not None:
            return _onto(parse_spec(preset, self.registry), model)
        try:
            checked = _checked(name, params, self.registry, depth)
        except InvalidParams as error:
            raise InvalidParams(f"{self.text}\n{' ' * start}{'^' * len(name)} {error.message}", param=error.param) from None
        return StrategySpec(strategy=name, params=checked, model=model)

    def _arguments(self, name: str, depth: int) -> dict[str, Any]:
        """``(a, b, key=value)`` as a mapping; arguments without a name go to the field that the strategy says."""
        self.at += 1
        params: dict[str, Any] = {}
        positional: list[Any] = []
        field = self.registry.get(name).params.positional
        while True:
            self._blank()
            if self._peek() == ")":
                self.at += 1
                break
            start = self.at
            key = _KEY.match(self.text, self.at)
            if key:
                self.at = key.end()
                if key.group(1) in params:
                    raise self._error(f"{key.group(1)!r} is given twice", start)
                params[key.group(1)] = self._value(depth)
            elif field is None:
                raise self._error(f"{name} takes parameters by name, as in {name}(name=value)")
            else:
                positional.append(self._value(depth))
            self._blank()
            if self._peek() == ",":
                self.at += 1
            elif self._peek() != ")":
                raise self._error("expected ',' or ')'" if self._peek() else "a ')' is missing")
        if positional and field is not None:
            params[field] = positional
        return params

    def _value(self, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise self._error(f"strategies are nested more than {MAX_DEPTH} deep")
        self._blank()
        match self._peek():
            case "[":
                return self._items("]", lambda: self._value(depth + 1))
            case "{":
                return dict(self._items("}", lambda: self._pair(depth + 1)))
            case '"' | "-" | "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9":
                return self._json()
        for word, value in (("true", True), ("false", False), ("null", None)):
            if re.compile(rf"{word}(?![A-Za-z0-9_./:(-])").match(self.text, self.at):
                self.at += len(word)
                return value
        bare = _BARE.match(self.text, self.at)
        if bare and self.text[bare.end() : bare.end() + 1] not in ("(", "/", ":"):
            self.at = bare.end()
            return bare.group()
        if bare:
            return self._chain(inside=True, depth=depth + 1).plain()
        raise self._error("a value is missing" if self._peek() in ("", ",", ")") else f"unexpected {self._peek()!r}")

    def _items(self, closing: str, item: Any) -> list[Any]:
        self.at += 1
        found: list[Any] = []
        while True:
            self._blank()
            if self._peek() == closing:
                self.at += 1
                return found
            found.append(item())
            self._blank()
            if self._peek() == ",":
                self.at += 1
            elif self._peek() != closing:
                raise self._error(f"expected ',' or '{closing}'")

    def _pair(self, depth: int) -> tuple[str, Any]:
        key = self._json() if self._peek() == '"' else None
        self._blank()
        if not isinstance(key, str) or self._peek() != ":":
            raise self._error('expected "key": value')
        self.at += 1
        return key, self._value(depth)

    def _json(self) -> Any:
        try:
            value, self.at = json.JSONDecoder().raw_decode(self.text, self.at)
        except (json.JSONDecodeError, RecursionError) as error:
            raise self._error(f"not a JSON value: {getattr(error, 'msg', error)}") from None
        return value

    def _leaf(self, inside: bool) -> ModelRef:
        start = self.at
        text = self._leaf_text(inside)
        if "/" in text.split(":", 1)[0] and ":" in text:
            return self._misplaced(text, start)
        endpoint, colon, model = text.partition(":")
        if not colon:
            return ModelRef(name=text)
        if not endpoint or not model:
            raise self._error("expected endpoint:model", start)
        return ModelRef(endpoint=endpoint, name=model)

    def _misplaced(self, text: str, start: int) -> ModelRef:
        raise self._error(f"{text.split('/', 1)[0]!r} is no strategy; for a model of this name write raw/{text}", start)

    def _leaf_text(self, inside: bool) -> str:
        found = re.compile(r"[^,()\[\]{}\s]+" if inside else r".+").match(self.text, self.at)
        if found is None:
            raise self._error("a model name is missing")
        self.at = found.end()
        return found.group()

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _blank(self) -> None:
        while self._peek() == " ":
            self.at += 1

    def _error(self, reason: str, at: int | None = None) -> SpecError:
        return SpecError(reason, text=self.text, at=self.at if at is None else at)
