"""Legal holds: place one, lift one, and restrict the person's processing while an erasure has to wait."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from service.errors import (
    ConflictError,
    InputFault,
    InvalidInputError,
    SubjectErasedError,
    UnreadableError,
)
from service.grounds import HOLDS
from service.instants import show_instant
from service.storage.holds import (
    Hold,
    ended_holds,
    holds_in_force,
    insert_hold,
    mark_lifted,
    mark_restricting,
    read_hold,
)
from service.storage.requests import CLOSED, list_requests_of
from service.storage.subjects import Subject, lock_subject, set_status
from service.storage.unit import Unit
from service.use_cases.change import commit_change


def place_hold(unit: Unit, subject_id: UUID, code: str, until: datetime) -> Hold:
    """From now on an erasure waits. Raises InvalidInputError for an end that lies behind, NotFoundError, and
    SubjectErasedError."""
    if until <= unit.now:
        raise InvalidInputError([InputFault("/until", "lies in the past")])
    subject = lock_subject(unit, subject_id)
    hold = insert_hold(unit, subject_id, code, until)
    if _waits(unit, subject_id):
        restrict_while_held(unit, subject)
    return hold


def lift_hold(unit: Unit, subject_id: UUID, hold_id: UUID) -> None:
    """End a hold before its date. Lifting it twice is lifting it once."""
    subject = lock_subject(unit, subject_id)
    hold = read_hold(unit, subject_id, hold_id)
    if hold.lifted_at is None:
        _end(unit, subject, hold)


def end_holds(unit: Unit, limit: int) -> int:
    """End up to `limit` holds whose date has passed; how many. A person whose state does not open now keeps
    the restriction, and nobody else waits for that."""
    ended = 0
    for hold in ended_holds(unit, limit):
        try:
            subject = lock_subject(unit, hold.subject)
        except (UnreadableError, SubjectErasedError):
            continue
        _end(unit, subject, hold)
        ended += 1
    return ended


def require_no_hold(unit: Unit, subject_id: UUID) -> None:
    """Raises ConflictError with the code and the date of the hold that ends last."""
    held = holds_in_force(unit, subject_id)
    if held:
        code, until = held[0].code, show_instant(held[0].until)
        raise ConflictError(
            f"a legal hold keeps this data until {until} (GDPR {HOLDS[code]})", code=code, until=until
        )


def restrict_while_held(unit: Unit, subject: Subject) -> None:
    """An erasure of a locked subject was asked for: what cannot be erased yet is only stored (Art. 18)."""
    held = holds_in_force(unit, subject.id)
    if held and subject.status == "active":
        set_status(unit, subject, "restricted")
        mark_restricting(unit, held[0])
        commit_change(unit, subject, {"kind": "status", "status": "restricted", "because": "legal_hold"})


def _end(unit: Unit, subject: Subject, hold: Hold) -> None:
    """With the last hold its restriction ends too, unless the erasure that it held up comes now."""
    mark_lifted(unit, hold)
    if not hold.restricts or subject.status != "restricted":
        return
    others = holds_in_force(unit, subject.id)
    if others:
        mark_restricting(unit, others[0])
    elif not _waits(unit, subject.id):
        set_status(unit, subject, "active")
        commit_change(unit, subject, {"kind": "status", "status": "active", "because": "legal_hold_ended"})


def _waits(unit: Unit, subject: UUID) -> bool:
    """Whether an erasure was asked for and is not answered yet."""
    return any(
        request.type == "erasure" and request.state not in CLOSED
        for request in list_requests_of(unit, subject)
    )
