"""No order of a medicine leaves before a pharmacist approved exactly that order (law.md A12)."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest

from service.actor import Actor, show_subject, system_actor
from service.bootstrap import Services, build_services
from service.errors import ConflictError, NotFoundError
from service.ids import REORDER, read, show
from service.policy import Order
from service.reports.holdings import reviews
from service.senders.letter import letter_of
from service.storage.access_log import read_reads
from service.storage.policies import publish_policy
from service.storage.reorders import move_reorder, read_reorder
from service.storage.reviews import read_reviews
from service.storage.subjects import lock_subject, read_subject, save_activity
from service.storage.unit import Unit
from service.use_cases.announcement import announced_order
from service.use_cases.answer_reorder import approve_reorder, cancel_reorder, skip_reorder
from service.use_cases.erase_subject import erase_subject
from service.use_cases.list_reviews import list_reviews, years_old
from service.use_cases.merge_subjects import merge_subjects
from service.use_cases.purge_by_age import purge_by_age
from service.use_cases.queue_message import queue_message
from service.use_cases.repeat_order import RepeatOrder, repeat_order
from service.use_cases.review_reorder import ReviewReorder, review_reorder
from tests.use_cases.conftest import NOW
from tests.use_cases.outbox import (
    AUTOMATIC,
    Receiver,
    at_instant,
    change,
    deliver,
    make_person,
    propose,
    relay_to,
    steps,
    withdraw,
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
    shown,
)

FIRST = UUID(int=0)
ROUTE = "GET /v1/reviews"


@pytest.fixture
def policy_document(policy_document: dict[str, Any]) -> dict[str, Any]:
    policy_document["rollout"] = []
    policy_document["contact_caps"] = []
    policy_document["categories"]["beauty"] = {"review": "pharmacist"}
    policy_document["categories"]["paper"] = {}
    return policy_document


def pharmacist(services: Services, at: datetime = NOW) -> AbstractContextManager[Unit]:
    return at_instant(services, at).unit(Actor("pharmacist-7", frozenset({"pharmacist"})))


def queue(services: Services, at: datetime = NOW) -> list[dict[str, Any]]:
    with pharmacist(services, at) as unit:
        return list_reviews(unit, FIRST, 100, ROUTE)[0]


def answer(services: Services, reorder: UUID, outcome: str = "approved", at: datetime = NOW) -> str:
    with pharmacist(services, at) as unit:
        return review_reorder(unit, reorder, ReviewReorder(outcome, "seen")).state


def test_without_an_approval_an_automatic_order_is_held(services: Services) -> None:
    sell(services)
    person, reorder, receiver = announced(services)
    assert deliver(services, receiver, NOW + WEEK) == []
    assert last(services, person) == ("held", "pharmacist_missing")
    assert (
        shown(services, person)["explanation"] == "En farmaceut granskar din beställning innan den skickas."
    )
    # Waiting longer does not help.
    look(services, NOW + WEEK + DAY)
    assert deliver(services, receiver, NOW + WEEK + DAY) == []
    assert answer(services, reorder, at=NOW + WEEK + DAY) == "approved"
    assert last(services, person) == ("announced", "released")
    assert kinds(deliver(services, receiver, NOW + WEEK + DAY)) == ORDERED
    assert queue(services, NOW + WEEK + DAY) == []


def test_an_approval_in_the_veto_window_costs_no_time(services: Services) -> None:
    sell(services)
    person, reorder, receiver = announced(services)
    [case] = queue(services, NOW + HOUR)
    assert case["reorder"] == show(REORDER, reorder)
    assert answer(services, reorder, at=NOW + HOUR) == "approved"
    assert deliver(services, receiver, NOW + WEEK - HOUR) == []
    assert kinds(deliver(services, receiver, NOW + WEEK)) == ORDERED
    assert ("held", "pharmacist_missing") not in steps(services, person)[0]


def test_an_order_that_the_customer_approved_waits_too(services: Services) -> None:
    sell(services)
    person, receiver = make_person(services), Receiver()
    reorder = propose(services, person)
    deliver(services, receiver)
    assert queue(services) == []
    with customer(services, person) as unit:
        approve_reorder(unit, reorder)
    [case] = queue(services)
    assert case["strategy"] == "respond"
    assert deliver(services, receiver, NOW + HOUR) == []
    assert last(services, person) == ("held", "pharmacist_missing")
    answer(services, reorder, at=NOW + 2 * HOUR)
    assert kinds(deliver(services, receiver, NOW + 2 * HOUR)) == ORDERED


def test_a_medicine_by_todays_catalogue_is_one(services: Services) -> None:
    """Proposed under a category that asks for nobody; the shop has moved it since."""
    sell(services, "glue", category="beauty")
    person, receiver = make_person(services, "automate"), Receiver()
    reorder = propose(services, person, strategy="automate", sku="glue", category="paper")
    deliver(services, receiver)
    assert queue(services) == []
    assert deliver(services, receiver, NOW + WEEK) == []
    assert last(services, person) == ("held", "pharmacist_missing")
    answer(services, reorder, at=NOW + WEEK)
    assert kinds(deliver(services, receiver, NOW + WEEK)) == ORDERED


def test_goods_that_need_nobody_wait_for_nobody(services: Services) -> None:
    sell(services, "glue", category="paper")
    person, receiver = make_person(services, "automate"), Receiver()
    propose(services, person, strategy="automate", sku="glue", category="paper")
    deliver(services, receiver)
    assert queue(services) == []
    assert kinds(deliver(services, receiver, NOW + WEEK)) == ORDERED


@pytest.mark.parametrize("at", [NOW + HOUR, NOW + WEEK + HOUR], ids=["in the veto window", "while held"])
def test_a_rejection_cancels_and_tells_the_person(services: Services, at: datetime) -> None:
    sell(services)
    person, reorder, receiver = announced(services)
    if at > NOW + WEEK:
        deliver(services, receiver, NOW + WEEK)
    assert answer(services, reorder, "rejected", at) == "rejected"
    said = shown(services, person)
    assert said["state"] == "cancelled"
    assert said["explanation"] == "En farmaceut har sagt nej till beställningen. Ingenting skickas."
    # The role, and nobody's name or note.
    assert said["history"][-1]["actor"] == "pharmacist"
    assert "pharmacist-7" not in str(said)
    [told] = deliver(services, receiver, at)
    assert (told.kind, told.route) == ("reorder.cancelled", "email")
    letter = letter_of(told, None)
    assert letter.subject == "Beställs inte: Soap"
    assert "En farmaceut har sagt nej till beställningen." in letter.plain
    assert last(services, person) == ("cancelled", "pharmacist_rejected")
    assert deliver(services, receiver, NOW + 3 * WEEK) == []
    assert look(services, NOW + 3 * WEEK) == 0
    assert queue(services, at) == []


def test_a_rejected_order_of_ones_own_is_told_in_the_inbox(services: Services) -> None:
    """It was asked for by no channel, so there is none to answer by but the inbox, which everybody has."""
    sell(services)
    person, receiver = make_person(services), Receiver()
    with customer(services, person) as unit:
        ordered = repeat_order(unit, person, RepeatOrder(sku="soap"))
    assert deliver(services, receiver) == []
    answer(services, read(REORDER, ordered["id"]), "rejected", NOW + HOUR)
    [told] = deliver(services, receiver, NOW + HOUR)
    assert (told.kind, told.route, told.to) == ("reorder.cancelled", "inbox", show_subject(person))


def requeue_two(services: Services, person: UUID, reorder: UUID) -> None:
    """The same reorder's order, for two of them: as a change of its quantity queues it."""
    with services.unit(system_actor("test")) as unit:
        subject = lock_subject(unit, person)
        found = read_reorder(unit, subject, reorder)
        assert found is not None
        assert found.details is not None
        two = replace(found.details.candidate, quantity=2)
        assert move_reorder(unit, subject, found, found.state, "changed", changed={"candidate": two})
        message = announced_order(found.details, found.details.decision)
        queue_message(unit, subject, message, NOW + 2 * WEEK)


