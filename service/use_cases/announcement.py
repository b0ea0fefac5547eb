"""What a proposed reorder has to say: a reminder where the person approves, a notice where it ships by
itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from service.instants import show_instant
from service.policy import LEVEL_NAMES, Level
from service.storage.outbox import CANCELLATION, NOTICE, ORDER, REMINDER, Message
from service.storage.reorders import ReorderDetails, StoredRunOut


def announcement(details: ReorderDetails, why: str | None = None) -> Message:
    """`why`: the code of what keeps an order from leaving by itself, for a reminder in its place."""
    kind = NOTICE if details.strategy == LEVEL_NAMES[Level.automate] else REMINDER
    return Message(
        kind,
        details.candidate.id,
        details.candidate,
        details.strategy,
        details.decision,
        _content(details) | ({} if why is None else {"why": why}),
    )


def cancellation(details: ReorderDetails, why: str) -> Message:
    """That an order will not come which the person was told of, or gave; `why` is the code of its end."""
    candidate = details.candidate
    content = _content(details) | {"why": why}
    return Message(CANCELLATION, candidate.id, candidate, details.strategy, details.decision, content)


def customers_order(details: ReorderDetails) -> Message:
    """The order that a person approved: their own, on the rung on which we do as we are told (`respond`). The
    data that the reminder was made from is no part of it: nobody needs that to carry out an order."""
    own = replace(details.candidate, strategy=Level.respond, data=())
    strategy = LEVEL_NAMES[Level.respond]
    return Message(ORDER, own.id, own, strategy, details.decision, _content(details))


def announced_order(details: ReorderDetails, decision: str) -> Message:
    """The automatic order that a delivered notice announced, as it stands now: the customer may have changed
    it since. `decision` permitted it."""
    candidate = details.candidate
    return Message(ORDER, candidate.id, candidate, details.strategy, decision, _content(details))


def show_run_out(run_out: StoredRunOut | None) -> dict[str, str] | None:
    """None for an order that no forecast led to."""
    if run_out is None:
        return None
    return {
        "earliest": show_instant(run_out.earliest),
        "median": show_instant(run_out.median),
        "latest": show_instant(run_out.latest),
    }


def _content(details: ReorderDetails) -> dict[str, Any]:
    candidate, run_out = details.candidate, show_run_out(details.run_out)
    price = candidate.price_minor
    return {
        "sku": candidate.sku,
        "product": details.name,
        "quantity": candidate.quantity,
        # Of the whole order.
        "price_minor": None if price is None else price * candidate.quantity,
        "currency": candidate.currency,
        "date": None if run_out is None else run_out["median"],
        "run_out": run_out,
    }
