"""Mandates: what a customer lets us order beforehand (decision.md, the rows `mandate_*`)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from math import inf

from service.policy.paths import depth_of, lies_under
from service.policy.values import Candidate, Mandate, State


def narrowest(state: State, candidate: Candidate) -> Mandate | None:
    """The covering mandate that decides alone, live or not.

    The sku comes first, then the deepest category, then `*`; of equals the lowest id.
    """
    covering = [
        (-narrowness, mandate.id, mandate)
        for mandate in state.mandates
        if (narrowness := _narrowness(mandate.covers, candidate)) is not None
    ]
    return min(covering)[2] if covering else None


def _narrowness(covers: str, candidate: Candidate) -> float | None:
    """How narrowly a mandate covers a candidate, the sku above all; None if it does not."""
    if covers == "*":
        return 0
    if covers.startswith("sku:"):
        return inf if covers[4:] == candidate.sku else None
    return depth_of(covers) if lies_under(candidate.category or "", covers) else None


def is_ended(mandate: Mandate, now: datetime) -> bool:
    return mandate.expires_at is not None and mandate.expires_at <= now


def limit_codes(mandate: Mandate, state: State, candidate: Candidate, now: datetime) -> Iterator[str]:
    """The limits of a mandate that an order now would break, or that it has ended."""
    if is_ended(mandate, now):
        yield "mandate_expired"
        return
    if mandate.max_quantity is not None and candidate.quantity > mandate.max_quantity:
        yield "mandate_quantity"
    if mandate.currency != candidate.currency:
        # Amounts in two currencies cannot be compared.
        yield "mandate_currency"
        return
    amount = candidate.price_minor * candidate.quantity
    if amount > mandate.max_price_minor:
        yield "mandate_price"
    if mandate.max_spend_minor is not None and _spent(mandate, state, now) + amount > mandate.max_spend_minor:
        yield "mandate_spend"


def interval_end(mandate: Mandate, state: State, sku: str, now: datetime) -> datetime | None:
    """The instant from which this sku may be ordered again under a mandate; None if that is now.

    The limits of a mandate that has ended are not checked, and this is one.
    """
    if mandate.min_days_between is None or is_ended(mandate, now):
        return None
    made = [o.at for o in state.orders if o.mandate == mandate.id and o.sku == sku and o.at <= now]
    if not made:
        return None
    end = max(made) + timedelta(days=mandate.min_days_between)
    return end if end > now else None


def _spent(mandate: Mandate, state: State, now: datetime) -> int:
    # A spend limit without its days is refused before evaluation; should one get here, everything counts.
    since = None if mandate.spend_days is None else now - timedelta(days=mandate.spend_days)
    return sum(
        order.amount_minor
        for order in state.orders
        if order.mandate == mandate.id and order.at <= now and (since is None or order.at > since)
    )
