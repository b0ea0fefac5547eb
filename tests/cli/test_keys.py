"""`samtycke keys`: what an operator sees and may do."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result

from service.bootstrap import build_services
from service.cli import main
from service.config import Config
from service.crypto import key_settings
from service.crypto.keyring import create_key_file
from service.storage.keks import read_keks


@pytest.fixture
def environ(database: str, tmp_path: Path) -> dict[str, str]:
    environ = {
        "SAMTYCKE_HOME": str(tmp_path),
        "SAMTYCKE_DATABASE_URL": database,
        "SAMTYCKE_BROKER_URL": "redis://127.0.0.1:1/0",
    }
    create_key_file(Config.from_environ(environ).key_file)
    return environ


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process looks for a new key after seconds; nobody else is at work here."""
    monkeypatch.setattr(
        "service.config.KeySettings",
        lambda **settings: key_settings.KeySettings(**settings, view_seconds=0.05),
    )


def run(environ: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(main, ["keys", *arguments], env=environ)


def fill(environ: dict[str, str], count: int) -> None:
    services = build_services(Config.from_environ(environ))
    try:
        with services.database.transaction() as db:
            for owner in (uuid4() for _ in range(count)):
                _, wrapped = services.keyring.new_data_key(owner)
                db.execute(
                    "insert into keys.data_keys (owner, kek, wrapped, created_at) values (%s, %s, %s, now())",
                    (owner, *wrapped),
                )
    finally:
        services.close()


def test_a_key_from_its_first_day_to_its_last(environ: dict[str, str]) -> None:
    assert "active" in run(environ, "status").output
    fill(environ, 7)
    file = Path(environ["SAMTYCKE_HOME"]) / "keys" / "keys.json"
    [old] = json.loads(file.read_text())["kek"]
    shown = run(environ, "status").output
    assert old in shown
    assert "64 of 4294967296 (0.0%)" in shown
    assert shown.splitlines()[1].endswith(" 7")

    refused = run(environ, "retire", old)
    assert refused.exit_code == 1
    assert "active" in refused.output

    rotated = run(environ, "rotate")
    assert rotated.exit_code == 0, rotated.output
    assert "7 data keys wrapped anew" in rotated.output
    new = rotated.output.split()[0]
    shown = run(environ, "status").output
    assert "deactivated" in shown
    assert "unfinished" not in shown

    retired = run(environ, "retire", old)
    assert retired.exit_code == 0, retired.output
    assert f"{old} is destroyed" in retired.output
    assert list(json.loads(file.read_text())["kek"]) == [new]
    assert "destroyed" in run(environ, "status").output
    assert run(environ, "retire", "made-up").exit_code == 1


def test_a_compromised_key_is_replaced(environ: dict[str, str]) -> None:
    fill(environ, 3)
    services = build_services(Config.from_environ(environ))
    old = services.keyring.active().id
    done = run(environ, "compromise", old)
    assert done.exit_code == 0, done.output
    assert "3 data keys wrapped anew" in done.output
    with services.database.connection() as db:
        assert read_keks(db)[old].state == "compromised"
    services.close()


def test_an_interrupted_rotation_shows(environ: dict[str, str]) -> None:
    fill(environ, 3)
    services = build_services(Config.from_environ(environ))
    old = services.keyring.active().id
    run(environ, "rotate")
    with services.database.connection() as db:
        db.execute("update keys.data_keys set kek = %s", (old,))
    services.close()
    assert "3 keys to wrap anew" in run(environ, "status").output


def test_the_keys_never_show(environ: dict[str, str]) -> None:
    file = Path(environ["SAMTYCKE_HOME"]) / "keys" / "keys.json"
    shown = run(environ, "status").output + run(environ, "rotate").output
    document = json.loads(file.read_text())
    for secret in [document["index"], *document["kek"].values()]:
        assert secret not in shown


def test_the_index_is_given_new_keys_now_or_by_the_workers(environ: dict[str, str]) -> None:
    assert "version 2 of the index has begun" in run(environ, "rekey-index", "--background").output
    assert "version 3 of the index: 0 identifiers" in run(environ, "rekey-index").output
