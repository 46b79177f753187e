"""Configuration: environment over file over defaults, and one clear sentence when something is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eudoxus.decoding.local.config import LocalConfig
from eudoxus.runtime.endpoints import OpenAIConfig
from eudoxus.service.settings import ConfigurationError, load_settings


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "EUDOXUS_ENDPOINTS", "EUDOXUS_CONFIG", "EUDOXUS_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_without_any_configuration_the_tiny_model_answers() -> None:
    endpoints, default = load_settings().configured_endpoints()
    assert default == "local" and endpoints["local"] == LocalConfig(model="tiny")


def test_the_variables_of_openai_make_an_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    config = load_settings().endpoints["openai"]
    assert isinstance(config, OpenAIConfig) and config.base_url == "https://api.openai.com/v1"
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:11434/v1")
    config = load_settings().endpoints["openai"]
    assert isinstance(config, OpenAIConfig) and config.base_url == "http://localhost:11434/v1"


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "eudoxus.toml").write_text(
        'port = 9000\nmax_in_flight = 7\n[presets]\ncareful = "best_of_n/up:m"\n[endpoints.up]\ntype = "openai"\nbase_url = "http://h/v1"\n'
    )
    monkeypatch.setenv("EUDOXUS_PORT", "9001")
    settings = load_settings()
    assert (settings.port, settings.max_in_flight, settings.presets) == (9001, 7, {"careful": "best_of_n/up:m"})
    assert settings.configured_endpoints()[1] == "up"


def test_endpoints_can_come_as_json_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EUDOXUS_ENDPOINTS", json.dumps({"a": {"type": "manual"}, "b": {"type": "openai", "base_url": "http://h/v1"}}))
    assert list(load_settings().endpoints) == ["a", "b"]


@pytest.mark.parametrize(
    "text, said",
    [
        ("port = 'x'", "eudoxus.toml: port: "),
        ("prot = 1", "prot is no setting"),
        ("port = ", "eudoxus.toml: not valid TOML"),
        ("[endpoints.up]\ntype = 'openai'", "endpoints.up.openai.base_url: Field required"),
        ("[endpoints.up]\ntype = 'opnai'", "endpoints.up"),
        ("default_endpoint = 'x'", "default_endpoint = 'x' names no endpoint"),
    ],
)
def test_a_bad_file_gives_one_sentence_with_the_field(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "eudoxus.toml").write_text(text)
    with pytest.raises(ConfigurationError) as complaint:
        load_settings()
    assert said in str(complaint.value) and "\n" not in str(complaint.value)


def test_a_named_file_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EUDOXUS_CONFIG", "/nowhere/e.toml")
    with pytest.raises(ConfigurationError, match="cannot read the configuration /nowhere/e.toml"):
        load_settings()


def test_broken_json_in_the_environment_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EUDOXUS_ENDPOINTS", "{")
    with pytest.raises(ConfigurationError, match="^environment variable EUDOXUS_ENDPOINTS: expected JSON: "):
        load_settings()


def test_a_key_in_the_wrong_place_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EUDOXUS_ENDPOINTS", json.dumps({"a": {"type": "openai", "base_url": "http://h", "api_key": 12345678}}))
    with pytest.raises(ConfigurationError) as complaint:
        load_settings()
    assert "12345678" not in str(complaint.value)
