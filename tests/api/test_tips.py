"""Tips about what a person owns: for whom they count, and how little they tell of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from service.actor import show_subject
from service.bootstrap import Services
from service.policy import Contact
from service.storage.choices import Choices
from service.storage.decisions import read_decisions
from service.storage.permit_tokens import read_token
from service.storage.subjects import Subject, lock_subject, save_activity
from tests.api.helpers import Clock, Tokens, problem_of
from tests.api.people import SHOP, add_person, add_products, candidate, change

ROUTE = "/v1/offers/permitted"


@pytest.fixture
def policy_document(policy_document: dict[str, Any]) -> dict[str, Any]:
    policy_document["rollout"] = []
    policy_document["signals"] = {
        "purchase": {"data": "purchases"},
        "delivered": {"data": "purchases"},
        "returned": {"data": "purchases"},
        "stopped_using": {"data": "purchases"},
    }
    policy_document["programmes"]["ownership"] |= {"about": "owned", "after_contacts": 3}
    return policy_document


@pytest.fixture
def person(services: Services, client: FlaskClient, token: Tokens) -> Subject:
    add_products(services)
    for sku, category in (("shampoo", "beauty"), ("cream", "beauty.skin")):
        body = {"strategy": "curate", "category": category, "sku": sku, "data": [], "texts": {"en": "Tip"}}
        for name, programme, value in ((f"tip-{sku}", "ownership", 999), (f"sale-{sku}", "marketing", 10)):
            answer = client.put(
                f"/v1/offers/{name}",
                json=body | {"programme": programme, "value": value},
                headers=token("marketing"),
            )
            assert answer.status_code == 200, answer.get_data(as_text=True)
    return add_person(services)


class Till:
    """Tells of what one person bought, got, gave back or stopped using."""

    def __init__(self, client: FlaskClient, token: Tokens, person: Subject) -> None:
        self._client, self._token, self._person, self._count = client, token, person, 0

    def tell(self, kind: str, sku: str, days_ago: int, **data: Any) -> None:
        self._count += 1
        if kind == "purchase":
            data = {"quantity": 1, "price_minor": 4900, "currency": "SEK"} | data
        signal = {
            "subject": show_subject(self._person.id),
            "type": kind,
            "at": f"2026-11-{22 - days_ago:02}T08:00:00Z",
            "data": {"sku": sku} | data,
            "id": f"s-{self._count}",
        }
        answer = self._client.post("/v1/signals", json=[signal], headers=self._token("shop"))
        assert [each["status"] for each in answer.get_json()["results"]] == ["stored"]


@pytest.fixture
def till(client: FlaskClient, token: Tokens, person: Subject) -> Till:
    return Till(client, token, person)


def ask(client: FlaskClient, token: Tokens, person: Subject, **more: Any) -> dict[str, Any]:
    body = {"subject": show_subject(person.id), "programme": "ownership", "channels": ["app"]} | more
    answer = client.post(ROUTE, json=body, headers=token("marketing"))
    assert answer.status_code == 200, answer.get_data(as_text=True)
    found: dict[str, Any] = answer.get_json()
    return found


def named(found: dict[str, Any]) -> list[str]:
    return [each["offer"] for each in found["permitted"]]


def test_only_what_is_owned_and_nothing_about_the_rest(
    client: FlaskClient, token: Tokens, person: Subject, till: Till
) -> None:
    before = ask(client, token, person)
    assert (before["permitted"], before["withheld"]) == ([], [])
    till.tell("purchase", "cream", 5)
    found = ask(client, token, person)
    assert named(found) == ["tip-cream"]
    assert found["withheld"] == []
    # It sells nothing, whatever it says of itself.
    assert found["permitted"][0]["score"] == 0


def test_who_owns_nothing_looks_like_who_objects(
    services: Services, client: FlaskClient, token: Tokens, person: Subject, till: Till
) -> None:
    nobody = ask(client, token, add_person(services))
    till.tell("purchase", "cream", 5)

    def object_(choices: Choices) -> None:
        choices.objections = ["service_tips"]

    change(services, person.id, object_)
    objecting = ask(client, token, person)
    for each in (nobody, objecting):
        del each["epoch"]
    assert objecting == nobody


@pytest.mark.parametrize(
    ("told", "owned"),
    [
        ([("purchase", 9)], True),
        ([("delivered", 9)], True),
        ([("purchase", 9), ("delivered", 8)], True),
        ([("purchase", 9), ("returned", 8)], False),
        ([("purchase", 9), ("delivered", 8), ("returned", 7)], False),
        ([("purchase", 9), ("purchase", 8), ("returned", 7)], True),
        ([("purchase", 9), ("stopped_using", 8)], False),
        ([("purchase", 9), ("stopped_using", 8), ("purchase", 7)], True),
        ([("purchase", 9), ("stopped_using", 8), ("returned", 7)], False),
        ([("stopped_using", 8)], False),
        ([("returned", 8)], False),
    ],
)
def test_what_owning_means(
    client: FlaskClient,
    token: Tokens,
    person: Subject,
    till: Till,
    told: list[tuple[str, int]],
    *,
    owned: bool,
) -> None:
    for kind, days_ago in told:
        till.tell(kind, "cream", days_ago)
    assert named(ask(client, token, person)) == (["tip-cream"] if owned else [])


def test_one_tip_at_most_and_another_on_another_day(
    client: FlaskClient, token: Tokens, person: Subject, till: Till, clock: Clock
) -> None:
    """Two answers that lack the other tip must not both be possible on one day."""
    till.tell("purchase", "cream", 5)
    till.tell("purchase", "shampoo", 5)
    seen = set()
    for _ in range(20):
        first = named(ask(client, token, person))
        assert len(first) == 1
        assert named(ask(client, token, person)) == first
        seen |= set(first)
        clock.now += timedelta(days=1)
    assert seen == {"tip-cream", "tip-shampoo"}


def test_nothing_is_read_without_a_purpose_in_force(
    services: Services, client: FlaskClient, token: Tokens, person: Subject, till: Till
) -> None:
    till.tell("purchase", "cream", 5)

    def unshare(choices: Choices) -> None:
        choices.sharing = {"purchases": False}

    change(services, person.id, unshare)
    assert named(ask(client, token, person)) == []


def test_nobody_asks_for_one_product_after_the_other(
    client: FlaskClient, token: Tokens, person: Subject, till: Till
) -> None:
    """Neither with candidates of one's own, nor by a job, whose permits would tell."""
    till.tell("purchase", "cream", 5)
    own = candidate(id="tip-cream", sku="cream", programme="ownership", strategy="curate", data=[])
    sale = candidate(id="sale", sku="cream", programme="marketing", strategy="curate")
    for programme in ("ownership", "marketing"):
        found = ask(client, token, person, programme=programme, candidates=[own, sale])
        assert named(found) == ["sale"]
        assert found["withheld"] == []
    pair = {"subject": show_subject(person.id), "candidate": own}
    for roles in (("marketing",), ("marketing", "shop")):
        answer = client.post("/v1/candidates", json={"candidates": [pair]}, headers=token(*roles))
        problem_of(answer, 422, "invalid-input")
    # The shop knows what it sold; what it is permitted is still redeemed for what is owned alone.
    answer = client.post("/v1/candidates", json={"candidates": [pair]}, headers=token("shop"))
    assert answer.status_code == 202


