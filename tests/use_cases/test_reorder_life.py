"""The life of a reorder: which step may follow which, what each answer does, and what nobody can rewrite."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest

from service.actor import Actor, system_actor
from service.bootstrap import Services
from service.crypto.reading import CONSENT_ADMINISTRATION
from service.errors import ConflictError, InvalidInputError, NotFoundError
from service.ids import REORDER, new_id, show
from service.policy.check import check_policy
from service.reports import holdings
from service.senders import Fate, Sent
from service.storage.reorder_states import NEXT, STATES
from service.storage.reorders import (
    Reorder,
    ReorderDetails,
    insert_reorder,
    move_reorder,
    read_open_reorders,
    read_reorder,
    step,
)
from service.storage.subjects import lock_subject, read_subject
from service.storage.unit import Unit
from service.use_cases.answer_reorder import approve_reorder, cancel_reorder, skip_reorder
from service.use_cases.change_reorder import change_reorder
from service.use_cases.erase_subject import erase_subject
from service.use_cases.have_plenty import have_plenty
from service.use_cases.list_reorders import list_reorders
from service.use_cases.merge_subjects import merge_subjects
from service.use_cases.own_reorder import Answered
from service.use_cases.purge_by_age import purge_by_age
from service.use_cases.read_signals import read_signals
from service.use_cases.snooze_reorder import snooze_reorder
from service.use_cases.store_signals import NewSignal, SignalResult, store_signals
from tests.use_cases.conftest import NOW
from tests.use_cases.outbox import (
    Receiver,
    add_product,
    at_instant,
    change,
    contacts,
    deliver,
    make_person,
    propose,
    states,
    steps,
)

DAY, WEEK = timedelta(days=1), timedelta(days=7)
SOON = timedelta(seconds=10)

# By hand, from api.md and the issue.
ALLOWED = {
    "proposed": {"proposed", "reminded", "announced", "approved", "held", "skipped", "cancelled", "failed"},
    "reminded": {"reminded", "proposed", "approved", "held", "skipped", "cancelled", "failed"},
    "announced": {
        *("announced", "proposed", "reminded", "dispatched"),
        *("held", "skipped", "cancelled", "failed"),
    },
    "approved": {
        *("approved", "proposed", "reminded", "dispatched"),
        *("held", "skipped", "cancelled", "failed"),
    },
    "held": {
        *("proposed", "reminded", "announced", "approved", "dispatched"),
        *("held", "skipped", "cancelled", "failed"),
    },
    "dispatched": {"dispatched", "delivered", "failed"},
    "delivered": {"delivered"},
    "failed": {"proposed", "dispatched", "held", "delivered", "cancelled"},
    "skipped": set(),
    "cancelled": set(),
}
# How a reorder gets into a state.
PATHS = {
    "proposed": (),
    "reminded": ("reminded",),
    "announced": ("announced",),
    "approved": ("approved",),
    "held": ("held",),
    "dispatched": ("approved", "dispatched"),
    "delivered": ("approved", "dispatched", "delivered"),
    "failed": ("failed",),
    "skipped": ("skipped",),
    "cancelled": ("cancelled",),
}


@pytest.fixture
def policy_document(policy_document: dict[str, Any]) -> dict[str, Any]:
    policy_document["rollout"] = []
    policy_document["signals"]["delivered"] = {"data": "purchases"}
    return policy_document


def customer(services: Services, person: UUID, at: datetime = NOW) -> AbstractContextManager[Unit]:
    return at_instant(services, at).unit(Actor("customer-1", frozenset({"customer"}), subject=person))


def bring(services: Services, person: UUID, reorder: UUID, state: str) -> None:
    with services.unit(system_actor("test")) as unit:
        subject = lock_subject(unit, person)
        for to in PATHS[state]:
            assert move_reorder(unit, subject, found(unit, person, reorder), to, "a test")


def found(unit: Unit, person: UUID, reorder: UUID) -> Reorder:
    read = read_reorder(unit, read_subject(unit, person), reorder)
    assert read is not None
    return read


def shown(services: Services, person: UUID) -> dict[str, Any]:
    """The person's only one."""
    with customer(services, person) as unit:
        [one] = list_reorders(unit, read_subject(unit, person))
    return one


