"""Which consent events have proved what they had to (law.md G4): the oldest ones, and never a gap."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from service.policy import read_instant
from service.storage.subjects import Event


def expendable(events: Sequence[Event], before: datetime) -> int:
    """How many of a subject's events, from the first on, need not be kept: what each proves ended before
    `before`. The chain is cut at its beginning alone, so that the rest can still be checked; the last event
    stays."""
    later: dict[tuple[str, str], datetime] = {}
    ends: list[datetime | None] = []
    for event in reversed(events):
        about = _about(event.payload)
        followed = None if about is None else later.get(about)
        ends.append(_end(event, followed))
        if about is not None and not _only_rests(event.payload):
            later[about] = event.at
    count = 0
    for end in list(reversed(ends))[:-1]:
        if end is None or end >= before:
            break
        count += 1
    return count


def _only_rests(payload: dict[str, Any]) -> bool:
    """A mandate that was suspended or resumed still stands on the word with which it was concluded."""
    return payload["kind"] == "mandate" and payload["does"] in ("suspended", "resumed")


def _about(payload: dict[str, Any]) -> tuple[str, str] | None:
    """What a later event of the same kind about the same thing takes the place of."""
    match payload["kind"]:
        case "consent":
            return "consent", str(payload.get("purpose") or f"channel:{payload.get('channel')}")
        case "objection":
            return "objection", str(payload["about"])
        case "mandate":
            return "mandate", str(payload["mandate"]["id"])
        case _:
            return None


def _end(event: Event, followed: datetime | None) -> datetime | None:
    """When what the event proves came to its end; None: it has not."""
    payload = event.payload
    if payload["kind"] == "merge":
        # It carries the history of another person's id, whose answers may still count.
        return None
    if followed is not None or _about(payload) is None:
        return followed or event.at
    if payload["kind"] == "mandate":
        return event.at if payload["does"] in ("ended", "expired") else None
    if payload["kind"] != "consent":
        return None
    if payload["status"] != "given":
        return event.at
    expires_at = payload.get("expires_at")
    return None if expires_at is None else read_instant(expires_at)
