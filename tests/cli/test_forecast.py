"""`samtycke forecast`: learning on request, and what an operator sees of the model."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.bootstrap import build_services
from service.cli import main
from service.config import Config
from service.crypto.keyring import create_key_file
from service.storage.policies import publish_policy

POLICY = Path(__file__).parent.parent / "policy" / "vectors" / "policy-pharmacy.json"


@pytest.fixture
def environ(database: str, tmp_path: Path) -> dict[str, str]:
    environ = {
        "SAMTYCKE_HOME": str(tmp_path),
        "SAMTYCKE_DATABASE_URL": database,
        "SAMTYCKE_BROKER_URL": "redis://127.0.0.1:1/0",
    }
    create_key_file(Config.from_environ(environ).key_file)
    services = build_services(Config.from_environ(environ))
    with services.database.transaction() as db:
        publish_policy(db, json.loads(POLICY.read_text()), datetime.now(UTC))
    services.close()
    return environ


def run(environ: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(main, ["forecast", *arguments], env=environ)


def test_before_anything_is_learned_the_embedded_model_is_in_use(environ: dict[str, str]) -> None:
    shown = run(environ, "show")
    assert shown.exit_code == 0
    assert "in use: demo/1" in shown.output
    assert "beauty.skin" in shown.output
    assert "sku:" not in shown.output


def test_with_nobody_to_learn_from_it_says_so(environ: dict[str, str]) -> None:
    learned = run(environ, "train")
    assert learned.exit_code == 1
    assert "fewer than 20 people" in learned.output
    assert "in use: demo/1" in run(environ, "show").output