def last(services: Services, person: UUID) -> tuple[str, str]:
    return steps(services, person)[-1][-1]


def tell(services: Services, person: UUID, kind: str, order: UUID, role: str = "shop") -> SignalResult:
    at = NOW + (DAY if kind == "delivered" else timedelta(hours=30))
    data = {"sku": "soap", "order": show(REORDER, order)}
    actor = Actor(f"{role}-1", frozenset({role}), subject=person if role == "customer" else None)
    with at_instant(services, NOW + 2 * DAY).unit(actor) as unit:
        [result] = store_signals(unit, [NewSignal(person, kind, at, data, f"{kind}-1")])
    return result


def test_every_pair_of_states(services: Services) -> None:
    assert set(STATES) == set(ALLOWED) == set(PATHS)
    assert {state: set(to) for state, to in NEXT.items()} == ALLOWED
    person = make_person(services)
    for state in STATES:
        for to in STATES:
            reorder = propose(services, person)
            bring(services, person, reorder, state)
            with services.unit(system_actor("test")) as unit:
                subject = lock_subject(unit, person)
                read = found(unit, person, reorder)
                assert read.state == state
                if to in ALLOWED[state]:
                    assert move_reorder(unit, subject, read, to, "a test")
                else:
                    with pytest.raises(ConflictError) as refused:
                        move_reorder(unit, subject, read, to, "a test")
                    assert refused.value.members == {"state": state}
                after = found(unit, person, reorder)
            assert after.state == (to if to in ALLOWED[state] else state)
            assert after.steps == read.steps + (to in ALLOWED[state])


def test_twice_equals_once(services: Services) -> None:
    person = make_person(services)
    reorder = propose(services, person)
    with services.unit(system_actor("test")) as unit:
        subject = lock_subject(unit, person)
        first, second = found(unit, person, reorder), found(unit, person, reorder)
        assert move_reorder(unit, subject, first, "proposed", "snoozed")
        # The same state still, but not the same number of steps.
        assert not move_reorder(unit, subject, second, "proposed", "snoozed")
    assert len(steps(services, person)[0]) == 2


@pytest.mark.parametrize("state", STATES)
def test_no_reorder_begins_in_the_middle(services: Services, state: str) -> None:
    person = make_person(services)
    model = propose(services, person)
    with services.unit(system_actor("test")) as unit:
        details = found(unit, person, model).details
        assert details is not None
        details.history = [step(unit, state, "a test")]
        subject, name = lock_subject(unit, person), new_id()
        if state in ("proposed", "approved"):
            assert insert_reorder(unit, subject, name, "another", details)
            assert found(unit, person, name).state == state
        else:
            with pytest.raises(ValueError, match="does not begin"):
                insert_reorder(unit, subject, name, "another", details)


Answer = Callable[[Unit, UUID], object]
ANSWERS: list[Answer] = [
    approve_reorder,
    skip_reorder,
    cancel_reorder,
    lambda unit, reorder: have_plenty(unit, reorder, 3.0),
    lambda unit, reorder: snooze_reorder(unit, reorder, days=3),
    lambda unit, reorder: change_reorder(unit, reorder, 2),
]


@pytest.mark.parametrize("answer", ANSWERS)
def test_the_row_is_what_its_steps_add_up_to(services: Services, answer: Answer) -> None:
    add_product(services)
    person = make_person(services)
    reorder = propose(services, person)
    deliver(services, Receiver())
    with customer(services, person) as unit:
        answer(unit, reorder)
    with services.unit(system_actor("test")) as unit:
        subject = read_subject(unit, person)
        details = found(unit, person, reorder).details
        row = unit.db.execute("select state, sealed from reorders where id = %s", (reorder,)).fetchone()
        assert details is not None
        assert row is not None
        said: dict[str, Any] = {}
        for step in details.history:
            said |= step.changed
        kept = subject.open(row[1], "reorders", reorder, CONSENT_ADMINISTRATION)
        assert msgspec.convert(said, ReorderDetails) == msgspec.convert(kept, ReorderDetails)
        assert row[0] == details.history[-1].state
        assert "history" not in kept
    first = details.history[0]
    assert (first.role, first.sub) == ("system", "system:propose-reorders")
    assert (details.history[-1].role, details.history[-1].sub) == ("customer", "customer-1")


