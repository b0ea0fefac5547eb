"""The one way a subject's choices change: the event is appended, the next state saved, recipients are told,
and what the change forbids is stopped, all under the subject's lock and in the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from service.storage.subjects import Event, Subject, save_change
from service.storage.unit import Unit
from service.use_cases.cancel_forbidden import cancel_forbidden
from service.use_cases.publish_event import publish_change


@dataclass(frozen=True, slots=True)
class Changed:
    """What the customer is told: `cancelled` was still queued, `irrevocable` had left already."""

    epoch: int
    event: Event
    cancelled: list[dict[str, Any]]
    irrevocable: list[dict[str, Any]]


def commit_change(unit: Unit, subject: Subject, payload: dict[str, Any]) -> Changed:
    """Record `payload` as what happened to a locked subject whose choices the caller has edited."""
    event = save_change(unit, subject, payload | {"actor": _actor(unit)})
    publish_change(unit, subject, payload)
    stopped = cancel_forbidden(unit, subject)
    return Changed(subject.epoch, event, stopped.cancelled, stopped.irrevocable)


def _actor(unit: Unit) -> dict[str, str]:
    return {"role": unit.actor.role, "sub": unit.actor.sub}
