"""The key provider is away: no permission for whoever is not remembered, never a stale yes, and /readyz says
so (P2)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from service.actor import show_subject
from service.api.app import create_app
from service.bootstrap import Services
from service.crypto.blind_index import BlindIndex
from service.crypto.keyring import Keyring
from service.storage.keks import StoredKekBook
from service.storage.subjects import Subject, lock_subject, read_subjects
from service.use_cases.erase_subject import erase_subject
from tests.api.helpers import Tokens, problem_of
from tests.api.people import DPO, add_person, add_products
from tests.crypto.far import FarAway

ROUTE = "/v1/decisions"


@pytest.fixture
def far() -> FarAway:
    return FarAway()


def with_keys(services: Services, far: FarAway, **settings: Any) -> Services:
    """As another process would have it: a memory of its own."""
    url = services.config.database_url
    assert url is not None
    keyring = Keyring([far], StoredKekBook(url), replace(services.config.keys, **settings))
    return replace(services, keyring=keyring, index=BlindIndex(keyring.index_root))


@pytest.fixture
def services(services: Services, far: FarAway) -> Services:
    add_products(services)
    return with_keys(services, far)


@pytest.fixture
def person(services: Services) -> Subject:
    return add_person(services)


def ask(subject: UUID) -> dict[str, Any]:
    candidate = {
        "id": "c1",
        "programme": "replenishment",
        "strategy": "coach",
        "sku": "cream",
        "channels": ["app"],
        "data": ["purchases"],
        "quantity": 1,
    }
    return {"subject": show_subject(subject), "candidates": [candidate]}


def test_who_is_not_remembered_gets_no_permission_and_who_is_still_does(
    services: Services, client: FlaskClient, token: Tokens, far: FarAway, person: Subject
) -> None:
    stranger = add_person(services)
    shop = token("shop")
    assert client.post(ROUTE, json=ask(person.id), headers=shop).status_code == 200
    far.down = True
    assert client.post(ROUTE, json=ask(person.id), headers=shop).status_code == 200
    problem = problem_of(client.post(ROUTE, json=ask(stranger.id), headers=shop), 503, "keys-unavailable")
    assert "decisions" not in problem
    far.down = False
    assert client.post(ROUTE, json=ask(stranger.id), headers=shop).status_code == 200


def test_readiness_names_the_keys(client: FlaskClient, far: FarAway) -> None:
    assert client.get("/readyz").status_code == 200
    far.down = True
    problem = problem_of(client.get("/readyz"), 503, "not-ready")
    assert {name for name, state in problem["parts"].items() if state != "ok"} == {"keys"}
    far.down = False
    assert client.get("/readyz").status_code == 200


def test_nobody_is_registered_without_the_provider(
    client: FlaskClient, token: Tokens, far: FarAway, person: Subject
) -> None:
    far.down = True
    body = {
        "identifiers": [{"type": "email", "value": "aino@example.fi"}],
        "locale": "fi",
        "country": "FI",
        "timezone": "Europe/Helsinki",
        "birth_date": "1980-02-29",
    }
    problem_of(client.post("/v1/subjects", json=body, headers=token("shop")), 503, "keys-unavailable")


def test_who_is_erased_elsewhere_is_not_answered_from_memory(
    services: Services, client: FlaskClient, token: Tokens, far: FarAway, person: Subject
) -> None:
    shop = token("shop")
    assert client.post(ROUTE, json=ask(person.id), headers=shop).status_code == 200
    assert len(services.keyring.cache) == 1
    elsewhere = with_keys(services, far)
    with elsewhere.unit(DPO) as unit:
        erase_subject(unit, lock_subject(unit, person.id))
    far.down = True
    [decision] = client.post(ROUTE, json=ask(person.id), headers=shop).get_json()["decisions"]
    assert decision["outcome"] == "deny"
    with services.unit(DPO) as unit:
        assert read_subjects(unit.db, unit.keyring, [person.id])[person.id].key is None


def test_erasing_wipes_the_memory(services: Services, person: Subject) -> None:
    with services.unit(DPO) as unit:
        subject = lock_subject(unit, person.id)
        assert len(services.keyring.cache) == 1
        erase_subject(unit, subject)
    assert len(services.keyring.cache) == 0


def test_a_key_row_that_is_gone_is_not_answered_from_memory(
    services: Services, client: FlaskClient, token: Tokens, person: Subject
) -> None:
    shop = token("shop")
    assert client.post(ROUTE, json=ask(person.id), headers=shop).status_code == 200
    with services.database.connection() as db:
        db.execute("delete from keys.data_keys where owner = %s", (person.id,))
    problem_of(client.post(ROUTE, json=ask(person.id), headers=shop), 503, "unreadable")


def test_many_persons_are_unwrapped_by_one_call(services: Services, far: FarAway) -> None:
    people = [add_person(services).id for _ in range(20)]
    fresh = with_keys(services, far)
    far.calls.clear()
    with fresh.unit(DPO) as unit:
        assert len(read_subjects(unit.db, unit.keyring, people)) == 20
    assert far.calls == [20]


def test_an_application_starts_while_the_provider_is_away(services: Services, far: FarAway) -> None:
    far.down = True
    client = create_app(with_keys(services, far)).test_client()
    assert client.get("/healthz").status_code == 200
