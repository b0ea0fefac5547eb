"""Subjects over HTTP: who may register, find and see whom."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from service import ids
from tests.api.helpers import ANYBODY, Tokens, pointers, problem_of

AINO = {
    "identifiers": [{"type": "email", "value": "Aino.Virtanen@example.fi"}],
    "locale": "fi",
    "country": "FI",
    "timezone": "Europe/Helsinki",
    "birth_date": "1980-02-29",
}


def register(client: FlaskClient, token: Tokens, **changes: Any) -> str:
    answer = client.post("/v1/subjects", json=AINO | changes, headers=token("shop"))
    assert answer.status_code == 201, answer.json
    assert answer.json["epoch"] == 1
    return str(answer.json["id"])


def test_a_shop_registers_a_person_once(client: FlaskClient, token: Tokens) -> None:
    subject = register(client, token)
    again = client.post("/v1/subjects", json=AINO, headers=token("shop"))
    assert problem_of(again, 409, "conflict")["subject"] == subject


def test_the_same_key_registers_once_and_another_body_is_refused(client: FlaskClient, token: Tokens) -> None:
    headers = token("shop") | {"Idempotency-Key": "till-7-0001"}
    first = client.post("/v1/subjects", json=AINO, headers=headers)
    second = client.post("/v1/subjects", json=AINO, headers=headers)
    assert (second.status_code, second.json) == (201, first.json)
    assert second.headers["Idempotency-Replayed"] == "true"
    other = client.post("/v1/subjects", json=AINO | {"locale": "sv"}, headers=headers)
    problem_of(other, 422, "idempotency-mismatch")


def test_identifiers_stand_in_clear_for_the_person_and_the_dpo_alone(
    client: FlaskClient, token: Tokens
) -> None:
    subject = register(client, token)
    for headers in (token("customer", subject=subject), token("dpo")):
        shown = client.get(f"/v1/subjects/{subject}", headers=headers).json
        assert shown["identifiers"][0]["value"] == "aino.virtanen@example.fi"
        assert shown["birth_date"] == "1980-02-29"
    shop = client.get(f"/v1/subjects/{subject}", headers=token("shop"))
    assert "virtanen" not in shop.get_data(as_text=True)
    assert "1980" not in shop.get_data(as_text=True)
    assert shop.headers["Cache-Control"] == "no-store"


def test_to_a_customer_everybody_else_does_not_exist(client: FlaskClient, token: Tokens) -> None:
    subject = register(client, token)
    stranger = token("customer", subject=ids.show(ids.SUBJECT, ANYBODY))
    for path in ("", "/consents", "/consents/history", "/preferences", "/mandates"):
        problem_of(client.get(f"/v1/subjects/{subject}{path}", headers=stranger), 404, "not-found")
    consent = {"purpose": "personal_offers", "status": "given", "origin": "app"}
    problem_of(
        client.post(f"/v1/subjects/{subject}/consents", json=consent, headers=stranger), 404, "not-found"
    )


def test_a_person_is_found_by_identifier(client: FlaskClient, token: Tokens) -> None:
    subject = register(client, token)
    asked = {"type": "email", "value": "AINO.virtanen@example.fi"}
    assert client.post("/v1/subjects/lookup", json=asked, headers=token("shop")).json == {"id": subject}
    unknown = {"type": "email", "value": "nobody@example.fi"}
    problem_of(client.post("/v1/subjects/lookup", json=unknown, headers=token("shop")), 404, "not-found")


def test_identifiers_come_and_go(client: FlaskClient, token: Tokens) -> None:
    subject = register(client, token)
    phone = {"type": "phone", "value": "040 123 4567"}
    added = client.post(f"/v1/subjects/{subject}/identifiers", json=phone, headers=token("shop"))
    assert added.status_code == 201
    found = client.post(
        "/v1/subjects/lookup", json={"type": "phone", "value": "+358401234567"}, headers=token("shop")
    )
    assert found.json == {"id": subject}
    path = f"/v1/subjects/{subject}/identifiers/{added.json['id']}"
    assert client.delete(path, headers=token("shop")).status_code == 204
    problem_of(client.delete(path, headers=token("shop")), 404, "not-found")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"identifiers": []}, "/identifiers"),
        ({"identifiers": [{"type": "email", "value": "aino"}]}, "/identifiers/0/value"),
        ({"identifiers": [{"type": "shoe", "value": "42"}]}, "/identifiers/0/type"),
        ({"locale": "xx"}, "/locale"),
        ({"country": "Finland"}, "/country"),
        ({"timezone": "Mars/Olympus"}, "/timezone"),
        ({"birth_date": "29.2.1980"}, "/birth_date"),
        ({"birth_date": "2999-01-01"}, "/birth_date"),
        ({"nickname": "A"}, "/nickname"),
        ({"locale": None}, "/locale"),
    ],
)
def test_a_faulty_registration_stores_nothing(
    client: FlaskClient, token: Tokens, change: dict[str, Any], pointer: str
) -> None:
    answer = client.post("/v1/subjects", json=AINO | change, headers=token("shop"))
    assert pointers(problem_of(answer, 422, "invalid-input")) == {pointer}
    register(client, token)


def test_staff_reads_are_recorded_and_shown_to_the_person(client: FlaskClient, token: Tokens) -> None:
    subject = register(client, token)
    client.get(f"/v1/subjects/{subject}", headers=token("shop"))
    own = token("customer", subject=subject)
    client.get(f"/v1/subjects/{subject}", headers=own)
    request = client.post("/v1/requests", json={"subject": subject, "type": "access"}, headers=own).json
    report = client.get(f"/v1/requests/{request['id']}/report", headers=own).json
    assert [(each["role"], each["route"]) for each in report["access_log"]] == [
        ("shop", "GET /v1/subjects/<subject>")
    ]


def test_a_patch_that_changes_nothing_is_a_read(client: FlaskClient, token: Tokens) -> None:
    """It answers with all preferences, and leaves no event that would tell of it."""
    subject, dpo = register(client, token), token("dpo")
    url = f"/v1/subjects/{subject}/preferences"
    assert client.patch(url, json={}, headers=dpo | {"If-Match": '"1"'}).status_code == 200
    asked = {"subject": subject, "type": "access"}
    own = token("customer", subject=subject)
    request = client.post("/v1/requests", json=asked, headers=own).json
    report = client.get(f"/v1/requests/{request['id']}/report", headers=own).json
    assert [(each["role"], each["route"]) for each in report["access_log"]] == [
        ("dpo", "PATCH /v1/subjects/<subject>/preferences")
    ]


def test_two_registrations_of_one_person_become_one(client: FlaskClient, token: Tokens) -> None:
    keep = register(client, token)
    double = register(client, token, identifiers=[{"type": "customer_number", "value": "7"}])
    merged = client.post(f"/v1/subjects/{double}/merge", json={"into": keep}, headers=token("dpo"))
    assert merged.status_code == 200, merged.json
    assert merged.json["id"] == keep
    asked = {"type": "customer_number", "value": "7"}
    assert client.post("/v1/subjects/lookup", json=asked, headers=token("shop")).json == {"id": keep}
    problem_of(client.get(f"/v1/subjects/{double}", headers=token("dpo")), 410, "subject-erased")
    itself = client.post(f"/v1/subjects/{keep}/merge", json={"into": keep}, headers=token("dpo"))
    problem_of(itself, 409, "conflict")