def test_nobody_rewrites_a_step(services: Services, database: str) -> None:
    person = make_person(services)
    reorder = propose(services, person)
    for statement in ("update reorder_steps set at = now()", "delete from reorder_steps"):
        with (
            services.database.connection() as db,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            db.execute(statement)  # type: ignore[arg-type]
        with (
            psycopg.connect(database) as owner,
            pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="append-only"),
        ):
            owner.execute(statement)  # type: ignore[arg-type]
    with (
        services.database.connection() as db,
        pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="key is still there"),
    ):
        db.execute("select erase_reorder_steps(%s)", (person,))
    # Nor does the reorder go without its steps.
    with services.database.connection() as db, pytest.raises(psycopg.errors.ForeignKeyViolation):
        db.execute("delete from reorders where id = %s", (reorder,))


@pytest.mark.parametrize(
    "attack",
    [
        "delete from reorder_steps where number = 2",
        "delete from reorder_steps",
        "update reorder_steps set number = 3 - number + 10; update reorder_steps set number = number - 10",
        "update reorder_steps set sealed = '\\x00' where number = 1",
        "update reorders set steps = 1",
    ],
)
def test_a_history_that_somebody_changed_is_not_shown(services: Services, database: str, attack: str) -> None:
    person = make_person(services)
    reorder = propose(services, person)
    bring(services, person, reorder, "reminded")
    assert "history" in shown(services, person)
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute("set session_replication_role = replica")
        owner.execute(attack)  # type: ignore[arg-type]
    assert shown(services, person).keys() == {"id", "state", "created_at", "updated_at", "actions"}
    assert shown(services, person)["actions"] == []
    with customer(services, person) as unit, pytest.raises(NotFoundError):
        skip_reorder(unit, reorder)


def test_erasure_takes_the_steps(services: Services) -> None:
    person, other = make_person(services), make_person(services)
    for each in (person, other):
        bring(services, each, propose(services, each), "reminded")
    with services.unit(Actor("dpo-1", frozenset({"dpo"}))) as unit:
        certificate = erase_subject(unit, lock_subject(unit, person))
    assert (certificate["erased"]["reorder_steps"], certificate["erased"]["reorders"]) == (2, 1)
    with services.database.connection() as db:
        assert db.execute("select count(*) from reorder_steps").fetchone() == (2,)
    assert shown(services, other)["state"] == "reminded"


def test_after_a_merge_the_steps_stay_readable_and_go_with_the_person(services: Services) -> None:
    source, target = make_person(services), make_person(services)
    propose(services, source)
    with services.unit(Actor("dpo-1", frozenset({"dpo"}))) as unit:
        merge_subjects(unit, source, target)
    with services.unit(Actor("dpo-1", frozenset({"dpo"}))) as unit:
        erase_subject(unit, lock_subject(unit, target))
    with services.database.connection() as db:
        assert db.execute("select count(*) from reorder_steps").fetchone() == (0,)
        assert db.execute("select count(*) from reorders").fetchone() == (0,)


def test_the_access_report_has_every_step(services: Services) -> None:
    person = make_person(services)
    bring(services, person, propose(services, person), "delivered")
    with customer(services, person) as unit:
        [told] = holdings.reorders(unit, read_subject(unit, person))
    assert [step["state"] for step in told["details"]["history"]] == [
        *("proposed", "approved", "dispatched", "delivered")
    ]


