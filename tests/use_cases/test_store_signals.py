"""Signals: stored only where the person's choices let us know of it, once, sealed, and read for a purpose."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from service.errors import InvalidInputError, NotFoundError, UnreadableError
from service.storage.signals import read_sealed
from service.storage.subjects import lock_subject, read_events, read_subject, save_choices
from service.use_cases.change_preferences import change_preferences
from service.use_cases.read_signals import PurposeNotInForceError, disclose_signals, read_signals
from service.use_cases.record_consent import Notice, RecordConsent, record_consent
from service.use_cases.register_subject import Identifier, RegisterSubject, register_subject
from service.use_cases.store_signals import NewSignal, SignalResult, store_signals
from tests.use_cases.conftest import NOW, Acting

REMINDERS = "replenishment_reminders"


@pytest.fixture(autouse=True)
def catalogue(acting: Acting) -> None:
    with acting("shop") as unit:
        for sku, category in (("soap", "beauty"), ("cough", "health.otc.cough"), ("wrench", "tools")):
            unit.db.execute(
                "insert into products (sku, category, name, pack_size, price_minor, currency, updated_at)"
                " values (%s, %s, %s, 30, 500, 'SEK', now())",
                (sku, category, sku),
            )


def purchase(
    subject: UUID, sku: str = "soap", *, at: datetime = NOW - timedelta(days=9), key: str = "1"
) -> NewSignal:
    data = {"sku": sku, "quantity": 1, "price_minor": 500, "currency": "SEK"}
    return NewSignal(subject, "purchase", at, data, key)


def said(subject: UUID, kind: str, *, at: datetime = NOW, key: str = "1", **data: Any) -> NewSignal:
    return NewSignal(subject, kind, at, data, key)


def share(acting: Acting, subject: UUID, *names: str) -> None:
    with acting("customer", subject) as unit:
        change_preferences(unit, subject, {"sharing": dict.fromkeys(names, True)}, None)


def consent(acting: Acting, subject: UUID, purpose: str = REMINDERS, status: str = "given") -> None:
    with acting("customer", subject) as unit:
        record_consent(
            unit,
            subject,
            RecordConsent(status, Notice(2, "sv"), "app", purpose=purpose, explicit=True),
        )


def store(acting: Acting, *signals: NewSignal) -> list[SignalResult]:
    with acting("shop") as unit:
        return store_signals(unit, signals)


def count(acting: Acting) -> int:
    with acting("shop") as unit:
        row = unit.db.execute("select count(*) from signals").fetchone()
    assert row is not None
    return int(row[0])


def test_stored_once_and_read_for_its_purpose(acting: Acting, aino: UUID) -> None:
    share(acting, aino, "purchases")
    consent(acting, aino)
    first = store(acting, purchase(aino), purchase(aino), purchase(aino, key="2"))
    assert [r.status for r in first] == ["stored", "duplicate", "stored"]
    assert [r.status for r in store(acting, purchase(aino, key="2"), purchase(aino, key="3"))] == [
        "duplicate",
        "stored",
    ]
    with acting("shop") as unit:
        found = read_signals(unit, read_subject(unit, aino), "purchases", REMINDERS)
    assert [(s.id, s.category, s.data["sku"]) for s in found] == [
        ("1", "beauty", "soap"),
        ("2", "beauty", "soap"),
        ("3", "beauty", "soap"),
    ]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda who: purchase(uuid4()), "subject_unknown"),
        (purchase, "data_not_shared"),
        (lambda who: purchase(who, "unheard"), "category_unknown"),
        (lambda who: purchase(who, "wrench"), "category_unknown"),
        (lambda who: said(who, "rating", metric="nps", score=9), "signal_unknown"),
        (
            lambda who: said(who, "situation", name="holiday", until=NOW + timedelta(days=3)),
            "situation_unknown",
        ),
    ],
)
def test_refused_leaves_nothing(
    acting: Acting, aino: UUID, make: Callable[[UUID], NewSignal], reason: str
) -> None:
    assert store(acting, make(aino)) == [SignalResult("refused", reason)]
    assert count(acting) == 0
    with acting("shop") as unit:
        subject = read_subject(unit, aino)
        assert subject.epoch == 1
        assert read_events(unit, subject) == []


def test_health_needs_its_own_consent(acting: Acting, aino: UUID) -> None:
    share(acting, aino, "purchases")
    consent(acting, aino)
    assert store(acting, purchase(aino, "cough")) == [SignalResult("refused", "category_requires")]
    consent(acting, aino, "health_personalisation")
    assert store(acting, purchase(aino, "cough")) == [SignalResult("stored")]


def test_one_refusal_does_not_touch_its_neighbours(acting: Acting, aino: UUID) -> None:
    share(acting, aino, "purchases")
    results = store(acting, purchase(aino), purchase(aino, "unheard", key="2"), purchase(uuid4(), key="3"))
    assert [r.status for r in results] == ["stored", "refused", "refused"]
    assert count(acting) == 1


def test_after_withdrawal_neither_stored_nor_read(acting: Acting, aino: UUID) -> None:
    share(acting, aino, "purchases")
    consent(acting, aino)
    store(acting, purchase(aino))
    consent(acting, aino, status="withdrawn")
    with acting("shop") as unit:
        subject = read_subject(unit, aino)
        for purpose, data in ((REMINDERS, "purchases"), ("service_tips", "usage"), ("unheard", "purchases")):
            with pytest.raises(PurposeNotInForceError):
                read_signals(unit, subject, data, purpose)
        # Another purpose still stands, and the person's own request needs none.
        assert len(read_signals(unit, subject, "purchases", "order_fulfilment")) == 1
        assert len(disclose_signals(unit, subject)) == 1
    with acting("customer", aino) as unit:
        change_preferences(unit, aino, {"sharing": {"purchases": False}}, None)
    with acting("shop") as unit, pytest.raises(PurposeNotInForceError):
        read_signals(unit, read_subject(unit, aino), "purchases", "service_tips")


def test_a_row_opens_as_its_own_category_alone(acting: Acting, aino: UUID) -> None:
    share(acting, aino, "purchases", "usage")
    consent(acting, aino)
    store(acting, purchase(aino), said(aino, "usage", sku="soap", units_left=4.0))
    with acting("shop") as unit:
        subject = read_subject(unit, aino)
        assert [s.type for s in read_signals(unit, subject, "purchases", REMINDERS)] == ["purchase"]
        assert [s.type for s in read_signals(unit, subject, "usage", REMINDERS)] == ["usage"]
        assert sorted(s.type for s in disclose_signals(unit, subject)) == ["purchase", "usage"]
        # A row moved to another id opens as nothing, and a report says so.
        unit.db.execute("update signals set id = gen_random_uuid()")
        assert read_signals(unit, subject, "usage", REMINDERS) == []
        with pytest.raises(UnreadableError):
            disclose_signals(unit, subject)


def test_nothing_stands_in_clear(acting: Acting, aino: UUID) -> None:
    share(acting, aino, "purchases")
    store(acting, purchase(aino, key="receipt-4711"))
    with acting("shop") as unit:
        [signal] = read_sealed(unit, read_subject(unit, aino))
        row = unit.db.execute("select s::text from signals s").fetchone()
    assert row is not None
    assert signal.at == NOW - timedelta(days=9)
    for word in (b"soap", b"receipt", b"purchase", b"beauty"):
        assert word not in signal.sealed
        assert word.hex() not in row[0]


def test_flags_follow_the_latest_word(acting: Acting, aino: UUID) -> None:
    monday, tuesday, friday = (NOW - timedelta(days=days) for days in (9, 8, 5))
    assert store(acting, said(aino, "complaint_opened", at=tuesday))[0].status == "stored"
    with acting("shop") as unit:
        subject = read_subject(unit, aino)
        assert subject.choices.flags == {"open_complaint": None}
        assert subject.epoch == 2
        [event] = read_events(unit, subject)
        assert event.payload["set"] == {"open_complaint": None}
    # A closing that is older than the opening says nothing of it, though it arrives later.
    store(acting, said(aino, "complaint_closed", at=monday))
    with acting("shop") as unit:
        assert read_subject(unit, aino).choices.flags == {"open_complaint": None}
    store(acting, said(aino, "complaint_closed", at=friday, key="2"))
    with acting("shop") as unit:
        assert read_subject(unit, aino).choices.flags == {}
    # Nor does an opening that is older than the closing.
    store(acting, said(aino, "complaint_opened", at=tuesday, key="2"))
    with acting("shop") as unit:
        subject = read_subject(unit, aino)
        assert subject.choices.flags == {}
        assert subject.epoch == 3
        assert [e.payload["cleared"] for e in read_events(unit, subject)] == [[], ["open_complaint"]]


def test_a_situation_lasts_until_it_ends(acting: Acting, aino: UUID) -> None:
    until = NOW + timedelta(days=3)
    store(acting, said(aino, "situation", name="travelling", until=until))
    with acting("shop") as unit:
        subject = read_subject(unit, aino)
    assert subject.state(NOW).flags == {"travelling"}
    assert subject.state(until).flags == frozenset()
    # Home already: the later word ends it.
    store(acting, said(aino, "situation", name="travelling", until=NOW - timedelta(hours=1), key="2"))
    with acting("shop") as unit:
        assert read_subject(unit, aino).choices.flags == {}


@pytest.mark.parametrize("at", [NOW + timedelta(days=2), datetime(1850, 1, 1, tzinfo=UTC)])
def test_impossible_instants_refuse_the_whole_call(acting: Acting, aino: UUID, at: datetime) -> None:
    share(acting, aino, "purchases")
    with pytest.raises(InvalidInputError) as raised:
        store(acting, purchase(aino), purchase(aino, at=at, key="2"))
    assert [fault.pointer for fault in raised.value.faults] == ["/1/at"]
    assert count(acting) == 0


def test_a_customer_speaks_of_nobody_else(acting: Acting, aino: UUID) -> None:
    share(acting, aino, "purchases")
    with acting("customer", aino) as unit:
        assert store_signals(unit, [purchase(aino)])[0].status == "stored"
    with pytest.raises(NotFoundError), acting("customer", uuid4()) as unit:
        store_signals(unit, [purchase(aino, key="2")])
    assert count(acting) == 1


def test_erased_and_restricted_persons_are_left_alone(acting: Acting, aino: UUID) -> None:
    share(acting, aino, "purchases")
    for status, reason in (("restricted", "processing_restricted"), ("erased", "subject_erased")):
        with acting("dpo") as unit:
            unit.db.execute("update subjects set status = %s", (status,))
        assert store(acting, purchase(aino)) == [SignalResult("refused", reason)]


def test_an_unreadable_person_does_not_hold_up_the_others(acting: Acting, aino: UUID, bo: UUID) -> None:
    share(acting, aino, "purchases")
    share(acting, bo, "purchases")
    with acting("dpo") as unit:
        unit.db.execute("update keys.data_keys set wrapped = %s where owner = %s", (b"\x01" * 61, aino))
    results = store(acting, purchase(aino), purchase(bo))
    assert results == [SignalResult("refused", "subject_unreadable"), SignalResult("stored")]


def test_stored_signals_ask_for_a_forecast(acting: Acting, aino: UUID) -> None:
    share(acting, aino, "purchases")
    with acting("shop") as unit:
        unit.db.execute("update subjects set forecast_due = null")
    store(acting, purchase(aino, "unheard"))
    due = "select forecast_due from subjects"
    with acting("shop") as unit:
        assert unit.db.execute(due).fetchone() == (None,)
    store(acting, purchase(aino))
    with acting("shop") as unit:
        assert unit.db.execute(due).fetchone() == (NOW,)


def test_a_choice_saved_meanwhile_is_seen(acting: Acting, aino: UUID) -> None:
    """The gate reads under the lock, so a withdrawal that commits first is obeyed."""
    share(acting, aino, "purchases")
    with acting("customer", aino) as unit:
        subject = lock_subject(unit, aino)
        subject.choices.sharing = {"purchases": False}
        save_choices(unit, subject)
    assert store(acting, purchase(aino)) == [SignalResult("refused", "data_not_shared")]


@pytest.fixture
def bo(acting: Acting) -> UUID:
    with acting("shop") as unit:
        return register_subject(
            unit, RegisterSubject([Identifier("customer_number", "BO-1")], "sv", "SE", "Europe/Stockholm")
        ).id
