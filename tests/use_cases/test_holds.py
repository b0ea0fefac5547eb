"""Every reason to hold an order, both ways: it holds, and it lets go when its cause ends. At the real claim,
by the real relay."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest

from service.actor import Actor, system_actor
from service.bootstrap import Services, build_services
from service.senders import Fate, Parcel, Sent
from service.senders.letter import letter_of
from service.storage.choices import Choices
from service.storage.policies import publish_policy
from service.storage.products import Product, read_products
from service.storage.subjects import read_subject
from service.storage.unit import Unit
from service.use_cases.answer_reorder import approve_reorder, cancel_reorder, skip_reorder
from service.use_cases.list_reorders import list_reorders
from service.use_cases.put_product import put_product as change_product
from service.use_cases.release_held import NOTICE_AGAIN, release_held
from service.use_cases.store_signals import NewSignal, store_signals
from tests.use_cases.conftest import NOW
from tests.use_cases.outbox import (
    AUTOMATIC,
    REMINDERS,
    Receiver,
    at_instant,
    change,
    deliver,
    make_person,
    propose,
    relay_to,
    states,
    steps,
    withdraw,
)

WEEK = timedelta(days=7)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
ANNOUNCED = ["reorder.announced"]
ORDERED = ["reorder.dispatched"]


@pytest.fixture
def policy_document(policy_document: dict[str, Any]) -> dict[str, Any]:
    policy_document["rollout"] = []
    policy_document["contact_caps"] = []
    policy_document["suppressions"] = {
        "travelling": {"max": "coach", "programmes": ["replenishment"]},
        "bereavement": {"max": "respond"},
    }
    return policy_document


def kinds(parcels: list[Parcel]) -> list[str]:
    return [parcel.kind for parcel in parcels]


def sell(services: Services, sku: str = "soap", at: datetime = NOW, **fields: Any) -> None:
    """What the shop says of a product now, by the front door."""
    with at_instant(services, at).unit(Actor("shop-1", frozenset({"shop"}))) as unit:
        present = read_products(unit.db, [sku]).get(sku)
        values = {
            **{"sku": sku, "name": sku.title(), "category": "beauty", "pack_size": 30, "price_minor": 500},
            **{"usual_per_day": None, "currency": "SEK", "stock": None, "prescription": False},
            **{"as_needed": False, "limit_per_order": None, "limit_per_month": None},
        }
        known = {} if present is None else {name: getattr(present, name) for name in values}
        change_product(unit, Product(**values | known | fields))


def announced(services: Services, at: datetime = NOW, sku: str = "soap") -> tuple[UUID, UUID, Receiver]:
    """Somebody who was told of an automatic order a moment ago: person, reorder, receiver."""
    person, receiver = make_person(services, "automate"), Receiver()
    reorder = propose(services, person, strategy="automate", sku=sku, at=at)
    assert kinds(deliver(services, receiver, at)) == ANNOUNCED
    return person, reorder, receiver


def look(services: Services, at: datetime) -> int:
    return release_held(at_instant(services, at), 100)


def last(services: Services, person: UUID) -> tuple[str, str]:
    return steps(services, person)[0][-1]


def customer(services: Services, person: UUID, at: datetime = NOW) -> AbstractContextManager[Unit]:
    return at_instant(services, at).unit(Actor("customer-1", frozenset({"customer"}), subject=person))


def shown(services: Services, person: UUID) -> dict[str, Any]:
    with customer(services, person) as unit:
        [reorder] = list_reorders(unit, read_subject(unit, person))
    return reorder


def tell(services: Services, person: UUID, name: str, until: datetime, at: datetime = NOW) -> None:
    """The person says where they are."""
    with customer(services, person, at) as unit:
        signal = NewSignal(person, "situation", at, {"name": name, "until": until}, f"{name}-{at}-{until}")
        [result] = store_signals(unit, [signal])
    assert result.status == "stored"


# -- stock


def test_what_is_out_of_stock_waits_until_it_is_back(services: Services) -> None:
    sell(services, stock=0)
    person, _, receiver = announced(services)
    assert deliver(services, receiver, NOW + WEEK) == []
    assert last(services, person) == ("held", "out_of_stock")
    said = shown(services, person)
    assert said["held"] == {"since": "2026-11-29T09:00:00Z", "reasons": ["out_of_stock"]}
    assert said["explanation"] == "Varan är slut just nu. Beställningen väntar tills den finns igen."
    # Nothing has changed: nobody looks at it, and looking finds the same.
    assert look(services, NOW + WEEK + HOUR) == 0
    assert look(services, NOW + WEEK + DAY) == 1
    assert steps(services, person)[0].count(("held", "out_of_stock")) == 1
    sell(services, at=NOW + WEEK + DAY + HOUR, stock=1)
    assert look(services, NOW + WEEK + DAY + HOUR) == 1
    assert last(services, person) == ("announced", "released")
    assert kinds(deliver(services, receiver, NOW + WEEK + DAY + HOUR)) == ORDERED
    assert last(services, person) == ("dispatched", "handed_over")


def test_another_product_that_comes_wakes_nobody(services: Services) -> None:
    sell(services, stock=0)
    person, _, receiver = announced(services)
    deliver(services, receiver, NOW + WEEK)
    sell(services, "comb", at=NOW + WEEK + HOUR, stock=5)
    assert look(services, NOW + WEEK + HOUR) == 0
    assert last(services, person) == ("held", "out_of_stock")


def test_however_often_it_is_released_one_order_leaves(services: Services) -> None:
    sell(services, stock=0)
    person, _, receiver = announced(services)
    at = NOW + WEEK
    deliver(services, receiver, at)
    for _ in range(3):
        at += HOUR
        sell(services, at=at, stock=1)
        look(services, at)
        # Sold out again before the relay came.
        sell(services, at=at, stock=0)
        assert deliver(services, receiver, at) == []
        assert last(services, person) == ("held", "out_of_stock")
    at += HOUR
    sell(services, at=at, stock=1)
    assert (look(services, at), look(services, at)) == (1, 0)
    assert kinds(deliver(services, receiver, at)) == ORDERED
    sell(services, at=at + HOUR, stock=2)
    assert look(services, at + HOUR) == 0
    assert deliver(services, receiver, at + WEEK) == []
    assert kinds(receiver.parcels) == ANNOUNCED + ORDERED


def test_after_a_long_hold_the_notice_comes_again_first(services: Services) -> None:
    sell(services, stock=0)
    person, _, receiver = announced(services)
    deliver(services, receiver, NOW + WEEK)
    back = NOW + WEEK + NOTICE_AGAIN + HOUR
    look(services, back - DAY)
    sell(services, at=back, stock=1)
    look(services, back)
    assert last(services, person) == ("proposed", "announced_again")
    assert kinds(deliver(services, receiver, back)) == ANNOUNCED
    assert deliver(services, receiver, back + WEEK - HOUR) == []
    assert kinds(deliver(services, receiver, back + WEEK)) == ORDERED


@pytest.mark.parametrize("answer", [skip_reorder, cancel_reorder])
def test_what_the_person_gives_up_while_it_is_held_stays_given_up(
    services: Services, answer: Callable[[Unit, UUID], Any]
) -> None:
    sell(services, stock=0)
    person, reorder, receiver = announced(services)
    deliver(services, receiver, NOW + WEEK)
    with customer(services, person, NOW + WEEK) as unit:
        answer(unit, reorder)
    sell(services, at=NOW + WEEK + HOUR, stock=1)
    assert look(services, NOW + WEEK + HOUR) == 1
    assert last(services, person)[1] == "customer"
    assert deliver(services, receiver, NOW + WEEK + HOUR) == []
    assert look(services, NOW + 2 * WEEK) == 0


def test_a_withdrawal_while_it_is_held_ends_it(services: Services) -> None:
    sell(services, stock=0)
    person, _, receiver = announced(services)
    deliver(services, receiver, NOW + WEEK)
    cancelled, _ = withdraw(services, person, AUTOMATIC, at=NOW + WEEK)
    assert [each["kind"] for each in cancelled] == ["reorder"]
    sell(services, at=NOW + WEEK + HOUR, stock=1)
    look(services, NOW + WEEK + HOUR)
    assert deliver(services, receiver, NOW + WEEK + HOUR) == []
    assert last(services, person) == ("cancelled", "consent_withdrawn")


def test_an_own_order_that_is_held_survives_a_withdrawal_of_reminders(services: Services) -> None:
    sell(services, stock=0)
    person, receiver = make_person(services), Receiver()
    reorder = propose(services, person)
    deliver(services, receiver)
    with customer(services, person) as unit:
        approve_reorder(unit, reorder)
    assert deliver(services, receiver, NOW + HOUR) == []
    assert last(services, person) == ("held", "out_of_stock")
    assert withdraw(services, person, REMINDERS, at=NOW + HOUR)[0] == []
    sell(services, at=NOW + 2 * HOUR, stock=1)
    look(services, NOW + 2 * HOUR)
    assert last(services, person) == ("approved", "released")
    assert kinds(deliver(services, receiver, NOW + 2 * HOUR)) == ORDERED


# -- supply limits


@pytest.fixture
def limited(services: Services, policy_document: dict[str, Any]) -> Callable[..., None]:
    """A policy with these limits for beauty, by country."""

    def limit(**supply: Any) -> None:
        policy_document["categories"]["beauty"]["supply"] = supply
        with services.database.transaction() as db:
            publish_policy(db, policy_document, NOW)

    return limit


def order_now(services: Services, person: UUID, receiver: Receiver, at: datetime, sku: str) -> list[str]:
    """Of one's own accord: proposed, reminded, approved, and what the shop then got."""
    reorder = propose(services, person, sku=sku, at=at, channels=("app",))
    deliver(services, receiver, at)
    with customer(services, person, at) as unit:
        approve_reorder(unit, reorder)
    return kinds(deliver(services, receiver, at))


