"""What handing over a message means for the reorder that it belongs to (api.md, "Reorders"; law.md A5)."""

from __future__ import annotations

from dataclasses import replace

from service.ids import REORDER, read
from service.policy import LEVEL_NAMES, Level
from service.storage.outbox import CANCELLATION, NOTICE, ORDER, REMINDER, Message
from service.storage.reorders import OPEN, Reorder, ReorderDetails, move_reorder, read_reorder
from service.storage.subjects import Subject
from service.storage.unit import Unit

# A first claim finds the reorder in one of these, and takes it to `_HANDED`.
_BEFORE = {
    REMINDER: ("proposed",),
    NOTICE: ("proposed",),
    ORDER: ("announced", "approved"),
    CANCELLATION: ("cancelled",),
}
_HANDED = {REMINDER: "reminded", NOTICE: "announced", ORDER: "dispatched", CANCELLATION: "cancelled"}
# Where a message leaves it that nobody took: state and reason. A redelivery takes it up from there. What has
# been cancelled stays so, told or not.
_UNDELIVERED = {
    REMINDER: ("held", "notice_undelivered"),
    NOTICE: ("held", "notice_undelivered"),
    ORDER: ("failed", "not_taken"),
}


def reorder_of(unit: Unit, subject: Subject, message: Message) -> Reorder | None:
    return read_reorder(unit, subject, read(REORDER, message.reorder))


def may_go(reorder: Reorder, message: Message, *, first: bool) -> bool:
    """Whether the reorder still stands where this message belongs."""
    if reorder.details is None or not _is_of(message, reorder.details):
        return False
    if (reorder.state, reorder.details.history[-1].reason) == _UNDELIVERED.get(message.kind):
        return True
    return reorder.state in (_BEFORE[message.kind] if first else (_HANDED[message.kind],))


def _is_of(message: Message, details: ReorderDetails) -> bool:
    """Whether it says what the reorder is now. An old one may come back, tried again or by an operator, when
    the reorder has stepped down to a question, or is for another quantity."""
    if message.kind == CANCELLATION:
        return True
    if message.kind != ORDER:
        return message.strategy == details.strategy
    own, automatic = LEVEL_NAMES[Level.respond], LEVEL_NAMES[Level.automate]
    fits = message.strategy == (automatic if details.strategy == automatic else own)
    return fits and message.candidate.quantity == details.candidate.quantity


def mark_handed_over(unit: Unit, subject: Subject, reorder: Reorder, message: Message) -> None:
    """What the person was told of has the price that the message said."""
    to, details = _HANDED[message.kind], reorder.details
    if reorder.state == to:
        return
    changed = {}
    if details is not None:
        told = message.candidate
        candidate = replace(details.candidate, price_minor=told.price_minor, currency=told.currency)
        changed = {} if candidate == details.candidate else {"candidate": candidate}
    move_reorder(unit, subject, reorder, to, "handed_over", changed=changed)


def mark_undelivered(unit: Unit, subject: Subject, message: Message) -> None:
    """Without its notice there is no order; an order that the shop does not take has failed."""
    left = _UNDELIVERED.get(message.kind)
    reorder = None if left is None else reorder_of(unit, subject, message)
    if left is None or reorder is None:
        return
    if reorder.details is not None and not _is_of(message, reorder.details):
        return
    if reorder.state in (*_BEFORE[message.kind], _HANDED[message.kind]):
        state, reason = left
        move_reorder(unit, subject, reorder, state, reason)


def mark_forbidden(unit: Unit, subject: Subject, message: Message, reason: str) -> None:
    """Its message may not go any more. What the shop may have heard of has failed; the rest is cancelled."""
    reorder = reorder_of(unit, subject, message)
    if reorder is None:
        return
    if reorder.state in (*OPEN, "approved"):
        move_reorder(unit, subject, reorder, "cancelled", reason)
    elif message.kind == ORDER and reorder.state == _HANDED[ORDER]:
        move_reorder(unit, subject, reorder, "failed", reason)
