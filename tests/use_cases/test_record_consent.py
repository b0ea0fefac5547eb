"""Consent: who may say what, when it counts, and that history keeps it in order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from service.actor import Actor
from service.bootstrap import Services
from service.crypto.chain import GENESIS, event_digest
from service.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    UnreadableError,
)
from service.policy import holds
from service.storage.subjects import read_events, read_subject, read_subject_at
from service.use_cases.list_consents import list_consents
from service.use_cases.record_consent import Notice, RecordConsent, record_consent
from tests.use_cases.conftest import NOW, Acting

PURPOSE = "replenishment_reminders"


def answer(status: str, **more: object) -> RecordConsent:
    fields: dict[str, object] = {"purpose": PURPOSE, "notice": Notice(1, "fi"), "origin": "app"}
    return RecordConsent(status=status, **(fields | more))  # type: ignore[arg-type]


def test_a_consent_holds_until_it_expires(acting: Acting, aino: UUID) -> None:
    with acting("customer", aino) as unit:
        recorded = record_consent(unit, aino, answer("given"))
    assert recorded.expires_at == datetime(2027, 11, 22, 9, 0, tzinfo=UTC)
    assert recorded.changed.epoch == 2
    with acting("shop") as unit:
        subject = read_subject(unit, aino)
        assert holds(unit.policy, subject.state(NOW), PURPOSE, NOW)
        assert holds(unit.policy, subject.state(NOW), PURPOSE, recorded.expires_at - timedelta(seconds=1))
        assert not holds(unit.policy, subject.state(NOW), PURPOSE, recorded.expires_at)


def test_withdrawal_ends_it_at_once(acting: Acting, aino: UUID) -> None:
    for status in ("given", "withdrawn"):
        with acting("customer", aino) as unit:
            record_consent(unit, aino, answer(status))
    with acting("shop") as unit:
        subject = read_subject(unit, aino)
        assert not holds(unit.policy, subject.state(NOW), PURPOSE, NOW)
        consents = {c.get("purpose"): c for c in list_consents(subject, unit.policy, NOW)}
    assert consents[PURPOSE]["status"] == "withdrawn"
    assert subject.epoch == 3


def test_every_epoch_can_be_read_again(acting: Acting, aino: UUID) -> None:
    for status in ("given", "withdrawn"):
        with acting("customer", aino) as unit:
            record_consent(unit, aino, answer(status))
    with acting("shop") as unit:
        was = {e: read_subject_at(unit, aino, e, 0).choices.consents for e in (1, 2, 3)}
        with pytest.raises(NotFoundError):
            read_subject_at(unit, aino, 4, 0)
    assert was[1] == {}
    assert [was[e][PURPOSE].status for e in (2, 3)] == ["given", "withdrawn"]


@pytest.mark.parametrize(
    ("role", "status"),
    [
        ("shop", "given"),
        ("shop", "withdrawn"),
        ("dpo", "given"),
        ("customer", "revoked"),
        ("marketing", "given"),
    ],
)
def test_nobody_speaks_for_another(acting: Acting, aino: UUID, role: str, status: str) -> None:
    with pytest.raises(ForbiddenError), acting(role, aino) as unit:
        record_consent(unit, aino, answer(status))
    with acting("shop") as unit:
        assert read_subject(unit, aino).epoch == 1


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"purpose": "world_domination"}, "/purpose"),
        ({"purpose": "order_fulfilment"}, "/purpose"),
        ({"purpose": None, "channel": "pigeon"}, "/channel"),
        ({"channel": "email"}, ""),
        ({"purpose": None}, ""),
        ({"notice": None}, "/notice"),
        ({"at": NOW + timedelta(hours=1)}, "/at"),
        ({"at": NOW - timedelta(hours=1)}, "/at"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(
    acting: Acting, aino: UUID, more: dict[str, object], pointer: str
) -> None:
    with pytest.raises(InvalidInputError) as caught, acting("customer", aino) as unit:
        record_consent(unit, aino, answer("given", **more))
    assert [fault.pointer for fault in caught.value.faults] == [pointer]
    with acting("shop") as unit:
        assert read_events(unit, read_subject(unit, aino)) == []


def test_a_late_yes_does_not_undo_a_no(acting: Acting, aino: UUID) -> None:
    with acting("customer", aino) as unit:
        record_consent(unit, aino, answer("given"))
    with acting("customer", aino, at=NOW + timedelta(minutes=2)) as unit:
        record_consent(unit, aino, answer("withdrawn"))
    with pytest.raises(ConflictError), acting("customer", aino, at=NOW + timedelta(minutes=3)) as unit:
        record_consent(unit, aino, answer("given", at=NOW + timedelta(minutes=1)))
    with acting("shop") as unit:
        assert read_subject(unit, aino).choices.consents[PURPOSE].status == "withdrawn"


def test_a_yes_sent_again_does_not_undo_an_answered_no(acting: Acting, aino: UUID) -> None:
    """The withdrawal's own clock lies before the yes; it was answered after it."""
    with acting("customer", aino) as unit:
        record_consent(unit, aino, answer("given"))
    later = NOW + timedelta(minutes=2)
    with acting("customer", aino, at=later) as unit:
        record_consent(unit, aino, answer("withdrawn", at=NOW - timedelta(minutes=2)))
    for at in (NOW, later):
        with pytest.raises(ConflictError), acting("customer", aino, at=later) as unit:
            record_consent(unit, aino, answer("given", at=at))
    with acting("customer", aino, at=later) as unit:
        assert record_consent(unit, aino, answer("given")).status == "given"