def test_packs_of_a_day_are_counted_over_a_whole_category(
    services: Services, limited: Callable[..., None]
) -> None:
    limited(SE={"per_day": 2})
    for sku in ("soap", "comb", "towel"):
        sell(services, sku)
    person, receiver = make_person(services, channels=("app",)), Receiver()
    assert order_now(services, person, receiver, NOW, "soap") == ORDERED
    assert order_now(services, person, receiver, NOW + HOUR, "comb") == ORDERED
    assert order_now(services, person, receiver, NOW + 2 * HOUR, "towel") == []
    assert steps(services, person)[2][-1] == ("held", "supply_limit")
    # A day after the first of them there is room for one more.
    assert look(services, NOW + DAY - HOUR) == 0
    assert look(services, NOW + DAY) == 1
    assert kinds(deliver(services, receiver, NOW + DAY)) == ORDERED


def test_packs_of_a_month_are_counted_though_no_mandate_looks_so_far_back(
    services: Services, limited: Callable[..., None]
) -> None:
    limited(SE={"per_month": 1})
    sell(services)
    person, receiver = make_person(services, channels=("app",)), Receiver()
    assert order_now(services, person, receiver, NOW, "soap") == ORDERED
    later = NOW + 20 * DAY
    assert order_now(services, person, receiver, later, "soap") == []
    assert steps(services, person)[1][-1] == ("held", "supply_limit")
    look(services, NOW + 30 * DAY)
    assert kinds(deliver(services, receiver, NOW + 30 * DAY)) == ORDERED


