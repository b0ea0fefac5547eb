"""Consents: what a person answered, what stands now, and how it came about."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response

from schemas.consents import ConsentRecordedShape, ConsentShape, ConsentsShape, HistoryShape
from service import ids
from service.api import idempotency
from service.api.auth import allow
from service.api.context import reach, recorded, services, unit
from service.api.idempotency import idempotent
from service.api.openapi import Routes
from service.api.paging import PageQuery, read_page, show_page
from service.explanations import explain_consent
from service.instants import show_instant
from service.policy import Policy
from service.storage.subjects import Subject, read_events, read_subject
from service.use_cases.list_consents import list_consents, show_event
from service.use_cases.prove_entry import promise_for
from service.use_cases.record_consent import (
    ConsentRecorded,
    Notice,
    RecordConsent,
    may_ask_from,
    record_consent,
)

routes = Routes("consents", "Consent: given, refused, withdrawn, and its history")


@routes.post("/subjects/<subject>/consents")
@routes.answer(201, ConsentRecordedShape)
@routes.header(idempotency.HEADER, idempotency.DESCRIPTION)
@routes.body(ConsentShape)
@allow("customer", "shop", "dpo")
def record(body: dict[str, Any], subject: str) -> Response:
    """Record an answer. It counts from the moment of this answer, which lists what it stopped."""
    subject_id = reach(subject)
    notice = body.pop("notice", None)
    command = RecordConsent(notice=Notice(**notice) if notice else None, **body)
    with unit() as u:

        def make() -> tuple[int, dict[str, Any], UUID]:
            return 201, _recorded(record_consent(u, subject_id, command)), subject_id

        return idempotent(u, make)


@routes.get("/subjects/<subject>/consents")
@routes.answer(200, ConsentsShape)
@allow("customer", "dpo")
def list_all(subject: str) -> dict[str, Any]:
    """Every purpose and channel as it stands now, in plain words as well."""
    with unit() as u:
        found = recorded(u, read_subject(u, reach(subject)))
        consents = list_consents(found, u.policy, u.now)
    for each in consents:
        if "purpose" in each:
            each["explanation"] = _explanation(u.policy, found, each["purpose"], each["status"])
    return {"epoch": found.epoch, "consents": consents}


@routes.get("/subjects/<subject>/consents/history")
@routes.answer(200, HistoryShape)
@routes.query(PageQuery)
@allow("customer", "dpo")
def history(query: dict[str, Any], subject: str) -> dict[str, Any]:
    """All events, oldest first; each holds the digest of the one before."""
    page = read_page(query)
    with unit() as u:
        found = recorded(u, read_subject(u, reach(subject)))
        events = read_events(u, found, after=page.after or 0, limit=page.limit)
    items = [
        show_event(event)
        | {"id": ids.show(ids.CONSENT_EVENT, event.id), "recorded_at": show_instant(event.at)}
        for event in events
    ]
    return show_page(items, page, events[-1].number if events else 0)


def _explanation(policy: Policy, subject: Subject, purpose: str, status: str) -> str:
    choices = subject.choices
    answer = choices.consents.get(purpose)
    return explain_consent(
        status,
        purpose,
        policy,
        choices.locale,
        expires_at=None if answer is None else answer.expires_at,
        may_ask_from=None if answer is None else may_ask_from(answer),
        timezone=choices.timezone,
    )


def _recorded(recorded_consent: ConsentRecorded) -> dict[str, Any]:
    changed = recorded_consent.changed
    event = changed.event
    event_id = ids.show(ids.CONSENT_EVENT, event.id)
    expires_at = recorded_consent.expires_at
    return {
        "id": event_id,
        "epoch": changed.epoch,
        "status": recorded_consent.status,
        "state": recorded_consent.state.value,
        "expires_at": None if expires_at is None else show_instant(expires_at),
        "receipt": {
            "event": event_id,
            "number": event.number,
            "recorded_at": show_instant(event.at),
            "previous": event.previous.hex(),
            "digest": event.digest.hex(),
            "commitment": event.commitment.hex(),
            "promise": promise_for(services().log_key, event.id, event.commitment, event.at),
        },
        "cancelled": changed.cancelled,
        "irrevocable": changed.irrevocable,
    }
