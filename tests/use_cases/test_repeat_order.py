"""Ordering again in one call: for everybody, at the price of now, and only what may be ordered so."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from service.actor import Actor
from service.bootstrap import Services
from service.errors import ConflictError, InvalidInputError, NotFoundError
from service.ids import REORDER, new_id, new_subject_id, read
from service.storage.choices import Choices
from service.storage.decisions import read_decision_id, read_decisions
from service.storage.policies import publish_policy
from service.storage.subjects import create_subject, read_subject
from service.use_cases.answer_reorder import cancel_reorder
from service.use_cases.list_reorders import list_reorders
from service.use_cases.repeat_order import RepeatOrder, repeat_order
from tests.use_cases.conftest import NOW
from tests.use_cases.outbox import (
    Receiver,
    add_product,
    change,
    deliver,
    entries,
    make_person,
    steps,
    withdraw,
)
from tests.use_cases.test_reorder_life import DAY, SOON, bring, customer, propose, shown


@pytest.fixture
def policy_document(policy_document: dict[str, Any]) -> dict[str, Any]:
    policy_document["rollout"] = []
    return policy_document


@pytest.fixture
def private(services: Services) -> UUID:
    """Shares nothing, has agreed to nothing, and wants to be left alone but for what they ask for."""
    choices = Choices("Europe/Stockholm", "sv", "SE", levels={"*": "respond"})
    with services.unit(Actor("shop-1", frozenset({"shop"}))) as unit:
        return create_subject(unit, new_subject_id(), choices).id


def order(services: Services, person: UUID, at: Any = NOW, **command: Any) -> dict[str, Any]:
    with customer(services, person, at) as unit:
        return repeat_order(unit, person, RepeatOrder(**command))


def refusal(services: Services, person: UUID, **command: Any) -> dict[str, Any]:
    """What a refused order says; it leaves nothing behind."""
    with pytest.raises(ConflictError) as refused:
        order(services, person, **command)
    with customer(services, person) as unit:
        assert list_reorders(unit, read_subject(unit, person)) == []
    assert entries(services, person) == []
    return refused.value.members


def test_somebody_who_shares_nothing_orders_and_orders_again(services: Services, private: UUID) -> None:
    add_product(services)
    receiver = Receiver()
    first = order(services, private, sku="soap", quantity=2)
    assert {key: first[key] for key in ("state", "strategy", "sku", "name", "quantity", "price_minor")} == {
        "state": "approved",
        "strategy": "respond",
        "sku": "soap",
        "name": "Soap",
        "quantity": 2,
        "price_minor": 500,
    }
    assert (first["run_out"], first["actions"]) == (None, ["cancel"])
    assert first["order_date"] == "2026-11-22T09:00:00Z"
    [parcel] = deliver(services, receiver)
    assert (parcel.kind, parcel.route, parcel.content["price_minor"]) == ("reorder.dispatched", "order", 1000)
    assert shown(services, private)["actions"] == ["repeat"]
    again = order(services, private, NOW + DAY, order=read(REORDER, first["id"]))
    assert (again["quantity"], again["state"]) == (2, "approved")
    assert again["id"] != first["id"]
    assert len(deliver(services, receiver, NOW + DAY)) == 1
    assert steps(services, private)[1] == [("approved", "repeated"), ("dispatched", "handed_over")]


def test_the_decision_is_kept(services: Services, private: UUID) -> None:
    add_product(services)
    made = order(services, private, sku="soap")
    row, index = read_decision_id(made["decision"])
    with services.database.connection() as db:
        record = read_decisions(db, services.keyring, row).record
    assert record.decision(index).outcome.value == "allow"
    assert record.candidates[index].data == ()


def test_withdrawing_reminders_leaves_ones_own_order_alone(services: Services) -> None:
    add_product(services)
    person = make_person(services)
    order(services, person, sku="soap")
    assert withdraw(services, person) == ([], [])
    assert len(deliver(services, Receiver(), NOW + SOON)) == 1


def test_it_can_be_cancelled_until_it_is_handed_over(services: Services, private: UUID) -> None:
    add_product(services)
    made = order(services, private, sku="soap")
    with customer(services, private) as unit:
        assert cancel_reorder(unit, read(REORDER, made["id"])).state == "cancelled"
    assert deliver(services, Receiver()) == []


def test_a_price_that_the_customer_did_not_see(services: Services, private: UUID) -> None:
    add_product(services)
    assert refusal(services, private, sku="soap", price_minor=499) == {
        "reason": "price_changed",
        "price_minor": 500,
        "currency": "SEK",
    }
    assert order(services, private, sku="soap", price_minor=500)["price_minor"] == 500


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        ("prescription = true", "prescription"),
        ("limit_per_order = 2", "supply_limit"),
        ("stock = 2", "out_of_stock"),
        ("category = 'unheard.of'", "category_unknown"),
    ],
)
def test_goods_that_may_not_be_ordered_so(services: Services, private: UUID, edit: str, code: str) -> None:
    add_product(services)
    with services.database.transaction() as db:
        db.execute(f"update products set {edit}")  # type: ignore[arg-type]
    said = refusal(services, private, sku="soap", quantity=3)
    assert [reason["code"] for reason in said["reasons"]] == [code]


def test_an_age_limit_holds_here_too(services: Services, private: UUID) -> None:
    add_product(services)
    with services.database.transaction() as db:
        db.execute("update products set category = 'health.otc'")
    said = refusal(services, private, sku="soap")
    assert [(reason["code"], reason["on"]) for reason in said["reasons"]] == [("age_unknown", "health")]


def test_the_policys_prescriptions_hold_whatever_the_catalogue_says(
    services: Services, policy_document: dict[str, Any]
) -> None:
    policy_document["categories"]["health.rx"]["prescription"] = True
    policy_document["categories"]["health"].pop("min_age")
    with services.database.transaction() as db:
        publish_policy(db, policy_document, NOW)
        db.execute(
            "insert into products (sku, category, name, pack_size, price_minor, currency, updated_at)"
            " values ('insulin', 'health.rx', 'Insulin', 30, 500, 'SEK', now())"
        )
    said = refusal(services, make_person(services), sku="insulin")
    assert [reason["code"] for reason in said["reasons"]] == ["prescription"]


def test_below_respond_nothing_is_ordered(services: Services, private: UUID) -> None:
    add_product(services)
    change(services, private, lambda choices: choices.levels.update({"*": "off"}))
    [reason] = refusal(services, private, sku="soap")["reasons"]
    assert reason["code"] == "control_level"
    assert (reason["remedy"]["do"], reason["remedy"]["to"]) == ("raise_level", "respond")


def test_what_there_is_nothing_of(services: Services, private: UUID) -> None:
    add_product(services)
    with pytest.raises(InvalidInputError):
        order(services, private, sku="comb")
    with pytest.raises(NotFoundError):
        order(services, private, order=new_id())
    other = make_person(services)
    others = propose(services, other)
    bring(services, other, others, "delivered")
    with pytest.raises(NotFoundError):
        order(services, private, order=others)
    with pytest.raises(NotFoundError), customer(services, private) as unit:
        repeat_order(unit, other, RepeatOrder(sku="soap"))


@pytest.mark.parametrize(
    "state", ["proposed", "reminded", "held", "approved", "skipped", "cancelled", "failed"]
)
def test_what_never_left_is_not_repeated(services: Services, state: str) -> None:
    add_product(services)
    person = make_person(services)
    reorder = propose(services, person)
    bring(services, person, reorder, state)
    with pytest.raises(ConflictError) as refused:
        order(services, person, order=reorder)
    assert refused.value.members == {"state": state}


def test_what_was_ordered_through_us_is_repeated_at_todays_price(services: Services) -> None:
    add_product(services)
    person = make_person(services)
    reorder = propose(services, person)
    bring(services, person, reorder, "delivered")
    add_product(services, price=650)
    made = order(services, person, NOW + timedelta(days=30), order=reorder)
    assert (made["sku"], made["price_minor"], made["state"]) == ("soap", 650, "approved")
    with services.database.transaction() as db:
        db.execute("delete from products")
    with pytest.raises(ConflictError) as refused:
        order(services, person, order=reorder)
    assert refused.value.members == {"reason": "not_sold"}
