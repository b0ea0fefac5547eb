"""Where two things that may happen to one reorder meet: holds, answers, reviews, withdrawals, redeliveries,
and the scan."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from service.bootstrap import Services
from service.ids import REORDER, read, show
from service.senders import Fate, Sent
from service.senders.letter import letter_of
from service.storage.outbox import requeue
from service.storage.subjects import lock_subject
from service.use_cases.answer_reorder import approve_reorder
from service.use_cases.change_reorder import change_reorder
from service.use_cases.propose_reorders import propose_reorders
from service.use_cases.release_held import LONGEST_WAIT
from service.use_cases.repeat_order import RepeatOrder, repeat_order
from service.use_cases.settle_message import park
from service.use_cases.snooze_reorder import snooze_reorder
from service.use_cases.store_signals import NewSignal, store_signals
from service.use_cases.withdraw_from_contract import withdraw_from_contract
from tests.use_cases.conftest import NOW
from tests.use_cases.outbox import (
    Receiver,
    at_instant,
    change,
    deliver,
    entries,
    make_person,
    propose,
    states,
    steps,
)
from tests.use_cases.test_holds import (
    ANNOUNCED,
    DAY,
    HOUR,
    ORDERED,
    WEEK,
    announced,
    customer,
    kinds,
    last,
    look,
    sell,
    system_actor,
    tell,
)
from tests.use_cases.test_reviews import answer, queue


@pytest.fixture
def policy_document(policy_document: dict[str, Any]) -> dict[str, Any]:
    policy_document["rollout"] = []
    policy_document["contact_caps"] = []
    policy_document["suppressions"] = {"travelling": {"max": "coach", "programmes": ["replenishment"]}}
    policy_document["categories"]["paper"] = {"review": "pharmacist"}
    return policy_document


def repeat(services: Services, person: UUID, sku: str = "soap", at: datetime = NOW) -> UUID:
    with customer(services, person, at) as unit:
        return read(REORDER, repeat_order(unit, person, RepeatOrder(sku=sku))["id"])


def scan(services: Services, at: datetime) -> int:
    """How many reorders the scan ended."""
    with at_instant(services, at).unit(system_actor("propose-reorders")) as unit:
        unit.db.execute("update subjects set forecast_due = %s", (at,))
        return propose_reorders(unit, 10).ended


def buy(services: Services, person: UUID, at: datetime = NOW) -> None:
    with at_instant(services, at).unit(system_actor("test")) as unit:
        [kept] = store_signals(
            unit, [NewSignal(person, "purchase", at, {"sku": "soap", "quantity": 1}, f"buy-{at}")]
        )
    assert kept.status == "stored"


def redeliver(services: Services, person: UUID, at: datetime) -> None:
    """An operator has the first that is parked delivered again."""
    parked = next(entry for entry in entries(services, person) if entry.state == "parked")
    with services.database.transaction() as db:
        assert requeue(db, parked.id, at)


def fail_before_it_leaves(services: Services, person: UUID) -> None:
    """What the claim does with an order for which there is no way to the shop."""
    with services.unit(system_actor("test")) as unit:
        subject = lock_subject(unit, person)
        [order] = [entry for entry in entries(services, person) if entry.state == "queued"]
        park(unit, subject, order.id, order.message, "refused")


# -- orders of one's own


def test_a_rejected_order_of_ones_own_is_told_in_the_app(services: Services) -> None:
    """No rung above `respond` permitted it, so the gate names no channel."""
    sell(services, "pill", category="paper")
    person, receiver = make_person(services), Receiver()
    reorder = repeat(services, person, "pill")
    assert deliver(services, receiver) == []
    answer(services, reorder, "rejected", NOW + HOUR)
    [told] = deliver(services, receiver, NOW + HOUR)
    assert (told.kind, told.route) == ("reorder.cancelled", "inbox")
    assert "En farmaceut har sagt nej" in letter_of(told, None).plain


def test_an_order_of_ones_own_at_another_price_is_asked_about_without_a_date(services: Services) -> None:
    sell(services)
    person, receiver = make_person(services), Receiver()
    reorder = repeat(services, person)
    sell(services, price_minor=600)
    [asked] = deliver(services, receiver)
    letter = letter_of(asked, None)
    assert letter.subject == "Din beställning av Soap"
    assert "Det kostar nu 6,00\xa0kr." in letter.plain
    with customer(services, person) as unit:
        approve_reorder(unit, reorder)
    [order] = deliver(services, receiver)
    assert (order.kind, order.content["price_minor"]) == (ORDERED[0], 600)


@pytest.mark.parametrize("price", [500, 600], ids=["held", "asked about"])
def test_the_scan_ends_no_order_of_ones_own(services: Services, price: int) -> None:
    sell(services, usual_per_day=1.0)
    person, receiver = make_person(services), Receiver()
    buy(services, person, NOW - 2 * DAY)
    repeat(services, person)
    sell(services, stock=0 if price == 500 else None, price_minor=price)
    deliver(services, receiver)
    state = "held" if price == 500 else "reminded"
    assert last(services, person)[0] == state
    assert scan(services, NOW + HOUR) == 0
    assert last(services, person)[0] == state


def test_a_purchase_leaves_an_approved_order_that_is_held(services: Services) -> None:
    sell(services, stock=0)
    person, receiver = make_person(services), Receiver()
    reorder = propose(services, person)
    with customer(services, person) as unit:
        approve_reorder(unit, reorder)
    deliver(services, receiver)
    buy(services, person, NOW + HOUR)
    assert scan(services, NOW + 2 * HOUR) == 0
    assert last(services, person) == ("held", "out_of_stock")


def test_an_order_of_ones_own_does_not_leave_months_later(services: Services) -> None:
    sell(services)
    person, receiver = make_person(services), Receiver()
    repeat(services, person)
    sell(services, stock=0)
    assert deliver(services, receiver) == []
    look(services, NOW + LONGEST_WAIT)
    assert last(services, person) == ("held", "out_of_stock")
    late = NOW + LONGEST_WAIT + DAY
    sell(services, at=late, stock=5)
    look(services, late)
    assert last(services, person) == ("cancelled", "waited_too_long")
    [told] = deliver(services, receiver, late)
    assert (told.kind, told.route) == ("reorder.cancelled", "inbox")
    assert look(services, late + DAY) == 0


# -- an order that failed before it left


def test_a_redelivered_order_that_never_left_is_held_as_what_it_was(services: Services) -> None:
    sell(services)
    person, receiver = make_person(services), Receiver()
    reorder = propose(services, person)
    deliver(services, receiver)
    with customer(services, person) as unit:
        approve_reorder(unit, reorder)
    fail_before_it_leaves(services, person)
    assert last(services, person) == ("failed", "not_taken")
    sell(services, stock=0)
    redeliver(services, person, NOW + HOUR)
    assert deliver(services, receiver, NOW + HOUR) == []
    assert last(services, person) == ("held", "out_of_stock")
    sell(services, at=NOW + 2 * HOUR, stock=1)
    look(services, NOW + 2 * HOUR)
    assert last(services, person) == ("approved", "released")
    assert kinds(deliver(services, receiver, NOW + 2 * HOUR)) == ORDERED


def test_a_redelivered_order_that_never_left_is_asked_about_at_another_price(services: Services) -> None:
    sell(services)
    person, _, receiver = announced(services)
    fail_before_it_leaves(services, person)
    sell(services, price_minor=600)
    redeliver(services, person, NOW + WEEK)
    deliver(services, receiver, NOW + WEEK)
    assert [step[0] for step in steps(services, person)[0]][-3:] == ["failed", "proposed", "reminded"]
    assert ORDERED[0] not in kinds(receiver.parcels)


# -- withdrawal from the contract


def test_what_was_withdrawn_while_an_attempt_was_under_way_is_not_tried_again(services: Services) -> None:
    sell(services)
    person = make_person(services)
    reorder = propose(services, person)
    deliver(services, Receiver())
    with customer(services, person) as unit:
        approve_reorder(unit, reorder)

    class Slow(Receiver):
        def send(self, parcel: Any) -> Sent:
            with customer(services, person) as unit:
                withdraw_from_contract(unit, reorder, "Aino", None)
            return super().send(parcel)

    slow = Slow([Sent(Fate.retry)])
    assert kinds(deliver(services, slow)) == ORDERED
    assert last(services, person) == ("dispatched", "handed_over")
    assert deliver(services, Receiver(), NOW + HOUR) == []
    assert last(services, person) == ("failed", "withdrawn")
    assert states(services)[-1] == ("cancelled", None)


# -- snoozing, travelling, changing


def test_what_was_put_off_is_held_by_a_journey_and_announced_in_time(services: Services) -> None:
    sell(services)
    person, reorder, receiver = announced(services)
    leaves = NOW + 30 * DAY
    with customer(services, person) as unit:
        snooze_reorder(unit, reorder, until=leaves)
    tell(services, person, "travelling", NOW + 3 * DAY, NOW + DAY)
    assert last(services, person) == ("held", "suppressed")
    look(services, NOW + 3 * DAY)
    assert last(services, person) == ("proposed", "announced_again")
    assert deliver(services, receiver, leaves - WEEK - HOUR) == []
    assert kinds(deliver(services, receiver, leaves - WEEK)) == ANNOUNCED
    assert kinds(deliver(services, receiver, leaves)) == ORDERED


def test_an_approval_of_the_old_quantity_releases_nothing(services: Services) -> None:
    sell(services, category="paper")
    person, receiver = make_person(services, "automate"), Receiver()
    reorder = propose(services, person, strategy="automate", category="paper")
    deliver(services, receiver)
    answer(services, reorder, at=NOW + HOUR)
    with customer(services, person, NOW + DAY) as unit:
        change_reorder(unit, reorder, 2)
    [case] = queue(services, NOW + DAY)
    assert (case["reorder"], case["quantity"]) == (show(REORDER, reorder), 2)
    assert deliver(services, receiver, NOW + WEEK) == []
    assert last(services, person) == ("held", "pharmacist_missing")
    answer(services, reorder, at=NOW + WEEK + HOUR)
    [order] = deliver(services, receiver, NOW + WEEK + HOUR)
    assert order.content["quantity"] == 2


def test_a_notice_that_comes_back_after_a_step_down_announces_nothing(services: Services) -> None:
    """Its first attempt was under way when the person put it off, and an operator finds it parked later."""
    sell(services)
    person = make_person(services, "automate")
    reorder = propose(services, person, strategy="automate")

    class Bounces(Receiver):
        def send(self, parcel: Any) -> Sent:
            with customer(services, person) as unit:
                snooze_reorder(unit, reorder, days=8)
            return super().send(parcel)

    assert kinds(deliver(services, Bounces([Sent(Fate.refused)]))) == ANNOUNCED
    assert kinds(deliver(services, Receiver(), NOW + DAY)) == ANNOUNCED
    sell(services, price_minor=600)
    deliver(services, Receiver([Sent(Fate.refused)]), NOW + 8 * DAY)
    assert last(services, person) == ("held", "notice_undelivered")
    redeliver(services, person, NOW + 9 * DAY)
    assert deliver(services, Receiver(), NOW + 9 * DAY) == []
    assert last(services, person) == ("held", "notice_undelivered")


def test_a_journey_leaves_what_was_never_announced_to_the_scan(services: Services) -> None:
    sell(services)
    person = make_person(services, "automate")
    propose(services, person, strategy="automate")
    tell(services, person, "travelling", NOW + 3 * DAY)
    assert last(services, person) == ("cancelled", "suppressed")
    change(services, person, lambda choices: choices.flags.clear())
    assert look(services, NOW + timedelta(days=4)) == 0
