"""A pharmacist's answer to one order of a medicine: it may leave, or it may not (law.md A12)."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from service.errors import ConflictError, NotFoundError
from service.ids import REORDER
from service.storage.held_reorders import forget_held
from service.storage.reorders import OPEN, Reorder, find_subject, move_reorder, read_reorder
from service.storage.reviews import APPROVED, REJECTED, WAITING, Review, read_last_review, settle_review
from service.storage.subjects import Subject, lock_subject
from service.storage.unit import Unit
from service.use_cases.announcement import cancellation
from service.use_cases.cancel_forbidden import stop_about
from service.use_cases.hold_reorder import HELD
from service.use_cases.queue_message import queue_message
from service.use_cases.release_held import recheck

_REJECTED = "pharmacist_rejected"
OUTCOMES = (APPROVED, REJECTED)
# Where an order may still be kept from leaving, or may come to leave.
_REVIEWED = (*OPEN, "approved")


@dataclass(frozen=True, slots=True)
class ReviewReorder:
    """`quantity` is what the pharmacist saw, so that nobody approves what changed in the meantime."""

    outcome: str
    note: str | None = None
    quantity: int | None = None


def review_reorder(unit: Unit, reorder_id: UUID, command: ReviewReorder) -> Review:
    """The case as it is now. An approved order that waited for this alone is queued; a rejected one is
    cancelled. Raises NotFoundError for a reorder that no pharmacist was asked about, and ConflictError for a
    case that has its answer, is about another quantity, or whose order has left or was given up."""
    subject = lock_subject(unit, find_subject(unit, reorder_id))
    reorder = read_reorder(unit, subject, reorder_id)
    review = read_last_review(unit, subject, reorder_id)
    if reorder is None or reorder.details is None or review is None or review.content is None:
        raise NotFoundError(REORDER)
    if review.state != WAITING:
        raise ConflictError("this case has its answer", state=review.state)
    if reorder.state not in _REVIEWED:
        raise ConflictError(f"a reorder that is {reorder.state} needs no review", state=reorder.state)
    if command.quantity not in (None, review.content.quantity):
        raise ConflictError("the quantity has changed since you read it")
    content = review.content
    content.role, content.sub, content.note = unit.actor.role, unit.actor.sub, command.note
    settle_review(unit, subject, review, command.outcome)
    if command.outcome == REJECTED:
        _reject(unit, subject, reorder)
    elif reorder.state == HELD and reorder.details.history[-1].reason == "pharmacist_missing":
        recheck(unit, subject, reorder)
    return read_last_review(unit, subject, reorder_id) or review


def _reject(unit: Unit, subject: Subject, reorder: Reorder) -> None:
    """The person is told, if they may be written to; their list of reorders says so in any case."""
    details = reorder.details
    assert details is not None
    move_reorder(unit, subject, reorder, "cancelled", _REJECTED)
    forget_held(unit, reorder.id)
    stop_about(unit, subject, reorder.id, _REJECTED)
    queue_message(unit, subject, cancellation(details, _REJECTED), unit.now)
