"""Mandates over HTTP: the terms before the order button, what may follow them, and what is kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from service.bootstrap import Services
from tests.api.helpers import Clock, Installation, Tokens, installed, pointers, problem_of
from tests.api.people import add_products
from tests.api.test_subjects import register
from tests.guards.calls import World
from tests.servers import Servers

LIMITS = {"covers": "sku:cough", "currency": "SEK", "max_price_minor": 20_000, "max_quantity": 2}


@pytest.fixture
def aino(client: FlaskClient, services: Services, token: Tokens) -> str:
    add_products(services)
    return register(client, token)


@pytest.fixture
def own(aino: str, token: Tokens) -> dict[str, str]:
    return token("customer", subject=aino)


@pytest.fixture
def mandates(aino: str) -> str:
    return f"/v1/subjects/{aino}/mandates"


@pytest.fixture(scope="module")
def there(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(servers, tmp_path_factory.mktemp("home")) as found:
        yield found


@pytest.fixture(scope="module")
def world(there: Installation) -> World:
    return World(there)


def terms_of(client: FlaskClient, mandates: str, own: dict[str, str], **more: Any) -> dict[str, Any]:
    answer = client.post(f"{mandates}/terms", json=LIMITS | more, headers=own)
    assert answer.status_code == 200, answer.json
    found: dict[str, Any] = answer.json
    return found


def accepted(terms: dict[str, Any], **more: Any) -> dict[str, Any]:
    said = {"text": terms["button"], "locale": terms["locale"], "shown": terms["shown"]}
    return LIMITS | {"accepted": said | more}


def test_from_the_terms_to_the_evidence(client: FlaskClient, mandates: str, own: dict[str, str]) -> None:
    terms = terms_of(client, mandates, own)
    assert terms["button"] == "Tilaukseen liittyy maksuvelvollisuus"
    assert terms["shown_until"] == "2026-11-23T09:00:00Z"
    put = client.put(f"{mandates}/man_a", json=accepted(terms), headers=own)
    assert put.status_code == 200, put.json
    assert put.json["mandate"]["status"] == "live"
    assert put.json["mandate"]["accepted"] == {"text": terms["button"], "locale": "fi"}
    shown = client.get(f"{mandates}/man_a", headers=own).json
    assert shown["evidence"]["terms"] == terms["terms"]
    assert shown["evidence"]["product"]["price_minor"] == 7900
    assert shown["evidence"]["proven"] is True
    assert client.delete(f"{mandates}/man_a", headers=own).status_code == 200
    problem_of(client.get(f"{mandates}/man_a", headers=own), 404, "not-found")
    told = client.get(f"{mandates}/man_a/history", headers=own).json["history"]
    assert [step["does"] for step in told] == ["concluded", "ended"]
    assert told[0]["evidence"] == shown["evidence"]


def test_the_stamp_tells_nothing_and_is_used_on_nothing_else(
    client: FlaskClient, mandates: str, own: dict[str, str]
) -> None:
    terms = terms_of(client, mandates, own)
    assert terms["shown"].isalnum()
    assert len(terms["shown"]) == 40
    body = accepted(terms) | {"max_price_minor": 20_001}
    problem_of(client.put(f"{mandates}/man_a", json=body, headers=own), 409, "conflict")
    spoilt = accepted(terms, shown=terms["shown"][::-1])
    problem_of(client.put(f"{mandates}/man_a", json=spoilt, headers=own), 409, "conflict")
    assert client.get(mandates, headers=own).json["mandates"] == []


def test_after_a_day_the_terms_are_shown_anew(
    client: FlaskClient, mandates: str, aino: str, token: Tokens, own: dict[str, str], clock: Clock
) -> None:
    terms = terms_of(client, mandates, own)
    clock.now = clock.now.replace(day=23)
    fresh = token("customer", subject=aino)
    problem_of(client.put(f"{mandates}/man_a", json=accepted(terms), headers=fresh), 409, "conflict")
    anew = terms_of(client, mandates, fresh)
    assert client.put(f"{mandates}/man_a", json=accepted(anew), headers=fresh).status_code == 200


def test_another_button_is_refused_by_name(client: FlaskClient, mandates: str, own: dict[str, str]) -> None:
    terms = terms_of(client, mandates, own)
    refused = client.put(f"{mandates}/man_a", json=accepted(terms, text="Tilaa"), headers=own)
    problem = problem_of(refused, 422, "invalid-input")
    assert pointers(problem) == {"/accepted/text"}
    assert "Tilaukseen liittyy maksuvelvollisuus" in problem["errors"][0]["detail"]


@pytest.mark.parametrize("missing", ["covers", "currency", "max_price_minor"])
def test_no_limit_is_filled_in(client: FlaskClient, mandates: str, own: dict[str, str], missing: str) -> None:
    body = {name: value for name, value in LIMITS.items() if name != missing}
    answer = client.post(f"{mandates}/terms", json=body, headers=own)
    assert pointers(problem_of(answer, 422, "invalid-input")) == {f"/{missing}"}


def test_showing_terms_changes_nothing(world: World) -> None:
    before = world.there.digest()
    answer = world.call("POST /v1/subjects/<subject>/mandates/terms", world.own())
    assert answer.status_code == 200
    assert world.there.digest() == before


def test_anothers_stamp_is_none_of_mine(world: World, there: Installation) -> None:
    path = "/v1/subjects/{}/mandates"
    other = there.token("customer", subject=world.other)
    terms = terms_of(world.client, path.format(world.other), other, covers="sku:cream")
    body = accepted(terms) | {"covers": "sku:cream"}
    mine = f"{path.format(world.subject)}/man_stolen"
    problem_of(world.client.put(mine, json=body, headers=world.own()), 409, "conflict")
