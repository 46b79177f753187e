"""How endpoints are configured. Addresses and keys come from here only, never from a request."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, SecretStr, TypeAdapter, field_validator

from eudoxus.runtime.endpoints.base import Capabilities, Endpoint
from eudoxus.runtime.endpoints.dialects import DIALECTS, PROBE


class _Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Price(_Config):
    """What a model costs, in US dollars per 1M tokens."""

    input: float = Field(ge=0)
    """Per 1M tokens sent."""
    output: float = Field(ge=0)
    """Per 1M tokens received."""
    cached: float | None = Field(None, ge=0)
    """Per 1M sent tokens that the endpoint had cached; by default as ``input``."""


class OpenAIConfig(_Config):
    """A server that speaks OpenAI's chat dialect: a hosted model, vLLM, llama.cpp, Ollama, LiteLLM, …"""

    type: Literal["openai"] = "openai"
    base_url: str
    """Address up to, not including, ``/chat/completions``, as in ``http://localhost:8000/v1``."""
    api_key: SecretStr | None = None
    """Sent as a bearer token."""
    api_key_env: str | None = None
    """Name of the environment variable that holds the key, if ``api_key`` is not given."""
    models: list[str] | None = None
    """Model names to list; by default the server is asked."""
    default_model: str | None = None
    """The model of specifications that name none; by default the first of ``models``."""
    max_concurrency: int = Field(100, ge=1)
    """Most requests in flight per model. Fewer are allowed while the server says that it is overloaded."""
    timeout_s: float = Field(120.0, gt=0)
    """Seconds without a single byte from the server before a call is given up."""
    prices: dict[str, Price] = {}
    """Prices by model, before those of the built-in table; ``"*"`` is for every other model."""
    headers: dict[str, SecretStr] = {}
    """Further HTTP headers, such as ``api-key``."""
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] | None = None
    """How the server calls the limit of tokens; by default ``max_tokens``, at api.openai.com ``max_completion_tokens``."""
    capabilities: Capabilities = Capabilities(logprobs=True)
    """What the server can do; requests that need anything else are refused. ``grammar`` is its dialect, or ``probe``."""

    @field_validator("capabilities")
    @classmethod
    def _dialect(cls, said: Capabilities) -> Capabilities:
        spoken = [name for name in DIALECTS if name != "local"]
        if said.grammar is not None and said.grammar not in (*spoken, PROBE):
            raise ValueError(f"capabilities.grammar={said.grammar!r}: expected {', '.join(spoken)} or {PROBE}")
        return said

    @field_validator("base_url")
    @classmethod
    def _address(cls, said: str) -> str:
        parts = urlsplit(said)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"expected an address such as http://localhost:8000/v1, not {said.rpartition('@')[2]!r}")
        if parts.username or parts.password:
            raise ValueError("an address must not hold a user or password; give the key as api_key or api_key_env")
        return parts._replace(path=parts.path.rstrip("/").removesuffix("/chat/completions"), fragment="").geturl()

    def key(self) -> SecretStr | None:
        """The key to send, from ``api_key`` or the environment; None when there is none."""
        if self.api_key is not None:
            return self.api_key
        found = os.environ.get(self.api_key_env or "", "")
        return SecretStr(found) if found else None


class ManualConfig(_Config):
    """A person answers, by the API or the web page."""

    type: Literal["manual"] = "manual"
    timeout_s: float = Field(3600.0, gt=0)
    """Seconds that a request waits for an answer."""
    models: list[str] = ["person"]
    """Model names to list."""


class ReplayConfig(_Config):
    """Recorded journals answer."""

    type: Literal["replay"] = "replay"
    paths: list[Path]
    """Journal files (JSON Lines); a folder stands for all ``*.jsonl`` in it."""
    models: list[str] = ["recorded"]
    """Model names to list."""

    def files(self) -> list[Path]:
        """The files that ``paths`` stand for, folders by name."""
        return [file for path in self.paths for file in (sorted(path.glob("*.jsonl")) if path.is_dir() else [path])]


class FurtherConfig(_Config):
    """Base for the configuration of endpoint types that packages publish under the entry-point group ``eudoxus.endpoints``.

    The entry point's name is the ``type``; it names a subclass, which makes the endpoint.
    """

    type: str

    def endpoint(self, name: str) -> Endpoint:
        """The endpoint, called ``name``; nothing is contacted or loaded yet."""
        raise NotImplementedError


ENDPOINT_TYPES = "eudoxus.endpoints"
_BuiltIn = Annotated[OpenAIConfig | ManualConfig | ReplayConfig, Field(discriminator="type")]
_BUILT_IN: TypeAdapter[OpenAIConfig | ManualConfig | ReplayConfig] = TypeAdapter(_BuiltIn)
_NAMES = frozenset({"openai", "manual", "replay"})


def _read(said: Any) -> OpenAIConfig | ManualConfig | ReplayConfig | FurtherConfig:
    """A configuration of a type of ours, else of the published type of that name."""
    if isinstance(said, FurtherConfig):
        return said
    kind = said.get("type") if isinstance(said, Mapping) else None
    if not isinstance(kind, str) or kind in _NAMES:
        return _BUILT_IN.validate_python(said)
    points = entry_points(group=ENDPOINT_TYPES)
    if kind not in points.names:
        raise ValueError(f"type is {kind!r}, expected one of {', '.join(sorted({*_NAMES, *points.names}))}")
    published: type[FurtherConfig] = points[kind].load()
    return published.model_validate(said)


EndpointConfig = Annotated[OpenAIConfig | ManualConfig | ReplayConfig | FurtherConfig, PlainValidator(_read)]
"""One endpoint, told apart by ``type``."""