@pytest.mark.parametrize("damage", ["delete the last", "delete the first", "change an instant", "swap two"])
def test_a_history_that_was_tampered_with_is_not_shown(acting: Acting, aino: UUID, damage: str) -> None:
    for status in ("given", "withdrawn", "given"):
        with acting("customer", aino) as unit:
            record_consent(unit, aino, answer(status))
    statements = {
        "delete the last": "delete from consent_events where number = 3",
        "delete the first": "delete from consent_events where number = 1",
        "change an instant": "update consent_events set at = at - interval '1 day' where number = 2",
        "swap two": "update consent_events set number = 13 - number where number < 3;"
        " update consent_events set number = 13 where number = 3;"
        " update consent_events set number = number - 10",
    }
    with acting("dpo") as unit:
        unit.db.execute("set local role none")
        unit.db.execute("alter table consent_events disable trigger user")
        for statement in statements[damage].split(";"):
            unit.db.execute(statement.encode())
    with pytest.raises(UnreadableError), acting("dpo") as unit:
        read_events(unit, read_subject(unit, aino))


def test_no_new_question_for_six_months_after_a_refusal(acting: Acting, aino: UUID) -> None:
    with acting("customer", aino) as unit:
        record_consent(unit, aino, answer("refused"))
    with pytest.raises(ConflictError) as caught, acting("shop", at=NOW + timedelta(days=150)) as unit:
        record_consent(unit, aino, answer("requested"))
    assert caught.value.members["may_ask_from"] == "2027-05-22T09:00:00Z"
    with acting("shop", at=datetime(2027, 5, 22, 9, 0, tzinfo=UTC)) as unit:
        record_consent(unit, aino, answer("requested"))


def test_being_asked_again_leaves_a_yes_alone(acting: Acting, aino: UUID) -> None:
    with acting("customer", aino) as unit:
        record_consent(unit, aino, answer("given"))
    with acting("customer", aino) as unit:
        record_consent(unit, aino, answer("deferred"))
    with pytest.raises(ConflictError), acting("shop") as unit:
        record_consent(unit, aino, answer("requested"))
    with acting("shop") as unit:
        assert read_subject(unit, aino).choices.consents[PURPOSE].status == "given"


def test_a_channel_is_opted_into_and_out_of(acting: Acting, aino: UUID) -> None:
    for status, on in (("given", True), ("withdrawn", False)):
        with acting("customer", aino) as unit:
            record_consent(unit, aino, answer(status, purpose=None, channel="email"))
        with acting("shop") as unit:
            assert read_subject(unit, aino).choices.channels == {"email": on}


def test_history_is_a_chain_from_the_first_event_to_the_sealed_head(acting: Acting, aino: UUID) -> None:
    for status in ("given", "withdrawn", "given"):
        with acting("customer", aino) as unit:
            record_consent(unit, aino, answer(status))
    with acting("dpo") as unit:
        subject = read_subject(unit, aino)
        events = read_events(unit, subject)
        sealed = dict(unit.db.execute("select id, sealed from consent_events").fetchall())
    assert [event.payload["status"] for event in events] == ["given", "withdrawn", "given"]
    previous = GENESIS
    for number, event in enumerate(events, start=1):
        assert event.number == number
        assert event.previous == previous
        assert event.digest == event_digest(
            previous,
            subject=aino,
            number=number,
            event=event.id,
            at=event.at,
            sealed=bytes(sealed[event.id]),
        )
        previous = event.digest
    assert (subject.choices.events, subject.choices.head) == (3, previous)


@pytest.mark.parametrize(
    "statement",
    [
        "update consent_events set at = now()",
        "delete from consent_events",
        "update subject_states set sealed = ''",
        "delete from subject_states",
    ],
)
def test_the_database_refuses_to_rewrite_history(acting: Acting, aino: UUID, statement: str) -> None:
    with acting("customer", aino) as unit:
        record_consent(unit, aino, answer("given"))
    with pytest.raises(psycopg.errors.InsufficientPrivilege), acting("dpo") as unit:
        unit.db.execute(statement)
    # Not even to the owner of the tables, unless on purpose.
    with acting("dpo") as unit:
        unit.db.execute("set local role none")
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
            unit.db.execute(statement)


def test_nothing_said_can_be_read_in_the_database(acting: Acting, aino: UUID) -> None:
    with acting("customer", aino) as unit:
        record_consent(unit, aino, answer("given", evidence="asked by Maria at the till"))
    with acting("dpo") as unit:
        tables = ("subjects", "subject_states", "consent_events", "identifiers", "keys.data_keys")
        dump = "\n".join(
            str(row) for table in tables for row in unit.db.execute(f"select t::text from {table} t")
        )
    hidden = [
        "replenishment",
        "given",
        "Maria",
        "Virtanen",
        "virtanen",
        "Stockholm",
        "1980-02-29",
        "customer-1",
    ]
    for word in hidden:
        assert word not in dump
        assert word.encode().hex() not in dump


def test_a_customer_who_is_staff_as_well_gives_nobody_elses_consent(services: Services, aino: UUID) -> None:
    both = Actor(sub="maria", roles=frozenset({"customer", "shop"}), subject=UUID(int=5))
    with pytest.raises(ForbiddenError), services.unit(both) as unit:
        record_consent(unit, aino, answer("given"))
