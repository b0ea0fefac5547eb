"""No order of a medicine leaves before a pharmacist approved exactly that order (law.md A12)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from service.ids import REORDER, read
from service.policy.supply import needs_pharmacist
from service.storage.outbox import Message
from service.storage.reviews import (
    APPROVED,
    VOID,
    WAITING,
    Review,
    ReviewContent,
    insert_review,
    read_last_review,
    settle_review,
)
from service.storage.subjects import Subject
from service.storage.unit import Unit
from service.use_cases.verdict import LOOK_AGAIN, Verdict, hold


def check_review(unit: Unit, subject: Subject, order: Message, categories: Iterable[str]) -> Verdict | None:
    """Why an order of goods of these categories waits; None: nobody has to approve it, or somebody did. What
    has not been asked yet is asked now."""
    if not any(needs_pharmacist(unit.policy, category) for category in categories):
        return None
    last = ask_review(unit, subject, order, unit.now)
    if last is not None and last.state == APPROVED:
        return None
    return hold("pharmacist_missing", unit.now + LOOK_AGAIN)


def ask_for_order(unit: Unit, subject: Subject, order: Message, leaves_at: datetime) -> None:
    """Put an order that has just been queued before a pharmacist, where its category asks for that."""
    if needs_pharmacist(unit.policy, order.candidate.category):
        ask_review(unit, subject, order, leaves_at)


def ask_review(unit: Unit, subject: Subject, order: Message, leaves_at: datetime) -> Review | None:
    """The case about exactly this product and quantity, if it was asked before; else it is asked now, and one
    about another quantity that still waits is void. Of a locked subject."""
    reorder, candidate = read(REORDER, order.reorder), order.candidate
    last = read_last_review(unit, subject, reorder)
    if last is not None:
        if last.content is not None and last.content.is_about(candidate.sku, candidate.quantity):
            return last
        if last.state == WAITING:
            settle_review(unit, subject, last, VOID)
    run_out = order.content.get("run_out")
    content = ReviewContent(
        sku=candidate.sku,
        product=str(order.content["product"]),
        quantity=candidate.quantity,
        strategy=order.strategy,
        leaves_at=leaves_at,
        runs_out_at=None if run_out is None else datetime.fromisoformat(run_out["median"]),
    )
    insert_review(unit, subject, reorder, content)
    return None
