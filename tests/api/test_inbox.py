"""The inbox: kept once, sealed, read by its owner alone, told in the report, gone with the person."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from flask.testing import FlaskClient

from service.actor import show_subject, system_actor
from service.bootstrap import Services
from service.senders import Fate, Parcel, Sent
from service.senders.inbox import InboxSender
from service.senders.registry import NotSetUp, senders
from service.use_cases.merge_subjects import merge_subjects
from tests.api.helpers import Clock, Tokens, problem_of
from tests.api.people import add_person

CONTENT = {"product": "Hemlig kräm", "date": "2026-12-01T09:00:00Z", "url": "https://shop.example/o/1"}


@pytest.fixture
def person(services: Services) -> UUID:
    return add_person(services).id


def put(services: Services, person: UUID, key: str, content: dict[str, Any] = CONTENT) -> Sent:
    parcel = Parcel(key, "reminder.due", "inbox", "", show_subject(person), "sv", content)
    return InboxSender(services).send(parcel)


def inbox_of(client: FlaskClient, token: Tokens, person: UUID, query: str = "") -> Any:
    path = f"/v1/subjects/{show_subject(person)}/inbox{query}"
    answer = client.get(path, headers=token("customer", subject=person))
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_json()


def test_a_message_is_kept_once(client: FlaskClient, token: Tokens, services: Services, person: UUID) -> None:
    assert [put(services, person, "k-1").fate for _ in range(2)] == [Fate.delivered] * 2
    [message] = inbox_of(client, token, person)["items"]
    assert message["title"] == "Snart slut: Hemlig kräm"
    assert message["lines"][1]["url"] == "https://shop.example/o/1"
    assert (message["kind"], message["locale"], message["read_at"]) == ("reminder.due", "sv", None)


def test_the_newest_first_page_by_page(
    client: FlaskClient, token: Tokens, services: Services, person: UUID, clock: Clock
) -> None:
    for number in range(5):
        put(services, person, f"k-{number}", CONTENT | {"product": f"P{number}"})
        clock.now += timedelta(minutes=number % 2)
    seen, query = [], "?limit=2"
    while True:
        page = inbox_of(client, token, person, query)
        seen += [message["title"][-2:] for message in page["items"]]
        if page["next"] is None:
            break
        query = f"?limit=2&cursor={page['next']}"
    assert seen == ["P4", "P3", "P2", "P1", "P0"]


def test_reading_is_noted_once(
    client: FlaskClient, token: Tokens, services: Services, person: UUID, clock: Clock
) -> None:
    put(services, person, "k-1")
    [message] = inbox_of(client, token, person)["items"]
    path = f"/v1/subjects/{show_subject(person)}/inbox/{message['id']}/read"
    own = token("customer", subject=person)
    first = client.post(path, headers=own).get_json()
    clock.now += timedelta(minutes=5)
    assert client.post(path, headers=own).get_json() == first
    assert first["read_at"] == "2026-11-22T09:00:00Z"
    stranger = add_person(services).id
    elsewhere = f"/v1/subjects/{show_subject(stranger)}/inbox/{message['id']}/read"
    problem_of(client.post(elsewhere, headers=token("customer", subject=stranger)), 404, "not-found")
    problem_of(client.post(path, headers=token("customer", subject=stranger)), 404, "not-found")


def test_it_is_sealed_for_its_place(
    client: FlaskClient, token: Tokens, services: Services, person: UUID
) -> None:
    put(services, person, "k-1")
    put(services, person, "k-2")
    with services.database.connection() as db:
        rows = db.execute("select t::text from inbox_messages t").fetchall()
        assert len(rows) == 2
        assert "emlig" not in str(rows)
        assert b"emlig".hex() not in str(rows)
        assert "k-1" not in str(rows)
        assert b"k-1".hex() not in str(rows)
        # A message that was moved to another row does not open.
        db.execute("update inbox_messages m set sealed = o.sealed from inbox_messages o where o.id < m.id")
    own = token("customer", subject=person)
    answer = client.get(f"/v1/subjects/{show_subject(person)}/inbox", headers=own)
    problem_of(answer, 503, "unreadable")


def test_the_report_tells_of_it_and_erasure_ends_it(
    client: FlaskClient, token: Tokens, services: Services, person: UUID
) -> None:
    put(services, person, "k-1")
    dpo, about = token("dpo"), show_subject(person)

    def file(kind: str) -> str:
        body = {"subject": about, "type": kind}
        return str(client.post("/v1/requests", json=body, headers=dpo).get_json()["id"])

    report = client.get(f"/v1/requests/{file('access')}/report", headers=dpo).get_json()
    assert [message["title"] for message in report["inbox"]] == ["Snart slut: Hemlig kräm"]
    erasure = file("erasure")
    for step in ("verify", "fulfil"):
        answer = client.post(f"/v1/requests/{erasure}/{step}", json={"reason": "asked"}, headers=dpo)
        assert answer.status_code == 200
    assert answer.get_json()["done"]["certificate"]["erased"]["inbox"] == 1
    with services.database.connection() as db:
        assert db.execute("select count(*) from inbox_messages").fetchone() == (0,)
    assert put(services, person, "k-2") == Sent(Fate.refused, "there is nobody to read it")


def test_messages_go_where_a_merged_person_goes(
    client: FlaskClient, token: Tokens, services: Services, person: UUID
) -> None:
    put(services, person, "k-1")
    other = add_person(services).id
    with services.unit(system_actor("test")) as unit:
        merge_subjects(unit, person, other)
    assert len(inbox_of(client, token, other)["items"]) == 1


def test_who_is_nobody_gets_none(services: Services) -> None:
    assert put(services, uuid4(), "k") == Sent(Fate.refused, "there is nobody to read it")
    assert put(services, uuid4(), "k", {}) == Sent(Fate.refused, "no message can be made of this")


def test_a_database_that_is_away_is_waited_for(
    services: Services, person: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> Any:
        raise psycopg.OperationalError("gone")

    monkeypatch.setattr("service.senders.inbox.lock_subject", away)
    assert put(services, person, "k") == Sent(Fate.retry, "the inbox cannot be reached")


def test_every_route_has_a_sender(services: Services, person: UUID) -> None:
    found = senders(services.config, services)
    assert set(found) == {"email", "sms", "push", "order", "inbox", "webhook"}
    # Without a relay mail waits, and so does what has a route that no endpoint stands for.
    assert isinstance(found["email"], NotSetUp)
    parcel = Parcel("k", "reminder.due", "sms", "+46701234567", show_subject(person), "sv", CONTENT)
    assert found["email"].send(parcel).fate is Fate.retry
    assert found["sms"].send(parcel).fate is Fate.retry
    assert found["inbox"].send(parcel).fate is Fate.delivered
