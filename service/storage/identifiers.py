"""Identifiers: sealed values found by blind index, and the marks that erased ones leave behind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

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
    """Let nobody else register these until the transaction ends."""
    blinds = (unit.index.identifier(i.type, i.value) for i in identifiers)
    for lock in sorted(int.from_bytes(blind[:8], "big", signed=True) for blind in blinds):
        unit.db.execute(_SQL["hold_identifier"], (lock,))


def find_by_identifier(unit: Unit, kind: str, value: str) -> UUID | None:
    row = unit.db.execute(_SQL["find_by_blind"], (unit.index.identifier(kind, value),)).fetchone()
    return None if row is None else row[0]


def find_by_identifiers(unit: Unit, kind: str, values: Sequence[str]) -> Mapping[str, UUID]:
    """The subjects of many normalised identifiers of one kind, in one round trip."""
    blinds = {unit.index.identifier(kind, value): value for value in values}
    rows = unit.db.execute(_SQL["find_many_by_blind"], (list(blinds),), binary=True)
    return {blinds[bytes(blind)]: subject for blind, subject in rows}


def add_identifier(unit: Unit, subject: Subject, kind: str, value: str) -> UUID:
    """`value` is normalised, and held by `hold_identifiers`."""
    identifier = new_id()
    sealed = subject.seal({"type": kind, "value": value}, "identifiers", identifier)
    blind = unit.index.identifier(kind, value)
    unit.db.execute(_SQL["insert_identifier"], (identifier, subject.id, blind, sealed, unit.now))
    return identifier


def read_identifiers(unit: Unit, subject: Subject) -> list[StoredIdentifier]:
    found = []
    for identifier, created_at, sealed in unit.db.execute(_SQL["read_identifiers"], (subject.id,)):
        opened = subject.open(bytes(sealed), "identifiers", identifier)
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
    mark = _mark(unit, unit.index.identifier(kind, value))
    return unit.db.execute(_SQL["find_mark"], (mark,)).fetchone() is not None


def _mark(unit: Unit, blind: bytes) -> bytes:
    return unit.index.digest("suppression", blind)