def test_what_ended_goes_by_age_and_what_is_open_stays(services: Services) -> None:
    person = make_person(services)
    ended = propose(services, person)
    bring(services, person, ended, "skipped")
    propose(services, person, sku="comb")
    assert purge_by_age(at_instant(services, NOW + 2 * 365 * DAY))["reorders"] == 0
    # The function of the eraser's role removes nothing that is younger by the server's clock.
    with services.database.connection() as db:
        db.execute("set local role none")
        db.execute("update reorders set updated_at = '2020-01-01'")
    assert purge_by_age(at_instant(services, NOW + 4 * 365 * DAY))["reorders"] == 1
    assert shown(services, person)["sku"] == "comb"


def test_a_snoozed_reminder_comes_again_at_its_instant(services: Services) -> None:
    person, receiver = make_person(services), Receiver()
    reorder = propose(services, person)
    deliver(services, receiver)
    until = NOW + 3 * DAY
    with customer(services, person, NOW + SOON) as unit:
        answered = snooze_reorder(unit, reorder, until=until)
    assert (answered.state, answered.reorder["until"]) == ("proposed", "2026-11-25T09:00:00Z")
    assert deliver(services, receiver, until - SOON) == []
    [again] = deliver(services, receiver, until)
    assert (again.kind, again.content["sku"]) == ("reminder.due", "soap")
    assert steps(services, person) == [
        [
            ("proposed", "run_out"),
            ("reminded", "handed_over"),
            ("proposed", "snoozed"),
            ("reminded", "handed_over"),
        ]
    ]
    assert len(contacts(services, person)) == 2
    assert shown(services, person)["until"] is None


def test_snoozing_before_the_reminder_and_twice_leaves_one_reminder(services: Services) -> None:
    person, receiver = make_person(services), Receiver()
    reorder = propose(services, person)
    for days in (2, 4):
        with customer(services, person) as unit:
            answered = snooze_reorder(unit, reorder, days=days)
        assert [each["kind"] for each in answered.stopped.cancelled] == ["reminder"]
    assert deliver(services, receiver, NOW + 3 * DAY) == []
    assert len(deliver(services, receiver, NOW + 4 * DAY)) == 1
    assert deliver(services, receiver, NOW + 9 * DAY) == []


def test_a_reminder_on_its_way_does_not_undo_the_snooze(services: Services) -> None:
    person = make_person(services, channels=("app",))
    reorder = propose(services, person, channels=("app",))
    away = Receiver(fates=[Sent(Fate.retry), Sent(Fate.delivered)])
    assert len(deliver(services, away)) == 1
    with customer(services, person, NOW + SOON) as unit:
        answered = snooze_reorder(unit, reorder, days=3)
    # The attempt may arrive late, so the answer names it.
    assert [each["state"] for each in answered.stopped.irrevocable] == ["in_flight"]
    assert deliver(services, away, NOW + DAY) == []
    assert len(deliver(services, away, NOW + SOON + 3 * DAY)) == 1


@pytest.mark.parametrize(
    "until", [NOW, NOW - DAY, NOW + 60 * DAY + SOON], ids=["now", "past", "too far away"]
)
def test_snoozing_has_bounds(services: Services, until: datetime) -> None:
    person = make_person(services)
    reorder = propose(services, person)
    with customer(services, person) as unit, pytest.raises(InvalidInputError):
        snooze_reorder(unit, reorder, until=until)
    assert shown(services, person)["until"] is None


def test_the_fault_is_where_it_was_said(services: Services) -> None:
    person = make_person(services)
    reorder = propose(services, person)
    for said, pointer in (({"days": 61}, "/days"), ({"until": NOW}, "/until")):
        with customer(services, person) as unit, pytest.raises(InvalidInputError) as refused:
            snooze_reorder(unit, reorder, **said)
        assert [fault.pointer for fault in refused.value.faults] == [pointer]


def test_the_policy_sets_the_bound(policy_document: dict[str, Any]) -> None:
    programme = policy_document["programmes"]["replenishment"]
    for days, faults in ((0, 1), (367, 1), ("7", 1), (7, 0)):
        programme["snooze_days"] = days
        paths = [fault.path for fault in check_policy(policy_document)]
        assert paths == ["/programmes/replenishment/snooze_days"] * faults