@pytest.mark.parametrize(
    ("country", "leaves"), [("SE", ORDERED), ("NO", []), ("FI", ORDERED), ("DE", []), ("", [])]
)
def test_the_country_decides_and_an_unknown_one_gets_the_strictest(
    services: Services, limited: Callable[..., None], country: str, leaves: list[str]
) -> None:
    limited(SE={"per_order": 5}, NO={"per_order": 1}, FI={"per_month": 9}, **{"*": {"per_order": 1}})
    sell(services)
    person, receiver = make_person(services, channels=("app",)), Receiver()
    change(services, person, lambda choices: setattr(choices, "country", country))
    with at_instant(services, NOW).unit(system_actor("test")) as unit:
        assert read_subject(unit, person).choices.country == country
    sell(services, "pair")
    reorder = _propose_two(services, person)
    deliver(services, receiver)
    with customer(services, person) as unit:
        approve_reorder(unit, reorder)
    assert kinds(deliver(services, receiver)) == leaves


def _propose_two(services: Services, person: UUID) -> UUID:
    return propose(services, person, sku="pair", channels=("app",), quantity=2)


def test_a_products_own_limit_is_kept(services: Services) -> None:
    sell(services, limit_per_month=1)
    person, receiver = make_person(services, channels=("app",)), Receiver()
    assert order_now(services, person, receiver, NOW, "soap") == ORDERED
    assert order_now(services, person, receiver, NOW + DAY, "soap") == []
    # The shop raises it, and nobody has to wait for the month to end.
    sell(services, at=NOW + 2 * DAY, limit_per_month=2)
    assert look(services, NOW + 2 * DAY) == 1
    assert kinds(deliver(services, receiver, NOW + 2 * DAY)) == ORDERED


