"""What a pharmacist is asked about one order of a medicine, and answered (law.md A12). The state stands in
clear, since the queue is read by it; everything else is sealed under the person's key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from service.crypto.reading import PHARMACIST_REVIEW
from service.errors import UnreadableError
from service.ids import new_id
from service.storage.database import Connection
from service.storage.sql import load
from service.storage.subjects import Subject
from service.storage.unit import Unit

_SQL = load(__file__)
_TABLE = "reviews"

WAITING, APPROVED, REJECTED, VOID = "waiting", "approved", "rejected", "void"


class ReviewContent(msgspec.Struct, omit_defaults=True):
    """What is asked: whether `quantity` packs of `sku` may leave. `leaves_at` is when they would, and
    `runs_out_at` when the person has none left by the forecast. Then the answer: whose, and a note."""

    sku: str
    product: str
    quantity: int
    strategy: str
    leaves_at: datetime
    runs_out_at: datetime | None = None
    role: str | None = None
    sub: str | None = None
    note: str | None = None

    def is_about(self, sku: str, quantity: int) -> bool:
        return (self.sku, self.quantity) == (sku, quantity)


@dataclass(frozen=True, slots=True)
class Review:
    """`content` is None where the sealed part cannot be opened."""

    id: UUID
    reorder: UUID
    state: str
    created_at: datetime
    settled_at: datetime | None
    content: ReviewContent | None


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """A case of the queue before its person's key is there: `row` is what `opened` reads."""

    subject: UUID
    reorder: UUID
    id: UUID
    row: tuple[Any, ...]


def insert_review(unit: Unit, subject: Subject, reorder: UUID, content: ReviewContent) -> None:
    """A new waiting case of a locked subject, which has no other waiting one for this reorder."""
    name = new_id()
    values = {
        "id": name,
        "reorder": reorder,
        "subject": subject.id,
        "now": unit.now,
        "sealed": subject.seal(content, _TABLE, name),
    }
    unit.db.execute(_SQL["insert_review"], values)


def read_last_review(unit: Unit, subject: Subject, reorder: UUID) -> Review | None:
    """The newest case of a reorder, whatever its state."""
    row = unit.db.execute(_SQL["read_last"], (reorder, subject.id), binary=True).fetchone()
    return None if row is None else opened(subject, row)


def read_reviews(unit: Unit, subject: Subject) -> list[Review]:
    """All of one person's, oldest first."""
    return [opened(subject, row) for row in unit.db.execute(_SQL["read_all"], (subject.id,), binary=True)]


def list_waiting(unit: Unit, after: UUID, limit: int) -> list[WaitingRow]:
    """The queue, oldest first, from the first case above `after`."""
    rows = unit.db.execute(_SQL["list_waiting"], {"after": after, "limit": limit}, binary=True)
    return [WaitingRow(row[-1], row[1], row[0], row[:-1]) for row in rows]


def settle_review(unit: Unit, subject: Subject, review: Review, state: str) -> bool:
    """Answer a waiting case; its content is kept as it is now. False if it had its answer already."""
    key = {
        "id": review.id,
        "state": state,
        "now": unit.now,
        "sealed": subject.seal(review.content, _TABLE, review.id),
    }
    return unit.db.execute(_SQL["settle_review"], key).fetchone() is not None


def void_moot(db: Connection, now: datetime) -> int:
    """Take what nobody needs to look at any more out of the queue; how many."""
    return db.execute(_SQL["void_moot"], {"now": now}).rowcount


def opened(subject: Subject, row: tuple[Any, ...]) -> Review:
    name, reorder, state, created_at, settled_at, sealed = row
    try:
        content = msgspec.convert(subject.open(sealed, _TABLE, name, PHARMACIST_REVIEW), ReviewContent)
    except (UnreadableError, msgspec.MsgspecError):
        content = None
    return Review(name, reorder, state, created_at, settled_at, content)
