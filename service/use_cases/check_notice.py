"""No automatic order without a notice that arrived long enough before (law.md A5)."""

from __future__ import annotations

from datetime import datetime, timedelta

from service.storage.outbox import NOTICE, Message, read_outstanding
from service.storage.subjects import Subject
from service.storage.unit import Unit
from service.use_cases.verdict import LOOK_AGAIN, Verdict, hold
from service.use_cases.veto_window import veto_window

# Whatever a programme says, nobody has less time than this to say no.
LEAST_NOTICE = timedelta(hours=72)
# Delivered messages are kept this long; an older notice has been forgotten by everybody, and is no notice.
_REMEMBERED = timedelta(days=30)


def check_notice(unit: Unit, subject: Subject, order: Message) -> Verdict | None:
    """Why an automatic order does not leave yet; None: its notice has been there long enough."""
    delivered = notice_delivered(unit, subject, order.reorder)
    if delivered is None:
        return hold("notice_undelivered", unit.now + LOOK_AGAIN)
    ends = delivered + max(LEAST_NOTICE, veto_window(unit.policy, order.candidate.programme))
    return hold("notice_too_short", ends) if unit.now < ends else None


def notice_delivered(unit: Unit, subject: Subject, reorder: str) -> datetime | None:
    """When the last notice of a reorder, named by its public id, certainly arrived; None: none did."""
    arrived = [
        entry.ended_at
        for entry in read_outstanding(unit, subject, unit.now - _REMEMBERED)
        if entry.state == "delivered"
        and entry.outcome is None
        and entry.message is not None
        and entry.message.kind == NOTICE
        and entry.message.reorder == reorder
    ]
    return max((at for at in arrived if at is not None), default=None)
