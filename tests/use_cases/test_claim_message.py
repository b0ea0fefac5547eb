"""A hand-over is evaluated again, counted, and made at most once; a change stops what has not left."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from service.actor import Actor, show_subject, system_actor
from service.bootstrap import Services
from service.errors import ConflictError, NotFoundError, UnreadableError
from service.ids import MESSAGE, REORDER, show
from service.policy.check import check_policy
from service.reports.holdings import messages
from service.senders import Fate, Sent
from service.storage.choices import Choices, StoredQuiet
from service.storage.decisions import read_decision_id, read_decisions
from service.storage.identifiers import add_identifier
from service.storage.outbox import pick_due
from service.storage.policies import publish_policy
from service.storage.subjects import lock_subject, read_subject
from service.storage.unit import Unit
from service.use_cases import claim_message as claims
from service.use_cases.answer_reorder import approve_reorder, cancel_reorder, skip_reorder
from service.use_cases.change_preferences import change_preferences
from service.use_cases.claim_message import LEASE, claim_message
from service.use_cases.erase_subject import erase_subject
from service.use_cases.merge_subjects import merge_subjects
from service.use_cases.redeliver_message import redeliver_message
from service.use_cases.settle_message import TRYING, pause_after, settle_attempt
from tests.use_cases.conftest import NOW
from tests.use_cases.outbox import (
    AUTOMATIC,
    Receiver,
    add_product,
    at_instant,
    change,
    contacts,
    deliver,
    entries,
    make_person,
    propose,
    states,
    steps,
    withdraw,
)

WEEK = timedelta(days=7)
SOON = timedelta(seconds=10)


@pytest.fixture
def policy_document(policy_document: dict[str, Any]) -> dict[str, Any]:
    policy_document["rollout"] = []
    return policy_document


def claim_and_die(services: Services, at: datetime = NOW) -> None:
    """A relay that is killed between its claim and its send."""
    there = at_instant(services, at)
    with there.database.connection() as db:
        [(message, subject, _)] = pick_due(db, at, 1, timedelta(0))
    assert subject is not None
    with there.unit(system_actor("relay")) as unit:
        assert claim_message(unit, message, subject, lambda _route, _to: True) is not None


def test_a_reminder_is_handed_over_once_and_counted(services: Services) -> None:
    person, receiver = make_person(services), Receiver()
    propose(services, person)
    [parcel] = deliver(services, receiver)
    assert (parcel.kind, parcel.route, parcel.to) == ("reminder.due", "email", f"{person.hex}@example.se")
    assert (parcel.locale, parcel.content["sku"]) == ("sv", "soap")
    assert contacts(services, person) == [(NOW, "email")]
    assert steps(services, person) == [[("proposed", "run_out"), ("reminded", "handed_over")]]
    assert states(services) == [("delivered", None)]
    assert deliver(services, receiver, NOW + WEEK) == []


def test_the_hand_over_has_a_recorded_decision(services: Services) -> None:
    person, receiver = make_person(services), Receiver()
    propose(services, person)
    [parcel] = deliver(services, receiver)
    row, index = read_decision_id(parcel.content["decision"])
    with services.database.connection() as db:
        kept = read_decisions(db, services.keyring, row)
    assert kept.record.decision(index).outcome.value == "allow"
    assert kept.record.candidates[index].fallback is False


def test_a_withdrawal_cancels_what_waits(services: Services) -> None:
    person, receiver = make_person(services), Receiver()
    propose(services, person)
    cancelled, irrevocable = withdraw(services, person)
    assert [(each["kind"], each["strategy"]) for each in cancelled] == [
        ("reorder", "coach"),
        ("reminder", "coach"),
    ]
    assert irrevocable == []
    assert deliver(services, receiver, NOW + WEEK) == []
    assert states(services) == [("cancelled", None)]


def test_what_another_way_forbids_is_found_at_the_claim(services: Services) -> None:
    """A change that nobody made through the service's front door, such as another policy."""
    person, receiver = make_person(services), Receiver()
    propose(services, person)
    change(services, person, lambda choices: choices.levels.update({"*": "curate"}))
    assert deliver(services, receiver) == []
    assert states(services) == [("cancelled", None)]
    assert steps(services, person)[0][-1] == ("cancelled", "control_level")
    assert contacts(services, person) == []


