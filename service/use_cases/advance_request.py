"""Move a request on: verify who asks, extend the clock, refuse, fulfil. Each step is kept with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from service.errors import ConflictError, InputFault, InvalidInputError
from service.grounds import fits
from service.policy import add_duration
from service.storage.requests import CLOSED, Request, move_request, read_request, record_step, was_in_progress
from service.storage.subjects import Subject, lock_subject, set_status
from service.storage.unit import Unit
from service.use_cases.change import Changed, commit_change
from service.use_cases.erase_subject import erase_subject
from service.use_cases.publish_event import publish_request
from service.use_cases.set_objection import DIRECT_MARKETING, object_to

# What these do cannot be undone or reaches far, so who asks must be established first.
_NEEDS_IDENTITY = frozenset({"erasure", "restriction", "objection"})
_FROM = {
    "verifying": frozenset({"open"}),
    "in_progress": frozenset({"open", "verifying"}),
    "extended": frozenset({"open", "verifying", "in_progress"}),
}


def verify_request(unit: Unit, request_id: UUID, reason: str) -> Request:
    """Identity is established: work begins."""
    return _advance(unit, request_id, "in_progress", reason)


def extend_request(unit: Unit, request_id: UUID, reason: str) -> Request:
    """Two further months, once, told with its reason before the first has run out (Art. 12(3))."""
    if unit.now > read_request(unit, request_id).due_at:
        raise ConflictError("the deadline has passed; it can no longer be extended")
    return _advance(unit, request_id, "extended", reason)


def refuse_request(unit: Unit, request_id: UUID, reason: str, code: str | None = None) -> Request:
    """The answer names the routes of complaint (Art. 12(4)). `code` is one of `service.grounds.REFUSALS`.

    Raises InvalidInputError for a ground on which a request of this type cannot be refused."""
    if code is not None and not fits(code, read_request(unit, request_id).type):
        raise InvalidInputError([InputFault("/code", "is no ground to refuse a request of this type")])
    return _advance(unit, request_id, "refused", reason, {} if code is None else {"code": code})


def fulfil_request(unit: Unit, request_id: UUID, reason: str) -> tuple[Request, dict[str, Any]]:
    """Do what was asked and close the request; the second value says what was done.

    Erasure, restriction and objection act here, once identity is verified; an erasure under a legal hold is a
    ConflictError with the hold's code and date. Access and portability are fulfilled by the report,
    rectification and review by a person, who says in `reason` what was done.
    """
    request, subject = _open_request(unit, request_id)
    if request.type in _NEEDS_IDENTITY and not was_in_progress(unit, request):
        raise ConflictError("who asks has not been verified yet", stored_status=request.state)
    moved = move_request(unit, request, "fulfilled")
    record_step(unit, subject, moved, {"actor": unit.actor.role, "reason": reason})
    done: dict[str, Any] = {}
    if request.type == "erasure":
        done = {"certificate": erase_subject(unit, subject, request.id)}
    elif request.type == "restriction":
        set_status(unit, subject, "restricted")
        changed = commit_change(unit, subject, {"kind": "status", "status": "restricted"})
        done = {"status": "restricted", **_stopped(changed)}
    elif request.type == "objection":
        objected = object_to(unit, subject.id, DIRECT_MARKETING)
        done = {"objection": DIRECT_MARKETING, **_stopped(objected)}
    if request.type != "erasure":
        # An erasure is told by an event of its own, and leaves no request that anybody could look at.
        publish_request(unit, subject, moved)
    return moved, done


def _stopped(changed: Changed | None) -> dict[str, Any]:
    """None: everything was so already."""
    if changed is None:
        return {"cancelled": [], "irrevocable": []}
    return {"cancelled": changed.cancelled, "irrevocable": changed.irrevocable}


def close_after_report(unit: Unit, subject: Subject, request: Request) -> Request:
    """Handing over the report is what an access request asks for."""
    if request.state in CLOSED:
        return request
    moved = move_request(unit, request, "fulfilled")
    record_step(unit, subject, moved, {"actor": unit.actor.role, "reason": "report handed over"})
    publish_request(unit, subject, moved)
    return moved


def _advance(
    unit: Unit, request_id: UUID, state: str, reason: str, more: Mapping[str, str] = MappingProxyType({})
) -> Request:
    request, subject = _open_request(unit, request_id)
    if state in _FROM and request.state not in _FROM[state]:
        raise ConflictError(f"a request that is {request.state} cannot become {state}", state=request.state)
    moved = move_request(unit, request, state, _due(request, state))
    record_step(unit, subject, moved, {"actor": unit.actor.role, "reason": reason, **more})
    publish_request(unit, subject, moved)
    return moved


def _due(request: Request, state: str) -> datetime:
    return add_duration(request.due_at, "P2M") if state == "extended" else request.due_at


def _open_request(unit: Unit, request_id: UUID) -> tuple[Request, Subject]:
    request = read_request(unit, request_id)
    subject = lock_subject(unit, request.subject)
    # Read again under the lock: two people may be working on the same request.
    request = read_request(unit, request_id)
    if request.state in CLOSED:
        raise ConflictError(f"this request is {request.state} already", state=request.state)
    return request, subject
