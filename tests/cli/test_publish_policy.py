"""`samtycke policy publish`: a policy comes into force whole, once, or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result

from service.cli.policy import policy

PHARMACY = Path(__file__).parent.parent / "policy" / "vectors" / "policy-pharmacy.json"


@pytest.fixture
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(PHARMACY.read_text())
    return loaded


def publish(database: str, tmp_path: Path, document: dict[str, Any]) -> Result:
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(document))
    environ = {
        "SAMTYCKE_HOME": str(tmp_path),
        "SAMTYCKE_DATABASE_URL": database,
        "SAMTYCKE_BROKER_URL": "redis://127.0.0.1:1/0",
    }
    return CliRunner().invoke(policy, ["publish", str(file)], env=environ)


def versions(database: str) -> int:
    with psycopg.connect(database) as db:
        row = db.execute("select count(*) from policies").fetchone()
    assert row is not None
    return int(row[0])


def test_a_policy_comes_into_force_once(database: str, tmp_path: Path, document: dict[str, Any]) -> None:
    assert publish(database, tmp_path, document).output == "in force as version 1\n"
    assert publish(database, tmp_path, document).output == "it is in force already\n"
    changed = document | {"default_level": "off"}
    assert publish(database, tmp_path, changed).output == "in force as version 2\n"
    assert versions(database) == 2


def test_a_faulty_policy_is_refused_with_all_its_faults(
    database: str, tmp_path: Path, document: dict[str, Any]
) -> None:
    document["default_level"] = "boundless"
    document["programmes"]["marketing"]["ladder"]["curate"] = ["world_domination"]
    result = publish(database, tmp_path, document)
    assert result.exit_code == 1
    assert "/default_level" in result.output
    assert "/programmes/marketing/ladder/curate" in result.output
    assert versions(database) == 0


def test_without_a_service_it_says_so(tmp_path: Path, document: dict[str, Any]) -> None:
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(document))
    result = CliRunner().invoke(
        policy,
        ["publish", str(file)],
        env={"SAMTYCKE_HOME": str(tmp_path), "SAMTYCKE_DATABASE_URL": "", "SAMTYCKE_BROKER_URL": ""},
    )
    assert result.exit_code == 1
    assert "in force" not in result.output
