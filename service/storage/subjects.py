"""Subjects and the sealed documents of their choices: reading, locking, and saving the next version."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from service.actor import show_subject
from service.crypto.chain import event_digest
from service.crypto.commitment import commit, event_payload
from service.crypto.data_key import DataKey, place
from service.crypto.keyring import Keyring, WrappedKey
from service.crypto.reading import CONSENT_ADMINISTRATION, Reading
from service.errors import NotFoundError, SubjectErasedError, UnreadableError
from service.ids import SUBJECT, new_id
from service.policy import State
from service.storage.choices import Activity, Choices, decode_activity, decode_choices, encode, to_state
from service.storage.database import Connection
from service.storage.expiries import consent_due
from service.storage.sql import load
from service.storage.unit import Unit

_SQL = load(__file__)


@dataclass(slots=True)
class Subject:
    """One subject as read: `key` is None once erased, and then choices and activity are empty."""

    id: UUID
    status: str
    epoch: int
    activity_version: int
    key: DataKey | None
    choices: Choices
    activity: Activity

    def state(self, now: datetime) -> State:
        """What the core sees. Raises UnreadableError for choices that it has no words for."""
        try:
            return to_state(show_subject(self.id), self.status, self.choices, self.activity, now)
        except (KeyError, ValueError):
            raise UnreadableError from None

    def seal(self, value: Any, table: str, record: object, column: str = "sealed") -> bytes:
        """`value` as JSON, sealed for one place of this subject."""
        return self.data_key.seal(msgspec.json.encode(value), place(table, column, self.id, record))

    def open(
        self, sealed: bytes, table: str, record: object, reading: Reading, column: str = "sealed"
    ) -> Any:
        """Raises UnreadableError also where `reading` does not cover the table (guarantees P11)."""
        return msgspec.json.decode(self.data_key.open(sealed, place(table, column, self.id, record), reading))

    @property
    def data_key(self) -> DataKey:
        if self.key is None:
            raise SubjectErasedError
        return self.key


@dataclass(frozen=True, slots=True)
class Event:
    """One consent event: `payload` says what was said, by whom and how."""

    id: UUID
    number: int
    at: datetime
    previous: bytes
    digest: bytes
    payload: dict[str, Any]
    # What stands for the event in the ledger, while the one who appended it is there to promise it.
    commitment: bytes = b""


def create_subject(unit: Unit, subject_id: UUID, choices: Choices) -> Subject:
    """A new active subject at epoch 1 with a data key of its own."""
    key, wrapped = unit.keyring.new_data_key(subject_id)
    subject = Subject(subject_id, "active", 1, 0, key, choices, Activity())
    with unit.db.pipeline():
        unit.db.execute(_SQL["insert_subject"], (subject_id, unit.now, consent_due(choices)))
        unit.db.execute(_SQL["insert_data_key"], (subject_id, wrapped.kek, wrapped.wrapped, unit.now))
        unit.db.execute(_SQL["insert_state"], (subject_id, 1, unit.now, _seal_choices(subject, 1)))
    return subject


def read_subjects(db: Connection, keyring: Keyring, ids: Sequence[UUID]) -> dict[UUID, Subject]:
    """The subjects among `ids` that exist, in one round trip. Raises UnreadableError for any whose state
    cannot be opened: half a state is no state."""
    return subjects_of(keyring, db.execute(_SQL["read_subjects"], (list(ids),), binary=True))


def subjects_of(keyring: Keyring, rows: Iterable[Sequence[Any]]) -> dict[UUID, Subject]:
    """What `read_subjects` makes of its rows, for a statement that has the same columns among others."""
    return {subject.id: subject for subject in _subjects(keyring, rows)}


def list_active(unit: Unit, after: UUID, limit: int) -> list[UUID]:
    """Active subjects by id, from the first one above `after`."""
    rows = unit.db.execute(_SQL["list_active"], {"after": after, "limit": limit})
    return [row[0] for row in rows]


def read_subject(unit: Unit, subject_id: UUID) -> Subject:
    """Raises NotFoundError, or SubjectErasedError once erased."""
    return _require(read_subjects(unit.db, unit.keyring, [subject_id]), subject_id)


def read_subject_at(unit: Unit, subject_id: UUID, epoch: int, activity: int) -> Subject:
    """The subject as a past decision saw it. Raises NotFoundError when that version is gone."""
    key = {"subject": subject_id, "epoch": epoch, "activity": activity}
    rows = unit.db.execute(_SQL["read_subject_at"], key, binary=True)
    return _require({s.id: s for s in _subjects(unit.keyring, rows)}, subject_id)


def lock_subjects(unit: Unit, ids: Iterable[UUID]) -> dict[UUID, Subject]:
    """The subjects among `ids` that exist, their rows locked until the transaction ends."""
    wanted = sorted(set(ids))
    return subjects_of(unit.keyring, unit.db.execute(_SQL["lock_subjects"], (wanted,), binary=True))


def lock_rows(db: Connection, ids: Iterable[UUID]) -> None:
    """The same locks, for a caller that reads the states himself."""
    db.execute(_SQL["lock_rows"], (sorted(set(ids)),))


def lock_subject(unit: Unit, subject_id: UUID) -> Subject:
    """Raises NotFoundError, or SubjectErasedError once erased."""
    return _require(lock_subjects(unit, [subject_id]), subject_id)


def save_choices(unit: Unit, subject: Subject) -> None:
    """Write the choices of a locked subject as its next epoch, and have its run-outs and its
    consents looked at when they are due."""
    subject.epoch += 1
    sealed = _seal_choices(subject, subject.epoch)
    unit.db.execute(_SQL["insert_state"], (subject.id, subject.epoch, unit.now, sealed))
    due = consent_due(subject.choices)
    unit.db.execute(_SQL["raise_epoch"], (subject.epoch, unit.now, due, subject.id))


def save_activity(unit: Unit, subject: Subject) -> None:
    """Write the contacts and orders of a locked subject as the next version."""
    subject.activity_version += 1
    at = _activity_place(subject.id, subject.activity_version)
    sealed = subject.data_key.seal(encode(subject.activity), at)
    version = {"subject": subject.id, "version": subject.activity_version, "at": unit.now, "sealed": sealed}
    unit.db.execute(_SQL["save_activity"], version)


def set_status(unit: Unit, subject: Subject, status: str) -> None:
    subject.status = status
    unit.db.execute(_SQL["set_status"], (status, subject.id))


def save_change(unit: Unit, subject: Subject, payload: dict[str, Any]) -> Event:
    """Append to the chain of a locked subject, and write the choices that the caller has edited as its next
    epoch, as `save_choices` does."""
    choices = subject.choices
    event_id, number, previous = new_id(), choices.events + 1, choices.head
    sealed = subject.seal(payload, "consent_events", event_id)
    digest = event_digest(
        previous, subject=subject.id, number=number, event=event_id, at=unit.now, sealed=sealed
    )
    commitment = commit(subject.data_key.salt(event_id), event_payload(digest, payload))
    choices.events, choices.head = number, digest
    subject.epoch += 1
    unit.db.execute(
        _SQL["save_change"],
        {
            "id": event_id,
            "subject": subject.id,
            "number": number,
            "at": unit.now,
            "previous": previous,
            "digest": digest,
            "sealed": sealed,
            "commitment": commitment,
            "epoch": subject.epoch,
            "choices": _seal_choices(subject, subject.epoch),
            "due": consent_due(choices),
        },
    )
    return Event(event_id, number, unit.now, previous, digest, payload, commitment)


def read_events(unit: Unit, subject: Subject, after: int = 0, limit: int = 1_000_000) -> list[Event]:
    """The subject's events with a number above `after`, oldest first.

    Raises UnreadableError where the chain does not hold: an event changed, moved, missing, or cut off
    behind the head that the state keeps. A history that was tampered with is not shown as if it were one.
    """
    key = {"subject": subject.id, "after": after, "limit": limit}
    rows = unit.db.execute(_SQL["read_events"], key, binary=True).fetchall()
    _check_chain(subject, rows, after, complete=len(rows) < limit)
    return [
        Event(event, number, at, previous, digest, _said(subject, event, sealed))
        for event, number, at, previous, digest, sealed in rows
    ]


def _said(subject: Subject, event: UUID, sealed: bytes) -> Any:
    return subject.open(sealed, "consent_events", event, CONSENT_ADMINISTRATION)


def _check_chain(subject: Subject, rows: Sequence[Sequence[Any]], after: int, *, complete: bool) -> None:
    choices = subject.choices
    number = max(after, choices.purged)
    digest = choices.tail if number == choices.purged else None
    for event, given_number, at, previous, given_digest, sealed in rows:
        number += 1
        expected = event_digest(
            previous, subject=subject.id, number=number, event=event, at=at, sealed=sealed
        )
        if given_number != number or given_digest != expected or digest not in (None, previous):
            raise UnreadableError("the consent history does not hold together")
        digest = given_digest
    if complete and (number, digest or choices.head) != (choices.events, choices.head):
        raise UnreadableError("the consent history ends before its head")


def _subjects(keyring: Keyring, rows: Iterable[Sequence[Any]]) -> Iterable[Subject]:
    rows = list(rows)
    living = [row for row in rows if row[1] != "erased"]
    if any(row[5] is None or row[6] is None or (row[7] is None and row[3]) for row in living):
        raise UnreadableError
    # All at once: a provider elsewhere is asked once.
    keys = iter(keyring.unwrap_many([(row[0], WrappedKey(row[4], row[5])) for row in living]))
    for subject_id, status, epoch, activity, _, _, choices, contacts in rows:
        if status == "erased":
            yield Subject(subject_id, status, epoch, activity, None, Choices(), Activity())
            continue
        key = next(keys)
        yield Subject(
            subject_id,
            status,
            epoch,
            activity,
            key,
            _decoded(decode_choices, key, choices, _choices_place(subject_id, epoch)),
            Activity()
            if contacts is None
            else _decoded(decode_activity, key, contacts, _activity_place(subject_id, activity)),
        )


def _decoded(decode: Any, key: DataKey, sealed: bytes, at: bytes) -> Any:
    data = key.open(sealed, at, CONSENT_ADMINISTRATION)
    try:
        return decode(data)
    except msgspec.MsgspecError:
        raise UnreadableError from None


def _require(found: dict[UUID, Subject], subject_id: UUID) -> Subject:
    subject = found.get(subject_id)
    if subject is None:
        raise NotFoundError(SUBJECT)
    if subject.status == "erased":
        raise SubjectErasedError
    return subject


def _seal_choices(subject: Subject, epoch: int) -> bytes:
    return subject.data_key.seal(encode(subject.choices), _choices_place(subject.id, epoch))


def _choices_place(subject: UUID, epoch: int) -> bytes:
    return place("subject_states", "sealed", subject, epoch)


def _activity_place(subject: UUID, version: int) -> bytes:
    return place("subject_activity", "sealed", subject, version)
