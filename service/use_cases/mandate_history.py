"""How a mandate came about and what became of it: read from the events, which nobody can rewrite."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from service.errors import NotFoundError
from service.ids import CONSENT_EVENT, show
from service.instants import show_instant
from service.storage.choices import StoredMandate
from service.storage.subjects import Event, Subject, read_events, read_subject
from service.storage.unit import Unit
from service.use_cases.put_mandate import MANDATE


def mandate_history(unit: Unit, subject_id: UUID, mandate_id: str) -> list[dict[str, Any]]:
    """Everything that was done with a mandate, oldest first, also of one that has ended. `actor` is the role
    alone. A merge ended whatever stood, and may have given it another id. Raises NotFoundError where no event
    speaks of it."""
    events = read_events(unit, read_subject(unit, subject_id))
    found = _steps([_entry(event) for event in events], mandate_id)
    if not found:
        raise NotFoundError(MANDATE)
    return found


def mandate_evidence(unit: Unit, subject: Subject, mandate: StoredMandate) -> dict[str, Any] | None:
    """What was shown when it was concluded as it now stands; None where no event kept it."""
    events = read_events(unit, subject, mandate.event - 1, 1) if mandate.event else []
    return events[0].payload.get("evidence") if events else None


def _steps(entries: Iterable[dict[str, Any]], mandate_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for entry in entries:
        if entry["kind"] == "mandate" and entry["mandate"]["id"] == mandate_id:
            found.append(_shown(entry))
        elif entry["kind"] == "merge":
            before = entry["moved"].get("mandates", {}).get(mandate_id)
            if before is not None:
                found += _steps(entry["history"], before)
            if found and found[-1]["does"] not in ("ended", "expired"):
                found.append(_shown(entry | {"does": "ended", "mandate": found[-1]["mandate"]}))
    return found


def _entry(event: Event) -> dict[str, Any]:
    """An event as a merge keeps those of the other person."""
    return {"id": show(CONSENT_EVENT, event.id), "recorded_at": show_instant(event.at), **event.payload}


def _shown(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "event": entry["id"],
        "at": entry["recorded_at"],
        "does": entry["does"],
        "actor": entry["actor"]["role"],
        "mandate": entry["mandate"],
        "evidence": entry.get("evidence"),
    }
