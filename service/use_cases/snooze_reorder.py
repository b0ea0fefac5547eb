"""Put a reorder off: the reminder comes again when the person says, or the order leaves then."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from service.errors import InputFault, InvalidInputError
from service.instants import show_instant
from service.policy import Policy
from service.storage.outbox import NOTICE
from service.storage.unit import Unit
from service.use_cases.announcement import announcement
from service.use_cases.own_reorder import Answered, answered, hold_own, stop_messages, take_step
from service.use_cases.queue_message import queue_message
from service.use_cases.veto_window import programme_entry, veto_window

_MOST_DAYS = 60


def snooze_reorder(
    unit: Unit, reorder_id: UUID, *, until: datetime | None = None, days: int | None = None
) -> Answered:
    """Say it again at `until`, or after so many days, if it is still allowed then. An announced order is
    announced anew, in time for it to leave at that instant: its notice must have its full length once more
    (law.md A5). Raises InvalidInputError for an instant that is past or too far away, and otherwise as
    `approve_reorder` does."""
    own = hold_own(unit, reorder_id, "snooze")
    programme = own.details.candidate.programme
    asked = "/until" if days is None else "/days"
    until = until or unit.now + timedelta(days=days or 0)
    _check(unit, until, most_days(unit.policy, programme), asked)
    stopped = stop_messages(unit, own)
    own = take_step(unit, own, "proposed", "snoozed", {"snoozed_until": until})
    message = announcement(own.details)
    due = until
    if message.kind == NOTICE:
        due = max(unit.now, until - veto_window(unit.policy, programme))
    queue_message(unit, own.subject, message, due)
    return answered(unit, own, stopped)


def most_days(policy: Policy, programme: str | None) -> int:
    """`snooze_days` of the programme; sixty where it is not named."""
    return int(programme_entry(policy, programme).get("snooze_days") or _MOST_DAYS)


def _check(unit: Unit, until: datetime, days: int, pointer: str) -> None:
    latest = unit.now + timedelta(days=days)
    if not unit.now < until <= latest:
        what = f"must end after now and by {show_instant(latest)}, {days} days ahead"
        raise InvalidInputError([InputFault(pointer, what)])
