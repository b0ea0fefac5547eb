"""A person's reorders, as the person sees them."""

from __future__ import annotations

from typing import Any

from service.explanations.reorders import explain_asking, explain_step
from service.ids import REORDER, show
from service.instants import show_instant
from service.storage.reorders import Reorder, ReorderDetails, read_reorders
from service.storage.subjects import Subject
from service.storage.unit import Unit
from service.use_cases.hold_reorder import asked_because, held_since


def list_reorders(unit: Unit, subject: Subject) -> list[dict[str, Any]]:
    """All of them, newest first. One whose content cannot be opened is listed with its state alone."""
    locale = subject.choices.locale
    return [_shown(reorder, locale) for reorder in reversed(read_reorders(unit, subject))]


def _shown(reorder: Reorder, locale: str) -> dict[str, Any]:
    shown = {
        "id": show(REORDER, reorder.id),
        "state": reorder.state,
        "created_at": show_instant(reorder.created_at),
        "updated_at": show_instant(reorder.updated_at),
    }
    if reorder.details is None:
        return shown
    return shown | _details(reorder.details) | _why(reorder.state, reorder.details, locale)


def _why(state: str, details: ReorderDetails, locale: str) -> dict[str, Any]:
    """What a held one waits for since when, and what there is to say of the last step, in words."""
    reason = details.history[-1].reason
    why: dict[str, Any] = {"explanation": explain_step(state, reason, locale)}
    since = held_since(details)
    if since is not None:
        why["held"] = {"since": show_instant(since), "reasons": [reason]}
    asked = asked_because(details)
    if asked is not None:
        why["explanation"] = explain_asking(asked, locale)
    return why


def _details(details: ReorderDetails) -> dict[str, Any]:
    candidate, run_out = details.candidate, details.run_out
    return {
        "strategy": details.strategy,
        "channel": details.channel,
        "sku": candidate.sku,
        "name": details.name,
        "quantity": candidate.quantity,
        "price_minor": candidate.price_minor,
        "currency": candidate.currency,
        "run_out": {
            "earliest": show_instant(run_out.earliest),
            "median": show_instant(run_out.median),
            "latest": show_instant(run_out.latest),
        },
        "decision": details.decision,
        "reasons": details.reasons,
        # Who: the role alone. The names of staff are not the customer's business (C-579/21).
        "history": [
            {"at": show_instant(step.at), "state": step.state, "actor": step.role, "reason": step.reason}
            for step in details.history
        ],
    }
