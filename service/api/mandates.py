"""Mandates: what may be ordered automatically, within limits the customer set."""

from __future__ import annotations

from typing import Any

from schemas.consents import ChangedShape
from schemas.mandates import MandateChangedShape, MandateShape, MandatesShape, PutMandateShape
from service.api.auth import allow
from service.api.changes import show_changed
from service.api.context import reach, recorded, unit
from service.api.openapi import Routes
from service.storage.choices import StoredMandate
from service.storage.subjects import read_subject
from service.use_cases.change import Changed
from service.use_cases.put_mandate import (
    PutMandate,
    end_mandate,
    live_mandate,
    put_mandate,
    resume_mandate,
    show_mandate,
    suspend_mandate,
)

routes = Routes("mandates", "Standing orders, and their limits")


@routes.get("/subjects/<subject>/mandates")
@routes.answer(200, MandatesShape)
@allow("customer")
def list_all(subject: str) -> dict[str, Any]:
    """The mandates that have not been ended."""
    with unit() as u:
        found = recorded(u, read_subject(u, reach(subject)))
    live = [show_mandate(each) for each in found.choices.mandates if each.deleted_at is None]
    return {"epoch": found.epoch, "mandates": live}


@routes.get("/subjects/<subject>/mandates/<mandate>")
@routes.answer(200, MandateShape)
@allow("customer")
def show(subject: str, mandate: str) -> dict[str, Any]:
    """One mandate."""
    with unit() as u:
        return show_mandate(live_mandate(read_subject(u, reach(subject)), mandate))


@routes.put("/subjects/<subject>/mandates/<mandate>")
@routes.answer(200, MandateChangedShape)
@routes.body(PutMandateShape)
@allow("customer")
def put(body: dict[str, Any], subject: str, mandate: str) -> dict[str, Any]:
    """Conclude a mandate, or replace its limits. `mandate` is an id of the client's: `man_` and letters
    and digits."""
    accepted = body.pop("accepted")
    command = PutMandate(text=accepted["text"], locale=accepted["locale"], **body)
    with unit() as u:
        stored, changed = put_mandate(u, reach(subject), mandate, command)
    return _answer(stored, changed, changed.epoch)


@routes.delete("/subjects/<subject>/mandates/<mandate>")
@routes.answer(200, ChangedShape)
@allow("customer")
def delete(subject: str, mandate: str) -> dict[str, Any]:
    """End a mandate. It never serves again, and no wider one serves in its place."""
    with unit() as u:
        changed = end_mandate(u, reach(subject), mandate)
    return show_changed(changed, changed.epoch)


@routes.post("/subjects/<subject>/mandates/<mandate>/suspend")
@routes.answer(200, MandateChangedShape)
@allow("customer")
def suspend(subject: str, mandate: str) -> dict[str, Any]:
    """Let it rest until it is resumed."""
    with unit() as u:
        subject_id = reach(subject)
        stored, changed = suspend_mandate(u, subject_id, mandate)
        epoch = read_subject(u, subject_id).epoch
    return _answer(stored, changed, epoch)


@routes.post("/subjects/<subject>/mandates/<mandate>/resume")
@routes.answer(200, MandateChangedShape)
@allow("customer")
def resume(subject: str, mandate: str) -> dict[str, Any]:
    """Let it serve again."""
    with unit() as u:
        subject_id = reach(subject)
        stored, changed = resume_mandate(u, subject_id, mandate)
        epoch = read_subject(u, subject_id).epoch
    return _answer(stored, changed, epoch)


def _answer(mandate: StoredMandate, changed: Changed | None, epoch: int) -> dict[str, Any]:
    return {"mandate": show_mandate(mandate), **show_changed(changed, epoch)}
