"""Which reorders wait for something, and when to look at them again: an index of those alone. What they wait
for is sealed with the reorder."""

from __future__ import annotations

import hmac
from datetime import datetime
from uuid import UUID

from service.storage.database import Connection
from service.storage.sql import load
from service.storage.unit import Unit

_SQL = load(__file__)


def put_held(unit: Unit, subject: UUID, reorder: UUID, sku: str, due: datetime) -> None:
    """Look again at `due`, or when something about the person or the product changes."""
    values = {"reorder": reorder, "subject": subject, "goods": _goods(_key(unit, sku), subject), "due": due}
    unit.db.execute(_SQL["put_held"], values)


def read_due_held(db: Connection, now: datetime, limit: int) -> list[tuple[UUID, UUID]]:
    """(reorder, its subject), longest due first."""
    return [(row[0], row[1]) for row in db.execute(_SQL["read_due"], {"now": now, "limit": limit})]


def put_off_held(unit: Unit, reorder: UUID, due: datetime) -> None:
    unit.db.execute(_SQL["put_off"], {"reorder": reorder, "due": due})


def forget_held(unit: Unit, reorder: UUID) -> None:
    """It waits no more."""
    unit.db.execute(_SQL["forget"], (reorder,))


def wake_subject(unit: Unit, subject: UUID) -> None:
    """Look at everything of one person that waits: their choices have changed."""
    unit.db.execute(_SQL["wake_subject"], {"subject": subject, "now": unit.now})


def wake_goods(unit: Unit, sku: str) -> int:
    """Look at everything that waits and is for this product; how many. Costs a keyed digest for each reorder
    that waits at all, which are few, and opens none."""
    waiting = unit.db.execute(_SQL["read_goods"], binary=True).fetchall()
    key = _key(unit, sku)
    found = [reorder for reorder, subject, goods in waiting if goods == _goods(key, subject)]
    if found:
        unit.db.execute(_SQL["wake"], {"reorders": found, "now": unit.now})
    return len(found)


def _key(unit: Unit, sku: str) -> bytes:
    return unit.index.digest("held_goods", sku.encode())


def _goods(key: bytes, subject: UUID) -> bytes:
    """Of one product under its own key, so that looking through many people derives that once."""
    return hmac.digest(key, subject.bytes, "sha256")
