"""A person's reorders, as the person sees them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from service.explanations import explain_run_out
from service.explanations.reorders import explain_asking, explain_step
from service.ids import REORDER, show
from service.instants import show_instant
from service.storage.outbox import ORDER, read_outstanding
from service.storage.reorders import Reorder, ReorderDetails, StoredRunOut, read_reorders
from service.storage.subjects import Subject
from service.storage.unit import Unit
from service.use_cases.announcement import show_run_out
from service.use_cases.hold_reorder import asked_because, held_since
from service.use_cases.reorder_verbs import actions
from service.use_cases.show_withdrawals import show_withdrawals


def list_reorders(unit: Unit, subject: Subject) -> list[dict[str, Any]]:
    """All of them, newest first. One whose content cannot be opened is listed with its state alone."""
    found, orders = read_reorders(unit, subject), _orders(unit, subject)
    terms = show_withdrawals(unit, subject, found)
    return [_shown(unit, subject, each, orders) | terms.get(each.id, {}) for each in reversed(found)]


def show_own(unit: Unit, subject: Subject, reorder: Reorder) -> dict[str, Any]:
    """One of them."""
    terms = show_withdrawals(unit, subject, [reorder])
    return _shown(unit, subject, reorder, _orders(unit, subject)) | terms.get(reorder.id, {})


def _orders(unit: Unit, subject: Subject) -> dict[str, datetime]:
    """When each order that waits is to leave, by its reorder's public id."""
    return {
        entry.message.reorder: entry.due_at
        for entry in read_outstanding(unit, subject, unit.now)
        if entry.state == "queued" and entry.message is not None and entry.message.kind == ORDER
    }


def _shown(unit: Unit, subject: Subject, reorder: Reorder, orders: Mapping[str, datetime]) -> dict[str, Any]:
    name = show(REORDER, reorder.id)
    shown = {
        "id": name,
        "state": reorder.state,
        "created_at": show_instant(reorder.created_at),
        "updated_at": show_instant(reorder.updated_at),
        "actions": actions(reorder),
    }
    if reorder.details is None:
        return shown
    leaves = orders.get(name)
    return (
        shown
        | _details(reorder.details)
        | _why(reorder.state, reorder.details, subject.choices.locale)
        | {
            "run_out": _run_out(unit, subject, reorder.details.run_out),
            "until": _instant(_until(reorder, reorder.details, leaves, unit.now)),
            "order_date": _instant(_order_date(reorder.details, leaves)),
        }
    )


def _until(
    reorder: Reorder, details: ReorderDetails, leaves: datetime | None, now: datetime
) -> datetime | None:
    """The end of the veto, or to when it was put off."""
    if reorder.state == "announced":
        return leaves
    snoozed = details.snoozed_until
    return snoozed if reorder.state == "proposed" and snoozed is not None and snoozed > now else None


def _order_date(details: ReorderDetails, leaves: datetime | None) -> datetime | None:
    """When the order leaves, or left."""
    left = (step.at for step in details.history if step.state == "dispatched")
    return leaves or next(left, None)


def _run_out(unit: Unit, subject: Subject, run_out: StoredRunOut | None) -> dict[str, Any] | None:
    """The forecast of the time; its words are of today. None for an order that no forecast led to."""
    shown = show_run_out(run_out)
    if run_out is None or shown is None:
        return None
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
        **shown,
        "words": words,
        "sure": run_out.sure,
        "notes": list(run_out.notes),
        "model": run_out.model,
        "data": list(run_out.data),
        "signals": run_out.signals,
    }


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
    candidate = details.candidate
    return {
        "strategy": details.strategy,
        "channel": details.channel,
        "sku": candidate.sku,
        "name": details.name,
        "quantity": candidate.quantity,
        "price_minor": candidate.price_minor,
        "currency": candidate.currency,
        "delivered_at": _instant(details.delivered_at),
        "returned_at": _instant(details.returned_at),
        "decision": details.decision,
        "reasons": details.reasons,
        # Who: the role alone. The names of staff are not the customer's business (C-579/21).
        "history": [
            {"at": show_instant(step.at), "state": step.state, "actor": step.role, "reason": step.reason}
            for step in details.history
        ],
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else show_instant(at)