def test_a_snoozed_automatic_order_is_announced_anew(services: Services) -> None:
    add_product(services)
    person, receiver = make_person(services, "automate"), Receiver()
    reorder = propose(services, person, strategy="automate")
    deliver(services, receiver)
    assert shown(services, person)["until"] == "2026-11-29T09:00:00Z"
    assert shown(services, person)["order_date"] == "2026-11-29T09:00:00Z"
    with customer(services, person, NOW + DAY) as unit:
        answered = snooze_reorder(unit, reorder, until=NOW + 20 * DAY)
    assert [each["kind"] for each in answered.stopped.cancelled] == ["order"]
    assert answered.reorder["order_date"] is None
    # Not at its old date, and not before a notice of the full length.
    assert deliver(services, receiver, NOW + 13 * DAY - SOON) == []
    [notice] = deliver(services, receiver, NOW + 13 * DAY)
    assert notice.kind == "reorder.announced"
    assert notice.content["until"] == "2026-12-12T09:00:00Z"
    assert deliver(services, receiver, NOW + 20 * DAY - SOON) == []
    [order] = deliver(services, receiver, NOW + 20 * DAY)
    assert order.kind == "reorder.dispatched"


def test_a_changed_quantity_is_what_is_ordered(services: Services) -> None:
    add_product(services)
    person, receiver = make_person(services), Receiver()
    reorder = propose(services, person)
    with customer(services, person) as unit:
        change_reorder(unit, reorder, 3)
    [reminder] = deliver(services, receiver)
    assert (reminder.content["quantity"], reminder.content["price_minor"]) == (3, 1500)
    with customer(services, person, NOW + SOON) as unit:
        assert change_reorder(unit, reorder, 2).reorder["quantity"] == 2
        approve_reorder(unit, reorder)
    [order] = deliver(services, receiver, NOW + 2 * SOON)
    assert (order.kind, order.content["quantity"]) == ("reorder.dispatched", 2)


def test_a_change_takes_the_price_of_now_while_there_is_still_a_yes_to_come(services: Services) -> None:
    add_product(services)
    person = make_person(services)
    reorder = propose(services, person)
    add_product(services, price=700)
    with customer(services, person) as unit:
        assert change_reorder(unit, reorder, 2).reorder["price_minor"] == 700


def test_a_changed_automatic_order_keeps_its_date(services: Services) -> None:
    add_product(services)
    person, receiver = make_person(services, "automate"), Receiver()
    reorder = propose(services, person, strategy="automate")
    deliver(services, receiver)
    with customer(services, person, NOW + DAY) as unit:
        answered = change_reorder(unit, reorder, 2)
    assert (answered.state, answered.reorder["order_date"]) == ("announced", "2026-11-29T09:00:00Z")
    [order] = deliver(services, receiver, NOW + WEEK)
    assert (order.kind, order.content["quantity"], order.content["price_minor"]) == (
        "reorder.dispatched",
        2,
        1000,
    )


def test_a_change_while_the_notice_is_tried_again(services: Services) -> None:
    """The notice is left alone; the order that follows it is the changed one."""
    add_product(services)
    person = make_person(services, "automate", channels=("app",))
    reorder = propose(services, person, strategy="automate", channels=("app",))
    receiver = Receiver(fates=[Sent(Fate.retry), Sent(Fate.delivered)])
    deliver(services, receiver)
    with customer(services, person, NOW + timedelta(seconds=1)) as unit:
        change_reorder(unit, reorder, 2)
    [notice] = deliver(services, receiver, NOW + DAY)
    assert notice.kind == "reorder.announced"
    [order] = deliver(services, receiver, NOW + 8 * DAY)
    assert (order.kind, order.content["quantity"]) == ("reorder.dispatched", 2)


