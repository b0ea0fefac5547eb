"""Signals: what a person did, bought or said, sealed under the person's key and bound to its data category.

The category is part of the associated data, so code that may read `purchases` cannot open a row of
`usage` by mistake. No column names the category; `purge_after`, by which a sweep finds what is too old
without opening it, tells how long the row is kept, and so which of the policy's periods it has.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from service.crypto.data_key import place
from service.crypto.reading import Reading, signals_of
from service.errors import UnreadableError
from service.ids import new_id
from service.policy.retention import data_period, purge_after
from service.storage.sql import load
from service.storage.subjects import Subject
from service.storage.unit import Unit

_SQL = load(__file__)
_COLUMNS = ("uuid", "uuid", "bytea", "timestamptz", "timestamptz", "timestamptz", "bytea")
_EVER = datetime(1, 1, 1, tzinfo=UTC)


class SignalContent(msgspec.Struct, omit_defaults=True):
    """The sealed part. `id` is the sender's own; `category` is the catalogue's, at the time of storing."""

    type: str
    id: str
    data: dict[str, Any]
    category: str | None = None


@dataclass(frozen=True, slots=True)
class SealedSignal:
    id: UUID
    at: datetime
    sealed: bytes


@dataclass(frozen=True, slots=True)
class SignalRow:
    """One row to insert. `data` is the data category that the policy names for the signal's type."""

    subject: Subject
    dedupe: bytes
    at: datetime
    data: str
    content: SignalContent


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(SignalContent).decode


def dedupe_digest(unit: Unit, subject: UUID, signal_type: str, client_id: str) -> bytes:
    """Equal for the same signal sent twice, and telling nothing else."""
    return unit.index.digest(
        "signal", b"\x00".join((subject.bytes, signal_type.encode(), client_id.encode()))
    )


def known_digests(unit: Unit, asked: Sequence[tuple[UUID, bytes]]) -> set[bytes]:
    """Those of the (subject, digest) pairs that are stored already."""
    key = {"subjects": [subject for subject, _ in asked], "digests": [digest for _, digest in asked]}
    return {row[0] for row in unit.db.execute(_SQL["read_known"], key, binary=True)}


def insert_signals(unit: Unit, rows: Iterable[SignalRow]) -> None:
    """Insert rows of locked subjects, none of them stored yet."""
    rows = list(rows)
    periods = {data: data_period(unit.policy, data) for data in {row.data for row in rows}}
    with unit.db.cursor() as cursor, cursor.copy(_SQL["copy_signals"]) as copy:
        copy.set_types(_COLUMNS)
        for row in rows:
            signal = new_id()
            sealed = row.subject.data_key.seal(_encode(row.content), _place(row.subject, signal, row.data))
            ends = purge_after(row.at, periods[row.data])
            copy.write_row((signal, row.subject.id, row.dedupe, row.at, unit.now, ends, sealed))


def wake_forecasts(unit: Unit, subjects: Iterable[UUID]) -> None:
    unit.db.execute(_SQL["wake_forecasts"], {"subjects": list(subjects), "now": unit.now})


def read_sealed(unit: Unit, subject: Subject, since: datetime | None = None) -> list[SealedSignal]:
    """The subject's signals of every category later than `since`, oldest first, still sealed."""
    return read_sealed_of(unit, [subject], since)[subject.id]


def read_sealed_of(
    unit: Unit, subjects: Iterable[Subject], since: datetime | None = None
) -> dict[UUID, list[SealedSignal]]:
    """The same of several subjects, by subject, in one round trip."""
    found: dict[UUID, list[SealedSignal]] = {subject.id: [] for subject in subjects}
    rows = unit.db.execute(_SQL["read_signals"], (list(found), since or _EVER), binary=True)
    for owner, *signal in rows:
        found[owner].append(SealedSignal(*signal))
    return found


def open_signal(subject: Subject, signal: SealedSignal, data: str, reading: Reading) -> SignalContent | None:
    """The content, or None if the signal is not of the data category `data` (or was tampered with), or
    `reading` is not of that category."""
    try:
        return _decode(subject.data_key.open(signal.sealed, _place(subject, signal.id, data), reading))
    except (UnreadableError, msgspec.MsgspecError):
        return None


def data_categories(unit: Unit) -> list[str]:
    """Every data category that a published policy ever named."""
    return [row[0] for row in unit.db.execute(_SQL["read_data_categories"])]


def _place(subject: Subject, signal: UUID, data: str) -> bytes:
    return place(signals_of(data), "sealed", subject.id, signal)
