"""Everything that can be configured: environment variables (``EUDOXUS_…``) over ``eudoxus.toml`` over these defaults."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any, ClassVar, Literal

import pydantic
from pydantic import Field, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings.exceptions import SettingsError

from eudoxus.agents.tools.fetch import FetchSettings, checked_networks, checked_prefixes
from eudoxus.runtime.endpoints import EndpointConfig
from eudoxus.runtime.errors import EudoxusError
from eudoxus.sandbox.model import SandboxSettings
from eudoxus.solvers.scripts import ScriptSettings

OPENAI_URL = "https://api.openai.com/v1"
EMBEDDED = "local"
"""The endpoint that there is when none is configured: the tiny model that the package brings."""
EMBEDDED_CAN = (
    "local:tiny, the model of 0.8 million parameters that Eudoxus brings, turns short descriptions of 3 to 5 blocks into PDDL and can do "
    "nothing else. For any other task point at a model of yours: set OPENAI_BASE_URL and OPENAI_API_KEY, or configure an endpoint in "
    "EUDOXUS_ENDPOINTS or the configuration file."
)
"""What the embedded model is, and what to do about it, for people."""


class ConfigurationError(EudoxusError):
    """A setting is missing, unknown, of the wrong type or out of range; the message names it and where it was set."""

    code = "invalid_configuration"


def _default_data_dir() -> Path:
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "eudoxus"


class Settings(BaseSettings):
    """The service's configuration. In a file: the same names in lower case, ``[endpoints.NAME]`` tables, a ``[presets]`` table."""

    model_config = SettingsConfigDict(env_prefix="EUDOXUS_", extra="forbid", frozen=True, use_attribute_docstrings=True)
    file: ClassVar[Path | None] = None

    host: str = "127.0.0.1"
    """Address to listen on. Any other than loopback needs an API key to exist (``eudoxus keys create``)."""
    port: int = Field(8000, ge=0, le=65535)
    """TCP port; 0 takes a free one and prints it."""
    allowed_hosts: list[str] = []
    """Host names under which the service may be asked while no API key exists; loopback names always may."""
    data_dir: Path = Field(default_factory=_default_data_dir)
    """Where runs, journals and keys are kept. Default: ``$XDG_DATA_HOME/eudoxus``, else ``~/.local/share/eudoxus``."""
    endpoints: dict[str, EndpointConfig] = {}
    """Model endpoints by name. ``OPENAI_BASE_URL`` and ``OPENAI_API_KEY`` make one called ``openai`` unless one is configured."""
    default_endpoint: str | None = None
    """The endpoint of model names without one. Default: the first configured."""
    presets: dict[str, str] = {}
    """Specifications by name, usable as model names: ``careful = "best_of_n(n=8)/openai:gpt-4o-mini"``."""
    max_body_bytes: int = Field(4 * 1024 * 1024, ge=1024)
    """Longest accepted request body in bytes; longer ones get 413."""
    max_in_flight: int = Field(64, ge=1)
    """Chat requests answered at a time; more get 429 with Retry-After."""
    slots: int = Field(64, ge=1)
    """Native runs worked on at a time; more wait in the queue."""
    queue_depth: int = Field(10_000, ge=0)
    """Native runs waiting at most; more get 429 with Retry-After."""
    evaluation_slots: int = Field(2, ge=1, le=64)
    """Evaluations worked on at a time; more wait in the queue."""
    evaluation_queue: int = Field(100, ge=0)
    """Evaluations waiting at most; more get 429 with Retry-After."""
    evaluation_concurrency: int = Field(16, ge=1, le=256)
    """The most samples at a time that an evaluation may ask for."""
    sandbox_slots: int | None = Field(None, ge=1, le=256)
    """Programs run in the sandbox at a time. Default: one per processor core."""
    sandbox_queue: int = Field(256, ge=0)
    """Programs waiting for the sandbox at most; more get 429 with Retry-After."""
    sandbox_backend: Literal["auto", "bwrap", "lockdown", "wasi", "monty", "unsafe"] = "auto"
    """How programs are isolated: *auto* takes the strongest that this machine has. *unsafe* isolates nothing."""
    sandbox_i_understand: bool = False
    """Must be true beside ``sandbox_backend = "unsafe"``: whoever can reach the service then runs code as its user."""
    solvers_python: bool = False
    """Whether models may write z3 scripts in Python (``llmfp(form=python)``). They run in the sandbox."""
    fetch_allow: list[str] = []
    """Addresses that the tool ``fetch`` may read pages below: ``["https://docs.python.org/3/"]``. Empty: the tool is off."""
    fetch_private: list[str] = []
    """Networks that are not public and that ``fetch`` may reach all the same: ``["10.1.0.0/16"]``."""
    shutdown_grace: float = Field(25.0, ge=0)
    """Seconds that calls in flight get to finish on shutdown. Runs go on at the next start."""
    power_safe: bool = False
    """Journals survive a power cut too, not only the death of the process; costs about 5 ms a call."""
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$")
    """debug, info, warning or error."""

    @model_validator(mode="before")
    @classmethod
    def _openai_from_environment(cls, said: Any) -> Any:
        """The variables that every OpenAI client knows make an endpoint."""
        url, key = os.environ.get("OPENAI_BASE_URL"), os.environ.get("OPENAI_API_KEY")
        endpoints = said.get("endpoints") or {}
        if (url or key) and isinstance(endpoints, dict) and "openai" not in endpoints:
            made: dict[str, Any] = {"type": "openai", "base_url": url or OPENAI_URL}
            said = {**said, "endpoints": {"openai": made | ({"api_key": key} if key else {}), **endpoints}}
        return said

    @field_validator("fetch_allow")
    @classmethod
    def _fetch_allow_is_sound(cls, allow: list[str]) -> list[str]:
        return checked_prefixes(allow)

    @field_validator("fetch_private")
    @classmethod
    def _fetch_private_is_sound(cls, private: list[str]) -> list[str]:
        return checked_networks(private)

    @model_validator(mode="after")
    def _default_exists(self) -> Settings:
        if self.default_endpoint is not None and self.default_endpoint not in self.endpoints:
            raise ValueError(
                f"default_endpoint = {self.default_endpoint!r} names no endpoint (configured: {', '.join(self.endpoints) or 'none'})"
            )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = config_file()
        return (init_settings, env_settings, *((TomlConfigSettingsSource(settings_cls, file),) if file else ()))

    @property
    def database(self) -> Path:
        """The SQLite file of runs, journals and keys."""
        return self.data_dir / "eudoxus.db"

    @property
    def sandbox(self) -> SandboxSettings:
        """What the sandbox needs to know."""
        return SandboxSettings(
            backend=self.sandbox_backend, i_understand=self.sandbox_i_understand, slots=self.sandbox_slots, queue=self.sandbox_queue
        )

    @property
    def fetch(self) -> FetchSettings:
        """What the tool ``fetch`` needs to know."""
        return FetchSettings(allow=self.fetch_allow, private=self.fetch_private)

    @property
    def scripts(self) -> ScriptSettings:
        """Whether models may write Python for z3."""
        return ScriptSettings(python=self.solvers_python)

    def configured_endpoints(self) -> tuple[dict[str, EndpointConfig], str]:
        """The endpoints to use and the name of the default one; the embedded model when none is configured."""
        if not self.endpoints:
            from eudoxus.decoding.local.config import LocalConfig  # loads numpy, which who has other endpoints need not wait for

            return {EMBEDDED: LocalConfig()}, EMBEDDED
        return dict(self.endpoints), self.default_endpoint or next(iter(self.endpoints))