def test_an_answer_lists_what_is_in_flight_and_what_has_left(services: Services) -> None:
    person = make_person(services)
    propose(services, person)
    claim_and_die(services)
    cancelled, irrevocable = withdraw(services, person, at=NOW + SOON)
    assert [each["kind"] for each in cancelled] == ["reorder"]
    assert [(e["kind"], e["state"], e["at"], e["to"]) for e in irrevocable] == [
        ("reminder", "in_flight", "2026-11-22T09:00:00Z", "email")
    ]


def test_what_left_is_listed_for_a_week(services: Services) -> None:
    person = make_person(services)
    propose(services, person)
    deliver(services, Receiver())
    _, irrevocable = withdraw(services, person, at=NOW + timedelta(days=6))
    assert [(e["kind"], e["state"], e["at"], e["to"]) for e in irrevocable] == [
        ("reminder", "handed_over", "2026-11-22T09:00:00Z", "email")
    ]
    assert withdraw(services, person, at=NOW + timedelta(days=8)) == ([], [])


def test_a_change_that_forbids_nothing_lists_nothing(services: Services) -> None:
    person = make_person(services)
    propose(services, person)
    claim_and_die(services)
    assert withdraw(services, person, "personal_offers") == ([], [])
    assert [entry.state for entry in entries(services, person)] == ["claimed"]


def test_without_deduplication_an_attempt_of_unknown_end_counts_as_sent(services: Services) -> None:
    person, receiver = make_person(services), Receiver()
    propose(services, person)
    claim_and_die(services)
    assert deliver(services, receiver, NOW + LEASE - SOON) == []
    assert deliver(services, receiver, NOW + LEASE) == []
    assert states(services) == [("delivered", "unknown")]
    assert contacts(services, person) == [(NOW, "email")]


def test_with_deduplication_it_is_tried_again_under_the_same_key(services: Services) -> None:
    person, receiver = make_person(services, channels=("app",)), Receiver()
    propose(services, person, channels=("app",))
    claim_and_die(services)
    [entry] = entries(services, person)
    [parcel] = deliver(services, receiver, NOW + LEASE)
    assert parcel.key == show(MESSAGE, entry.id)
    # One hand-over is one contact, at the instant of the last attempt.
    assert contacts(services, person) == [(NOW + LEASE, "app")]
    assert states(services) == [("delivered", None)]


def test_a_retry_that_is_forbidden_by_now_is_not_made(services: Services) -> None:
    person, receiver = make_person(services, channels=("app",)), Receiver([Sent(Fate.retry)])
    propose(services, person, channels=("app",))
    assert len(deliver(services, receiver)) == 1
    cancelled, irrevocable = withdraw(services, person, at=NOW + SOON)
    # It was tried, so it may arrive late; it is not tried again.
    assert [each["kind"] for each in cancelled] == ["reorder", "reminder"]
    assert [each["state"] for each in irrevocable] == ["in_flight"]
    assert deliver(services, receiver, NOW + WEEK) == []


@pytest.mark.parametrize("later", ["withdrawal", "merge", "erasure"])
def test_every_later_answer_repeats_what_may_still_arrive_late(services: Services, later: str) -> None:
    person, receiver = make_person(services, channels=("app",)), Receiver([Sent(Fate.retry)])
    propose(services, person, channels=("app",))
    deliver(services, receiver)
    _, [listed] = withdraw(services, person, at=NOW + SOON)
    if later == "withdrawal":
        _, irrevocable = withdraw(services, person, AUTOMATIC, at=NOW + 2 * SOON)
    else:
        with at_instant(services, NOW + 2 * SOON).unit(Actor("dpo-1", frozenset({"dpo"}))) as unit:
            if later == "merge":
                irrevocable = merge_subjects(unit, person, make_person(services)).irrevocable
            else:
                irrevocable = erase_subject(unit, lock_subject(unit, person))["irrevocable"]
    assert [(each["id"], each["state"]) for each in irrevocable] == [(listed["id"], "in_flight")]


