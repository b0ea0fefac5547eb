"""What a person answers to a prepared order: order it, not this time, or not at all."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from service.errors import ConflictError, NotFoundError
from service.ids import REORDER, show
from service.storage.outbox import read_outstanding
from service.storage.reorders import Reorder, find_subject, move_reorder, read_reorder
from service.storage.subjects import Subject, lock_subject
from service.storage.unit import Unit
from service.use_cases.announcement import customers_order
from service.use_cases.cancel_forbidden import Stopped, stop_entry
from service.use_cases.queue_message import queue_message

# Answer to the states in which it can still be given. An automatic order is not approved: it has its mandate,
# and a veto until it is handed over.
_FROM = {
    "approved": ("proposed", "reminded"),
    "skipped": ("proposed", "reminded", "announced", "held"),
    "cancelled": ("proposed", "reminded", "announced", "held", "approved"),
}


@dataclass(frozen=True, slots=True)
class Answered:
    """The reorder as it is now, and what the answer stopped or came too late for."""

    reorder: Reorder
    state: str
    stopped: Stopped = field(default_factory=Stopped)


def approve_reorder(unit: Unit, reorder_id: UUID) -> Answered:
    """The person orders it. From now on it is their own order (`respond`): withdrawing reminders leaves it
    alone. Raises NotFoundError for another's, ConflictError where there is nothing to approve (any more)."""
    subject, reorder = _step(unit, reorder_id, "approved")
    assert reorder.details is not None
    if reorder.details.strategy != "coach":
        raise ConflictError("an automatic order has been agreed to already", state=reorder.state)
    move_reorder(unit, subject, reorder, "approved", "customer")
    # A reminder that still waits finds at its claim that it is not needed.
    queue_message(unit, subject, customers_order(reorder.details), unit.now)
    return Answered(reorder, "approved")


def skip_reorder(unit: Unit, reorder_id: UUID) -> Answered:
    """Not this time: nothing more is said or ordered for this run-out. Raises as `approve_reorder` does."""
    return _end(unit, reorder_id, "skipped")


def cancel_reorder(unit: Unit, reorder_id: UUID) -> Answered:
    """No: also an order of one's own that has not been handed over. Raises as `approve_reorder` does."""
    return _end(unit, reorder_id, "cancelled")


def _end(unit: Unit, reorder_id: UUID, to: str) -> Answered:
    subject, reorder = _step(unit, reorder_id, to)
    move_reorder(unit, subject, reorder, to, "customer")
    stopped, name = Stopped(), show(REORDER, reorder.id)
    for entry in read_outstanding(unit, subject, unit.now):
        if entry.message is not None and entry.message.reorder == name:
            stop_entry(unit, subject, entry, "customer", stopped)
    return Answered(reorder, to, stopped)


def _step(unit: Unit, reorder_id: UUID, to: str) -> tuple[Subject, Reorder]:
    """The locked subject and a reorder of theirs that may go there."""
    owner = unit.actor.reach(find_subject(unit, reorder_id))
    subject = lock_subject(unit, owner)
    reorder = read_reorder(unit, subject, reorder_id)
    if reorder is None or reorder.details is None:
        raise NotFoundError(REORDER)
    if reorder.state not in _FROM[to]:
        raise ConflictError(f"a reorder that is {reorder.state} cannot become {to}", state=reorder.state)
    return subject, reorder
