"""Situations over HTTP: told by a signal, seen among the preferences, ended there."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from service.actor import show_subject
from service.bootstrap import Services
from tests.api.helpers import Tokens, pointers, problem_of
from tests.api.people import add_person


@pytest.fixture
def policy_document(policy_document: dict[str, Any]) -> dict[str, Any]:
    policy_document["data"]["service"] = {"sharing": "necessary"}
    policy_document["purposes"]["order_fulfilment"]["data"].append("service")
    policy_document["signals"] = {"situation": {"data": "service"}}
    return policy_document


def test_told_seen_and_ended(services: Services, client: FlaskClient, token: Tokens) -> None:
    person = add_person(services)
    own = token("customer", subject=person.id)
    path = f"/v1/subjects/{show_subject(person.id)}/preferences"
    signal = {
        "subject": show_subject(person.id),
        "type": "situation",
        "at": "2026-11-22T08:00:00Z",
        "data": {"name": "travelling", "until": "2026-12-01T00:00:00Z"},
        "id": "s-1",
    }
    for role in ("marketing", "pharmacist", "dpo", "admin"):
        problem_of(client.post("/v1/signals", json=[signal], headers=token(role)), 403, "forbidden")
    answer = client.post("/v1/signals", json=[signal], headers=own)
    assert answer.get_json()["results"] == [{"id": "s-1", "status": "stored"}]
    found = client.get(path, headers=own)
    assert found.get_json()["situations"] == {"travelling": "2026-12-01T00:00:00Z"}
    match = {"If-Match": found.headers["ETag"]}
    told = client.patch(
        path, json={"situations": {"travelling": "2027-01-01T00:00:00Z", "bored": None}}, headers=own | match
    )
    assert pointers(problem_of(told, 422, "invalid-input")) == {"/situations/travelling", "/situations/bored"}
    ended = client.patch(path, json={"situations": {"travelling": None}}, headers=own | match)
    assert ended.status_code == 200
    assert ended.get_json()["situations"] == {}
    assert client.get(path, headers=own).get_json()["situations"] == {}