def test_a_retry_by_mail_that_certainly_did_not_leave_is_only_cancelled(services: Services) -> None:
    person, receiver = make_person(services), Receiver([Sent(Fate.retry)])
    propose(services, person)
    assert len(deliver(services, receiver)) == 1
    cancelled, irrevocable = withdraw(services, person, at=NOW + SOON)
    assert [each["kind"] for each in cancelled] == ["reorder", "reminder"]
    assert irrevocable == []


def test_a_retry_counts_once_and_is_not_in_its_own_way(services: Services) -> None:
    """sms: one contact in 24 hours; its own earlier attempt must not be the one."""
    person, receiver = make_person(services, channels=("sms",)), Receiver([Sent(Fate.retry)])
    with services.unit(system_actor("test")) as unit:
        add_identifier(unit, lock_subject(unit, person), "phone", "+46700000001")
    propose(services, person, channels=("sms",))
    assert len(deliver(services, receiver)) == 1
    later = NOW + timedelta(hours=1)
    [parcel] = deliver(services, receiver, later)
    assert parcel.to == "+46700000001"
    assert contacts(services, person) == [(later, "sms")]


def test_caps_bind_at_the_hand_over(services: Services) -> None:
    """email: two contacts in a week; three were proposed at once, when none had been made."""
    person, receiver = make_person(services), Receiver()
    for sku in ("soap", "comb", "towel"):
        propose(services, person, sku=sku)
    assert len(deliver(services, receiver)) == 2
    [waiting] = [entry for entry in entries(services, person) if entry.state == "queued"]
    assert waiting.due_at == NOW + WEEK
    assert waiting.attempts == 0
    assert len(deliver(services, receiver, NOW + WEEK)) == 1


def test_a_hand_over_counted_while_the_lock_was_waited_for_is_seen(services: Services) -> None:
    """The claim that comes second began at an earlier instant."""
    person, receiver = make_person(services, channels=("sms",)), Receiver()
    change(services, person, lambda choices: setattr(choices, "max_per_week", 1))
    for sku in ("soap", "comb"):
        propose(services, person, sku=sku, channels=("app",), at=NOW - SOON)
    with services.database.connection() as db:
        (first, _), (second, _) = [
            (row[0], None) for row in db.execute("select id from outbox order by number")
        ]
    yes = lambda _route, _to: True  # noqa: E731
    with at_instant(services, NOW + timedelta(seconds=3)).unit(system_actor("relay")) as unit:
        assert claim_message(unit, first, person, yes) is not None
    with services.unit(system_actor("relay")) as unit:
        assert claim_message(unit, second, person, yes) is None
    assert deliver(services, receiver) == []


def test_quiet_hours_put_it_off(services: Services) -> None:
    night = datetime(2026, 11, 22, 21, 30, tzinfo=UTC)
    person, receiver = make_person(services), Receiver()
    propose(services, person, at=night)
    assert deliver(services, receiver, night) == []
    morning = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
    assert deliver(services, receiver, morning - SOON) == []
    assert len(deliver(services, receiver, morning)) == 1


def test_it_goes_by_a_channel_that_is_free(services: Services) -> None:
    person, receiver = make_person(services), Receiver()
    propose(services, person, channels=("email", "app"))
    change(services, person, lambda choices: choices.channels.update(email=False))
    [parcel] = deliver(services, receiver)
    assert (parcel.route, contacts(services, person)) == ("inbox", [(NOW, "app")])


def test_without_an_address_it_is_parked(services: Services) -> None:
    person, receiver = make_person(services), Receiver()
    with services.database.transaction() as db:
        db.execute("delete from identifiers where subject = %s", (person,))
    propose(services, person)
    assert deliver(services, receiver) == []
    assert states(services) == [("parked", "refused")]
    assert contacts(services, person) == []


def test_what_no_purpose_covers_is_not_read_as_an_address(
    services: Services, policy_document: dict[str, Any]
) -> None:
    policy_document["purposes"]["replenishment_reminders"]["data"].remove("identity")
    with services.database.transaction() as db:
        publish_policy(db, policy_document, NOW)
    propose(services, make_person(services))
    assert deliver(services, Receiver()) == []
    assert states(services) == [("parked", "refused")]


def test_a_message_that_does_not_open_is_not_handed_over(services: Services) -> None:
    person, receiver = make_person(services), Receiver()
    propose(services, person)
    with services.database.transaction() as db:
        db.execute("update outbox set sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1)")
    assert deliver(services, receiver) == []
    assert states(services) == [("parked", "unreadable")]
    cancelled, _ = withdraw(services, person)
    assert [each["kind"] for each in cancelled] == ["reorder", "message"]


