"""What a person answers to a prepared order: order it, not this time, or not at all."""

from __future__ import annotations

from uuid import UUID

from service.storage.unit import Unit
from service.use_cases.announcement import customers_order
from service.use_cases.own_reorder import Answered, answered, hold_own, stop_messages, take_step
from service.use_cases.queue_message import queue_message

_CUSTOMER = "customer"


def approve_reorder(unit: Unit, reorder_id: UUID) -> Answered:
    """The person orders it. From now on it is their own order (`respond`): withdrawing reminders leaves it
    alone. Raises NotFoundError for another's, ConflictError where there is nothing to approve (any more)."""
    own = take_step(unit, hold_own(unit, reorder_id, "approve"), "approved", _CUSTOMER)
    # A reminder that still waits finds at its claim that it is not needed.
    queue_message(unit, own.subject, customers_order(own.details), unit.now)
    return answered(unit, own)


def skip_reorder(unit: Unit, reorder_id: UUID) -> Answered:
    """Not this time: nothing more is said or ordered for this run-out. Raises as `approve_reorder` does."""
    own = take_step(unit, hold_own(unit, reorder_id, "skip"), "skipped", _CUSTOMER)
    return answered(unit, own, stop_messages(unit, own))


def cancel_reorder(unit: Unit, reorder_id: UUID) -> Answered:
    """No: also an order of one's own that has not been handed over. Raises as `approve_reorder` does."""
    own = take_step(unit, hold_own(unit, reorder_id, "cancel"), "cancelled", _CUSTOMER)
    return answered(unit, own, stop_messages(unit, own))
