"""Erasure: the journal before the answer, the certificate, recipients, legal holds, and the replay."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from service.bootstrap import Services
from service.errors import ConflictError, InvalidInputError, UnavailableError, UnreadableError
from service.storage.certificates import digest_of, read_certificate
from service.storage.journal import JournalError
from service.storage.requests import read_request, read_steps
from service.storage.subjects import lock_subject, read_subject, read_subjects
from service.use_cases.advance_request import fulfil_request, refuse_request, verify_request
from service.use_cases.certificate import copies_until
from service.use_cases.erase_subject import erase_subject
from service.use_cases.file_request import file_request
from service.use_cases.hold_subject import end_holds, lift_hold, place_hold
from service.use_cases.merge_subjects import merge_subjects
from service.use_cases.register_subject import Identifier, RegisterSubject, register_subject
from service.use_cases.replay_erasures import missing_entries, recover_journal, replay_erasures
from tests.use_cases.conftest import NOW, Acting

LATER = NOW + timedelta(days=90)


@pytest.fixture
def policy_document(policy_document: dict[str, Any]) -> dict[str, Any]:
    policy_document["purposes"]["personal_offers"]["recipients"] = ["Brevduvan AB"]
    policy_document["purposes"]["order_fulfilment"]["recipients"] = [
        {"name": "Norrbud AB", "role": "carrier"}
    ]
    return policy_document


def asked(acting: Acting, subject: UUID) -> UUID:
    with acting("customer", subject) as unit:
        return file_request(unit, subject, "erasure").id


def test_the_certificate_is_kept_stamped_and_names_the_last_backup(
    acting: Acting, services: Services, aino: UUID
) -> None:
    request = asked(acting, aino)
    with acting("dpo") as unit:
        issued = fulfil_request(unit, request, "asked")[1]["certificate"]
    with acting("dpo") as unit:
        found = read_certificate(unit, request)
    assert found is not None
    certificate, notices = found
    assert certificate == issued
    assert certificate["digest"] == f"sha-256:{digest_of(certificate).hex()}"
    # 22 November, 30 days, the day of the pruning, and that day's end.
    assert certificate["backups"]["copies_until"] == "2026-12-24T00:00:00Z"
    assert [(n.recipient, n.kind, n.state) for n in notices] == [
        ("Brevduvan AB", "subject.erased", "pending"),
        ("Norrbud AB", "subject.erased", "pending"),
    ]
    assert "virtanen" not in str(certificate).lower()
    entry = services.erasures.journal.read()[0]
    assert entry.subjects == (aino,)
    assert entry.certificate == digest_of(certificate)
    assert copies_until(NOW, timedelta(days=1)) == datetime(2026, 11, 25, tzinfo=UTC)


def test_a_changed_certificate_is_not_shown(acting: Acting, aino: UUID) -> None:
    request = asked(acting, aino)
    with acting("dpo") as unit:
        fulfil_request(unit, request, "asked")
        with pytest.raises(psycopg.errors.InsufficientPrivilege), unit.db.transaction():
            unit.db.execute("update erasures set at = now()")
        unit.db.execute("set local role none")
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation), unit.db.transaction():
            unit.db.execute("update erasures set at = now()")
        unit.db.execute("alter table erasures disable trigger user")
        unit.db.execute("update erasures set certificate = jsonb_set(certificate, '{epoch}', '99')")
        with pytest.raises(UnreadableError):
            read_certificate(unit, request)


def test_nothing_is_erased_when_the_journal_cannot_be_written(
    acting: Acting, services: Services, aino: UUID
) -> None:
    request = asked(acting, aino)
    services.erasures.journal.path.parent.write_text("in the way")
    with pytest.raises(JournalError), acting("dpo") as unit:
        fulfil_request(unit, request, "asked")
    with acting("dpo") as unit:
        assert read_subject(unit, aino).status == "active"
        assert read_request(unit, request).state == "in_progress"
    assert issubclass(JournalError, UnavailableError)


def test_an_erasure_that_could_not_commit_is_done_by_the_replay(
    acting: Acting, services: Services, aino: UUID
) -> None:
    class PowerCutError(Exception):
        pass

    request = asked(acting, aino)

    def cut() -> None:
        with acting("dpo") as unit:
            fulfil_request(unit, request, "asked")
            raise PowerCutError

    with pytest.raises(PowerCutError):
        cut()
    with acting("dpo") as unit:
        assert read_subject(unit, aino).status == "active"
    assert replay_erasures(services) == 1
    assert replay_erasures(services) == 0
    with acting("dpo") as unit:
        assert read_subjects(unit.db, unit.keyring, [aino])[aino].status == "erased"
        assert read_request(unit, request).state == "fulfilled"
        assert unit.db.execute("select count(*) from keys.data_keys").fetchone() == (0,)
        assert unit.db.execute("select count(*) from suppression_marks").fetchone() == (1,)
        assert unit.db.execute("select count(*) from recipient_notices").fetchone() == (2,)


def test_a_replay_knows_persons_that_the_copy_has_never_seen(
    acting: Acting, services: Services, aino: UUID
) -> None:
    with acting("dpo") as unit:
        erase_subject(unit, lock_subject(unit, aino))
        # The copy is from before she came.
        unit.db.execute("set local role none")
        for table in ("recipient_notices", "erasures", "suppression_marks"):
            unit.db.execute(f"alter table {table} disable trigger user")
            unit.db.execute(f"delete from {table}")
        unit.db.execute("delete from subjects")
    assert replay_erasures(services) == 1
    with pytest.raises(Exception, match="erased"), acting("shop") as unit:
        register_subject(
            unit,
            RegisterSubject([Identifier("email", "aino.virtanen@example.fi")], "fi", "FI", "Europe/Helsinki"),
        )


def test_a_journal_that_does_not_fit_stops_everything(acting: Acting, services: Services, aino: UUID) -> None:
    with acting("dpo") as unit:
        erase_subject(unit, lock_subject(unit, aino))
    journal = services.erasures.journal
    text = journal.path.read_text()
    journal.path.unlink()
    with pytest.raises(JournalError, match="is missing"):
        replay_erasures(services)
    journal.append([aino], [], at=NOW, certificate=bytes(32), known=0)
    with pytest.raises(JournalError, match="different erasures"):
        replay_erasures(services)
    journal.path.unlink()
    with services.database.connection() as db:
        assert recover_journal(db, journal) == 1
        assert missing_entries(db, journal) == []
    assert journal.path.read_text() == text


def test_persons_merged_into_one_go_together(acting: Acting, services: Services, aino: UUID) -> None:
    with acting("shop") as unit:
        double = register_subject(
            unit, RegisterSubject([Identifier("customer_number", "7")], "sv", "SE", "Europe/Stockholm")
        ).id
    with acting("dpo") as unit:
        hold = place_hold(unit, double, "legal_claims", LATER)
        merge_subjects(unit, double, aino)
        with pytest.raises(ConflictError):
            erase_subject(unit, lock_subject(unit, aino))
        lift_hold(unit, aino, hold.id)
        certificate = erase_subject(unit, lock_subject(unit, aino))
    assert certificate["erased"]["data_key"] == 2
    assert certificate["erased"]["identifiers"] == 2
    [entry] = services.erasures.journal.read()
    assert entry.subjects == (aino, double)
    assert len(entry.marks) == 2


@pytest.mark.parametrize("hold_first", [True, False])
def test_a_hold_keeps_the_data_and_restricts_the_person(acting: Acting, aino: UUID, hold_first: bool) -> None:
    with acting("dpo") as unit:
        if hold_first:
            hold = place_hold(unit, aino, "legal_claims", LATER)
            assert read_subject(unit, aino).status == "active"
            request = file_request(unit, aino, "erasure").id
        else:
            request = file_request(unit, aino, "erasure").id
            hold = place_hold(unit, aino, "legal_claims", LATER)
    with acting("dpo") as unit:
        verify_request(unit, request, "came to the counter")
    with pytest.raises(ConflictError) as caught, acting("dpo") as unit:
        fulfil_request(unit, request, "asked")
    assert caught.value.members == {"code": "legal_claims", "until": "2027-02-20T09:00:00Z"}
    with acting("dpo") as unit:
        assert read_subject(unit, aino).status == "restricted"
        assert read_request(unit, request).state == "in_progress"
        lift_hold(unit, aino, hold.id)
        assert read_subject(unit, aino).status == "restricted"
        assert fulfil_request(unit, request, "asked")[1]["certificate"]["erased"]["legal_holds"] == 1


def test_a_hold_ends_by_itself_and_gives_back_what_it_took(acting: Acting, aino: UUID) -> None:
    with acting("dpo") as unit:
        place_hold(unit, aino, "legal_obligation", LATER)
        request = file_request(unit, aino, "erasure")
        refuse_request(unit, request.id, "bookkeeping", "legal_obligation")
        assert read_subject(unit, aino).status == "restricted"
        steps = read_steps(unit, read_subject(unit, aino), read_request(unit, request.id))
    assert steps[-1]["code"] == "legal_obligation"
    with acting("dpo", at=LATER) as unit:
        assert end_holds(unit, 10) == 1
        assert end_holds(unit, 10) == 0
        assert read_subject(unit, aino).status == "active"


def test_grounds_fit_the_request(acting: Acting, aino: UUID) -> None:
    with acting("dpo") as unit:
        request = file_request(unit, aino, "access")
        with pytest.raises(InvalidInputError):
            refuse_request(unit, request.id, "no", "legal_claims")
        assert refuse_request(unit, request.id, "no", "rights_of_others").state == "refused"
        with pytest.raises(InvalidInputError):
            place_hold(unit, aino, "legal_claims", NOW)


def test_without_a_journal_nothing_can_be_erased(acting: Acting, aino: UUID) -> None:
    with acting("dpo") as unit, pytest.raises(UnavailableError):
        erase_subject(replace(unit, erasures=None), lock_subject(unit, aino))