def test_nothing_leaves_for_a_state_that_does_not_open(services: Services) -> None:
    person, receiver = make_person(services), Receiver()
    propose(services, person)
    with services.database.transaction() as db:
        db.execute("set local role none")
        db.execute("alter table subject_states disable trigger user")
        db.execute("update subject_states set sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1)")
    services.keyring.forget(person)
    with pytest.raises(UnreadableError), services.unit(system_actor("test")) as unit:
        read_subject(unit, person)
    assert deliver(services, receiver) == []
    assert states(services) == [("queued", None)]


def test_what_is_tried_for_three_days_is_parked_and_redelivered(services: Services) -> None:
    person, receiver = make_person(services, channels=("app",)), Receiver([Sent(Fate.retry)])
    propose(services, person, channels=("app",))
    at = NOW
    while states(services) == [("queued", None)]:
        deliver(services, receiver, at)
        at += timedelta(hours=3)
    assert TRYING - timedelta(hours=6) < at - NOW < TRYING + timedelta(hours=6)
    assert states(services) == [("parked", "exhausted")]
    assert steps(services, person)[0][-1] == ("held", "notice_undelivered")
    [entry] = entries(services, person)
    receiver.fates = [Sent(Fate.delivered)]
    with services.database.transaction() as db:
        redeliver_message(db, show(MESSAGE, entry.id), at)
    [parcel] = deliver(services, receiver, at)
    assert {each.key for each in receiver.parcels} == {parcel.key}
    assert contacts(services, person) == [(at, "app")]
    assert steps(services, person)[0][-1] == ("reminded", "handed_over")
    with services.database.transaction() as db, pytest.raises(ConflictError):
        redeliver_message(db, show(MESSAGE, entry.id), at)


def test_redelivery_is_no_way_around_a_withdrawal(services: Services) -> None:
    person, receiver = make_person(services), Receiver([Sent(Fate.refused)])
    propose(services, person)
    deliver(services, receiver)
    [entry] = entries(services, person)
    assert (entry.state, states(services)) == ("parked", [("parked", "refused")])
    cancelled, _ = withdraw(services, person)
    assert show(MESSAGE, entry.id) in {each["id"] for each in cancelled}
    with services.database.transaction() as db, pytest.raises(ConflictError):
        redeliver_message(db, show(MESSAGE, entry.id), NOW)
    # Parked by somebody who forgot to cancel: the claim asks again.
    with services.database.transaction() as db:
        db.execute("update outbox set state = 'parked', outcome = 'refused'")
        redeliver_message(db, show(MESSAGE, entry.id), NOW)
    assert deliver(services, Receiver(), NOW + SOON) == []


def test_pauses_grow_and_the_receiver_may_ask_for_longer() -> None:
    assert timedelta(seconds=2.5) <= pause_after(1, None) <= timedelta(seconds=5)
    assert timedelta(seconds=40) <= pause_after(5, None) <= timedelta(seconds=80)
    assert pause_after(500, None) <= timedelta(hours=3)
    assert pause_after(1, 600.0) == timedelta(minutes=10)
    assert pause_after(1, 1e9) == TRYING


def test_a_delivered_notice_makes_an_order_after_the_veto_window(services: Services) -> None:
    add_product(services)
    person, receiver = make_person(services, "automate"), Receiver()
    propose(services, person, strategy="automate")
    [notice] = deliver(services, receiver)
    assert notice.kind == "reorder.announced"
    assert deliver(services, receiver, NOW + WEEK - SOON) == []
    [order] = deliver(services, receiver, NOW + WEEK)
    assert (order.kind, order.route, order.to) == ("reorder.dispatched", "order", "shop")
    assert [state for state, _ in steps(services, person)[0]] == ["proposed", "announced", "dispatched"]
    with services.unit(system_actor("test")) as unit:
        [made] = read_subject(unit, person).activity.orders
    assert (made.at, made.sku, made.mandate, made.amount_minor) == (NOW + WEEK, "soap", "man_1", 500)


