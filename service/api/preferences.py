"""Preferences: sharing, control levels, channels, quiet hours. A merge patch guarded by If-Match."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from schemas.preferences import PreferencesChangedShape, PreferencesPatchShape, PreferencesShape
from service.api import preconditions
from service.api.auth import allow
from service.api.bodies import MERGE_PATCH
from service.api.changes import show_changed
from service.api.context import reach, recorded, unit
from service.api.openapi import Routes, json_response
from service.api.preconditions import require_match, with_etag
from service.storage.subjects import read_subject
from service.use_cases.change_preferences import (
    change_preferences,
    show_preferences,
    show_situations,
)

routes = Routes("preferences", "Preferences: how much is shared, how much control is kept")


@routes.get("/subjects/<subject>/preferences")
@routes.answer(200, PreferencesShape)
@allow("customer", "dpo")
def show(subject: str) -> Response:
    """The preferences; their ETag is what a patch must name."""
    with unit() as u:
        found = recorded(u, read_subject(u, reach(subject)))
        body = {"epoch": found.epoch, **show_preferences(found), **show_situations(u, found)}
    return with_etag(json_response(body), found.epoch)


@routes.patch("/subjects/<subject>/preferences")
@routes.answer(200, PreferencesChangedShape)
@routes.header("If-Match", preconditions.DESCRIPTION, required=True)
@routes.header(
    "Confirmation", "From a 428 of type confirmation-required: yes to exactly what it told, within the hour"
)
@routes.body(PreferencesPatchShape, media_types=MERGE_PATCH)
@allow("customer", "dpo")
def patch(body: dict[str, Any], subject: str) -> Response:
    """Change some of them. Lowering counts at once, and the answer lists what it stopped. Raising a level to
    automate is asked about once more where the policy says so."""
    confirmation = request.headers.get("Confirmation")
    with unit() as u:
        found, changed = change_preferences(u, reach(subject), body, require_match, confirmation)
        recorded(u, found)
        shown = {**show_preferences(found), **show_situations(u, found)}
    answer = {**shown, **show_changed(changed, found.epoch)}
    return with_etag(json_response(answer), found.epoch)
