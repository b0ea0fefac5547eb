"""Reorders: what was proposed to a customer, and what became of it."""

from __future__ import annotations

from typing import Any

from schemas.reorders import ReordersShape
from service.api.auth import allow
from service.api.context import reach, unit
from service.api.openapi import Routes
from service.storage.subjects import read_subject
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
