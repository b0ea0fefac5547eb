"""Mandates: what may be ordered automatically, within limits the customer set."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from schemas.consents import ChangedShape
from schemas.mandates import (
    AskTermsShape,
    MandateChangedShape,
    MandateHistoryShape,
    MandatesShape,
    MandateWithEvidenceShape,
    OfferedTermsShape,
    PutMandateShape,
)
from service.api.auth import allow
from service.api.changes import show_changed
from service.api.context import reach, recorded, unit
from service.api.openapi import Routes
from service.storage.choices import StoredMandate
from service.storage.subjects import read_subject
from service.use_cases.change import Changed
from service.use_cases.mandate_history import mandate_evidence, mandate_history
from service.use_cases.mandate_terms import Limits, offer_mandate
from service.use_cases.put_mandate import (
    PutMandate,
    end_mandate,
    live_mandate,
    mandate_status,
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
        now = u.now
    live = [_shown(each, now) for each in found.choices.mandates if each.deleted_at is None]
    return {"epoch": found.epoch, "mandates": live}


@routes.post("/subjects/<subject>/mandates/terms")
@routes.answer(200, OfferedTermsShape)
@routes.body(AskTermsShape)
@allow("customer")
def terms(body: dict[str, Any], subject: str) -> dict[str, Any]:
    """What to show immediately before the order button of a mandate with these limits, and what the button
    must say. Changes nothing."""
    locale = body.pop("locale", None)
    with unit() as u:
        return offer_mandate(u, reach(subject), Limits(**body), locale)


@routes.get("/subjects/<subject>/mandates/<mandate>")
@routes.answer(200, MandateWithEvidenceShape)
@allow("customer")
def show(subject: str, mandate: str) -> dict[str, Any]:
    """One mandate, with what it was concluded on."""
    with unit() as u:
        found = read_subject(u, reach(subject))
        live = live_mandate(found, mandate)
        return _shown(live, u.now) | {"evidence": mandate_evidence(u, found, live)}


@routes.get("/subjects/<subject>/mandates/<mandate>/history")
@routes.answer(200, MandateHistoryShape)
@allow("customer")
def history(subject: str, mandate: str) -> dict[str, Any]:
    """Everything that was done with a mandate, also with one that has ended."""
    with unit() as u:
        return {"history": mandate_history(u, reach(subject), mandate)}


@routes.put("/subjects/<subject>/mandates/<mandate>")
@routes.answer(200, MandateChangedShape)
@routes.body(PutMandateShape)
@allow("customer")
def put(body: dict[str, Any], subject: str, mandate: str) -> dict[str, Any]:
    """Conclude a mandate through the order button, or replace its limits in the same way. `mandate` is an id
    of the client's: `man_` and letters and digits."""
    command = PutMandate(**body.pop("accepted"), **body)
    with unit() as u:
        stored, changed = put_mandate(u, reach(subject), mandate, command)
        now = u.now
    return _answer(stored, now, changed, changed.epoch)


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
        epoch, now = read_subject(u, subject_id).epoch, u.now
    return _answer(stored, now, changed, epoch)


@routes.post("/subjects/<subject>/mandates/<mandate>/resume")
@routes.answer(200, MandateChangedShape)
@allow("customer")
def resume(subject: str, mandate: str) -> dict[str, Any]:
    """Let it serve again."""
    with unit() as u:
        subject_id = reach(subject)
        stored, changed = resume_mandate(u, subject_id, mandate)
        epoch, now = read_subject(u, subject_id).epoch, u.now
    return _answer(stored, now, changed, epoch)


def _answer(mandate: StoredMandate, now: datetime, changed: Changed | None, epoch: int) -> dict[str, Any]:
    return {"mandate": _shown(mandate, now), **show_changed(changed, epoch)}


def _shown(mandate: StoredMandate, now: datetime) -> dict[str, Any]:
    return show_mandate(mandate) | {"status": mandate_status(mandate, now)}