def test_the_policy_sets_the_veto_window(services: Services, policy_document: dict[str, Any]) -> None:
    policy_document["programmes"]["replenishment"]["veto_hours"] = 71
    assert [fault.path for fault in check_policy(policy_document)] == ["/programmes/replenishment/veto_hours"]
    policy_document["programmes"]["replenishment"]["veto_hours"] = 72
    with services.database.transaction() as db:
        publish_policy(db, policy_document, NOW)
    add_product(services)
    receiver = Receiver()
    propose(services, make_person(services, "automate"), strategy="automate")
    deliver(services, receiver)
    three_days = timedelta(hours=72)
    assert deliver(services, receiver, NOW + three_days - SOON) == []
    assert [p.kind for p in deliver(services, receiver, NOW + three_days)] == ["reorder.dispatched"]


@pytest.mark.parametrize("fate", [Fate.refused, Fate.unknown])
def test_without_a_notice_there_is_no_order(services: Services, fate: Fate) -> None:
    add_product(services)
    person, receiver = make_person(services, "automate"), Receiver([Sent(fate), Sent(Fate.delivered)])
    propose(services, person, strategy="automate")
    assert len(deliver(services, receiver)) == 1
    assert steps(services, person)[0][-1] == ("held", "notice_undelivered")
    assert deliver(services, receiver, NOW + 2 * WEEK) == []


def test_a_withdrawal_in_the_veto_window_stops_the_order(services: Services) -> None:
    add_product(services)
    person, receiver = make_person(services, "automate"), Receiver()
    propose(services, person, strategy="automate")
    deliver(services, receiver)
    cancelled, irrevocable = withdraw(services, person, AUTOMATIC, at=NOW + timedelta(days=3))
    assert [each["kind"] for each in cancelled] == ["reorder", "order"]
    assert [(each["kind"], each["state"]) for each in irrevocable] == [("notice", "handed_over")]
    assert deliver(services, receiver, NOW + 2 * WEEK) == []


@pytest.mark.parametrize(
    ("product", "reason"),
    [({"stock": 0}, "out_of_stock"), (None, "out_of_stock")],
)
def test_an_order_that_is_another_one_by_now_is_held(
    services: Services, product: dict[str, int] | None, reason: str
) -> None:
    person, receiver = make_person(services, "automate"), Receiver()
    propose(services, person, strategy="automate")
    deliver(services, receiver)
    if product is not None:
        add_product(services, **product)
    assert deliver(services, receiver, NOW + WEEK) == []
    assert steps(services, person)[0][-1] == ("held", reason)


def test_an_order_does_not_stand_in_its_own_way(services: Services) -> None:
    """A spend limit that it fills, and an interval that it begins."""
    add_product(services)
    person, receiver = make_person(services, "automate"), Receiver([Sent(Fate.delivered), Sent(Fate.retry)])

    def limit(choices: Choices) -> None:
        mandate = choices.mandates[0]
        mandate.max_spend_minor, mandate.spend_days, mandate.min_days_between = 500, 30, 20

    change(services, person, limit)
    propose(services, person, strategy="automate")
    deliver(services, receiver)
    assert len(deliver(services, receiver, NOW + WEEK)) == 1
    assert withdraw(services, person, "personal_offers", at=NOW + WEEK) == ([], [])
    assert len(deliver(services, receiver, NOW + WEEK + timedelta(minutes=1))) == 1
    with services.unit(system_actor("test")) as unit:
        assert len(read_subject(unit, person).activity.orders) == 1


def test_a_later_message_waits_for_an_earlier_one_under_way(services: Services) -> None:
    person, receiver = make_person(services, channels=("app",)), Receiver([Sent(Fate.retry)])
    other = make_person(services, channels=("app",))
    for sku in ("soap", "comb"):
        propose(services, person, sku=sku, channels=("app",))
    propose(services, other, channels=("app",))
    assert [p.content["sku"] for p in deliver(services, receiver)] == ["soap", "soap"]
    assert len({p.subject for p in receiver.parcels}) == 2
    receiver.fates = [Sent(Fate.delivered)]
    later = NOW + timedelta(minutes=1)
    assert len(deliver(services, receiver, later)) == 3
    mine = [p.content["sku"] for p in receiver.parcels if p.subject == show_subject(person)]
    assert mine == ["soap", "soap", "comb"]


