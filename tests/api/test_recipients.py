"""Who has not acknowledged, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from service.actor import show_subject
from service.bootstrap import Services
from service.ids import new_id
from service.storage.unit import Unit
from service.use_cases import publish_event
from tests.api.helpers import Tokens, pointers, problem_of
from tests.api.people import add_person


@pytest.fixture
def outbox(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    queued: list[UUID] = []

    def queue_event(unit: Unit, about: object, endpoint: UUID, event: Mapping[str, Any]) -> UUID:
        queued.append(new_id())
        return queued[-1]

    monkeypatch.setattr(publish_event, "queue_event", queue_event)
    return queued


def test_who_has_not_been_told_is_visible(
    client: FlaskClient, token: Tokens, services: Services, outbox: list[UUID]
) -> None:
    for name, types in (("Parcels", ["consent.changed"]), ("Letters", ["consent.changed", "subject.erased"])):
        body = {"name": name, "url": "https://hooks.example.com/", "types": types}
        assert client.post("/v1/webhooks", json=body, headers=token("admin")).status_code == 201
    person = add_person(services).id
    outbox.clear()
    own = token("customer", subject=person)
    answer = client.put(f"/v1/subjects/{show_subject(person)}/objections/direct_marketing", headers=own)
    assert answer.status_code == 200
    assert len(outbox) == 2
    dpo, path = token("dpo"), "/v1/recipients/notices"
    found = client.get(f"{path}?state=pending&limit=500", headers=dpo).get_json()["items"]
    mine = [item for item in found if item["subject"] == show_subject(person)][-2:]
    assert sorted(item["recipient"] for item in mine) == ["Letters", "Parcels"]
    assert {(item["kind"], item["state"]) for item in mine} == {("consent.changed", "pending")}
    assert client.get(f"{path}?state=received", headers=dpo).get_json()["items"] == []

    paged, cursor = [], ""
    while cursor is not None:
        page = client.get(f"{path}?limit=1{cursor and '&cursor=' + cursor}", headers=dpo).get_json()
        paged += page["items"]
        cursor = page["next"]
    assert paged == found
    problem_of(client.get(path, headers=token("admin")), 403, "forbidden")
    answer = client.get(f"{path}?state=lost", headers=dpo)
    assert pointers(problem_of(answer, 422, "invalid-input")) == {"/state"}