def test_a_rejection_is_not_told_to_whom_nothing_may_be_told(services: Services) -> None:
    sell(services)
    person, receiver = make_person(services), Receiver()
    reorder = propose(services, person)
    deliver(services, receiver)
    with customer(services, person) as unit:
        approve_reorder(unit, reorder)
    withdraw(services, person)
    answer(services, reorder, "rejected")
    assert deliver(services, receiver, NOW + HOUR) == []
    assert shown(services, person)["explanation"].startswith("En farmaceut har sagt nej")


def test_an_approval_is_for_this_quantity_alone(services: Services) -> None:
    sell(services)
    person, reorder, receiver = announced(services)
    answer(services, reorder)
    with services.database.transaction() as db:
        db.execute("delete from outbox where state = 'queued'")
    requeue_two(services, person, reorder)
    [case] = queue(services)
    assert case["quantity"] == 2
    assert deliver(services, receiver, NOW + 2 * WEEK) == []
    assert last(services, person) == ("held", "pharmacist_missing")


def test_a_case_about_another_quantity_is_void(services: Services) -> None:
    sell(services)
    person, reorder, _ = announced(services)
    requeue_two(services, person, reorder)
    with pharmacist(services) as unit:
        found = read_reviews(unit, read_subject(unit, person))
    assert [(r.state, r.content and r.content.quantity) for r in found] == [("void", 1), ("waiting", 2)]
    # Whoever still has the old case before them approves nothing.
    with pharmacist(services) as unit, pytest.raises(ConflictError):
        review_reorder(unit, reorder, ReviewReorder("approved", quantity=1))


