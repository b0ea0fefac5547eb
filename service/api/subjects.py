"""Subjects: registering, finding, and the identifiers they are known by."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response

from schemas.subjects import (
    FoundShape,
    IdentifierAddedShape,
    IdentifierShape,
    MergedShape,
    MergeShape,
    NewSubjectShape,
    SubjectCreatedShape,
    SubjectShape,
)
from service import ids
from service.actor import show_subject
from service.api import idempotency
from service.api.auth import allow
from service.api.changes import show_changed
from service.api.context import reach, recorded, unit
from service.api.idempotency import idempotent
from service.api.openapi import Routes
from service.errors import NotFoundError
from service.storage.identifiers import StoredIdentifier, read_identifiers
from service.storage.subjects import Subject, read_subject
from service.storage.unit import Unit
from service.use_cases.change_identifiers import add_to_subject, remove_from_subject
from service.use_cases.merge_subjects import merge_subjects
from service.use_cases.register_subject import (
    Identifier,
    RegisterSubject,
    look_up_subject,
    register_subject,
)

routes = Routes("subjects", "People, and the identifiers they are known by")


@routes.post("/subjects")
@routes.answer(201, SubjectCreatedShape)
@routes.header(idempotency.HEADER, idempotency.DESCRIPTION)
@routes.body(NewSubjectShape)
@allow("shop", "admin")
def register(body: dict[str, Any]) -> Response:
    """Register a person. An identifier that is known already is a 409 with that subject's id."""
    identifiers = [Identifier(**each) for each in body.pop("identifiers")]
    with unit() as u:

        def make() -> tuple[int, dict[str, Any], UUID]:
            subject = register_subject(u, RegisterSubject(identifiers=identifiers, **body))
            return 201, {"id": show_subject(subject.id), "epoch": subject.epoch}, subject.id

        return idempotent(u, make)


@routes.get("/subjects/<subject>")
@routes.answer(200, SubjectShape)
@allow("customer", "dpo", "shop")
def show(subject: str) -> dict[str, Any]:
    """What is known about a person. Identifiers stand in clear for the person and the DPO alone."""
    with unit() as u:
        found = recorded(u, read_subject(u, reach(subject)))
        known = read_identifiers(u, found)
    choices = found.choices
    return {
        "id": found.id,
        "status": found.status,
        "epoch": found.epoch,
        "locale": choices.locale,
        "country": choices.country,
        "timezone": choices.timezone,
        **_kept_from_shops(u, found, known),
    }


@routes.post("/subjects/lookup")
@routes.answer(200, FoundShape)
@routes.body(IdentifierShape)
@allow("shop", "dpo")
def look_up(body: dict[str, Any]) -> dict[str, Any]:
    """The subject behind an identifier, or 404. The identifier travels in the body, never in a URL."""
    with unit() as u:
        found = look_up_subject(u, Identifier(**body))
        if found is None:
            raise NotFoundError(ids.SUBJECT)
        recorded(u, read_subject(u, found))
    return {"id": found}


@routes.post("/subjects/<subject>/identifiers")
@routes.answer(201, IdentifierAddedShape)
@routes.header(idempotency.HEADER, idempotency.DESCRIPTION)
@routes.body(IdentifierShape)
@allow("shop", "dpo")
def add_identifier(body: dict[str, Any], subject: str) -> Response:
    """One more identifier. One that another subject has is a 409."""
    subject_id = reach(subject)
    with unit() as u:

        def make() -> tuple[int, dict[str, Any], UUID]:
            added = add_to_subject(u, subject_id, Identifier(**body))
            return 201, {"id": ids.show(ids.IDENTIFIER, added)}, subject_id

        return idempotent(u, make)


@routes.delete("/subjects/<subject>/identifiers/<identifier>")
@routes.answer(204)
@allow("shop", "dpo")
def remove_identifier(subject: str, identifier: str) -> None:
    """Take an identifier away; nobody is found by it afterwards."""
    with unit() as u:
        remove_from_subject(u, reach(subject), ids.read(ids.IDENTIFIER, identifier))


@routes.post("/subjects/<subject>/merge")
@routes.answer(200, MergedShape)
@routes.body(MergeShape)
@allow("dpo")
def merge(body: dict[str, Any], subject: str) -> dict[str, Any]:
    """Make this subject one with another. Nothing becomes permitted by it; mandates end."""
    with unit() as u:
        changed = merge_subjects(u, reach(subject), body["into"])
    return {"id": body["into"], **show_changed(changed, changed.epoch)}


def _kept_from_shops(u: Unit, subject: Subject, known: list[StoredIdentifier]) -> dict[str, Any]:
    if u.actor.roles <= {"shop"}:
        return {"identifiers": [{"id": ids.show(ids.IDENTIFIER, each.id)} for each in known]}
    return {
        "birth_date": subject.choices.birth_date,
        "flags": sorted(subject.state(u.now).flags),
        "identifiers": [
            {
                "id": ids.show(ids.IDENTIFIER, each.id),
                "type": each.type,
                "value": each.value,
                "created_at": each.created_at,
            }
            for each in known
        ],
    }