def config_file() -> Path | None:
    """``EUDOXUS_CONFIG``, else ``eudoxus.toml`` in the working directory, else None."""
    named = os.environ.get("EUDOXUS_CONFIG")
    if named:
        return Path(named)
    here = Path("eudoxus.toml")
    return here if here.is_file() else None


def load_settings(**overrides: Any) -> Settings:
    """The settings in force; ``overrides`` (command-line options) win. Raises :class:`ConfigurationError`, one sentence with the field."""
    file = config_file()
    try:
        if file is not None:
            tomllib.loads(file.read_text(encoding="utf-8"))
        return Settings(**overrides)
    except pydantic.ValidationError as error:
        raise ConfigurationError(_complaint(error, file), param=_dotted(error.errors()[0]["loc"])) from None
    except SettingsError as error:
        cause = error.__cause__
        field = re.search(r'field "(\w+)" from source "Env', str(error))
        where = f"environment variable EUDOXUS_{field[1].upper()}: expected JSON" if field else str(error)
        raise ConfigurationError(f"{where}: {cause}" if cause else where) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{file}: not valid TOML: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot read the configuration {file}: {getattr(error, 'strerror', None) or error}") from None


def _complaint(error: pydantic.ValidationError, file: Path | None) -> str:
    first = error.errors(include_url=False, include_context=False)[0]
    where, message = _dotted(first["loc"]), first["msg"].removeprefix("Value error, ")
    if not where:
        return message
    variable = f"EUDOXUS_{str(first['loc'][0]).upper()}"
    source = f"environment variable {variable}" if variable in os.environ else str(file or "settings")
    if first["type"] == "extra_forbidden":
        known = ", ".join(Settings.model_fields) if len(first["loc"]) == 1 else ""
        return f"{source}: {where} is no setting" + (f" (known: {known})" if known else "")
    got = "" if "key" in where else f" (got {first['input']!r})"
    return f"{source}: {where}: {message}{got}"


def _dotted(loc: tuple[int | str, ...]) -> str:
    return ".".join(map(str, loc))