def test_each_case_has_one_answer(services: Services) -> None:
    sell(services)
    _, reorder, _ = announced(services)
    answer(services, reorder)
    for outcome in ("approved", "rejected"):
        with pytest.raises(ConflictError):
            answer(services, reorder, outcome)


def test_nobody_is_asked_about_what_was_given_up(services: Services) -> None:
    sell(services)
    person, reorder, _ = announced(services)
    with customer(services, person) as unit:
        skip_reorder(unit, reorder)
    assert queue(services) == []
    with pytest.raises(ConflictError):
        answer(services, reorder)
    look(services, NOW + HOUR)
    with pharmacist(services) as unit:
        [found] = read_reviews(unit, read_subject(unit, person))
    assert found.state == "void"


def test_there_is_no_review_of_what_no_pharmacist_was_asked_about(services: Services) -> None:
    reorder = propose(services, make_person(services), sku="glue", category="paper")
    with pytest.raises(NotFoundError):
        answer(services, reorder)


def test_a_withdrawal_beats_an_approval_that_comes_later(services: Services) -> None:
    sell(services)
    person, reorder, receiver = announced(services)
    deliver(services, receiver, NOW + WEEK)
    withdraw(services, person, AUTOMATIC, at=NOW + WEEK)
    with pytest.raises(ConflictError):
        answer(services, reorder, at=NOW + WEEK)
    assert deliver(services, receiver, NOW + 2 * WEEK) == []


def test_an_approval_releases_nothing_that_something_else_holds(services: Services) -> None:
    sell(services)
    person, reorder, receiver = announced(services)
    deliver(services, receiver, NOW + WEEK)
    sell(services, stock=0)
    answer(services, reorder, at=NOW + WEEK)
    assert last(services, person) == ("held", "out_of_stock")
    sell(services, at=NOW + WEEK + HOUR, stock=3)
    look(services, NOW + WEEK + HOUR)
    assert kinds(deliver(services, receiver, NOW + WEEK + HOUR)) == ORDERED


def test_the_policy_may_stop_asking(services: Services, policy_document: dict[str, Any]) -> None:
    sell(services)
    _, _, receiver = announced(services)
    deliver(services, receiver, NOW + WEEK)
    policy_document["categories"]["beauty"] = {}
    with services.database.transaction() as db:
        publish_policy(db, policy_document, NOW)
    look(services, NOW + WEEK + DAY)
    assert kinds(deliver(services, receiver, NOW + WEEK + DAY)) == ORDERED


# -- what the pharmacist sees


