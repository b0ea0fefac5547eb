"""A person's reorders, as the person sees them."""

from __future__ import annotations

from typing import Any

from service.explanations import explain_run_out
from service.ids import REORDER, show
from service.instants import show_instant
from service.storage.reorders import Reorder, ReorderDetails, StoredRunOut, read_reorders
from service.storage.subjects import Subject
from service.storage.unit import Unit


def list_reorders(unit: Unit, subject: Subject) -> list[dict[str, Any]]:
    """All of them, newest first. One whose content cannot be opened is listed with its state alone."""
    return [_shown(unit, subject, reorder) for reorder in reversed(read_reorders(unit, subject))]


def _shown(unit: Unit, subject: Subject, reorder: Reorder) -> dict[str, Any]:
    shown = {
        "id": show(REORDER, reorder.id),
        "state": reorder.state,
        "created_at": show_instant(reorder.created_at),
        "updated_at": show_instant(reorder.updated_at),
    }
    if reorder.details is None:
        return shown
    return shown | _details(reorder.details) | {"run_out": _run_out(unit, subject, reorder.details.run_out)}


def _run_out(unit: Unit, subject: Subject, run_out: StoredRunOut) -> dict[str, Any]:
    """The forecast of the time; its words are of today."""
    words = explain_run_out(
        run_out.earliest,
        run_out.median,
        run_out.latest,
        run_out.sure,
        subject.choices.locale,
        now=unit.now,
        timezone=subject.choices.timezone,
    )
    return {
        "earliest": show_instant(run_out.earliest),
        "median": show_instant(run_out.median),
        "latest": show_instant(run_out.latest),
        "words": words,
        "sure": run_out.sure,
        "notes": list(run_out.notes),
        "model": run_out.model,
        "data": list(run_out.data),
        "signals": run_out.signals,
    }


def _details(details: ReorderDetails) -> dict[str, Any]:
    candidate = details.candidate
    return {
        "strategy": details.strategy,
        "channel": details.channel,
        "sku": candidate.sku,
        "name": details.name,
        "quantity": candidate.quantity,
        "price_minor": candidate.price_minor,
        "currency": candidate.currency,
        "decision": details.decision,
        "reasons": details.reasons,
        # Who: the role alone. The names of staff are not the customer's business (C-579/21).
        "history": [
            {"at": show_instant(step.at), "state": step.state, "actor": step.role, "reason": step.reason}
            for step in details.history
        ],
    }
