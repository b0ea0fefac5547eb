"""A person's reorders, as the person sees them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from service.ids import REORDER, show
from service.instants import show_instant
from service.storage.products import FULL, read_products
from service.storage.reorders import Reorder, ReorderDetails, read_reorders
from service.storage.subjects import Subject
from service.storage.unit import Unit
from service.storage.withdrawals import ACCEPTED, read_withdrawals
from service.use_cases.withdrawal_terms import NOT_ORDERED, Terms, withdrawal_terms


def list_reorders(unit: Unit, subject: Subject) -> list[dict[str, Any]]:
    """All of them, newest first. One whose content cannot be opened is listed with its state alone."""
    found = read_reorders(unit, subject)
    terms = _terms(unit, subject, found)
    return [_shown(reorder) | terms.get(reorder.id, {}) for reorder in reversed(found)]


def _terms(unit: Unit, subject: Subject, reorders: list[Reorder]) -> dict[UUID, dict[str, Any]]:
    """The right to withdraw from each contract, where there is one."""
    products = read_products(unit.db, {r.details.candidate.sku for r in reorders if r.details is not None})
    accepted = {w.reorder: w.at for w in read_withdrawals(unit, subject) if w.outcome == ACCEPTED}
    shown = {}
    for reorder in reorders:
        product = None if reorder.details is None else products.get(reorder.details.candidate.sku)
        rule = FULL if product is None else product.withdrawal
        terms = withdrawal_terms(subject, reorder, rule, unit.now)
        at = accepted.get(reorder.id)
        if at is not None or terms.reason != NOT_ORDERED:
            shown[reorder.id] = {"withdrawal": _withdrawal(terms, at)}
    return shown


def _withdrawal(terms: Terms, accepted: datetime | None) -> dict[str, Any]:
    return {
        "possible": terms.possible and accepted is None,
        "until": None if terms.until is None else show_instant(terms.until),
        "rule": terms.rule,
        **({} if accepted is None else {"withdrawn_at": show_instant(accepted)}),
        **({} if terms.reason is None or accepted is not None else {"reason": terms.reason}),
    }


def _shown(reorder: Reorder) -> dict[str, Any]:
    shown = {
        "id": show(REORDER, reorder.id),
        "state": reorder.state,
        "created_at": show_instant(reorder.created_at),
        "updated_at": show_instant(reorder.updated_at),
    }
    return shown if reorder.details is None else shown | _details(reorder.details)


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
