"""Recorded decisions: one sealed row per subject and call, or per subject and chunk of a bulk job.

A row holds what was asked, what was answered and which fields were read. With the policy version, the
epoch and the activity version that stand beside it in clear it can be replayed (guarantees P6).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from service import ids
from service.crypto.commitment import commit, decisions_payload
from service.crypto.data_key import DataKey, place
from service.crypto.keyring import Keyring, WrappedKey
from service.crypto.reading import CONSENT_ADMINISTRATION
from service.errors import NotFoundError, UnreadableError
from service.policy import Candidate, Decision
from service.storage.database import Connection
from service.storage.records import Record, decode_record, encode_record
from service.storage.sql import load
from service.storage.subjects import Subject
from service.storage.unit import Unit

_SQL = load(__file__)
_COLUMNS = ("uuid", "uuid", "int8", "int8", "int8", "bytea", "uuid", "int8", "timestamptz", "int8")
_SUFFIX = 4
MOST_PER_ROW = 32**_SUFFIX


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """One row as read. `subject` is None where the asked person is unknown or erased."""

    id: UUID
    subject: UUID | None
    at: datetime
    epoch: int | None
    activity: int | None
    policy: int
    record: Record


def _suffix(index: int) -> str:
    # 20 bits in base32, spelt like the rest of the id.
    return "".join("abcdefghijklmnopqrstuvwxyz234567"[index >> shift & 31] for shift in (15, 10, 5, 0))


_SUFFIXES = tuple(_suffix(index) for index in range(512))


def decision_ids(row: UUID, count: int) -> list[str]:
    """The public ids of a row's decisions: the row's id and the place in it, in one opaque word."""
    head = ids.show(ids.DECISION, row)
    known = _SUFFIXES if count <= len(_SUFFIXES) else [_suffix(index) for index in range(count)]
    return [head + suffix for suffix in known[:count]]


def decision_id(row: UUID, index: int) -> str:
    """The public id of the decision at one place of a row."""
    return ids.show(ids.DECISION, row) + _suffix(index)


def read_decision_id(text: str) -> tuple[UUID, int]:
    """The row behind a decision's id, and the place in it. Raises NotFoundError for what cannot be one."""
    row, suffix = ids.read(ids.DECISION, text[:-_SUFFIX]), text[-_SUFFIX:]
    try:
        index = int.from_bytes(base64.b32decode("aaaa".upper() + suffix.upper()), "big")
    except (binascii.Error, ValueError):
        raise NotFoundError(ids.DECISION) from None
    if _suffix(index) != suffix:
        raise NotFoundError(ids.DECISION)
    return row, index


def seal_record(key: DataKey, owner: UUID, row: UUID, record: bytes) -> bytes:
    """`owner` is the subject, or the job where there is no subject whose key could be used."""
    return key.seal(record, _place(owner, row))


def insert_decisions(
    db: Connection,
    subject: Subject,
    row: UUID,
    *,
    at: datetime,
    policy: int,
    record: bytes,
    durable: bool = True,
) -> bool:
    """Keep one call's decisions about one subject. False if the subject was erased since it was read.

    The statement holds the subject's row against an erasure until it has committed. Not `durable`, which
    is for a statement that is its own transaction: a crash of the database may lose it for some tenths of
    a second after it was answered, and nothing else."""
    key, epoch, activity = subject.data_key, subject.epoch, subject.activity_version
    sealed = seal_record(key, subject.id, row, record)
    payload = decisions_payload(
        row, subject.id, at=at, epoch=epoch, activity=activity, policy=policy, sealed=sealed
    )
    commitment = commit(key.salt(row), payload)
    durability = "on" if durable else "off"
    values = (row, at, epoch, activity, policy, sealed, durability, subject.id, commitment)
    return db.execute(_SQL["insert_decisions"], values, binary=True).rowcount == 1


def record_decisions(
    unit: Unit,
    subject: Subject,
    candidates: Sequence[Candidate],
    decisions: Sequence[Decision],
    fields: Sequence[str] = (),
) -> list[str]:
    """The same inside a transaction that holds the subject's lock; answers the decisions' ids."""
    row = ids.new_id()
    record = encode_record(unit.actor, candidates, decisions, fields)
    insert_decisions(unit.db, subject, row, at=unit.now, policy=unit.in_force.version, record=record)
    return decision_ids(row, len(decisions))


@dataclass(frozen=True, slots=True)
class Answers:
    """What was asked about one subject, what was answered, and which fields that read."""

    subject: Subject
    candidates: Sequence[Candidate]
    decisions: Sequence[Decision]
    fields: Sequence[str]