@pytest.mark.parametrize(
    ("limits", "codes"),
    [
        ({"max_quantity": 1}, ["mandate_quantity"]),
        ({"max_price_minor": 600}, ["mandate_price"]),
        ({"max_spend_minor": 900, "spend_days": 30}, ["mandate_spend"]),
    ],
)
def test_what_the_mandate_does_not_cover_is_refused_and_says_what_to_do(
    services: Services, limits: dict[str, int], codes: list[str]
) -> None:
    add_product(services)
    person, receiver = make_person(services, "automate"), Receiver()

    def narrow(choices: Any) -> None:
        for name, value in limits.items():
            setattr(choices.mandates[0], name, value)

    change(services, person, narrow)
    reorder = propose(services, person, strategy="automate")
    deliver(services, receiver)
    before = shown(services, person)
    with customer(services, person) as unit, pytest.raises(ConflictError) as refused:
        change_reorder(unit, reorder, 2)
    reasons = refused.value.members["reasons"]
    assert [reason["code"] for reason in reasons] == codes
    assert [reason["remedy"]["do"] for reason in reasons] == ["set_mandate"]
    assert shown(services, person) == before
    [order] = deliver(services, receiver, NOW + WEEK)
    assert order.content["quantity"] == 1


def test_more_than_the_product_allows_is_refused(services: Services) -> None:
    add_product(services)
    with services.database.transaction() as db:
        db.execute("update products set limit_per_order = 2")
    person = make_person(services)
    reorder = propose(services, person)
    with customer(services, person) as unit, pytest.raises(ConflictError) as refused:
        change_reorder(unit, reorder, 3)
    assert [reason["code"] for reason in refused.value.members["reasons"]] == ["supply_limit"]
    with customer(services, person) as unit:
        # The same quantity again is no step.
        assert change_reorder(unit, reorder, 1).reorder["quantity"] == 1
        assert len(found(unit, person, reorder).details.history) == 1  # type: ignore[union-attr]


def test_having_plenty_ends_it_and_wakes_the_forecast(services: Services) -> None:
    person, receiver = make_person(services, "automate"), Receiver()
    reorder = propose(services, person, strategy="automate")
    deliver(services, receiver)
    with services.database.transaction() as db:
        db.execute("update subjects set forecast_due = null")
    with customer(services, person) as unit:
        had = have_plenty(unit, reorder)
    assert had.count is None
    assert [each["kind"] for each in had.answered.stopped.cancelled] == ["order"]
    assert last(services, person) == ("skipped", "have_plenty")
    assert deliver(services, receiver, NOW + 9 * DAY) == []
    with services.database.connection() as db:
        assert db.execute("select forecast_due from subjects").fetchone() == (NOW,)


@pytest.mark.parametrize("shares", [True, False])
def test_a_count_is_kept_from_whoever_shares_usage_alone(services: Services, shares: bool) -> None:
    add_product(services)
    person = make_person(services)
    reorder = propose(services, person)
    change(services, person, lambda choices: choices.sharing.update({"usage": shares}))
    with customer(services, person) as unit:
        count = have_plenty(unit, reorder, 12.0).count
    with services.database.connection() as db:
        kept = db.execute("select count(*) from signals").fetchone()
    if not shares:
        assert count == SignalResult("refused", "data_not_shared")
        assert kept == (0,)
        return
    assert count == SignalResult("stored")
    with services.unit(system_actor("test")) as unit:
        [signal] = read_signals(unit, read_subject(unit, person), "usage", "replenishment_reminders")
    assert (signal.type, signal.data) == ("usage", {"sku": "soap", "units_left": 12.0})


def test_a_delivered_parcel(services: Services) -> None:
    add_product(services)
    person = make_person(services)
    reorder = propose(services, person)
    bring(services, person, reorder, "dispatched")
    assert tell(services, person, "delivered", reorder).status == "stored"
    assert shown(services, person)["state"] == "delivered"
    assert shown(services, person)["delivered_at"] == "2026-11-23T09:00:00Z"
    assert last(services, person) == ("delivered", "delivered")
    # Again, and it is as it was.
    assert tell(services, person, "delivered", reorder).status == "duplicate"
    assert len(steps(services, person)[0]) == 4


