"""The application on a real database and broker, at an instant of the test's choosing, with tokens of its
own issuer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from service.api.app import create_app
from service.bootstrap import Services, build_services
from service.config import Config
from service.crypto.keyring import create_key_file
from service.storage.policies import publish_policy
from tests.api.helpers import Clock, Tokens

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
POLICY = Path(__file__).parent.parent / "policy" / "vectors" / "policy-pharmacy.json"


@pytest.fixture
def policy_document() -> dict[str, Any]:
    """The pharmacy of the vectors; override it in a module that needs another one."""
    document: dict[str, Any] = json.loads(POLICY.read_text())
    return document


@pytest.fixture
def clock() -> Clock:
    """The services' clock; `clock.now = …` moves it."""
    return Clock(NOW)


@pytest.fixture
def environ(database: str, broker_url: str, tmp_path: Path) -> dict[str, str]:
    """The variables of the installation under test; override it to change its configuration."""
    return {
        "SAMTYCKE_HOME": str(tmp_path),
        "SAMTYCKE_DATABASE_URL": database,
        "SAMTYCKE_BROKER_URL": broker_url,
    }


@pytest.fixture
def services(environ: dict[str, str], policy_document: dict[str, Any], clock: Clock) -> Iterator[Services]:
    config = Config.from_environ(environ)
    create_key_file(config.key_file)
    services = build_services(config, clock=clock)
    with services.database.transaction() as db:
        publish_policy(db, policy_document, clock.now)
    yield services
    services.close()


@pytest.fixture
def app(services: Services) -> Flask:
    return create_app(services)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def token(services: Services) -> Tokens:
    """`token("shop")`, `token("customer", subject=…)`: headers with a token of that role."""
    return Tokens(services)
