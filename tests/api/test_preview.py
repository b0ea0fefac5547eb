"""A preview over HTTP: told before it is done, and nothing done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.helpers import Installation, installed, pointers, problem_of
from tests.guards.calls import MANDATE, World
from tests.servers import Servers

RULE = "POST /v1/subjects/<subject>/preview"


@pytest.fixture(scope="module")
def there(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(servers, tmp_path_factory.mktemp("home")) as found:
        yield found


@pytest.fixture(scope="module")
def world(there: Installation) -> World:
    return World(there)


def ask(world: World, **body: Any) -> Any:
    return world.client.post(world.path(RULE), json=body, headers=world.own())


def rows(answer: Any) -> dict[tuple[str, str, str | None], dict[str, Any]]:
    assert answer.status_code == 200, answer.json
    return {(row["programme"], row["category"], row["sku"]): row for row in answer.json["levels"]}


def test_it_changes_nothing(world: World) -> None:
    before = world.there.digest()
    answer = world.call(RULE, world.own())
    assert answer.status_code == 200, answer.json
    assert answer.json["epoch"] == world.epoch()
    assert world.there.digest() == before


# Open to everybody; what is only piloted would depend on who the person happens to be.
COUGH = ("replenishment", "health.otc.cough", None)
LIMITS = {"covers": "health.otc", "currency": "SEK", "max_price_minor": 9000}


def test_before_after_and_what_it_costs(world: World) -> None:
    row = rows(ask(world, changes={"mandates": {"man_x": LIMITS}}))[COUGH]
    assert (row["before"], row["after"], row["limited_by"]) == ("coach", "automate", [])
    assert row["data"] == ["identity", "purchases", "usage"]
    charge = {"mandate": "man_x", "max_price_minor": 9000, "max_spend_minor": None, "spend_days": None}
    assert row["may_charge"] == charge | {"currency": "SEK"}
    withdrawn = [{"purpose": "automatic_reorder", "status": "withdrawn"}]
    row = rows(ask(world, changes={"mandates": {"man_x": LIMITS}, "consents": withdrawn}))[COUGH]
    assert (row["before"], row["after"], row["may_charge"]) == ("coach", "coach", None)
    assert row["limited_by"] == [
        {"strategy": "automate", "code": "consent_withdrawn", "on": "automatic_reorder"}
    ]


def test_one_product_is_told_by_its_price(world: World) -> None:
    one = LIMITS | {"covers": "sku:cough", "max_price_minor": 7899}
    row = rows(ask(world, changes={"mandates": {"man_x": one}}))["replenishment", "health.otc.cough", "cough"]
    assert row["titles"]["category"] == "cough"
    assert (row["after"], row["limited_by"][0]["code"]) == ("coach", "mandate_price")


def test_it_is_told_in_the_language_asked_for(world: World) -> None:
    ended = rows(ask(world, changes={"mandates": {MANDATE: None}}, locale="da"))
    row = ended["replenishment", "beauty", None]
    assert "mandate_expired" in {why["code"] for why in row["limited_by"]}
    assert any("faste bestilling" in told for told in row["explanation"]), row["explanation"]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"consents": [{"purpose": "x", "status": "given"}]}, "/changes/consents/0/purpose"),
        ({"consents": [{"purpose": "x", "status": "revoked"}]}, "/changes/consents/0/status"),
        ({"preferences": {"levels": {"weapons": "coach"}}}, "/changes/preferences/levels/weapons"),
        ({"mandates": {"man_x": {"covers": "*"}}}, "/changes/mandates/man_x/currency"),
        ({"mandates": {"x": None}}, "/changes/mandates/x"),
        (
            {"mandates": {"man_x": {"covers": "weapons", "currency": "SEK", "max_price_minor": 1}}},
            "/changes/mandates/man_x/covers",
        ),
        ({"objections": []}, "/changes/objections"),
    ],
)
def test_faults_are_named_where_they_lie(world: World, changes: dict[str, Any], pointer: str) -> None:
    assert pointer in pointers(problem_of(ask(world, changes=changes), 422, "invalid-input"))