def test_a_case_says_what_is_needed_and_nothing_else(services: Services) -> None:
    sell(services)
    sell(services, "comb")
    person, receiver = make_person(services, "automate"), Receiver()
    with services.unit(system_actor("test")) as unit:
        subject = lock_subject(unit, person)
        subject.activity.orders.append(Order(NOW - 20 * DAY, "comb", None, 500))
        save_activity(unit, subject)
    change(services, person, lambda choices: setattr(choices, "birth_date", date(1980, 11, 23)))
    reorder = propose(services, person, strategy="automate")
    deliver(services, receiver)
    assert queue(services) == [
        {
            "reorder": show(REORDER, reorder),
            "waiting_since": "2026-11-22T09:00:00Z",
            "sku": "soap",
            "product": "Soap",
            "quantity": 1,
            "strategy": "automate",
            "leaves_at": "2026-11-29T09:00:00Z",
            "age": 45,
            "other_medicines": True,
            "days_in_hand": 0,
        }
    ]
    # The comb was a medicine of thirty days ago by then, and a birthday has passed.
    [later] = queue(services, NOW + 11 * DAY)
    assert (later["age"], later["other_medicines"]) == (46, False)


def test_reading_the_queue_stands_in_each_persons_access_log(services: Services) -> None:
    sell(services)
    people = [announced(services)[0] for _ in range(2)]
    queue(services)
    with pharmacist(services) as unit:
        for person in people:
            [read] = read_reads(unit, read_subject(unit, person))
            assert (read.role, read.sub, read.route) == ("pharmacist", "pharmacist-7", ROUTE)


def test_the_queue_is_paged_oldest_first(services: Services) -> None:
    sell(services)
    asked = [show(REORDER, announced(services)[1]) for _ in range(3)]
    with pharmacist(services) as unit:
        first, place = list_reviews(unit, FIRST, 2, ROUTE)
        assert place is not None
        rest, _ = list_reviews(unit, place, 2, ROUTE)
    assert [case["reorder"] for case in (*first, *rest)] == asked


def test_one_who_cannot_be_read_does_not_hide_the_others(services: Services) -> None:
    sell(services)
    first, broken, _ = announced(services)
    _, whole, _ = announced(services)
    with services.database.transaction() as db:
        db.execute("set local role none")
        db.execute("alter table subject_states disable trigger user")
        db.execute(
            "update subject_states set sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1)"
            " where subject = %s",
            (first,),
        )
    services.keyring.forget(first)
    one, two = queue(services)
    assert one == {"reorder": show(REORDER, broken)}
    assert (two["reorder"], two["sku"]) == (show(REORDER, whole), "soap")


def test_what_stands_in_clear_says_nothing_about_a_person(services: Services) -> None:
    sell(services)
    _, reorder, _ = announced(services)
    answer(services, reorder)
    with services.database.connection() as db:
        [(clear, sealed)] = db.execute("select (to_jsonb(r) - 'sealed')::text, sealed from reviews r")
    for word in ("soap", "Soap", "seen", "pharmacist", "automate"):
        assert word not in clear
        assert word.encode() not in sealed


def test_the_access_report_has_it_without_the_pharmacists_name(services: Services) -> None:
    sell(services)
    person, reorder, _ = announced(services)
    answer(services, reorder)
    with services.unit(Actor("dpo-1", frozenset({"dpo"}))) as unit:
        [found] = reviews(unit, read_subject(unit, person))
    assert (found["state"], found["case"]["note"], found["case"]["role"]) == (
        "approved",
        "seen",
        "pharmacist",
    )
    assert "pharmacist-7" not in str(found)


def test_an_erasure_takes_it_and_what_waits(services: Services) -> None:
    sell(services)
    person, reorder, receiver = announced(services)
    deliver(services, receiver, NOW + WEEK)
    with services.unit(Actor("dpo-1", frozenset({"dpo"}))) as unit:
        certificate = erase_subject(unit, lock_subject(unit, person))
    assert (certificate["erased"]["reviews"], certificate["erased"]["held_reorders"]) == (1, 1)
    assert queue(services) == []
    assert look(services, NOW + 2 * WEEK) == 0
    with pytest.raises(NotFoundError):
        answer(services, reorder)


def test_answered_cases_are_kept_for_three_years(services: Services) -> None:
    sell(services)
    person, reorder, _ = announced(services)
    announced(services)
    answer(services, reorder)
    assert purge_by_age(at_instant(services, NOW + 3 * 365 * DAY))["reviews"] == 0
    assert purge_by_age(at_instant(services, NOW + 3 * 366 * DAY))["reviews"] == 1
    with pharmacist(services) as unit:
        assert read_reviews(unit, read_subject(unit, person)) == []
    # One that nobody has answered stays in the queue.
    assert len(queue(services)) == 1


