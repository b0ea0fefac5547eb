"""File a person's request and keep its clock (GDPR Art. 12(3); Regulation 1182/71 Art. 3)."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from service.ids import new_id
from service.policy import add_duration
from service.storage.requests import Request, insert_request, record_step
from service.storage.subjects import lock_subject
from service.storage.unit import Unit
from service.use_cases.hold_subject import restrict_while_held
from service.use_cases.publish_event import publish_request


def due_at(received: datetime) -> datetime:
    """The end of one month from receipt: the same-numbered day or the end of the month, at midnight after
    it, moved past a weekend. Public holidays would only move it later, so leaving them out errs on the
    side of the person who asked."""
    day = add_duration(received.replace(hour=0, minute=0, second=0), "P1M")
    while day.weekday() >= 5:
        day += timedelta(days=1)
    return day + timedelta(days=1)


def file_request(unit: Unit, subject_id: UUID, kind: str) -> Request:
    """A customer is known by the token, so work on it begins at once; for others identity is open.

    Raises NotFoundError for an unknown and SubjectErasedError for an erased subject.
    """
    subject = lock_subject(unit, subject_id)
    state = "in_progress" if unit.actor.has("customer") else "open"
    request = Request(new_id(), subject_id, kind, state, unit.now, due_at(unit.now))
    insert_request(unit, request)
    record_step(unit, subject, request, {"actor": unit.actor.role, "reason": "filed"})
    publish_request(unit, subject, request)
    if kind == "erasure":
        restrict_while_held(unit, subject)
    return request
