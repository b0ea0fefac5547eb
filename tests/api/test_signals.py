"""POST /v1/signals: the gate per item, malformed bodies whole."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient

from schemas.signals import MOST_SIGNALS, SIGNAL_DATA
from service import ids
from service.actor import show_subject, system_actor
from service.bootstrap import Services
from service.instants import show_instant
from service.storage.subjects import lock_subject, read_subject, save_choices
from service.use_cases.read_signals import Signal, disclose_signals
from service.use_cases.register_subject import Identifier, RegisterSubject, register_subject
from tests.api.conftest import NOW
from tests.api.helpers import Tokens, pointers, problem_of

URL = "/v1/signals"
DATA: dict[str, dict[str, Any]] = {
    "purchase": {"sku": "soap", "quantity": 2, "price_minor": 4990, "currency": "SEK"},
    "usage": {"sku": "soap", "units_left": 12, "units_per_day": 1.5},
    "complaint_opened": {"reference": "C-1"},
    "complaint_closed": {},
    "situation": {"name": "travelling", "until": "2026-12-01T00:00:00Z"},
    "rating": {"metric": "nps", "score": 9},
    "loyalty": {"programme": "club", "status": "joined"},
    "stopped_using": {"sku": "soap"},
    "delivered": {"sku": "soap", "order": "O-1"},
    "returned": {"sku": "soap", "quantity": 1},
}


@pytest.fixture
def policy_document(policy_document: dict[str, Any]) -> dict[str, Any]:
    policy_document["data"]["service"] = {"sharing": "necessary"}
    policy_document["purposes"]["order_fulfilment"]["data"].append("service")
    policy_document["purposes"]["order_fulfilment"]["data"].append("usage")
    goods = ("purchase", "delivered", "returned")
    policy_document["signals"] = {
        name: {"data": "purchases" if name in goods else "usage" if "us" in name else "service"}
        for name in SIGNAL_DATA
    }
    policy_document["signals"]["complaint_opened"]["sets"] = "open_complaint"
    policy_document["signals"]["complaint_closed"]["clears"] = "open_complaint"
    return policy_document


@pytest.fixture
def person(services: Services) -> UUID:
    """Shares purchases and usage."""
    with services.unit(system_actor("test")) as unit:
        unit.db.execute(
            "insert into products (sku, category, name, pack_size, price_minor, currency, updated_at)"
            " values ('soap', 'beauty', 'Soap', 1, 500, 'SEK', now())"
        )
        command = RegisterSubject([Identifier("customer_number", "1")], "sv", "SE", "Europe/Stockholm")
        subject = lock_subject(unit, register_subject(unit, command).id)
        subject.choices.sharing = {"purchases": True, "usage": True}
        save_choices(unit, subject)
    return subject.id


def item(subject: UUID | str, kind: str = "purchase", **changes: Any) -> dict[str, Any]:
    name = show_subject(subject) if isinstance(subject, UUID) else subject
    whole = {"subject": name, "type": kind, "at": "2026-11-20T10:00:00Z", "data": DATA[kind], "id": "s-1"}
    return whole | changes


def stored(services: Services, subject: UUID) -> list[Signal]:
    with services.unit(system_actor("test")) as unit:
        return disclose_signals(unit, read_subject(unit, subject))


def count(services: Services) -> int:
    with services.database.connection() as db:
        row = db.execute("select count(*) from signals").fetchone()
    assert row is not None
    return int(row[0])


def test_every_type_is_stored_once(
    client: FlaskClient, services: Services, token: Tokens, person: UUID
) -> None:
    body = [item(person, kind) for kind in DATA]
    assert set(DATA) == set(SIGNAL_DATA)
    for status in ("stored", "duplicate"):
        response = client.post(URL, json=body, headers=token("shop"))
        assert response.status_code == 200
        assert response.get_json() == {"results": [{"id": "s-1", "status": status}] * len(DATA)}
    found = stored(services, person)
    assert {s.type for s in found} == set(DATA)
    [purchase] = [s for s in found if s.type == "purchase"]
    assert purchase.data == DATA["purchase"]
    assert purchase.category == "beauty"


def test_refusals_are_results(client: FlaskClient, services: Services, token: Tokens, person: UUID) -> None:
    body = [
        item(person),
        item(uuid4()),
        item(person, data=DATA["purchase"] | {"sku": "unheard"}, id="s-2"),
        item(person, "situation", data=DATA["situation"] | {"name": "bored"}),
    ]
    results = client.post(URL, json=body, headers=token("shop")).get_json()["results"]
    assert results == [
        {"id": "s-1", "status": "stored"},
        {"id": "s-1", "status": "refused", "reason": "subject_unknown"},
        {"id": "s-2", "status": "refused", "reason": "category_unknown"},
        {"id": "s-1", "status": "refused", "reason": "situation_unknown"},
    ]
    assert count(services) == 1


def test_the_catalogue_decides_the_category(
    client: FlaskClient, services: Services, token: Tokens, person: UUID
) -> None:
    data = DATA["purchase"] | {"category": "alcohol"}
    client.post(URL, json=[item(person, data=data)], headers=token("shop"))
    [found] = stored(services, person)
    assert found.category == "beauty"
    assert "category" not in found.data


def test_a_complaint_raises_the_epoch(
    client: FlaskClient, services: Services, token: Tokens, person: UUID
) -> None:
    client.post(URL, json=[item(person, "complaint_opened")], headers=token("shop"))
    with services.unit(system_actor("test")) as unit:
        subject = read_subject(unit, person)
    assert subject.choices.flags == {"open_complaint": None}
    assert subject.epoch == 3


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"subject": "sub_x"}, "/1/subject"),
        ({"subject": 7}, "/1/subject"),
        ({"type": "gossip"}, "/1/type"),
        ({"at": "yesterday"}, "/1/at"),
        ({"at": "2026-11-20T10:00:00"}, "/1/at"),
        ({"at": show_instant(NOW + timedelta(days=2))}, "/1/at"),
        ({"at": "1823-01-01T00:00:00Z"}, "/1/at"),
        ({"id": ""}, "/1/id"),
        ({"id": None}, "/1/id"),
        ({"data": None}, "/1/data"),
        ({"data": []}, "/1/data"),
        ({"more": 1}, "/1/more"),
        ({"data": {k: v for k, v in DATA["purchase"].items() if k != "sku"}}, "/1/data/sku"),
        ({"data": DATA["purchase"] | {"quantity": 0}}, "/1/data/quantity"),
        ({"data": DATA["purchase"] | {"quantity": True}}, "/1/data/quantity"),
        ({"data": DATA["purchase"] | {"price_minor": -1}}, "/1/data/price_minor"),
        ({"data": DATA["purchase"] | {"price_minor": 4.5}}, "/1/data/price_minor"),
        ({"data": DATA["purchase"] | {"currency": "sek"}}, "/1/data/currency"),
        ({"data": DATA["purchase"] | {"note": "hello"}}, "/1/data/note"),
        ({"type": "usage", "data": {"sku": "soap"}}, "/1/data"),
        ({"type": "usage", "data": {"sku": "soap", "units_left": -1}}, "/1/data/units_left"),
        ({"type": "rating", "data": {"metric": "csat", "score": 9}}, "/1/data/score"),
        ({"type": "rating", "data": {"metric": "stars", "score": 1}}, "/1/data/metric"),
        ({"type": "situation", "data": {"name": "travelling"}}, "/1/data/until"),
        ({"type": "loyalty", "data": {"programme": "club", "status": "maybe"}}, "/1/data/status"),
        ({"type": "complaint_opened", "data": {"text": "rude"}}, "/1/data/text"),
    ],
)
def test_one_malformed_item_refuses_all(
    client: FlaskClient,
    services: Services,
    token: Tokens,
    person: UUID,
    changes: dict[str, Any],
    pointer: str,
) -> None:
    response = client.post(URL, json=[item(person), item(person) | changes], headers=token("shop"))
    assert pointers(problem_of(response, 422, "invalid-input")) == {pointer}
    assert count(services) == 0


@pytest.mark.parametrize("body", ["{}", "[]", '"x"', "null", "7", "[[]]", "[null]"])
def test_other_bodies(client: FlaskClient, services: Services, token: Tokens, body: str) -> None:
    response = client.post(URL, data=body, content_type="application/json", headers=token("shop"))
    problem_of(response, 422, "invalid-input")
    assert count(services) == 0


def test_no_more_than_a_thousand(
    client: FlaskClient, services: Services, token: Tokens, person: UUID
) -> None:
    body = [item(person, id=str(number)) for number in range(MOST_SIGNALS + 1)]
    problem_of(client.post(URL, json=body, headers=token("shop")), 422, "invalid-input")
    assert count(services) == 0
    response = client.post(URL, json=body[1:], headers=token("shop"))
    assert response.status_code == 200
    assert count(services) == MOST_SIGNALS


def test_who_may(client: FlaskClient, services: Services, token: Tokens, person: UUID) -> None:
    body = [item(person)]
    problem_of(client.post(URL, json=body), 401, "unauthenticated")
    for role in ("marketing", "pharmacist", "dpo", "admin"):
        problem_of(client.post(URL, json=body, headers=token(role)), 403, "forbidden")
    problem_of(client.post(URL, json=body, headers=token("customer", subject=uuid4())), 404, "not-found")
    assert count(services) == 0
    assert client.post(URL, json=body, headers=token("customer", subject=person)).status_code == 200
    assert count(services) == 1


def test_the_same_key_replays_and_another_body_is_refused(
    client: FlaskClient, services: Services, token: Tokens, person: UUID
) -> None:
    headers = token("shop") | {"Idempotency-Key": "k-1"}
    first = client.post(URL, json=[item(person)], headers=headers)
    again = client.post(URL, json=[item(person)], headers=headers)
    assert first.get_json() == again.get_json() == {"results": [{"id": "s-1", "status": "stored"}]}
    other = client.post(URL, json=[item(person, id="s-2")], headers=headers)
    problem_of(other, 422, "idempotency-mismatch")
    # An answer about nobody whom we know has no key of a person to be kept under.
    nobody = client.post(URL, json=[item(uuid4())], headers=token("shop") | {"Idempotency-Key": "k-2"})
    assert nobody.get_json()["results"][0]["reason"] == "subject_unknown"
    assert count(services) == 1


def test_ids_are_opaque(person: UUID) -> None:
    assert ids.read(ids.SUBJECT, show_subject(person)) == person
