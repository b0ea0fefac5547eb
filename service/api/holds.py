"""Legal holds on a person's data: what must not be erased yet, on which ground and until when."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response

from schemas.holds import HoldShape, HoldsShape, NewHoldShape
from service import ids
from service.api import idempotency
from service.api.auth import allow
from service.api.context import reach, recorded, unit
from service.api.idempotency import idempotent
from service.api.openapi import Routes
from service.storage.holds import Hold, read_holds
from service.storage.subjects import read_subject
from service.use_cases.hold_subject import lift_hold, place_hold

routes = Routes("holds", "Legal holds (GDPR Art. 17(3))")


@routes.post("/subjects/<subject>/holds")
@routes.answer(201, HoldShape)
@routes.header(idempotency.HEADER, idempotency.DESCRIPTION)
@routes.body(NewHoldShape)
@allow("dpo")
def place(body: dict[str, Any], subject: str) -> Response:
    """Keep the data from being erased until a date. An erasure answers 409 with the code and the date, and
    from the moment it is asked for the data is only stored (`restricted`)."""
    subject_id = reach(subject)
    with unit() as u:

        def make() -> tuple[int, dict[str, Any], UUID]:
            hold = place_hold(u, subject_id, body["code"], body["until"])
            return 201, HoldShape().dump(_show(hold)), subject_id

        return idempotent(u, make)


@routes.get("/subjects/<subject>/holds")
@routes.answer(200, HoldsShape)
@allow("dpo")
def list_all(subject: str) -> dict[str, Any]:
    """Every hold there ever was, oldest first."""
    with unit() as u:
        found = recorded(u, read_subject(u, reach(subject)))
        return {"items": [_show(hold) for hold in read_holds(u, found.id)]}


@routes.delete("/subjects/<subject>/holds/<hold>")
@routes.answer(200, HoldsShape)
@allow("dpo")
def lift(subject: str, hold: str) -> dict[str, Any]:
    """End a hold before its date."""
    subject_id = reach(subject)
    with unit() as u:
        lift_hold(u, subject_id, ids.read(ids.HOLD, hold))
        return {"items": [_show(each) for each in read_holds(u, subject_id)]}


def _show(hold: Hold) -> dict[str, Any]:
    return {
        "id": hold.id,
        "code": hold.code,
        "until": hold.until,
        "placed_by": hold.placed_by,
        "placed_at": hold.placed_at,
        "lifted_at": hold.lifted_at,
    }
