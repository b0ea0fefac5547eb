"""GET /v1/reviews and POST /v1/reorders/{ord}/review: the pharmacist's, and nobody else's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from service import ids
from service.actor import show_subject, system_actor
from service.bootstrap import Services
from service.storage.access_log import read_reads
from service.storage.subjects import read_subject
from tests.api.helpers import Clock, Tokens, pointers, problem_of
from tests.use_cases.outbox import Receiver, add_product, deliver, make_person, propose

WEEK = timedelta(days=7)


@pytest.fixture
def policy_document(policy_document: dict[str, Any]) -> dict[str, Any]:
    policy_document["rollout"] = []
    policy_document["categories"]["beauty"] = {"review": "pharmacist"}
    return policy_document


def told(services: Services, clock: Clock) -> tuple[UUID, str]:
    """Somebody who was told of an automatic order: person and order."""
    add_product(services)
    person = make_person(services, "automate")
    reorder = propose(services, person, strategy="automate", at=clock.now)
    assert len(deliver(services, Receiver(), clock.now)) == 1
    return person, ids.show(ids.REORDER, reorder)


def test_from_the_queue_to_the_parcel(
    client: FlaskClient, token: Tokens, services: Services, clock: Clock
) -> None:
    person, reorder = told(services, clock)
    staff = token("pharmacist", sub="pharmacist-7")
    [case] = client.get("/v1/reviews", headers=staff).get_json()["items"]
    assert (case["reorder"], case["sku"], case["quantity"]) == (reorder, "soap", 1)
    assert set(case) == {
        *("reorder", "waiting_since", "sku", "product", "quantity", "strategy", "leaves_at"),
        *("age", "other_medicines", "days_in_hand"),
    }
    answer = client.post(f"/v1/reorders/{reorder}/review", json={"outcome": "approved"}, headers=staff)
    assert (answer.status_code, answer.get_json()) == (200, {"reorder": reorder, "outcome": "approved"})
    assert client.get("/v1/reviews", headers=staff).get_json() == {"items": [], "next": None}
    assert [p.kind for p in deliver(services, Receiver(), clock.now + WEEK)] == ["reorder.dispatched"]
    with services.unit(system_actor("test")) as unit:
        [read] = read_reads(unit, read_subject(unit, person))
    assert (read.role, read.sub, read.route) == ("pharmacist", "pharmacist-7", "GET /v1/reviews")


def test_what_a_held_order_says_to_its_owner(
    client: FlaskClient, token: Tokens, services: Services, clock: Clock
) -> None:
    person, reorder = told(services, clock)
    clock.now += WEEK
    assert deliver(services, Receiver(), clock.now) == []
    url = f"/v1/subjects/{show_subject(person)}/reorders"
    [shown] = client.get(url, headers=token("customer", subject=person)).get_json()["reorders"]
    assert (shown["state"], shown["held"]["reasons"]) == ("held", ["pharmacist_missing"])
    assert shown["explanation"].startswith("En farmaceut granskar")
    body = {"outcome": "rejected", "note": "Too much of it."}
    assert (
        client.post(f"/v1/reorders/{reorder}/review", json=body, headers=token("pharmacist")).status_code
        == 200
    )
    [shown] = client.get(url, headers=token("customer", subject=person)).get_json()["reorders"]
    assert (shown["state"], "held" in shown) == ("cancelled", False)
    assert shown["explanation"].startswith("En farmaceut har sagt nej")
    assert "Too much" not in str(shown)


def test_who_may(client: FlaskClient, token: Tokens, services: Services, clock: Clock) -> None:
    person, reorder = told(services, clock)
    url = f"/v1/reorders/{reorder}/review"
    problem_of(client.get("/v1/reviews"), 401, "unauthenticated")
    problem_of(client.post(url, json={"outcome": "approved"}), 401, "unauthenticated")
    for role in ("customer", "marketing", "shop", "dpo", "admin"):
        headers = token(role, subject=person) if role == "customer" else token(role)
        problem_of(client.get("/v1/reviews", headers=headers), 403, "forbidden")
        problem_of(client.post(url, json={"outcome": "approved"}, headers=headers), 403, "forbidden")
    # Nobody approves for themself with a second role on their token.
    both = token("customer", "shop", subject=person)
    problem_of(client.post(url, json={"outcome": "approved"}, headers=both), 403, "forbidden")


def test_what_is_refused(client: FlaskClient, token: Tokens, services: Services, clock: Clock) -> None:
    _, reorder = told(services, clock)
    staff, url = token("pharmacist"), f"/v1/reorders/{reorder}/review"
    for body, pointer in (
        ({}, "/outcome"),
        ({"outcome": "waiting"}, "/outcome"),
        ({"outcome": "void"}, "/outcome"),
        ({"outcome": "approved", "note": ""}, "/note"),
        ({"outcome": "approved", "note": "x" * 2001}, "/note"),
        ({"outcome": "approved", "quantity": 0}, "/quantity"),
        ({"outcome": "approved", "actor": "me"}, "/actor"),
    ):
        problem = problem_of(client.post(url, json=body, headers=staff), 422, "invalid-input")
        assert pointers(problem) == {pointer}
    seen = {"outcome": "approved", "quantity": 2}
    problem_of(client.post(url, json=seen, headers=staff), 409, "conflict")
    unknown = f"/v1/reorders/{ids.show(ids.REORDER, ids.new_id())}/review"
    problem_of(client.post(unknown, json={"outcome": "approved"}, headers=staff), 404, "not-found")
    assert client.post(url, json={"outcome": "approved", "quantity": 1}, headers=staff).status_code == 200
    problem = problem_of(client.post(url, json={"outcome": "rejected"}, headers=staff), 409, "conflict")
    assert problem["state"] == "approved"


def test_the_queue_in_pages(client: FlaskClient, token: Tokens, services: Services, clock: Clock) -> None:
    asked = [told(services, clock)[1] for _ in range(3)]
    staff = token("pharmacist")
    found, cursor = [], ""
    while True:
        page = client.get(f"/v1/reviews?limit=2{cursor}", headers=staff).get_json()
        found += [case["reorder"] for case in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert found == asked
    problem = problem_of(client.get("/v1/reviews?cursor=xyz", headers=staff), 422, "invalid-input")
    assert pointers(problem) == {"/cursor"}