def test_a_merge_leaves_nothing_of_the_one_to_decide(services: Services) -> None:
    sell(services)
    source, _, receiver = announced(services)
    deliver(services, receiver, NOW + WEEK)
    target = make_person(services)
    with services.unit(Actor("dpo-1", frozenset({"dpo"}))) as unit:
        merge_subjects(unit, source, target)
    assert queue(services) == []
    assert look(services, NOW + 2 * WEEK) == 1
    assert look(services, NOW + 2 * WEEK) == 0
    assert deliver(services, receiver, NOW + 2 * WEEK) == []


@pytest.mark.parametrize(
    ("today", "years"),
    [(date(2026, 2, 28), 21), (date(2026, 3, 1), 22), (date(2028, 2, 28), 23), (date(2028, 2, 29), 24)],
)
def test_a_leap_day_birthday_falls_on_the_first_of_march(today: date, years: int) -> None:
    assert years_old(date(2004, 2, 29), today) == years


# -- races


@pytest.fixture
def wide(services: Services) -> Iterator[Services]:
    found = build_services(services.config, pool_size=24, clock=lambda: NOW + WEEK)
    yield found
    found.close()


def at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    begin = Barrier(len(calls))

    def call(each: Callable[[], Any]) -> Any:
        begin.wait()
        time.sleep(random.uniform(0, 0.02))
        try:
            return each()
        except ConflictError:
            return "conflict"

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call, each) for each in calls]]


def test_a_review_a_cancellation_and_relays_race(services: Services, wide: Services) -> None:
    """Whatever comes first: at most one order, none after a cancellation was answered or before an approval,
    and the history says the same."""
    sell(services)
    left = stopped = 0
    for number in range(25):
        person, reorder, _ = announced(services)
        receiver = Receiver(takes=0.002)

        def cancel(person: UUID = person, reorder: UUID = reorder, number: int = number) -> float:
            # By lot, so that either comes first in some rounds, however busy the machine is.
            time.sleep(random.Random(number).uniform(0, 0.1))
            with wide.unit(Actor("customer-1", frozenset({"customer"}), subject=person)) as unit:
                cancel_reorder(unit, reorder)
            return time.monotonic()

        def relay(receiver: Receiver = receiver) -> None:
            for _ in range(3):
                relay_to(wide, receiver, NOW + WEEK, threads=2).hand_over_due()

        approve = partial(answer, wide, reorder, "approved", NOW + WEEK)
        approved, cancelled, *_ = at_once([approve, cancel, relay, relay, lambda: look(wide, NOW + WEEK)])
        relay()
        parcels = kinds(receiver.parcels)
        assert parcels in ([], ORDERED)
        if cancelled != "conflict":
            assert parcels == []
            assert steps(services, person)[0][-1] == ("cancelled", "customer")
            stopped += 1
        else:
            assert (approved, parcels) == ("approved", ORDERED)
            left += 1
    assert left + stopped == 25
    assert stopped
    assert left


def test_two_pharmacists_answer_at_once(services: Services, wide: Services) -> None:
    sell(services)
    for _ in range(10):
        _, reorder, _ = announced(services)
        receiver = Receiver()
        deliver(services, receiver, NOW + WEEK)
        answers = at_once(
            [partial(answer, wide, reorder, outcome, NOW + WEEK) for outcome in ("approved", "rejected")]
        )
        assert answers.count("conflict") == 1
        parcels = kinds(deliver(services, receiver, NOW + WEEK))
        assert parcels == (ORDERED if answers[0] == "approved" else ["reorder.cancelled"])


def test_releases_race_and_one_order_leaves(services: Services, wide: Services) -> None:
    sell(services, "glue", category="paper", stock=0)
    for _ in range(10):
        person, receiver = make_person(services, "automate"), Receiver()
        propose(services, person, strategy="automate", sku="glue", category="paper")
        assert kinds(deliver(services, receiver)) == ANNOUNCED
        deliver(services, receiver, NOW + WEEK)
        sell(services, "glue", at=NOW + WEEK, stock=1)
        at_once([partial(look, wide, NOW + WEEK) for _ in range(4)])
        assert kinds(deliver(services, receiver, NOW + WEEK)) == ORDERED
        assert deliver(services, receiver, NOW + 2 * WEEK) == []
        sell(services, "glue", at=NOW + WEEK, stock=0)
