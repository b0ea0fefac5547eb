"""Endpoints of webhooks over HTTP, and what the sender then makes of them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from psycopg import sql

from service import ids
from service.bootstrap import Services
from service.senders import Fate, Parcel
from service.senders.endpoints import RegisteredEndpoints
from service.senders.guard import Allowed, Guard
from service.senders.webhook import WebhookSender
from tests.api.helpers import Clock, Tokens, pointers, problem_of
from tests.receiver import receiving

NEW = {"name": "Till", "url": "https://hooks.example.com/in?k=hemlig", "types": ["consent.changed"]}


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    return environ | {"SAMTYCKE_WEBHOOK_ALLOW": "127.0.0.1"}


@pytest.fixture
def admin(token: Tokens) -> dict[str, str]:
    return token("admin")


def register(client: FlaskClient, admin: dict[str, str], **more: Any) -> dict[str, Any]:
    answer = client.post("/v1/webhooks", json=NEW | more, headers=admin)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    made: dict[str, Any] = answer.get_json()
    return made


def endpoint_id(made: dict[str, Any]) -> UUID:
    return ids.read(ids.ENDPOINT, made["id"])


def test_the_secret_is_shown_once(client: FlaskClient, admin: dict[str, str]) -> None:
    made = register(client, admin, purpose="personal_offers")
    assert made["secret"].startswith("whsec_")
    assert len(made["secret"]) == len("whsec_") + 44
    [listed] = client.get("/v1/webhooks", headers=admin).get_json()["items"]
    assert listed == {name: value for name, value in made.items() if name != "secret"}
    assert listed["recipient"] == "Till"
    assert (listed["state"], listed["url"]) == ("active", NEW["url"])


def test_a_repeated_registration_is_the_same_one(client: FlaskClient, admin: dict[str, str]) -> None:
    headers = admin | {"Idempotency-Key": "once"}
    first, second = (client.post("/v1/webhooks", json=NEW, headers=headers) for _ in range(2))
    assert first.get_json() == second.get_json()
    assert len(client.get("/v1/webhooks", headers=admin).get_json()["items"]) == 1


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"url": "ftp://hooks.example.com/"}, "/url"),
        ({"url": "https://10.0.0.1/"}, "/url"),
        ({"url": "https://[::1]/"}, "/url"),
        ({"url": "https://169.254.169.254/latest"}, "/url"),
        ({"url": "https://user:pass@hooks.example.com/"}, "/url"),
        ({"url": "https://2130706434/"}, "/url"),
        ({"types": []}, "/types"),
        ({"types": ["consent.*"]}, "/types/0"),
        ({"types": ["request.filed"]}, "/types/0"),
        ({"route": "email"}, "/route"),
        ({"purpose": "world_peace"}, "/purpose"),
        ({"secret": "mine"}, "/secret"),
    ],
)
def test_what_is_refused(
    client: FlaskClient, admin: dict[str, str], change: dict[str, Any], pointer: str
) -> None:
    answer = client.post("/v1/webhooks", json=NEW | change, headers=admin)
    assert pointers(problem_of(answer, 422, "invalid-input")) == {pointer}
    assert client.get("/v1/webhooks", headers=admin).get_json()["items"] == []


def test_types_or_a_route(client: FlaskClient, admin: dict[str, str]) -> None:
    bare = {name: NEW[name] for name in ("name", "url")}
    answer = client.post("/v1/webhooks", json=bare, headers=admin)
    assert pointers(problem_of(answer, 422, "invalid-input")) == {"/types"}
    assert client.post("/v1/webhooks", json=bare | {"route": "sms"}, headers=admin).status_code == 201


def test_a_route_and_a_recipient_have_one_endpoint(client: FlaskClient, admin: dict[str, str]) -> None:
    made = register(client, admin, route="sms")
    again = client.post("/v1/webhooks", json=NEW | {"name": "B", "route": "sms"}, headers=admin)
    problem_of(again, 409, "conflict")
    problem_of(client.post("/v1/webhooks", json=NEW, headers=admin), 409, "conflict")
    assert client.delete(f"/v1/webhooks/{made['id']}", headers=admin).status_code == 204
    register(client, admin, route="sms")


def test_a_removed_endpoint_is_gone(client: FlaskClient, admin: dict[str, str], services: Services) -> None:
    made = register(client, admin)
    path = f"/v1/webhooks/{made['id']}"
    assert client.delete(path, headers=admin).status_code == 204
    assert client.get("/v1/webhooks", headers=admin).get_json()["items"] == []
    problem_of(client.delete(path, headers=admin), 404, "not-found")
    problem_of(client.post(f"{path}/rotate", headers=admin), 404, "not-found")
    assert RegisteredEndpoints(services).find(endpoint_id(made)) is None


def test_after_a_rotation_both_secrets_sign_for_a_day(
    client: FlaskClient, token: Tokens, services: Services, clock: Clock
) -> None:
    admin = token("admin", ttl=timedelta(days=2))
    made = register(client, admin)
    book, path = RegisteredEndpoints(services), f"/v1/webhooks/{made['id']}/rotate"

    def signing() -> tuple[str, ...]:
        found = book.find(endpoint_id(made))
        assert found is not None
        return found.secrets

    second = client.post(path, headers=admin).get_json()["secret"]
    assert signing() == (second, made["secret"])
    clock.now += timedelta(hours=23)
    assert signing() == (second, made["secret"])
    clock.now += timedelta(hours=1)
    assert signing() == (second,)
    third, fourth = (client.post(path, headers=admin).get_json()["secret"] for _ in range(2))
    assert signing() == (fourth, third)


def test_what_is_registered_is_sent_to_and_disabled_when_it_is_gone(
    client: FlaskClient, admin: dict[str, str], services: Services, tmp_path: Path
) -> None:
    with receiving(tmp_path / "arrived") as receiver:
        made = register(client, admin, url=f"http://127.0.0.1:{receiver.port}/", route="push")
        receiver.behave(secrets=[made["secret"]])
        guard = Guard(Allowed.parse("127.0.0.1"))
        told = WebhookSender(RegisteredEndpoints(services), guard, "urn:here")
        acting = WebhookSender(RegisteredEndpoints(services), guard, "urn:here", route="push")
        parcel = Parcel("k-1", "consent.changed", "webhook", made["id"], "sub_x", "sv", {"data": {}})
        assert told.send(parcel).fate is Fate.delivered
        assert acting.send(Parcel("k-2", "reminder.due", "push", "device", "sub_x", "sv", {})).fate
        assert [(line["key"], line["signed"]) for line in receiver.arrived()] == [
            ("k-1", True),
            ("k-2", True),
        ]
        receiver.behave(status=410)
        assert told.send(parcel).fate is Fate.refused
        [listed] = client.get("/v1/webhooks", headers=admin).get_json()["items"]
        assert listed["state"] == "disabled"
        assert RegisteredEndpoints(services).find_route("push") is None


def test_address_and_secrets_are_sealed_where_they_stand(
    client: FlaskClient, admin: dict[str, str], services: Services
) -> None:
    made = register(client, admin)
    other = register(client, admin, name="Other")
    with services.database.connection() as db:
        tables = db.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
        text = "".join(
            str(row)
            for (table,) in tables
            for row in db.execute(sql.SQL("select t::text from {} t").format(sql.Identifier(table)))
        )
        assert "hemlig" not in text
        assert made["secret"] not in text
        # One endpoint's sealed part opens for no other, nor an older one again.
        db.execute(
            "update webhook_endpoints e set sealed = o.sealed from webhook_endpoints o"
            " where o.id = %s and e.id = %s",
            (endpoint_id(made), endpoint_id(other)),
        )
    assert client.get("/v1/webhooks", headers=admin).status_code == 503
