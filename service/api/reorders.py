"""Reorders: what was proposed to a customer, and what became of it."""

from __future__ import annotations

from typing import Any

from schemas.reorders import ReorderAnsweredShape, ReordersShape
from service import ids
from service.api.auth import allow
from service.api.context import reach, unit
from service.api.openapi import Routes
from service.storage.subjects import read_subject
from service.use_cases.answer_reorder import Answered, approve_reorder, cancel_reorder, skip_reorder
from service.use_cases.list_reorders import list_reorders

routes = Routes("reorders", "Reorders, from proposal to delivery")


@routes.get("/subjects/<subject>/reorders")
@routes.answer(200, ReordersShape)
@allow("customer")
def list_all(subject: str) -> dict[str, Any]:
    """All of one's own, newest first."""
    with unit() as u:
        found = list_reorders(u, read_subject(u, reach(subject)))
    return {"reorders": found}


@routes.post("/reorders/<reorder>/approve")
@routes.answer(200, ReorderAnsweredShape)
@allow("customer")
def approve(reorder: str) -> dict[str, Any]:
    """Order it. It is your own order then, which no withdrawal of reminders cancels."""
    with unit() as u:
        answered = approve_reorder(u, ids.read(ids.REORDER, reorder))
    return _answered(answered)


@routes.post("/reorders/<reorder>/skip")
@routes.answer(200, ReorderAnsweredShape)
@allow("customer")
def skip(reorder: str) -> dict[str, Any]:
    """Not this time. This is also the veto against an automatic order that was announced."""
    with unit() as u:
        answered = skip_reorder(u, ids.read(ids.REORDER, reorder))
    return _answered(answered)


@routes.post("/reorders/<reorder>/cancel")
@routes.answer(200, ReorderAnsweredShape)
@allow("customer")
def cancel(reorder: str) -> dict[str, Any]:
    """Not at all: also an order of one's own that has not been handed over to the shop."""
    with unit() as u:
        answered = cancel_reorder(u, ids.read(ids.REORDER, reorder))
    return _answered(answered)


def _answered(answered: Answered) -> dict[str, Any]:
    return {
        "id": ids.show(ids.REORDER, answered.reorder.id),
        "state": answered.state,
        "cancelled": answered.stopped.cancelled,
        "irrevocable": answered.stopped.irrevocable,
    }