def test_prescription_medicines_never_leave_by_themselves(services: Services) -> None:
    sell(services, prescription=True)
    person, _, receiver = announced(services)
    assert deliver(services, receiver, NOW + WEEK) == []
    assert last(services, person) == ("held", "supply_limit")


# -- the notice


def test_an_order_that_comes_too_soon_after_its_notice_waits(
    services: Services, policy_document: dict[str, Any]
) -> None:
    policy_document["programmes"]["replenishment"]["veto_hours"] = 72
    with services.database.transaction() as db:
        publish_policy(db, policy_document, NOW)
    sell(services)
    person, _, receiver = announced(services)
    # The company gives people more time from now on, also those who have been told.
    policy_document["programmes"]["replenishment"]["veto_hours"] = 120
    with services.database.transaction() as db:
        publish_policy(db, policy_document, NOW)
    assert deliver(services, receiver, NOW + 3 * DAY) == []
    assert last(services, person) == ("held", "notice_too_short")
    assert look(services, NOW + 5 * DAY - HOUR) == 0
    assert look(services, NOW + 5 * DAY) == 1
    assert kinds(deliver(services, receiver, NOW + 5 * DAY)) == ORDERED


def test_whoever_moves_the_order_forward_in_the_database_gains_nothing(services: Services) -> None:
    sell(services)
    person, _, receiver = announced(services)
    with services.database.transaction() as db:
        db.execute("update outbox set due_at = %s where state = 'queued'", (NOW + HOUR,))
    assert deliver(services, receiver, NOW + HOUR) == []
    assert last(services, person) == ("held", "notice_too_short")
    look(services, NOW + WEEK)
    assert kinds(deliver(services, receiver, NOW + WEEK)) == ORDERED


def test_without_a_trace_of_the_notice_it_is_sent_again(services: Services) -> None:
    sell(services)
    person, _, receiver = announced(services)
    with services.database.transaction() as db:
        db.execute("delete from outbox where state = 'delivered'")
    assert deliver(services, receiver, NOW + WEEK) == []
    assert last(services, person) == ("held", "notice_undelivered")
    look(services, NOW + WEEK + DAY)
    assert kinds(deliver(services, receiver, NOW + WEEK + DAY)) == ANNOUNCED
    assert kinds(deliver(services, receiver, NOW + 2 * WEEK + DAY)) == ORDERED


@pytest.mark.parametrize("fate", [Fate.refused, Fate.unknown])
def test_a_notice_that_did_not_arrive_is_not_repeated_by_itself(services: Services, fate: Fate) -> None:
    sell(services)
    person, receiver = make_person(services, "automate"), Receiver([Sent(fate), Sent(Fate.delivered)])
    propose(services, person, strategy="automate")
    deliver(services, receiver)
    assert last(services, person) == ("held", "notice_undelivered")
    assert look(services, NOW + WEEK) == 0
    assert deliver(services, receiver, NOW + 2 * WEEK) == []