def test_a_parcel_that_came_back_is_a_step_and_no_state(services: Services) -> None:
    add_product(services)
    person = make_person(services)
    reorder = propose(services, person)
    bring(services, person, reorder, "delivered")
    for _ in range(2):
        # The policy does not take this type of signal; the contract's own parcel is kept all the same.
        assert tell(services, person, "returned", reorder) == SignalResult("refused", "signal_unknown")
    assert steps(services, person)[0][-2:] == [("delivered", "a test"), ("delivered", "returned")]
    assert shown(services, person)["returned_at"] == "2026-11-23T15:00:00Z"


def test_our_own_parcel_is_kept_whatever_the_person_shares(services: Services) -> None:
    add_product(services)
    person = make_person(services)
    reorder = propose(services, person)
    bring(services, person, reorder, "dispatched")
    change(services, person, lambda choices: choices.sharing.update({"purchases": False}))
    assert tell(services, person, "delivered", reorder) == SignalResult("refused", "data_not_shared")
    assert shown(services, person)["state"] == "delivered"


def test_only_the_shop_says_so_and_only_of_the_persons_own(services: Services) -> None:
    add_product(services)
    add_product(services, "comb")
    person, other = make_person(services), make_person(services)
    reorder, others = propose(services, person), propose(services, other)
    another = propose(services, person, sku="comb")
    for owner, each in ((person, reorder), (other, others), (person, another)):
        bring(services, owner, each, "dispatched")
    tell(services, person, "delivered", reorder, role="customer")
    # Of another person, and of another product.
    tell(services, person, "delivered", others)
    tell(services, person, "delivered", another)
    assert [history[-1][0] for history in steps(services, person)] == ["dispatched"] * 2
    assert shown(services, other)["state"] == "dispatched"


@pytest.mark.parametrize("state", ["proposed", "reminded", "approved", "held", "skipped", "cancelled"])
def test_what_never_left_is_not_delivered(services: Services, state: str) -> None:
    add_product(services)
    person = make_person(services)
    reorder = propose(services, person)
    bring(services, person, reorder, state)
    tell(services, person, "delivered", reorder)
    assert shown(services, person)["state"] == state


def test_an_order_that_was_given_up_may_have_arrived(services: Services) -> None:
    add_product(services)
    person = make_person(services)
    reorder = propose(services, person)
    bring(services, person, reorder, "failed")
    tell(services, person, "delivered", reorder)
    assert shown(services, person)["state"] == "delivered"
    assert states(services)[0][0] == "queued"


def test_an_answer_shows_the_whole_reorder(services: Services) -> None:
    person = make_person(services)
    reorder = propose(services, person)
    with customer(services, person) as unit:
        answered: Answered = skip_reorder(unit, reorder)
    assert answered.reorder == shown(services, person)
    assert answered.reorder["actions"] == []


def test_a_change_of_choices_makes_no_more_trips_for_the_steps(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Open reorders come with their history in the one statement that reads them, however long it is."""
    person = make_person(services)
    trips: list[int] = []
    for length in (0, 3):
        reorder = propose(services, person)
        for _ in range(length):
            bring_once(services, person, reorder)
        with services.unit(system_actor("test")) as unit:
            subject = lock_subject(unit, person)
            execute, count = unit.db.execute, [0]

            def counting(*args: Any, execute: Any = execute, count: list[int] = count, **named: Any) -> Any:
                count[0] += 1
                return execute(*args, **named)

            with monkeypatch.context() as patched:
                patched.setattr(unit.db, "execute", counting)
                read = read_open_reorders(unit, subject)
            assert len(read[-1].details.history) == length + 1  # type: ignore[union-attr]
            trips.append(count[0])
    assert trips == [1, 1]


def bring_once(services: Services, person: UUID, reorder: UUID) -> None:
    with services.unit(system_actor("test")) as unit:
        subject = lock_subject(unit, person)
        assert move_reorder(unit, subject, found(unit, person, reorder), "proposed", "a test")
