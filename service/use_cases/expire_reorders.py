"""A proposal that nobody answers ends by itself, once the need that it was made for is past."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from service.storage.reorders import OPEN, Reorder, move_reorder
from service.storage.subjects import Subject
from service.storage.unit import Unit

# After the latest date at which the stock was to run out, or to which the customer put it off.
UNANSWERED = timedelta(days=14)
_WAITING = ("proposed", "reminded", "held")


def expires_at(reorder: Reorder) -> datetime | None:
    """When the need is past, and the reorder ends unless somebody answers; None: it does not. One that is
    announced or approved may be held before it leaves, and is looked at then too."""
    details = reorder.details
    if details is None or details.run_out is None or reorder.state not in (*OPEN, "approved"):
        return None
    return max(details.run_out.latest, details.snoozed_until or reorder.created_at) + UNANSWERED


def end_expired(unit: Unit, subject: Subject, known: Sequence[Reorder]) -> int:
    """End those of a locked subject whose time is over; how many. A message of theirs that still waits finds
    at its claim that it is not needed. The scan comes by when it is due, so nobody else's are opened."""
    over = [(reorder, expires_at(reorder)) for reorder in known if reorder.state in _WAITING]
    return sum(
        move_reorder(unit, subject, reorder, "cancelled", "expired")
        for reorder, at in over
        if at is not None and at <= unit.now
    )