def test_one_that_is_put_off_holds_up_no_other(services: Services) -> None:
    night = datetime(2026, 11, 22, 21, 30, tzinfo=UTC)
    person, receiver = make_person(services, channels=("email", "app")), Receiver()
    propose(services, person, channels=("email",), at=night)
    propose(services, person, channels=("app",), sku="comb", at=night)
    assert [p.content["sku"] for p in deliver(services, receiver, night)] == ["comb"]


def test_pausing_and_quiet_hours_of_ones_own(services: Services) -> None:
    person, receiver = make_person(services, channels=("app",)), Receiver()
    propose(services, person, channels=("app",))
    change(services, person, lambda choices: setattr(choices, "quiet", StoredQuiet("09:00", "11:00")))
    assert deliver(services, receiver) == []
    customer = Actor("customer-1", frozenset({"customer"}), subject=person)
    with services.unit(customer) as unit:
        _, changed = change_preferences(unit, person, {"paused_until": NOW + WEEK}, None)
    assert changed is not None
    assert [each["kind"] for each in changed.cancelled] == ["reorder", "reminder"]
    assert deliver(services, receiver, NOW + 2 * WEEK) == []


def test_an_erasure_takes_what_waits_and_names_what_is_under_way(services: Services) -> None:
    person, receiver = make_person(services), Receiver()
    propose(services, person)
    claim_and_die(services)
    propose(services, person, sku="comb")
    claimed = entries(services, person)[0]
    with services.unit(Actor("dpo-1", frozenset({"dpo"}))) as unit:
        certificate = erase_subject(unit, lock_subject(unit, person))
    assert certificate["irrevocable"] == [
        {"id": show(MESSAGE, claimed.id), "state": "in_flight", "at": "2026-11-22T09:00:00Z"}
    ]
    assert certificate["erased"]["messages"] == 2
    assert states(services) == []
    assert deliver(services, receiver, NOW + WEEK) == []


def test_a_merge_stops_what_waited_for_the_one(services: Services) -> None:
    source, target, receiver = make_person(services), make_person(services), Receiver()
    propose(services, source)
    with services.unit(Actor("dpo-1", frozenset({"dpo"}))) as unit:
        changed = merge_subjects(unit, source, target)
    assert [each["kind"] for each in changed.cancelled] == ["reminder"]
    assert deliver(services, receiver, NOW + WEEK) == []


def test_a_merge_while_an_attempt_is_under_way(services: Services) -> None:
    source, target, receiver = make_person(services), make_person(services), Receiver()
    propose(services, source)
    claim_and_die(services)
    with services.unit(Actor("dpo-1", frozenset({"dpo"}))) as unit:
        changed = merge_subjects(unit, source, target)
    assert [each["state"] for each in changed.irrevocable] == ["in_flight"]
    assert deliver(services, receiver, NOW + LEASE) == []
    assert states(services) == [("delivered", "unknown")]


def test_what_stands_in_clear_says_nothing_about_a_person(services: Services) -> None:
    """Ids, digests, instants, states and counts (P7): neither kind, channel nor goods."""
    person = make_person(services, "automate")
    propose(services, person, strategy="automate")
    deliver(services, Receiver())
    with services.database.connection() as db:
        rows = db.execute("select (to_jsonb(o) - 'sealed')::text from outbox o").fetchall()
        sealed = b"".join(row[0] for row in db.execute("select sealed from outbox"))
    clear = " ".join(row[0] for row in rows)
    for word in ("notice", "order", "automate", "soap", "email", "example.se", "man_1"):
        assert word not in clear, word
        assert word.encode() not in sealed, word