def record_all(unit: Unit, answers: Sequence[Answers]) -> list[list[str]]:
    """`record_decisions` about several subjects, all locked, in one statement."""
    rows = [ids.new_id() for _ in answers]
    policy = unit.in_force.version
    sealed, commitments = [], []
    for row, each in zip(rows, answers, strict=True):
        subject, key = each.subject, each.subject.data_key
        record = encode_record(unit.actor, each.candidates, each.decisions, each.fields)
        sealed.append(seal_record(key, subject.id, row, record))
        payload = decisions_payload(
            row,
            subject.id,
            at=unit.now,
            epoch=subject.epoch,
            activity=subject.activity_version,
            policy=policy,
            sealed=sealed[-1],
        )
        commitments.append(commit(key.salt(row), payload))
    values = {
        "ids": rows,
        "subjects": [each.subject.id for each in answers],
        "epochs": [each.subject.epoch for each in answers],
        "activities": [each.subject.activity_version for each in answers],
        "sealed": sealed,
        "commitments": commitments,
        "at": unit.now,
        "policy": policy,
    }
    unit.db.execute(_SQL["record_all"], values)
    return [decision_ids(row, len(each.decisions)) for row, each in zip(rows, answers, strict=True)]


class BulkRow(NamedTuple):
    """A row of a job's chunk, sealed: in the order of the columns that differ from row to row."""

    id: UUID
    subject: UUID | None
    position: int
    epoch: int | None
    activity: int | None
    sealed: bytes

    def payload(self, job: UUID, *, at: datetime, policy: int) -> bytes:
        """The row's digest in the chunk's entry of the ledger."""
        return decisions_payload(
            self.id,
            self.subject or job,
            at=at,
            epoch=self.epoch,
            activity=self.activity,
            policy=policy,
            sealed=self.sealed,
        )


def copy_decisions(
    db: Connection, rows: Iterable[BulkRow], job: UUID, chunk: int, *, at: datetime, policy: int
) -> None:
    """Keep the answers of a chunk. `hold_living` must follow in the same transaction."""
    write_rows(db, ((*row, job, chunk, at, policy) for row in rows))


def write_rows(db: Connection, rows: Iterable[tuple[object, ...]]) -> None:
    """Rows in the order of `copy_decisions`, by binary COPY."""
    with db.cursor().copy(_SQL["copy_decisions"]) as copy:
        copy.set_types(_COLUMNS)
        for row in rows:
            copy.write_row(row)


def hold_living(db: Connection, subjects: Iterable[UUID]) -> set[UUID]:
    """Those of the subjects that are not erased; an erasure now waits until this transaction has ended."""
    wanted = sorted(set(subjects))
    return {row[0] for row in db.execute(_SQL["hold_living"], (wanted,), binary=True)}


def drop_erased(db: Connection, job: UUID, chunk: int, subjects: Iterable[UUID]) -> None:
    """Take back what this transaction kept about persons erased in the meantime."""
    db.execute(_SQL["drop_erased"], (job, chunk, list(subjects)))


def read_decisions(db: Connection, keyring: Keyring, row: UUID) -> DecisionRow:
    """Raises NotFoundError, also once the key that sealed the row is gone."""
    found = db.execute(_SQL["read_decisions"], (row,), binary=True).fetchone()
    if found is None:
        raise NotFoundError(ids.DECISION)
    return open_row(keyring, found)


def open_row(keyring: Keyring, row: Sequence[object]) -> DecisionRow:
    """A row of `read_decisions` or `read_results`. Raises NotFoundError when its key is gone."""
    row_id, subject, job, at, epoch, activity, policy, sealed, kek, wrapped = row
    owner = subject or job
    if wrapped is None or not isinstance(owner, UUID):
        raise NotFoundError(ids.DECISION)
    key = keyring.unwrap(owner, WrappedKey(kek, wrapped))  # type: ignore[arg-type]
    record = open_record(key, owner, row_id, sealed)  # type: ignore[arg-type]
    return DecisionRow(row_id, subject, at, epoch, activity, policy, record)  # type: ignore[arg-type]


def open_record(key: DataKey, owner: UUID, row: UUID, sealed: bytes) -> Record:
    """What a row says. Raises UnreadableError."""
    try:
        return decode_record(key.open(sealed, _place(owner, row), CONSENT_ADMINISTRATION))
    except msgspec.MsgspecError:
        raise UnreadableError from None


def _place(owner: UUID, row: UUID) -> bytes:
    return place("decisions", "sealed", owner, row)
