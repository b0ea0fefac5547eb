"""The pharmacist's queue: what it takes to judge an order of a medicine, not whose it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from service.errors import UnreadableError
from service.ids import REORDER, show
from service.instants import show_instant
from service.policy.supply import needs_pharmacist
from service.storage.access_log import record_read
from service.storage.products import read_products
from service.storage.reviews import ReviewContent, WaitingRow, list_waiting, opened
from service.storage.subjects import Subject, read_subjects
from service.storage.unit import Unit
from service.use_cases.count_hand_over import SUPPLY_WINDOW


def list_reviews(unit: Unit, after: UUID, limit: int, route: str) -> tuple[list[dict[str, Any]], UUID | None]:
    """The cases that wait, oldest first, and the last one's place. Each reading of a person is kept in their
    access log under `route`. One that cannot be opened is listed by its order alone."""
    rows = list_waiting(unit, after, limit)
    subjects = _subjects(unit, rows)
    for subject in subjects.values():
        record_read(unit, subject, route)
    shown = [_shown(unit, row, subjects.get(row.subject)) for row in rows]
    return shown, rows[-1].id if rows else None


def _subjects(unit: Unit, rows: Sequence[WaitingRow]) -> dict[UUID, Subject]:
    """Those who can be read: one who cannot must not hide the others."""
    names = {row.subject for row in rows}
    try:
        return read_subjects(unit.db, unit.keyring, sorted(names))
    except UnreadableError:
        found: dict[UUID, Subject] = {}
        for name in names:
            try:
                found |= read_subjects(unit.db, unit.keyring, [name])
            except UnreadableError:
                continue
        return found


def _shown(unit: Unit, row: WaitingRow, subject: Subject | None) -> dict[str, Any]:
    shown: dict[str, Any] = {"reorder": show(REORDER, row.reorder)}
    if subject is None or subject.key is None:
        return shown
    review = opened(subject, row.row)
    content = review.content
    if content is None:
        return shown
    return shown | {
        "waiting_since": show_instant(review.created_at),
        "sku": content.sku,
        "product": content.product,
        "quantity": content.quantity,
        "strategy": content.strategy,
        "leaves_at": show_instant(content.leaves_at),
        "age": _age(subject, unit.now),
        "other_medicines": _other_medicines(unit, subject, content),
        "days_in_hand": _days_in_hand(content, unit.now),
    }


def _age(subject: Subject, now: datetime) -> int | None:
    born = subject.choices.birth_date
    return (
        None if born is None else years_old(born, now.astimezone(ZoneInfo(subject.choices.timezone)).date())
    )


def years_old(born: date, today: date) -> int:
    """In full years; 29 February counts as 1 March in other years."""
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _other_medicines(unit: Unit, subject: Subject, content: ReviewContent) -> bool:
    """Whether another medicine was ordered through us within a month. What has left the catalogue may have
    been one, so it counts."""
    since = unit.now - SUPPLY_WINDOW
    skus = {order.sku for order in subject.activity.orders if order.at > since} - {content.sku}
    products = read_products(unit.db, skus) if skus else {}
    return any(sku not in products or needs_pharmacist(unit.policy, products[sku].category) for sku in skus)


def _days_in_hand(content: ReviewContent, now: datetime) -> int | None:
    """For how many days the person still has some, by the forecast behind the order, if there was one."""
    return None if content.runs_out_at is None else max(content.runs_out_at - now, timedelta(0)).days
