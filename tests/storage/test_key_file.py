"""A key file is made for an empty database and never behind data that another one sealed."""

from __future__ import annotations

import base64
from pathlib import Path

import psycopg
import pytest

from service.bootstrap import build_services
from service.config import Config
from service.embedded.key_file import ensure_key_file
from service.errors import ConfigError, KeyFileError


@pytest.fixture
def config(database: str, tmp_path: Path) -> Config:
    return Config.from_environ({"SAMTYCKE_HOME": str(tmp_path), "SAMTYCKE_DATABASE_URL": database})


def test_the_first_start_makes_it_and_the_second_keeps_it(config: Config) -> None:
    assert ensure_key_file(config)
    before = config.key_file.read_bytes()
    assert not ensure_key_file(config)
    assert config.key_file.read_bytes() == before


def test_a_lost_file_is_not_replaced_behind_sealed_data(config: Config) -> None:
    with psycopg.connect(config.database_url or "") as db:
        db.execute("insert into keys.data_keys values (gen_random_uuid(), 'kek-1', '\\x00', now())")
    with pytest.raises(KeyFileError, match="missing"):
        ensure_key_file(config)
    assert not config.key_file.exists()


def test_a_damaged_file_stops_the_start(config: Config) -> None:
    ensure_key_file(config)
    config.key_file.write_text("{}")
    with pytest.raises(KeyFileError):
        ensure_key_file(config)


def test_keys_elsewhere_need_no_file_but_what_they_need_is_asked_for_at_the_start(
    database: str, tmp_path: Path
) -> None:
    environ = {
        "SAMTYCKE_HOME": str(tmp_path),
        "SAMTYCKE_DATABASE_URL": database,
        "SAMTYCKE_KEYS": "env:",
        "SAMTYCKE_KEK": base64.b64encode(b"k" * 32).decode(),
    }
    config = Config.from_environ(environ)
    assert not ensure_key_file(config, environ)
    assert not config.key_file.exists()
    with pytest.raises(ConfigError, match="SAMTYCKE_KEK"):
        ensure_key_file(config, {})


def test_a_file_is_not_made_anew_where_the_database_knows_its_key(config: Config) -> None:
    ensure_key_file(config)
    services = build_services(config)
    services.keyring.check()
    services.close()
    config.key_file.unlink()
    with pytest.raises(KeyFileError, match="missing"):
        ensure_key_file(config)