# -- stepping down


def test_a_changed_price_makes_it_a_reminder_that_says_so(services: Services) -> None:
    sell(services)
    person, reorder, receiver = announced(services)
    sell(services, price_minor=501)
    [parcel] = deliver(services, receiver, NOW + WEEK)
    assert (parcel.kind, parcel.content["price_minor"], parcel.content["why"]) == (
        "reminder.due",
        501,
        "price_changed",
    )
    letter = letter_of(parcel, None)
    assert "Priset har ändrats, så vi frågar dig innan något beställs." in letter.plain
    said = shown(services, person)
    assert (said["state"], said["strategy"], said["price_minor"]) == ("reminded", "coach", 501)
    assert said["explanation"] == "Priset har ändrats, så vi frågar dig innan något beställs."
    assert steps(services, person)[0][-2:] == [("proposed", "price_changed"), ("reminded", "handed_over")]
    # And no order, unless the person says so.
    assert deliver(services, receiver, NOW + 3 * WEEK) == []
    with customer(services, person, NOW + 3 * WEEK) as unit:
        approve_reorder(unit, reorder)
    [order] = deliver(services, receiver, NOW + 3 * WEEK)
    assert (order.kind, order.content["price_minor"]) == ("reorder.dispatched", 501)


@pytest.mark.parametrize("strategy", ["automate", "coach"])
def test_what_is_said_names_the_price_of_the_day(services: Services, strategy: str) -> None:
    """It was proposed at another, and waited: the order that follows is the one that was told."""
    person, receiver = make_person(services, strategy), Receiver()
    reorder = propose(services, person, strategy=strategy)
    sell(services, price_minor=650)
    [told] = deliver(services, receiver)
    assert told.content["price_minor"] == 650
    assert shown(services, person)["price_minor"] == 650
    if strategy == "coach":
        with customer(services, person) as unit:
            approve_reorder(unit, reorder)
    [order] = deliver(services, receiver, NOW + WEEK)
    assert (order.kind, order.content["price_minor"]) == ("reorder.dispatched", 650)


def test_a_notice_over_the_mandates_price_is_not_sent(services: Services) -> None:
    person, receiver = make_person(services, "automate"), Receiver()
    propose(services, person, strategy="automate")
    sell(services, price_minor=10_001)
    assert deliver(services, receiver) == []
    assert last(services, person) == ("cancelled", "mandate_price")


def test_an_own_order_at_another_price_is_asked_about_again(services: Services) -> None:
    sell(services)
    person, receiver = make_person(services), Receiver()
    reorder = propose(services, person)
    deliver(services, receiver)
    with customer(services, person) as unit:
        approve_reorder(unit, reorder)
    sell(services, price_minor=450)
    [parcel] = deliver(services, receiver, NOW + HOUR)
    assert (parcel.kind, parcel.content["price_minor"]) == ("reminder.due", 450)


def test_without_reminders_a_changed_price_holds_until_it_is_the_old_one(services: Services) -> None:
    sell(services)
    person, _, receiver = announced(services)
    change(services, person, lambda choices: choices.consents.pop(REMINDERS))
    sell(services, price_minor=501)
    assert deliver(services, receiver, NOW + WEEK) == []
    assert last(services, person) == ("held", "price_changed")
    sell(services, at=NOW + WEEK + HOUR, price_minor=500)
    look(services, NOW + WEEK + HOUR)
    assert kinds(deliver(services, receiver, NOW + WEEK + HOUR)) == ORDERED


def test_a_mandate_that_no_longer_covers_it_makes_it_a_reminder(services: Services) -> None:
    sell(services)
    person, _, receiver = announced(services)

    def expire(choices: Choices) -> None:
        choices.mandates[0].expires_at = NOW + DAY

    change(services, person, expire)
    [parcel] = deliver(services, receiver, NOW + WEEK)
    assert (parcel.kind, parcel.content["why"]) == ("reminder.due", "mandate_expired")
    assert "ryms inte längre inom gränserna" in letter_of(parcel, None).plain
    said = shown(services, person)
    assert [reason["code"] for reason in said["reasons"]] == ["mandate_expired"]
    assert said["explanation"].startswith("Beställningen ryms inte längre")


