"""Requests of persons: the clock, the steps, and what fulfilling does."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from service.errors import ConflictError, NotFoundError, SubjectErasedError, UnreadableError
from service.storage.requests import read_request, read_steps
from service.storage.subjects import read_subject, read_subjects
from service.use_cases.advance_request import (
    extend_request,
    fulfil_request,
    refuse_request,
    verify_request,
)
from service.use_cases.file_request import due_at, file_request
from service.use_cases.record_consent import Notice, RecordConsent, record_consent
from service.use_cases.register_subject import Identifier, RegisterSubject, register_subject
from tests.use_cases.conftest import NOW, Acting


@pytest.mark.parametrize(
    ("received", "due"),
    [
        # A month ends at the end of the same-numbered day.
        (datetime(2026, 11, 23, 9, tzinfo=UTC), datetime(2026, 12, 24, tzinfo=UTC)),
        # 31 January: the end of February, which is a Sunday, so Monday.
        (datetime(2027, 1, 31, 23, 59, tzinfo=UTC), datetime(2027, 3, 2, tzinfo=UTC)),
        # 22 December is a Tuesday.
        (datetime(2026, 11, 22, 0, 0, tzinfo=UTC), datetime(2026, 12, 23, tzinfo=UTC)),
    ],
)
def test_the_clock_of_article_12(received: datetime, due: datetime) -> None:
    assert due_at(received) == due


def test_a_customer_is_known_and_a_stranger_is_not(acting: Acting, aino: UUID) -> None:
    with acting("customer", aino) as unit:
        assert file_request(unit, aino, "access").state == "in_progress"
    with acting("dpo") as unit:
        assert file_request(unit, aino, "access").state == "open"


def test_every_step_is_kept_with_its_reason(acting: Acting, aino: UUID) -> None:
    with acting("dpo") as unit:
        request = file_request(unit, aino, "rectification")
        verify_request(unit, request.id, "showed her card")
        extended = extend_request(unit, request.id, "waiting for the supplier")
        fulfil_request(unit, request.id, "name corrected")
        steps = read_steps(unit, read_subject(unit, aino), request)
    assert extended.due_at == datetime(2027, 2, 23, tzinfo=UTC)
    assert [(s["state"], s["reason"]) for s in steps] == [
        ("open", "filed"),
        ("in_progress", "showed her card"),
        ("extended", "waiting for the supplier"),
        ("fulfilled", "name corrected"),
    ]


def test_a_closed_request_stays_closed(acting: Acting, aino: UUID) -> None:
    with acting("dpo") as unit:
        request = file_request(unit, aino, "access")
        refuse_request(unit, request.id, "not the person")
        for move in (verify_request, extend_request, refuse_request, fulfil_request):
            with pytest.raises(ConflictError):
                move(unit, request.id, "again")


def test_the_clock_is_extended_once(acting: Acting, aino: UUID) -> None:
    with acting("dpo") as unit:
        request = file_request(unit, aino, "access")
        extend_request(unit, request.id, "many")
        with pytest.raises(ConflictError):
            extend_request(unit, request.id, "still many")


def test_a_deadline_that_has_passed_is_not_extended(acting: Acting, aino: UUID) -> None:
    with acting("dpo") as unit:
        request = file_request(unit, aino, "access")
    late = datetime(2027, 1, 5, tzinfo=UTC)
    with pytest.raises(ConflictError, match="deadline"), acting("dpo", at=late) as unit:
        extend_request(unit, request.id, "too late")


def test_restriction_and_objection_act(acting: Acting, aino: UUID) -> None:
    with acting("dpo") as unit:
        for kind in ("objection", "restriction"):
            request = file_request(unit, aino, kind)
            with pytest.raises(ConflictError, match="verified"):
                fulfil_request(unit, request.id, "by phone")
            verify_request(unit, request.id, "showed her card")
            fulfil_request(unit, request.id, "by phone")
        subject = read_subject(unit, aino)
    assert subject.status == "restricted"
    assert subject.choices.objections == ["direct_marketing"]


def test_erasure_leaves_a_tombstone_that_opens_nothing(acting: Acting, aino: UUID) -> None:
    with acting("customer", aino) as unit:
        consent = RecordConsent("given", Notice(2, "fi"), origin="app", purpose="personal_offers")
        record_consent(unit, aino, consent)
    with acting("dpo") as unit:
        request = file_request(unit, aino, "erasure")
        other = file_request(unit, aino, "access")
        verify_request(unit, request.id, "signed letter")
        fulfilled, done = fulfil_request(unit, request.id, "asked by letter")
    assert fulfilled.state == "fulfilled"
    certificate = done["certificate"]
    assert certificate["erased"]["identifiers"] == 1
    assert certificate["erased"]["data_key"] == 1
    assert certificate["erased"]["consent_events"] == 1
    with acting("dpo") as unit:
        assert read_subjects(unit.db, unit.keyring, [aino])[aino].state(NOW).status == "erased"
        with pytest.raises(SubjectErasedError):
            read_subject(unit, aino)
        for table in ("identifiers", "subject_states", "consent_events", "keys.data_keys"):
            assert unit.db.execute(f"select count(*) from {table}").fetchone() == (0,), table
        assert read_request(unit, request.id).closed_at == NOW
        assert read_request(unit, other.id).state == "withdrawn"


def test_an_erased_person_is_not_written_to_again(acting: Acting, aino: UUID) -> None:
    with acting("dpo") as unit:
        request = file_request(unit, aino, "erasure")
        verify_request(unit, request.id, "signed letter")
        fulfil_request(unit, request.id, "asked")
    with pytest.raises(SubjectErasedError), acting("shop") as unit:
        register_subject(
            unit,
            RegisterSubject([Identifier("email", "aino.virtanen@example.fi")], "fi", "FI", "Europe/Helsinki"),
        )


def test_a_subject_whose_key_is_missing_is_unreadable_not_empty(acting: Acting, aino: UUID) -> None:
    with acting("dpo") as unit:
        unit.db.execute("delete from keys.data_keys where owner = %s", (aino,))
    with pytest.raises(UnreadableError), acting("shop") as unit:
        read_subject(unit, aino)


def test_a_state_moved_to_another_person_does_not_open(acting: Acting, aino: UUID) -> None:
    with acting("shop") as unit:
        other = register_subject(
            unit, RegisterSubject([Identifier("customer_number", "7")], "sv", "SE", "Europe/Stockholm")
        ).id
        unit.db.execute("set local role none")
        unit.db.execute("alter table subject_states disable trigger user")
        unit.db.execute(
            "update subject_states set sealed = (select sealed from subject_states where subject = %s)"
            " where subject = %s",
            (aino, other),
        )
    with pytest.raises(UnreadableError), acting("shop") as unit:
        read_subject(unit, other)


def test_an_unknown_request_is_not_found(acting: Acting) -> None:
    with pytest.raises(NotFoundError), acting("dpo") as unit:
        read_request(unit, UUID(int=3))
