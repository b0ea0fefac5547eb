"""Reorders that were held go on when what they waited for is there, after everything was checked anew."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import psycopg

from service.actor import system_actor
from service.bootstrap import Services
from service.errors import NotFoundError, SubjectErasedError, UnreadableError
from service.ids import REORDER, show
from service.logging import describe_error, get_logger
from service.storage.held_reorders import forget_held, put_off_held, read_due_held
from service.storage.reorders import Reorder, ReorderDetails, move_reorder, read_reorder
from service.storage.reviews import void_moot
from service.storage.subjects import Subject, lock_subject
from service.storage.unit import Unit
from service.use_cases.announcement import announced_order, announcement, cancellation, customers_order
from service.use_cases.ask_again import ask_again
from service.use_cases.check_notice import notice_delivered
from service.use_cases.hold_reorder import HELD, carry_out, held_since, is_own, state_before_hold
from service.use_cases.queue_message import queue_message
from service.use_cases.veto_window import veto_window
from service.use_cases.weigh_order import weigh_order

_ACTOR = system_actor("release-held")
# Who was told of an order longer ago than this, and then heard nothing, is told again first.
NOTICE_AGAIN = timedelta(days=7)
# Who ordered has a right to the goods within thirty days (CRD 18(1)), or to hear that they do not come.
LONGEST_WAIT = timedelta(days=30)
_UNREADABLE_AGAIN = timedelta(hours=1)


def release_held(services: Services, limit: int) -> int:
    """Look at up to `limit` held reorders that are due, each in a transaction of its own; how many."""
    with services.database.transaction() as db:
        due = read_due_held(db, services.now, limit)
        void_moot(db, services.now)
    for reorder, subject in due:
        try:
            with services.unit(_ACTOR) as unit:
                _look_at(unit, reorder, subject)
        except psycopg.OperationalError:
            raise
        except Exception as error:
            # One that cannot be looked at must not hold up the others.
            if not isinstance(error, UnreadableError):
                get_logger().error("a held reorder could not be looked at", **describe_error(error))
            with services.unit(_ACTOR) as unit:
                put_off_held(unit, reorder, unit.now + _UNREADABLE_AGAIN)
    return len(due)


def recheck(unit: Unit, subject: Subject, reorder: Reorder) -> bool:
    """Whether a held reorder of a locked subject goes on: its order, or its notice anew, is queued. If not,
    it is held on, or steps down, or ends, as at a claim."""
    details = reorder.details
    assert details is not None
    before = state_before_hold(details)
    own = is_own(details)
    if own and _has_waited(unit, details):
        _end_own(unit, subject, reorder, details)
        return False
    order = customers_order(details) if own else announced_order(details, details.decision)
    anew = not own and (before != "announced" or _announces_anew(unit, subject, reorder, details))
    _, decision = ask_again(unit, subject, order)
    verdict = weigh_order(unit, subject, order, decision, anew=anew)
    if verdict is not None:
        carry_out(unit, subject, reorder, verdict)
        return False
    to, reason = ("proposed", "announced_again") if anew else (before, "released")
    forget_held(unit, reorder.id)
    if move_reorder(unit, subject, reorder, to, reason):
        message = announcement(details) if anew else order
        due = decision.not_before or unit.now
        queue_message(unit, subject, message, max(due, _said_from(unit, details)) if anew else due)
    return True


def _said_from(unit: Unit, details: ReorderDetails) -> datetime:
    """What the person put off is announced again in time for the instant that they chose, and no sooner."""
    if details.snoozed_until is None:
        return unit.now
    return details.snoozed_until - veto_window(unit.policy, details.candidate.programme)


def _has_waited(unit: Unit, details: ReorderDetails) -> bool:
    since = held_since(details)
    return since is not None and unit.now - since > LONGEST_WAIT


def _end_own(unit: Unit, subject: Subject, reorder: Reorder, details: ReorderDetails) -> None:
    """What came months after it was ordered would be a surprise. The person is told, if they may be written
    to."""
    forget_held(unit, reorder.id)
    if move_reorder(unit, subject, reorder, "cancelled", "waited_too_long"):
        queue_message(unit, subject, cancellation(details, "waited_too_long"), unit.now)


def _look_at(unit: Unit, reorder_id: UUID, subject_id: UUID) -> None:
    try:
        subject = lock_subject(unit, subject_id)
    except (NotFoundError, SubjectErasedError):
        forget_held(unit, reorder_id)
        return
    reorder = read_reorder(unit, subject, reorder_id)
    if reorder is None or reorder.details is None or reorder.state != HELD:
        # The person skipped or cancelled it, or a change forbade it.
        forget_held(unit, reorder_id)
        return
    recheck(unit, subject, reorder)


def _announces_anew(unit: Unit, subject: Subject, reorder: Reorder, details: ReorderDetails) -> bool:
    since = held_since(details)
    if since is None or unit.now - since > NOTICE_AGAIN:
        return True
    # Its order was stopped, and so may a notice have been that was still on its way.
    if any(step.at >= since and step.reason == "suppressed" for step in details.history):
        return True
    return notice_delivered(unit, subject, show(REORDER, reorder.id)) is None
