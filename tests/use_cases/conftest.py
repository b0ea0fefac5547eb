"""Use cases on a real database, at an instant of the test's choosing, as any actor."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from service.actor import Actor
from service.bootstrap import Services, build_services
from service.config import Config
from service.crypto.keyring import create_key_file
from service.storage.policies import publish_policy
from service.storage.unit import Unit
from service.use_cases.register_subject import Identifier, RegisterSubject, register_subject

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
POLICY = Path(__file__).parent.parent / "policy" / "vectors" / "policy-pharmacy.json"

Acting = Callable[..., AbstractContextManager[Unit]]


@pytest.fixture
def policy_document() -> dict[str, Any]:
    """The pharmacy of the vectors, with signals."""
    document: dict[str, Any] = json.loads(POLICY.read_text())
    document["data"]["service"] = {"sharing": "necessary"}
    document["purposes"]["order_fulfilment"]["data"].append("service")
    document["signals"] = {
        "purchase": {"data": "purchases"},
        "usage": {"data": "usage"},
        "complaint_opened": {"data": "service", "sets": "open_complaint"},
        "complaint_closed": {"data": "service", "clears": "open_complaint"},
        "situation": {"data": "service"},
    }
    return document


@pytest.fixture
def services(database: str, tmp_path: Path, policy_document: dict[str, Any]) -> Iterator[Services]:
    key_file = tmp_path / "keys" / "keys.json"
    create_key_file(key_file)
    config = Config.from_environ(
        {
            "SAMTYCKE_HOME": str(tmp_path),
            "SAMTYCKE_KEY_FILE": str(key_file),
            "SAMTYCKE_DATABASE_URL": database,
        }
    )
    services = build_services(config, clock=lambda: NOW)
    with services.database.transaction() as db:
        publish_policy(db, policy_document, NOW)
    yield services
    services.close()


@pytest.fixture
def acting(services: Services) -> Acting:
    """`with acting("shop") as unit:` — one transaction of that role, `at` an instant (default NOW)."""

    @contextmanager
    def act(role: str, subject: UUID | None = None, at: datetime = NOW) -> Iterator[Unit]:
        actor = Actor(sub=f"{role}-1", roles=frozenset({role}), subject=subject)
        with services.database.transaction() as db:
            in_force = services.policies.in_force(db)
            yield Unit(db, services.keyring, services.index, in_force, actor, at, services.erasures)

    return act


@pytest.fixture
def aino(acting: Acting) -> UUID:
    """An adult customer in Stockholm who has chosen nothing yet."""
    with acting("shop") as unit:
        subject = register_subject(
            unit,
            RegisterSubject(
                identifiers=[Identifier("email", "Aino.Virtanen@example.fi")],
                locale="fi",
                country="SE",
                timezone="Europe/Stockholm",
                birth_date=datetime(1980, 2, 29, tzinfo=UTC).date(),
            ),
        )
    return subject.id
