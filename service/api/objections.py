"""Objections to a purpose or to direct marketing (GDPR Art. 21): no reason is asked."""

from __future__ import annotations

from typing import Any

from schemas.consents import ChangedShape
from service.api.auth import allow
from service.api.changes import show_changed
from service.api.context import reach, unit
from service.api.openapi import Routes
from service.storage.subjects import read_subject
from service.use_cases.set_objection import lift_objection, object_to

routes = Routes("objections", "Objections (GDPR Art. 21)")


@routes.put("/subjects/<subject>/objections/<about>")
@routes.answer(200, ChangedShape)
@allow("customer", "dpo")
def put(subject: str, about: str) -> dict[str, Any]:
    """Object, to a purpose or to `direct_marketing`. Doing it twice is doing it once."""
    subject_id = reach(subject)
    with unit() as u:
        changed = object_to(u, subject_id, about)
        epoch = read_subject(u, subject_id).epoch if changed is None else changed.epoch
    return show_changed(changed, epoch)


@routes.delete("/subjects/<subject>/objections/<about>")
@routes.answer(200, ChangedShape)
@allow("customer", "dpo")
def delete(subject: str, about: str) -> dict[str, Any]:
    """Lift an objection."""
    subject_id = reach(subject)
    with unit() as u:
        changed = lift_objection(u, subject_id, about)
        epoch = read_subject(u, subject_id).epoch if changed is None else changed.epoch
    return show_changed(changed, epoch)
