"""Erase a person (GDPR Art. 17): the key is destroyed, the rows go, a tombstone and keyed marks stay."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from service.errors import UnavailableError
from service.ids import new_id
from service.storage.certificates import (
    close_erasure_requests,
    digest_of,
    keep_erasure,
    known_subjects,
    last_entry,
    tell_recipients,
)
from service.storage.erasure import erase_rows
from service.storage.identifiers import leave_marks, suppress_identifiers
from service.storage.journal import Entry
from service.storage.merge import merged_into
from service.storage.outbox import read_under_way
from service.storage.requests import close_moot_requests
from service.storage.subjects import Subject
from service.storage.unit import Erasures, Unit
from service.use_cases.cancel_forbidden import HORIZON
from service.use_cases.certificate import certificate_of
from service.use_cases.hold_subject import require_no_hold
from service.use_cases.publish_event import publish_erased, recipients_to_tell
from service.use_cases.stop_permits import end_permits


@dataclass(frozen=True, slots=True)
class _Gone:
    subjects: list[UUID]
    rows: dict[str, int]
    marks: list[bytes]
    epoch: int


def erase_subject(unit: Unit, subject: Subject, request: UUID | None = None) -> dict[str, Any]:
    """The certificate. `subject` is locked by the caller, who must change nothing afterwards.

    The journal is written last: from then on the erasure counts, and should the commit fail, it is done by
    the next replay. Raises ConflictError under a legal hold, and JournalError with nothing erased.
    """
    erasures = _require(unit)
    require_no_hold(unit, subject.id)
    known = last_entry(unit.db)
    recipients = recipients_to_tell(unit)
    subjects = [subject.id, *merged_into(unit, subject.id)]
    under_way = read_under_way(unit, subjects, unit.now - HORIZON)
    redeemed = end_permits(unit, subject)[1]
    gone = _erase(unit, subjects)
    close_moot_requests(unit, subject.id)
    erasure = new_id()
    certificate = certificate_of(
        erasure,
        gone.subjects,
        at=unit.now,
        epoch=gone.epoch,
        gone=gone.rows,
        marks=len(gone.marks),
        recipients=recipients,
        backups_kept=erasures.backups_kept,
        under_way=under_way,
        redeemed=redeemed,
    )
    entry = erasures.journal.append(
        gone.subjects, gone.marks, at=unit.now, certificate=digest_of(certificate), known=known
    )
    keep_erasure(unit, erasure, request, certificate, entry)
    tell_recipients(unit, erasure, recipients)
    publish_erased(unit, erasure, gone.subjects)
    subject.status, subject.key, subject.epoch = "erased", None, gone.epoch
    return certificate


def replay_erasure(unit: Unit, entry: Entry) -> None:
    """Do an erasure of the journal again, in a copy of the database from before it. Holds of that time have
    ended since, or it would not have been done. Recipients are told again: nothing here says that they were.
    """
    gone = _erase(unit, known_subjects(unit, entry))
    leave_marks(unit, entry.marks)
    close_erasure_requests(unit, entry)
    for subject in entry.subjects:
        close_moot_requests(unit, subject)
    erasure, recipients = new_id(), recipients_to_tell(unit)
    certificate = certificate_of(
        erasure,
        entry.subjects,
        at=entry.at,
        epoch=gone.epoch,
        gone=gone.rows,
        marks=len(entry.marks),
        recipients=recipients,
        backups_kept=_require(unit).backups_kept,
        replayed=True,
    )
    keep_erasure(unit, erasure, None, certificate, entry)
    tell_recipients(unit, erasure, recipients)
    publish_erased(unit, erasure, list(entry.subjects))


def _erase(unit: Unit, subjects: list[UUID]) -> _Gone:
    """Remove what there is of these subjects, the first of which is the person as known last."""
    rows: Counter[str] = Counter()
    marks: list[bytes] = []
    epoch = 0
    for subject in subjects:
        marks += suppress_identifiers(unit, subject)
        gone, reached = erase_rows(unit, subject)
        rows.update(gone)
        epoch = epoch or reached
    return _Gone(subjects, dict(rows), marks, epoch)


def _require(unit: Unit) -> Erasures:
    if unit.erasures is None:
        raise UnavailableError("there is no erasure journal here, so nothing is erased")
    return unit.erasures
