"""What became of an attempt, kept: delivered, to be tried again, or parked for an operator."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from uuid import UUID

from service.errors import NotFoundError, SubjectErasedError
from service.senders import Fate, Sent
from service.storage.outbox import NOTICE, Entry, Message, end_message, hold_message, put_off
from service.storage.subjects import Subject, lock_subject
from service.storage.unit import Unit
from service.use_cases.announcement import announced_order
from service.use_cases.queue_message import queue_message
from service.use_cases.reorder_steps import mark_undelivered, reorder_of
from service.use_cases.veto_window import veto_window

# What could not be delivered in this time is an operator's to look at.
TRYING = timedelta(days=3)
_FIRST_PAUSE = timedelta(seconds=5)
_LONGEST_PAUSE = timedelta(hours=3)


def settle_attempt(unit: Unit, message_id: UUID, subject_id: UUID | None, number: int, sent: Sent) -> bool:
    """Keep what became of attempt `number`. False if that is known already, or another came after it."""
    subject = None
    if subject_id is not None:
        try:
            subject = lock_subject(unit, subject_id)
        except (NotFoundError, SubjectErasedError):
            # Merged since, or erased: nothing goes any more, and nobody's key is needed to say so.
            subject = None
    entry = hold_message(unit, message_id, subject)
    if entry is None or entry.state != "claimed" or entry.attempts != number:
        return False
    message = entry.message
    if sent.fate is Fate.delivered or sent.fate is Fate.unknown:
        settle(unit, subject, entry.id, message, None if sent.fate is Fate.delivered else "unknown")
    elif subject_id is not None and subject is None:
        end_message(unit, entry.id, "cancelled")
    elif sent.fate is Fate.refused:
        park(unit, subject, entry.id, message, "refused")
    else:
        _try_again(unit, subject, entry, sent.after)
    return True


def settle(
    unit: Unit, subject: Subject | None, message_id: UUID, message: Message | None, outcome: str | None
) -> None:
    """It is delivered, or (`unknown`) counts as delivered. From a delivered notice the veto window runs; one
    that may not have arrived is no notice, and then there is no order (law.md A5)."""
    end_message(unit, message_id, "delivered", outcome)
    if subject is None or message is None or message.kind != NOTICE:
        return
    if outcome is not None:
        mark_undelivered(unit, subject, message)
        return
    reorder = reorder_of(unit, subject, message)
    if reorder is not None and reorder.details is not None and reorder.state == "announced":
        order = announced_order(reorder.details, message.decision)
        queue_message(unit, subject, order, unit.now + veto_window(unit.policy, message.candidate.programme))


def park(
    unit: Unit, subject: Subject | None, message_id: UUID, message: Message | None, outcome: str
) -> None:
    """Leave it to an operator, who may have it delivered again."""
    end_message(unit, message_id, "parked", outcome)
    if subject is not None and message is not None:
        mark_undelivered(unit, subject, message)


def pause_after(attempts: int, after: float | None) -> timedelta:
    """How long to wait after so many attempts, at least `after` seconds where the receiver asked for that."""
    pause: timedelta = min(_FIRST_PAUSE * 2 ** min(attempts - 1, 20), _LONGEST_PAUSE)
    # Half of it by lot, so that receivers who come back are not met by everybody at once.
    pause *= random.uniform(0.5, 1.0)  # noqa: S311 (spreads load, keeps no secret)
    return max(pause, min(timedelta(seconds=after or 0.0), TRYING))


def _try_again(unit: Unit, subject: Subject | None, entry: Entry, after: float | None) -> None:
    due = unit.now + pause_after(entry.attempts, after)
    if due > _last_try(entry):
        park(unit, subject, entry.id, entry.message, "exhausted")
    else:
        put_off(unit, entry, due)


def _last_try(entry: Entry) -> datetime:
    assert entry.begun_at is not None
    return entry.begun_at + TRYING
