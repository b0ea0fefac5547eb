"""Requests of persons under GDPR Art. 15 to 21 and the steps taken on them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from service.crypto.reading import SUBJECT_RIGHTS
from service.errors import NotFoundError
from service.ids import REQUEST
from service.storage.sql import load
from service.storage.subjects import Subject
from service.storage.unit import Unit

_SQL = load(__file__)

TYPES = ("access", "portability", "erasure", "rectification", "restriction", "objection", "review")
CLOSED = frozenset({"fulfilled", "refused", "withdrawn"})


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `due_at` is the end of the Art. 12(3) clock."""

    id: UUID
    subject: UUID
    type: str
    state: str
    created_at: datetime
    due_at: datetime
    closed_at: datetime | None = None


def insert_request(unit: Unit, request: Request) -> None:
    unit.db.execute(
        _SQL["insert_request"],
        (request.id, request.subject, request.type, request.state, request.created_at, request.due_at),
    )


def move_request(unit: Unit, request: Request, state: str, due_at: datetime | None = None) -> Request:
    """The request in its next state, at the unit's instant."""
    closed_at = unit.now if state in CLOSED else None
    moved = replace(request, state=state, due_at=due_at or request.due_at, closed_at=closed_at)
    unit.db.execute(
        _SQL["set_state"],
        {"id": moved.id, "state": state, "due_at": moved.due_at, "closed_at": closed_at},
    )
    return moved


def record_step(unit: Unit, subject: Subject, request: Request, detail: dict[str, Any]) -> None:
    """Append what was done, by whom and why, sealed under the subject's key."""
    sealed = subject.seal(detail, "request_steps", f"{request.id.hex}|{request.state}")
    unit.db.execute(
        _SQL["insert_step"],
        {"request": request.id, "at": unit.now, "state": request.state, "sealed": sealed},
    )


def read_request(unit: Unit, request_id: UUID) -> Request:
    """Raises NotFoundError."""
    row = unit.db.execute(_SQL["read_request"], (request_id,)).fetchone()
    if row is None:
        raise NotFoundError(REQUEST)
    return Request(*row)


def read_steps(unit: Unit, subject: Subject, request: Request) -> list[dict[str, Any]]:
    return [
        {
            "at": at,
            "state": state,
            **subject.open(bytes(sealed), "request_steps", f"{request.id.hex}|{state}", SUBJECT_RIGHTS),
        }
        for _, at, state, sealed in unit.db.execute(_SQL["read_steps"], (request.id,))
    ]


def was_in_progress(unit: Unit, request: Request) -> bool:
    """Whether identity has been established, now or before an extension."""
    row = unit.db.execute(_SQL["was_in_progress"], (request.id,)).fetchone()
    return row is not None and bool(row[0])


def close_moot_requests(unit: Unit, subject: UUID) -> None:
    """Close what is still open about a person who has just been erased."""
    unit.db.execute(_SQL["close_moot"], {"subject": subject, "now": unit.now})


def give_open_requests(unit: Unit, source: Subject, target: Subject) -> int:
    """Hand the open requests of `source` to `target`, their steps sealed anew; how many there were."""
    still_open = [request for request in list_requests_of(unit, source.id) if request.closed_at is None]
    for request in still_open:
        steps = read_steps(unit, source, request)
        unit.db.execute(_SQL["give_to"], {"target": target.id, "request": request.id})
        for step in steps:
            at, state = step.pop("at"), step.pop("state")
            sealed = target.seal(step, "request_steps", f"{request.id.hex}|{state}")
            key = {"request": request.id, "at": at, "state": state, "sealed": sealed}
            unit.db.execute(_SQL["insert_step"], key)
    return len(still_open)


def list_requests(unit: Unit, after: tuple[datetime, UUID], limit: int) -> list[Request]:
    """The requests behind `after` in order of (due_at, id)."""
    key = {"due_at": after[0], "id": after[1], "limit": limit}
    return [Request(*row) for row in unit.db.execute(_SQL["list_requests"], key)]


def list_requests_of(unit: Unit, subject: UUID) -> list[Request]:
    return [Request(*row) for row in unit.db.execute(_SQL["list_requests_of_subject"], (subject,))]