def test_the_record_names_what_was_permitted_alone(
    services: Services, client: FlaskClient, token: Tokens, person: Subject, till: Till
) -> None:
    till.tell("purchase", "cream", 5)
    [permitted] = ask(client, token, person)["permitted"]
    name = read_token(services.index, permitted["permit"])
    assert name is not None
    with services.database.connection() as db:
        row = read_decisions(db, services.keyring, name.row)
    assert [each.id for each in row.record.candidates] == ["tip-cream"]
    assert "signals.purchases" in row.record.fields


def test_what_went_back_in_between_is_not_redeemed(
    client: FlaskClient, token: Tokens, person: Subject, till: Till
) -> None:
    till.tell("purchase", "cream", 5)
    permits = [ask(client, token, person)["permitted"][0]["permit"] for _ in range(2)]

    def redeem(permit: str) -> Any:
        answer = client.post("/v1/permits/redeem", json={"permits": [permit]}, headers=token("marketing"))
        return answer.get_json()["permits"][0]["status"]

    assert redeem(permits[0]) == "redeemed"
    till.tell("returned", "cream", 1)
    assert redeem(permits[1]) == "refused"


def contacted(services: Services, person: Subject, *programmes: str) -> None:
    """One contact for each, an hour apart, the last an hour ago."""
    with services.unit(SHOP) as unit:
        subject = lock_subject(unit, person.id)
        start = unit.now - timedelta(hours=len(programmes))
        subject.activity.contacts = [
            Contact(start + timedelta(hours=n), "app", programme) for n, programme in enumerate(programmes)
        ]
        save_activity(unit, subject)


@pytest.mark.parametrize(
    ("before", "first"),
    [
        ([], "sale"),
        (["marketing"] * 2, "sale"),
        (["marketing"] * 3, "tip"),
        (["marketing", "replenishment", "marketing"], "tip"),
        (["marketing", "marketing", "ownership", "marketing"], "sale"),
        (["ownership", "marketing", "marketing", "marketing"], "tip"),
    ],
)
def test_after_three_that_sell_the_next_is_a_tip(
    services: Services,
    client: FlaskClient,
    token: Tokens,
    person: Subject,
    till: Till,
    before: list[str],
    first: str,
) -> None:
    """If there is one: who owns nothing that a tip is about gets what was asked for."""
    contacted(services, person, *before)
    found = named(ask(client, token, person, programme="marketing"))
    assert found[0].startswith("sale")
    till.tell("purchase", "cream", 5)
    found = named(ask(client, token, person, programme="marketing"))
    assert found[0].partition("-")[0] == first
    assert found[-1].startswith("sale")
    assert sum(name.startswith("tip") for name in found) == (1 if first == "tip" else 0)
