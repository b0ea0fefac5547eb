"""The configuration: defaults, faults that name their variable, and the way back into an environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.config import Config
from service.embedded.instance import hold, write_note
from service.errors import ConfigError


def test_defaults_lie_in_the_folder_of_the_start(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(open_folder)
    config = Config.from_environ({})
    assert config.home == open_folder / ".samtycke"
    assert config.key_file == config.home / "keys" / "keys.json"
    assert config.issuer_key_file == config.home / "keys" / "issuer.json"
    assert (config.database_url, config.broker_url, config.jwks) == (None, None, None)
    assert config.address == "http://127.0.0.1:8080"
    assert config.demo


def test_demo_data_goes_into_the_embedded_database_alone_unless_asked_for() -> None:
    url = "postgresql://db.example/samtycke"
    assert not Config.from_environ({"SAMTYCKE_DATABASE_URL": url}).demo
    assert Config.from_environ({"SAMTYCKE_DATABASE_URL": url, "SAMTYCKE_DEMO": "on"}).demo
    assert not Config.from_environ({"SAMTYCKE_DEMO": "off"}).demo


def test_as_environ_leads_back(tmp_path: Path) -> None:
    keys = tmp_path / "jwks.json"
    keys.write_text("{}")
    given = {
        "SAMTYCKE_HOME": str(tmp_path),
        "SAMTYCKE_DATABASE_URL": "postgresql://me:p%40ss@db/x",
        "SAMTYCKE_BROKER_URL": "amqp://broker//",
        "SAMTYCKE_JWKS": str(keys),
        "SAMTYCKE_PORT": "9000",
        "SAMTYCKE_DEMO": "yes",
        "SAMTYCKE_SMTP_URL": "starttls://me:p%40ss@relay.example:2587",
        "SAMTYCKE_MAIL_FROM": "Tallgren <post@tallgren.example>",
        "SAMTYCKE_PUBLIC_URL": "https://me.tallgren.example/",
        "SAMTYCKE_WEBHOOK_ALLOW": "10.0.0.0/8,till",
    }
    config = Config.from_environ(given)
    assert Config.from_environ(config.as_environ()) == config
    assert config.public_url == "https://me.tallgren.example"


def test_the_path_of_a_key_file_is_made_absolute_wherever_it_is_given(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(open_folder)
    plain = Config.from_environ({"SAMTYCKE_KEY_FILE": "k.json"})
    named = Config.from_environ({"SAMTYCKE_KEYS": "vault:transit/samtycke,file:k.json"})
    assert plain.key_file == named.key_file == open_folder / "k.json"
    assert plain.keys.providers == f"file:{open_folder / 'k.json'}"
    assert named.keys.providers == f"vault:transit/samtycke,file:{open_folder / 'k.json'}"
    for config in (plain, named):
        assert Config.from_environ(config.as_environ()) == config


def test_keys_of_the_environment_are_not_noted_on_disk() -> None:
    config = Config.from_environ({"SAMTYCKE_KEYS": "env:", "SAMTYCKE_KEK": "secret-9"})
    assert "secret-9" not in str(config.as_environ()) + repr(config)


def test_empty_value_counts_as_unset() -> None:
    assert Config.from_environ({"SAMTYCKE_PORT": " ", "SAMTYCKE_DATABASE_URL": ""}).port == 8080


@pytest.mark.parametrize(
    ("host", "address"), [("0.0.0.0", "http://127.0.0.1:8080"), ("::1", "http://[::1]:8080")]
)
def test_address_is_one_that_a_browser_understands(host: str, address: str) -> None:
    assert Config.from_environ({"SAMTYCKE_HOST": host}).address == address


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SAMTYCKE_PORT", "0"),
        ("SAMTYCKE_PORT", "8_080"),
        ("SAMTYCKE_PORT", "٨٠"),
        ("SAMTYCKE_WORKER_CONCURRENCY", "-1"),
        ("SAMTYCKE_MAX_BODY_BYTES", "1"),
        ("SAMTYCKE_DEMO", "2"),
        ("SAMTYCKE_DATABASE_URL", "sqlite:///secret"),
        ("SAMTYCKE_DATABASE_URL", "postgresql://secret:secret@host:port/x"),
        ("SAMTYCKE_BROKER_URL", "secret"),
        ("SAMTYCKE_JWKS", "http://keys.example/secret"),
        ("SAMTYCKE_JWKS", "/nowhere/keys.json"),
        ("SAMTYCKE_SMTP_URL", "https://secret@relay.example"),
        ("SAMTYCKE_SMTP_URL", "smtp://secret:secret@"),
        ("SAMTYCKE_SMTP_URL", "smtp://secret:secret@relay:port"),
        ("SAMTYCKE_MAIL_FROM", "secret"),
        ("SAMTYCKE_MAIL_FROM", "secret@nowhere"),
        ("SAMTYCKE_MAIL_FROM", "A <a@b.example>\r\nBcc: secret@c.example"),
        ("SAMTYCKE_PUBLIC_URL", "http://secret.example"),
        ("SAMTYCKE_PUBLIC_URL", "https://me.example/?secret"),
        ("SAMTYCKE_WEBHOOK_ALLOW", "10.0.0.0/8, secret key"),
    ],
)
def test_fault_names_its_variable_and_no_secret(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"^{name}") as raised:
        Config.from_environ({name: value})
    assert "secret" not in str(raised.value)


def test_running_instance_is_found_by_its_folder_alone(tmp_path: Path) -> None:
    environ = {"SAMTYCKE_HOME": str(tmp_path)}
    with pytest.raises(ConfigError, match="nothing runs on"):
        Config.for_running_instance(environ)
    servers = {
        "SAMTYCKE_DATABASE_URL": "postgresql://127.0.0.1:5/samtycke",
        "SAMTYCKE_BROKER_URL": "redis://127.0.0.1:6/0",
    }
    running = Config.from_environ({**environ, **servers})
    with hold(tmp_path):
        with pytest.raises(ConfigError, match="still starting"):
            Config.for_running_instance(environ)
        write_note(tmp_path, running.as_environ())
        assert Config.for_running_instance(environ) == running
    with pytest.raises(ConfigError, match="nothing runs on"):
        Config.for_running_instance(environ)


def test_given_servers_need_no_running_instance(tmp_path: Path) -> None:
    given = {
        "SAMTYCKE_HOME": str(tmp_path),
        "SAMTYCKE_DATABASE_URL": "postgresql://db/x",
        "SAMTYCKE_BROKER_URL": "redis://broker/0",
    }
    assert Config.for_running_instance(given) == Config.from_environ(given)