def test_what_may_not_even_be_asked_ends(services: Services) -> None:
    sell(services)
    person, _, receiver = announced(services)
    change(services, person, lambda choices: choices.levels.update({"*": "curate"}))
    assert deliver(services, receiver, NOW + WEEK) == []
    assert last(services, person) == ("cancelled", "control_level")


# -- situations


def test_travelling_holds_a_parcel_and_it_is_announced_again(services: Services) -> None:
    sell(services)
    person, _, receiver = announced(services)
    home = NOW + 10 * DAY
    tell(services, person, "travelling", home, NOW + DAY)
    assert last(services, person) == ("held", "suppressed")
    assert [state for state, _ in states(services)] == ["delivered", "cancelled"]
    assert deliver(services, receiver, NOW + WEEK) == []
    assert look(services, home - HOUR) == 0
    assert look(services, home) == 1
    assert last(services, person) == ("proposed", "announced_again")
    assert kinds(deliver(services, receiver, home)) == ANNOUNCED
    assert deliver(services, receiver, home + WEEK - HOUR) == []
    assert kinds(deliver(services, receiver, home + WEEK)) == ORDERED


def test_coming_home_early_ends_the_hold(services: Services) -> None:
    sell(services)
    person, _, receiver = announced(services)
    tell(services, person, "travelling", NOW + 30 * DAY, NOW + DAY)
    tell(services, person, "travelling", NOW + 3 * DAY - HOUR, NOW + 3 * DAY)
    assert look(services, NOW + 3 * DAY) == 1
    assert kinds(deliver(services, receiver, NOW + 3 * DAY)) == ANNOUNCED


def test_travelling_stops_a_notice_that_is_tried_again(services: Services) -> None:
    """It was in flight: the answer lists it, it does not go again, and no order follows it."""
    sell(services)
    person = make_person(services, "automate", channels=("app",))
    receiver = Receiver([Sent(Fate.retry), Sent(Fate.delivered)])
    propose(services, person, strategy="automate", channels=("app",))
    deliver(services, receiver)
    tell(services, person, "travelling", NOW + 5 * DAY, NOW + timedelta(seconds=1))
    assert last(services, person) == ("held", "suppressed")
    assert deliver(services, receiver, NOW + DAY) == []
    look(services, NOW + 5 * DAY)
    assert kinds(deliver(services, receiver, NOW + 5 * DAY)) == ANNOUNCED


def test_bereavement_stops_it(services: Services) -> None:
    sell(services)
    person, _, receiver = announced(services)
    tell(services, person, "bereavement", NOW + 3 * DAY, NOW + DAY)
    assert last(services, person) == ("cancelled", "suppressed")
    assert look(services, NOW + 3 * DAY) == 0
    assert deliver(services, receiver, NOW + 2 * WEEK) == []


def test_bereavement_ends_what_travelling_held(services: Services) -> None:
    sell(services)
    person, _, receiver = announced(services)
    tell(services, person, "travelling", NOW + 10 * DAY, NOW + DAY)
    tell(services, person, "bereavement", NOW + 20 * DAY, NOW + 2 * DAY)
    assert last(services, person) == ("cancelled", "suppressed")
    look(services, NOW + 10 * DAY)
    assert deliver(services, receiver, NOW + 3 * WEEK) == []


def test_an_own_order_is_no_business_of_a_journey(services: Services) -> None:
    sell(services)
    person, receiver = make_person(services), Receiver()
    reorder = propose(services, person)
    deliver(services, receiver)
    with customer(services, person) as unit:
        approve_reorder(unit, reorder)
    tell(services, person, "travelling", NOW + 10 * DAY)
    assert kinds(deliver(services, receiver, NOW + HOUR)) == ORDERED


