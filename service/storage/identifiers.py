"""Identifiers: sealed values found by blind index, and the marks that erased ones leave behind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from service.crypto.reading import IDENTIFICATION
from service.errors import NotFoundError
from service.ids import IDENTIFIER, new_id
from service.storage.sql import load
from service.storage.subjects import Subject
from service.storage.unit import Unit

_SQL = load(__file__)


class Known(Protocol):
    """A normalised identifier."""

    @property
    def type(self) -> str: ...

    @property
    def value(self) -> str: ...


@dataclass(frozen=True, slots=True)
class StoredIdentifier:
    """An identifier in clear, as only its owner and a DPO may see it."""

    id: UUID
    type: str
    value: str
    created_at: datetime


def hold_identifiers(unit: Unit, identifiers: Iterable[Known]) -> None:
    """Let nobody else register these, nor begin a new version of the blind index, until the transaction
    ends."""
    version = _hold_versions(unit)
    blinds = (unit.index.identifier(i.type, i.value, version) for i in identifiers)
    for lock in sorted(int.from_bytes(blind[:8], "big", signed=True) for blind in blinds):
        unit.db.execute(_SQL["hold_identifier"], (lock,))


def find_by_identifier(unit: Unit, kind: str, value: str) -> UUID | None:
    return find_by_identifiers(unit, kind, [value]).get(value)


def find_by_identifiers(unit: Unit, kind: str, values: Sequence[str]) -> Mapping[str, UUID]:
    """The subjects of many normalised identifiers of one kind, in one round trip, by digests of every version
    that an identifier may have just now."""
    while True:
        versions = unit.index.versions
        blinds = {
            unit.index.identifier(kind, value, version): value
            for value in values
            for version in versions.live
        }
        rows = unit.db.execute(_SQL["find_by_blind"], (list(blinds),), binary=True).fetchall()
        if unit.index.learn(rows[0][0], rows[0][1]) == versions:
            return {blinds[blind]: subject for _, _, blind, subject in rows if subject is not None}


def add_identifier(unit: Unit, subject: Subject, kind: str, value: str) -> UUID:
    """`value` is normalised, and held by `hold_identifiers`."""
    identifier, version = new_id(), unit.index.versions.newest
    sealed = subject.seal({"type": kind, "value": value}, "identifiers", identifier)
    blind = unit.index.identifier(kind, value, version)
    unit.db.execute(_SQL["insert_identifier"], (identifier, subject.id, blind, version, sealed, unit.now))
    return identifier


def read_identifiers(unit: Unit, subject: Subject) -> list[StoredIdentifier]:
    found = []
    for identifier, created_at, sealed in unit.db.execute(_SQL["read_identifiers"], (subject.id,)):
        opened = subject.open(bytes(sealed), "identifiers", identifier, IDENTIFICATION)
        found.append(StoredIdentifier(identifier, opened["type"], opened["value"], created_at))
    return found


def remove_identifier(unit: Unit, subject: Subject, identifier: UUID) -> None:
    """Raises NotFoundError when the subject has no such identifier."""
    if unit.db.execute(_SQL["delete_identifier"], (subject.id, identifier)).fetchone() is None:
        raise NotFoundError(IDENTIFIER)


def suppress_identifiers(unit: Unit, subject: UUID) -> list[bytes]:
    """Delete the subject's identifiers and leave a mark of each; the marks.

    A mark is a digest of the blind index under a key of its own: it answers "was this person erased?"
    to whoever asks with the identifier, and joins with nothing else.
    """
    blinds = [bytes(row[0]) for row in unit.db.execute(_SQL["delete_identifiers"], (subject,))]
    marks = [_mark(unit, blind) for blind in blinds]
    leave_marks(unit, marks)
    return marks


def leave_marks(unit: Unit, marks: Iterable[bytes]) -> None:
    for mark in marks:
        unit.db.execute(_SQL["insert_mark"], (mark, unit.now))


def is_suppressed(unit: Unit, kind: str, value: str) -> bool:
    """Marks were made of digests of the version of their time, and their persons' identifiers are gone: so
    every version that ever was is asked for."""
    while True:
        newest = unit.index.versions.newest
        blinds = (unit.index.identifier(kind, value, version) for version in range(1, newest + 1))
        marks = [_mark(unit, blind) for blind in blinds]
        row = unit.db.execute(_SQL["find_mark"], (marks,)).fetchone()
        assert row is not None
        if unit.index.learn(1, row[0]).newest == newest:
            return bool(row[1])


def _mark(unit: Unit, blind: bytes) -> bytes:
    return unit.index.digest("suppression", blind)


def _hold_versions(unit: Unit) -> int:
    """The version that new identifiers get; it stays so until the transaction ends."""
    with unit.db.pipeline():
        unit.db.execute(_SQL["hold_versions"])
        row = unit.db.execute(_SQL["read_versions"])
    found = row.fetchone()
    assert found is not None
    return unit.index.learn(*found).newest
