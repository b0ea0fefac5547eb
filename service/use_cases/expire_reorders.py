"""A proposal that nobody answers ends by itself, once the need that it was made for is past."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from service.storage.reorders import Reorder, move_reorder
from service.storage.subjects import Subject
from service.storage.unit import Unit

# After the latest date at which the stock was to run out, or to which the customer put it off.
UNANSWERED = timedelta(days=14)
# An announced or approved one is on its way to an end of its own.
_WAITING = ("proposed", "reminded", "held")


def expires_at(reorder: Reorder) -> datetime | None:
    """When it ends unless somebody answers; None: it does not."""
    details = reorder.details
    if details is None or reorder.state not in _WAITING:
        return None
    ends = [details.snoozed_until, None if details.run_out is None else details.run_out.latest]
    return max((at for at in ends if at is not None), default=reorder.created_at) + UNANSWERED


def end_expired(unit: Unit, subject: Subject, known: Sequence[Reorder]) -> int:
    """End those of a locked subject whose time is over; how many. A message of theirs that still waits finds
    at its claim that it is not needed. The scan comes by when it is due, so nobody else's are opened."""
    over = [(reorder, expires_at(reorder)) for reorder in known]
    return sum(
        move_reorder(unit, subject, reorder, "cancelled", "expired")
        for reorder, at in over
        if at is not None and at <= unit.now
    )