def test_a_lost_policy_hands_nothing_over(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever fails inside the claim, nothing was sent and the message still waits."""
    person, receiver = make_person(services), Receiver()
    propose(services, person)

    def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(claims, "record_decisions", fail)
    with pytest.raises(RuntimeError):
        deliver(services, receiver)
    assert receiver.got == []
    assert contacts(services, person) == []
    monkeypatch.undo()
    assert len(deliver(replace(services), receiver, NOW + SOON)) == 1


def customer(services: Services, person: UUID, at: datetime = NOW) -> AbstractContextManager[Unit]:
    return at_instant(services, at).unit(Actor("customer-1", frozenset({"customer"}), subject=person))


def test_what_the_person_approves_is_their_own_order(services: Services) -> None:
    """A withdrawal of reminders does not cancel it, no mandate is used for it, and what the reminder was made
    from need not be shared for it."""
    add_product(services)
    person, receiver = make_person(services), Receiver()
    reorder = propose(services, person, data=("purchases", "usage"))
    deliver(services, receiver)
    with customer(services, person) as unit:
        assert approve_reorder(unit, reorder).state == "approved"
    cancelled, irrevocable = withdraw(services, person)
    assert (cancelled, [each["kind"] for each in irrevocable]) == ([], ["reminder"])
    [order] = deliver(services, receiver, NOW + SOON)
    assert (order.kind, order.content["reorder"]) == ("reorder.dispatched", show(REORDER, reorder))
    assert steps(services, person)[0][-1] == ("dispatched", "handed_over")
    with services.unit(system_actor("test")) as unit:
        [made] = read_subject(unit, person).activity.orders
    assert made.mandate is None
    with customer(services, person) as unit, pytest.raises(ConflictError):
        cancel_reorder(unit, reorder)


def test_a_reminder_that_waits_is_not_needed_after_the_approval(services: Services) -> None:
    add_product(services)
    person, receiver = make_person(services), Receiver()
    reorder = propose(services, person)
    with customer(services, person) as unit:
        approve_reorder(unit, reorder)
    assert [parcel.kind for parcel in deliver(services, receiver)] == ["reorder.dispatched"]


def test_skipping_in_the_veto_window_stops_the_order(services: Services) -> None:
    add_product(services)
    person, receiver = make_person(services, "automate"), Receiver()
    reorder = propose(services, person, strategy="automate")
    deliver(services, receiver)
    with customer(services, person) as unit, pytest.raises(ConflictError):
        approve_reorder(unit, reorder)
    with customer(services, person) as unit:
        answered = skip_reorder(unit, reorder)
    assert [each["kind"] for each in answered.stopped.cancelled] == ["order"]
    assert steps(services, person)[0][-1] == ("skipped", "customer")
    assert deliver(services, receiver, NOW + WEEK) == []


def test_nobody_answers_for_another(services: Services) -> None:
    reorder = propose(services, make_person(services))
    with customer(services, make_person(services)) as unit, pytest.raises(NotFoundError):
        approve_reorder(unit, reorder)


def test_an_erasure_names_what_was_given_up_without_a_known_end(services: Services) -> None:
    person = make_person(services)
    propose(services, person)
    claim_and_die(services)
    deliver(services, Receiver(), NOW + LEASE)
    with at_instant(services, NOW + LEASE).unit(Actor("dpo-1", frozenset({"dpo"}))) as unit:
        certificate = erase_subject(unit, lock_subject(unit, person))
    assert [each["state"] for each in certificate["irrevocable"]] == ["in_flight"]


def test_the_access_report_shows_what_was_said(services: Services) -> None:
    person = make_person(services)
    propose(services, person)
    deliver(services, Receiver())
    with services.unit(Actor("dpo-1", frozenset({"dpo"}))) as unit:
        [shown] = messages(unit, read_subject(unit, person))
    assert (shown["state"], shown["attempts"], shown["ended_at"]) == ("delivered", 1, "2026-11-22T09:00:00Z")
    assert (shown["message"]["kind"], shown["message"]["channel"]) == ("reminder", "email")


def test_what_a_late_attempt_says_counts_no_more(services: Services) -> None:
    """The relay of the first attempt slept through its lease, another one is at the second."""
    person = make_person(services, channels=("app",))
    propose(services, person, channels=("app",))
    claim_and_die(services)
    claim_and_die(services, NOW + LEASE)
    [entry] = entries(services, person)
    assert entry.attempts == 2
    with services.unit(system_actor("relay")) as unit:
        assert not settle_attempt(unit, entry.id, person, 1, Sent(Fate.refused))
    assert states(services) == [("claimed", None)]
    with services.unit(system_actor("relay")) as unit:
        assert settle_attempt(unit, entry.id, person, 2, Sent(Fate.delivered))
        assert not settle_attempt(unit, entry.id, person, 2, Sent(Fate.retry))
    assert states(services) == [("delivered", None)]
