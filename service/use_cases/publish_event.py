"""Which endpoints are told of what, and who has it (GDPR Art. 19).

What happened stands in the event of the change; what goes out says only of whom, what kind, and what must be
known to act on it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from service.actor import show_subject
from service.ids import REORDER, REQUEST, show
from service.instants import show_instant
from service.policy import Policy
from service.senders import Fate
from service.storage.certificates import named_recipients
from service.storage.endpoints import Subscriber, read_subscribers
from service.storage.recipients import FAILED, RECEIVED, SENT, mark_told, track_change, track_erasure
from service.storage.requests import Request
from service.storage.subjects import Subject
from service.storage.unit import Unit
from service.use_cases.queue_message import queue_event
from service.use_cases.special import is_special

CONSENT, PREFERENCES, ERASED = "consent.changed", "preferences.changed", "subject.erased"
WITHDRAWN = "reorder.withdrawn"
_DIRECT_MARKETING = "direct_marketing"
_STATES = {Fate.delivered: RECEIVED, Fate.refused: FAILED, Fate.retry: SENT, Fate.unknown: SENT}


def publish_change(unit: Unit, subject: Subject, payload: Mapping[str, Any]) -> None:
    """Tell of a change of a locked subject that was just committed to history; `payload` says which."""
    told = _TELL.get(payload["kind"])
    if told is None:
        return
    kind, facts = told(payload)
    data = {"epoch": subject.epoch, **facts}
    purposes = _purposes(unit.policy, payload)
    for endpoint, message in _publish(unit, subject, kind, data, purposes):
        if kind == CONSENT:
            track_change(unit, subject.id, endpoint.id, message)


def publish_request(unit: Unit, subject: Subject, request: Request) -> None:
    """Tell that a person's request was filed or moved on; by whose hand and why is not told."""
    data = {
        "request": show(REQUEST, request.id),
        "kind": request.type,
        "due_at": show_instant(request.due_at),
    }
    _publish(unit, subject, f"request.{request.state}", data, ())


def publish_reorder(
    unit: Unit,
    subject: Subject,
    kind: str,
    reorder: UUID,
    purposes: Collection[str],
    *,
    category: str | None,
) -> None:
    """Tell of a reorder: `kind` is `reminder.due`, `reorder.announced`, `reorder.dispatched`,
    `reorder.cancelled` or `reorder.withdrawn`. What is ordered is not told. `category`: of
    the goods."""
    data = {"reorder": show(REORDER, reorder)}
    _publish(unit, subject, kind, data, purposes, special=is_special(unit.policy, category))


def recipients_to_tell(unit: Unit) -> list[str]:
    """Whoever a policy ever named, and whoever an endpoint for erasures stands for."""
    endpoints = read_subscribers(unit, ERASED)
    stand_for = (each.recipient for each in endpoints if each.recipient is not None)
    return sorted({*named_recipients(unit.db), *stand_for})


def publish_erased(unit: Unit, erasure: UUID, subjects: list[UUID]) -> None:
    """Tell of an erasure, whose recipients have been noted: `subjects` has the person as known last, and then
    those merged into her."""
    data = {"merged": [show_subject(each) for each in subjects[1:]]}
    for endpoint, message in _publish(unit, subjects[0], ERASED, data, None):
        if endpoint.recipient is not None:
            track_erasure(unit, erasure, endpoint.recipient, message)


def note_delivery(unit: Unit, message_id: UUID, endpoint_id: UUID, fate: Fate, at: datetime) -> None:
    """What became of an attempt to hand a message over to an endpoint: for the relay, of every webhook. An
    answer of 2xx counts as the recipient's acknowledgement."""
    mark_told(unit, message_id, endpoint_id, _STATES[fate], at)


def _publish(
    unit: Unit,
    about: Subject | UUID,
    kind: str,
    data: Mapping[str, Any],
    purposes: Collection[str] | None,
    *,
    special: bool = False,
) -> list[tuple[Subscriber, UUID]]:
    """Queue it for every endpoint that wants it. `purposes` None: it concerns every purpose. `special`: it
    tells of special categories whatever its purposes are."""
    content = {
        "at": show_instant(unit.now),
        "special": special or _is_special(unit.policy, purposes or ()),
        "data": dict(data),
    }
    event = {"type": kind, "content": content}
    return [
        (endpoint, queue_event(unit, about, endpoint.id, event))
        for endpoint in read_subscribers(unit, kind)
        if purposes is None or endpoint.purpose is None or endpoint.purpose in purposes
    ]


def _purposes(policy: Policy, payload: Mapping[str, Any]) -> Collection[str] | None:
    """The purposes that a change concerns; None where it is all of them, as with a channel."""
    about = payload.get("purpose") if payload["kind"] == "consent" else payload.get("about")
    if about == _DIRECT_MARKETING:
        return [purpose.name for purpose in policy.purposes.values() if purpose.direct_marketing]
    return None if about is None else [about]


def _is_special(policy: Policy, purposes: Iterable[str]) -> bool:
    """Whether telling of these tells of special categories (GDPR Art. 9): by the purpose itself, or because a
    category of products requires its explicit consent."""
    required = {name for category in policy.categories.values() for name in category.requires}
    return any(
        policy.document["purposes"][name].get("special") is True
        or (name in required and policy.purposes[name].explicit)
        for name in purposes
        if name in policy.purposes
    )


def _consent(payload: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    about = {name: payload[name] for name in ("purpose", "channel") if payload.get(name)}
    return CONSENT, {**about, "status": payload["status"]}


def _objection(payload: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    return CONSENT, {"objection": payload["about"], "objects": payload["objects"]}


def _merge(payload: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    # Whoever knows the person under the other id must stop using it.
    return CONSENT, {"merged": [payload["from"]]}


def _status(payload: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    # Art. 19 names the restriction of processing too.
    return CONSENT, {"processing": payload["status"]}


def _preferences(payload: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    return PREFERENCES, {"fields": sorted(payload["after"])}


def _mandate(_payload: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    return PREFERENCES, {"fields": ["mandates"]}


# Flags are the shop's own and set by signals: nobody else is told.
_TELL = {
    "consent": _consent,
    "objection": _objection,
    "merge": _merge,
    "status": _status,
    "preferences": _preferences,
    "mandate": _mandate,
}