def test_a_flag_that_another_way_set_holds_at_the_claim(services: Services) -> None:
    sell(services)
    person, _, receiver = announced(services)
    change(services, person, lambda choices: choices.flags.update(travelling=NOW + 9 * DAY))
    assert deliver(services, receiver, NOW + WEEK) == []
    assert last(services, person) == ("held", "suppressed")
    look(services, NOW + 9 * DAY)
    assert kinds(deliver(services, receiver, NOW + 9 * DAY)) == ANNOUNCED


# -- the index of what waits


def test_the_index_tells_neither_who_waits_for_what_nor_for_the_same(services: Services) -> None:
    sell(services, stock=0)
    for _ in range(2):
        _, _, receiver = announced(services)
        deliver(services, receiver, NOW + WEEK)
    with services.database.connection() as db:
        rows = db.execute("select to_jsonb(h)::text, goods from held_reorders h").fetchall()
    assert len(rows) == 2
    assert rows[0][1] != rows[1][1]
    for text, _ in rows:
        for word in ("soap", "stock", "held", "automate"):
            assert word not in text


def test_one_that_cannot_be_read_does_not_hold_up_the_others(services: Services) -> None:
    sell(services, stock=0)
    first, _, receiver = announced(services)
    second, _, _ = announced(services)
    deliver(services, receiver, NOW + WEEK)
    with services.database.transaction() as db:
        db.execute("set local role none")
        db.execute("alter table subject_states disable trigger user")
        db.execute(
            "update subject_states set sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1)"
            " where subject = %s",
            (first,),
        )
    services.keyring.forget(first)
    sell(services, at=NOW + WEEK + HOUR, stock=9)
    assert look(services, NOW + WEEK + HOUR) == 2
    assert last(services, second) == ("announced", "released")
    # The other is looked at again later, not at once.
    assert look(services, NOW + WEEK + HOUR) == 0
    assert look(services, NOW + WEEK + 2 * HOUR) == 1


def test_a_catalogue_that_is_put_unchanged_wakes_nobody(services: Services) -> None:
    sell(services, stock=0)
    _, _, receiver = announced(services)
    deliver(services, receiver, NOW + WEEK)
    sell(services, at=NOW + WEEK + HOUR)
    assert look(services, NOW + WEEK + HOUR) == 0


# -- the barrier


@pytest.fixture
def wide(services: Services) -> Iterator[Services]:
    """The same installation a week later, with room for every thread."""
    found = build_services(services.config, pool_size=24, clock=lambda: NOW + WEEK)
    yield found
    found.close()


def test_a_journey_that_begins_while_relays_are_at_work(services: Services, wide: Services) -> None:
    """P1 for what is held: once the journey has been noted, nothing leaves that was not claimed before."""
    sell(services)
    left = kept = 0
    for number in range(25):
        person, _, _ = announced(services)
        receiver = Receiver(takes=0.002)
        begin = Barrier(3)

        def travel(person: UUID = person, number: int = number, begin: Barrier = begin) -> float:
            begin.wait()
            time.sleep(random.Random(number).uniform(0, 0.03))
            tell(wide, person, "travelling", NOW + 2 * WEEK, NOW + WEEK)
            return time.monotonic()

        def relay(receiver: Receiver = receiver, number: int = number, begin: Barrier = begin) -> None:
            begin.wait()
            # Telling takes longer than claiming, so without this it would never come first.
            time.sleep(random.Random(number + 100).uniform(0, 0.08))
            for _ in range(4):
                relay_to(wide, receiver, NOW + WEEK, threads=2).hand_over_due()

        with ThreadPoolExecutor(3) as pool:
            relays = [pool.submit(relay) for _ in range(2)]
            noted = pool.submit(travel).result()
            for each in relays:
                each.result()
        relay_to(wide, receiver, NOW + WEEK).hand_over_due()
        state, reason = last(services, person)
        if receiver.parcels:
            assert kinds(receiver.parcels) == ORDERED
            # It was claimed before the journey was noted; a send begins within the lease.
            assert (state, reason) == ("dispatched", "handed_over")
            assert receiver.got[0][0] < noted + 0.1
            left += 1
        else:
            assert (state, reason) == ("held", "suppressed")
            kept += 1
    assert left
    assert kept
