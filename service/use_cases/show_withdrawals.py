"""The right to withdraw from each contract, as its customer sees it (law.md A7)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from service.instants import show_instant
from service.storage.products import FULL, read_products
from service.storage.reorders import Reorder
from service.storage.subjects import Subject
from service.storage.unit import Unit
from service.storage.withdrawals import ACCEPTED, read_withdrawals
from service.use_cases.withdrawal_terms import NOT_ORDERED, Terms, withdrawal_terms


def show_withdrawals(unit: Unit, subject: Subject, reorders: Sequence[Reorder]) -> dict[UUID, dict[str, Any]]:
    """{`withdrawal`: its terms} by reorder, where there is a contract."""
    products = read_products(unit.db, {r.details.candidate.sku for r in reorders if r.details is not None})
    accepted = {w.reorder: w.at for w in read_withdrawals(unit, subject) if w.outcome == ACCEPTED}
    shown = {}
    for reorder in reorders:
        product = None if reorder.details is None else products.get(reorder.details.candidate.sku)
        rule = FULL if product is None else product.withdrawal
        terms = withdrawal_terms(subject, reorder, rule, unit.now)
        at = accepted.get(reorder.id)
        if at is not None or terms.reason != NOT_ORDERED:
            shown[reorder.id] = {"withdrawal": _shown(terms, at)}
    return shown


def _shown(terms: Terms, accepted: datetime | None) -> dict[str, Any]:
    return {
        "possible": terms.possible and accepted is None,
        "until": None if terms.until is None else show_instant(terms.until),
        "rule": terms.rule,
        **({} if accepted is None else {"withdrawn_at": show_instant(accepted)}),
        **({} if terms.reason is None or accepted is not None else {"reason": terms.reason}),
    }
