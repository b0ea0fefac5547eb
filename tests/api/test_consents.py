"""Consents, objections, preferences and mandates over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api.helpers import Tokens, pointers, problem_of
from tests.api.test_subjects import register

GIVEN = {
    "purpose": "replenishment_reminders",
    "status": "given",
    "notice": {"version": 1, "locale": "fi"},
    "origin": "app",
}


@pytest.fixture
def aino(client: FlaskClient, token: Tokens) -> str:
    return register(client, token)


@pytest.fixture
def own(aino: str, token: Tokens) -> dict[str, str]:
    return token("customer", subject=aino)


def say(client: FlaskClient, subject: str, headers: dict[str, str], **changes: Any) -> Any:
    return client.post(f"/v1/subjects/{subject}/consents", json=GIVEN | changes, headers=headers)


def test_a_consent_is_given_and_withdrawn(client: FlaskClient, aino: str, own: dict[str, str]) -> None:
    given = say(client, aino, own)
    assert given.status_code == 201
    assert given.json["status"] == "given"
    assert given.json["expires_at"] == "2027-11-22T09:00:00Z"
    assert given.json["receipt"]["number"] == 1
    withdrawn = say(client, aino, own, status="withdrawn")
    assert withdrawn.json["receipt"]["previous"] == given.json["receipt"]["digest"]
    assert (withdrawn.json["epoch"], withdrawn.json["cancelled"], withdrawn.json["irrevocable"]) == (
        3,
        [],
        [],
    )
    shown = client.get(f"/v1/subjects/{aino}/consents", headers=own).json
    [purpose] = [c for c in shown["consents"] if c.get("purpose") == GIVEN["purpose"]]
    assert purpose["status"] == "withdrawn"
    assert purpose["explanation"]
    history = client.get(f"/v1/subjects/{aino}/consents/history", headers=own).json
    assert [event["status"] for event in history["items"]] == ["given", "withdrawn"]
    assert history["next"] is None


def test_history_comes_in_pages(client: FlaskClient, aino: str, own: dict[str, str]) -> None:
    for _ in range(3):
        say(client, aino, own)
    path = f"/v1/subjects/{aino}/consents/history?limit=2"
    first = client.get(path, headers=own).json
    second = client.get(f"{path}&cursor={first['next']}", headers=own).json
    assert [event["number"] for event in first["items"] + second["items"]] == [1, 2, 3]
    assert second["next"] is None


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"explicit": 1}, "/explicit"),
        ({"status": "yes"}, "/status"),
        ({"purpose": "nothing"}, "/purpose"),
        ({"notice": {"version": "1", "locale": "fi"}}, "/notice/version"),
        ({"notice": {"version": 1}}, "/notice/locale"),
        ({"at": "yesterday"}, "/at"),
        ({"evidence": "a\x00b"}, "/evidence"),
        ({"extra": 1}, "/extra"),
    ],
)
def test_a_faulty_consent_is_refused_whole(
    client: FlaskClient, aino: str, own: dict[str, str], change: dict[str, Any], pointer: str
) -> None:
    assert pointers(problem_of(say(client, aino, own, **change), 422, "invalid-input")) == {pointer}
    assert client.get(f"/v1/subjects/{aino}/consents", headers=own).json["epoch"] == 1


def test_a_shop_may_ask_but_not_answer(client: FlaskClient, aino: str, token: Tokens) -> None:
    problem_of(say(client, aino, token("shop")), 403, "forbidden")
    assert say(client, aino, token("shop"), status="requested").status_code == 201


def test_objections_are_put_and_lifted(client: FlaskClient, aino: str, own: dict[str, str]) -> None:
    path = f"/v1/subjects/{aino}/objections/direct_marketing"
    assert client.put(path, headers=own).json["epoch"] == 2
    assert client.put(path, headers=own).json["epoch"] == 2
    assert client.delete(path, headers=own).json["epoch"] == 3
    unknown = client.put(f"/v1/subjects/{aino}/objections/everything", headers=own)
    problem_of(unknown, 404, "not-found")


def test_preferences_are_patched_by_whoever_has_seen_them(
    client: FlaskClient, aino: str, own: dict[str, str]
) -> None:
    path = f"/v1/subjects/{aino}/preferences"
    body = {"levels": {"*": "coach"}, "quiet": {"from": "22:00", "to": "07:00"}}
    problem_of(client.patch(path, json=body, headers=own), 428, "precondition-required")
    tag = client.get(path, headers=own).headers["ETag"]
    patched = client.patch(path, json=body, headers=own | {"If-Match": tag})
    assert patched.status_code == 200, patched.json
    assert patched.json["levels"] == {"*": "coach"}
    assert patched.json["quiet"] == {"from": "22:00", "to": "07:00"}
    assert patched.headers["ETag"] != tag
    problem_of(client.patch(path, json=body, headers=own | {"If-Match": tag}), 412, "stale")
    bad = client.patch(path, json={"sharing": {"purchases": 1}}, headers=own | {"If-Match": "*"})
    assert pointers(problem_of(bad, 422, "invalid-input")) == {"/sharing/purchases"}


def test_a_channel_is_not_turned_on_by_a_patch(client: FlaskClient, aino: str, own: dict[str, str]) -> None:
    path = f"/v1/subjects/{aino}/preferences"
    on = client.patch(path, json={"channels": {"email": True}}, headers=own | {"If-Match": "*"})
    assert pointers(problem_of(on, 422, "invalid-input")) == {"/channels/email"}
    opted = say(client, aino, own, purpose=None, channel="email")
    problem_of(opted, 422, "invalid-input")
    body = {key: value for key, value in GIVEN.items() if key != "purpose"} | {"channel": "email"}
    opted = client.post(f"/v1/subjects/{aino}/consents", json=body, headers=own)
    assert opted.status_code == 201
    assert client.get(path, headers=own).json["channels"] == {"email": True}


def test_a_mandate_from_its_conclusion_to_its_end(
    client: FlaskClient, aino: str, own: dict[str, str]
) -> None:
    path = f"/v1/subjects/{aino}/mandates/man_cough"
    body = {
        "covers": "health.otc.cough",
        "currency": "EUR",
        "max_price_minor": 2500,
        "accepted": {"text": "Tilaukseen liittyy maksuvelvollisuus", "locale": "fi"},
    }
    put = client.put(path, json=body, headers=own)
    assert put.status_code == 200, put.json
    assert put.json["mandate"]["accepted"] == body["accepted"]
    assert client.post(f"{path}/suspend", headers=own).json["mandate"]["suspended_at"]
    assert client.post(f"{path}/resume", headers=own).json["mandate"]["suspended_at"] is None
    listed = client.get(f"/v1/subjects/{aino}/mandates", headers=own).json
    assert [mandate["id"] for mandate in listed["mandates"]] == ["man_cough"]
    assert client.delete(path, headers=own).status_code == 200
    problem_of(client.get(path, headers=own), 404, "not-found")
    without = {key: value for key, value in body.items() if key != "accepted"}
    refused = client.put(f"{path}2", json=without, headers=own)
    assert pointers(problem_of(refused, 422, "invalid-input")) == {"/accepted"}
