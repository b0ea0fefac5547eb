"""Requests under GDPR Art. 15 to 21: filing, the clock, and the report of an access request."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import Response
from flask import request as asked

from schemas.requests import (
    NewRequestShape,
    ReasonShape,
    RefusalShape,
    RequestFiledShape,
    RequestShape,
    RequestsShape,
)
from service import ids
from service.actor import Actor
from service.api import idempotency
from service.api.auth import allow
from service.api.context import recorded, unit
from service.api.idempotency import idempotent
from service.api.openapi import Routes, json_response
from service.api.paging import PageQuery, read_page, show_page
from service.errors import ConflictError, NotFoundError
from service.instants import show_instant
from service.reports.subject_report import subject_report
from service.storage.certificates import read_certificate
from service.storage.requests import Request, list_requests, read_request, read_steps
from service.storage.subjects import lock_subject, read_subjects
from service.storage.unit import Unit
from service.use_cases.advance_request import (
    close_after_report,
    extend_request,
    fulfil_request,
    refuse_request,
    verify_request,
)
from service.use_cases.file_request import file_request
from service.use_cases.register_subject import Identifier, look_up_subject

routes = Routes("requests", "What a person may ask: access, erasure, restriction …")

_FIRST = (datetime(1, 1, 1, tzinfo=UTC), UUID(int=0))


@routes.post("/requests")
@routes.answer(201, RequestFiledShape)
@routes.header(idempotency.HEADER, idempotency.DESCRIPTION)
@routes.body(NewRequestShape)
@allow("customer", "dpo")
def file(body: dict[str, Any]) -> Response:
    """File a request. Customers file their own; a DPO may name the person by an identifier."""
    with unit() as u:

        def make() -> tuple[int, dict[str, Any], UUID]:
            subject_id = _person(u, body)
            request = file_request(u, subject_id, body["type"])
            answer = {"id": ids.show(ids.REQUEST, request.id), "due_at": show_instant(request.due_at)}
            return 201, answer, subject_id

        return idempotent(u, make)


@routes.get("/requests")
@routes.answer(200, RequestsShape)
@routes.query(PageQuery)
@allow("dpo")
def list_all(query: dict[str, Any]) -> dict[str, Any]:
    """All requests, the nearest deadline first."""
    page = read_page(query)
    after = _FIRST if page.after is None else (datetime.fromisoformat(page.after[0]), UUID(page.after[1]))
    with unit() as u:
        found = list_requests(u, after, page.limit)
    last = [found[-1].due_at.isoformat(), str(found[-1].id)] if found else None
    return show_page([_show(request) for request in found], page, last)


@routes.get("/requests/<request_id>")
@routes.answer(200, RequestShape)
@allow("customer", "dpo")
def show(request_id: str) -> dict[str, Any]:
    """A request and the steps taken on it. After an erasure the sealed part of the steps is
    gone, and the certificate stands in their place."""
    with unit() as u:
        request = _own(u.actor, read_request(u, ids.read(ids.REQUEST, request_id)))
        subject = read_subjects(u.db, u.keyring, [request.subject])[request.subject]
        recorded(u, subject)
        steps = [] if subject.key is None else read_steps(u, subject, request)
        issued = read_certificate(u, request.id) if request.type == "erasure" else None
    shown = _show(request) | {"steps": steps}
    if issued is not None:
        certificate, notices = issued
        shown |= {"certificate": certificate, "recipients": [asdict(notice) for notice in notices]}
    return shown


@routes.get("/requests/<request_id>/report")
@routes.answer(200, description="Everything held on the person, as JSON")
@allow("customer", "dpo")
def report(request_id: str) -> Response:
    """Everything held on the person, in clear; handing it over fulfils an access request."""
    with unit() as u:
        request = _own(u.actor, read_request(u, ids.read(ids.REQUEST, request_id)))
        if request.type not in {"access", "portability"}:
            raise ConflictError("only a request for access or portability has a report", type=request.type)
        subject = recorded(u, lock_subject(u, request.subject))
        request = read_request(u, request.id)
        if request.state in {"refused", "withdrawn"}:
            raise ConflictError("a request that was not granted has no report", state=request.state)
        if asked.method == "GET":
            # A HEAD hands nothing over.
            request = close_after_report(u, subject, request)
        body = subject_report(u, subject, request)
    return json_response(body)


@routes.post("/requests/<request_id>/verify")
@routes.answer(200, RequestShape)
@routes.body(ReasonShape)
@allow("dpo")
def verify(body: dict[str, Any], request_id: str) -> dict[str, Any]:
    """Who asks has been established."""
    with unit() as u:
        return _show(verify_request(u, ids.read(ids.REQUEST, request_id), body["reason"]))


@routes.post("/requests/<request_id>/extend")
@routes.answer(200, RequestShape)
@routes.body(ReasonShape)
@allow("dpo")
def extend(body: dict[str, Any], request_id: str) -> dict[str, Any]:
    """Two further months, once, with a reason (Art. 12(3))."""
    with unit() as u:
        return _show(extend_request(u, ids.read(ids.REQUEST, request_id), body["reason"]))


@routes.post("/requests/<request_id>/refuse")
@routes.answer(200, RequestShape)
@routes.body(RefusalShape)
@allow("dpo")
def refuse(body: dict[str, Any], request_id: str) -> dict[str, Any]:
    """Refuse, with a reason (Art. 12(4)) and, where the GDPR names it, the ground."""
    with unit() as u:
        request = ids.read(ids.REQUEST, request_id)
        return _show(refuse_request(u, request, body["reason"], body.get("code")))


@routes.post("/requests/<request_id>/fulfil")
@routes.answer(200, RequestShape)
@routes.body(ReasonShape)
@allow("dpo")
def fulfil(body: dict[str, Any], request_id: str) -> dict[str, Any]:
    """Do what was asked. Erasure, restriction and objection act here and say in `done` what they did."""
    with unit() as u:
        request, done = fulfil_request(u, ids.read(ids.REQUEST, request_id), body["reason"])
    return _show(request) | {"done": done}


def _person(u: Unit, body: dict[str, Any]) -> UUID:
    if "subject" in body:
        return u.actor.reach(body["subject"])
    found = look_up_subject(u, Identifier(**body["identifier"]))
    if found is None:
        raise NotFoundError(ids.SUBJECT)
    return u.actor.reach(found)


def _own(asker: Actor, request: Request) -> Request:
    asker.reach(request.subject)
    return request


def _show(request: Request) -> dict[str, Any]:
    return {
        "id": request.id,
        "subject": request.subject,
        "type": request.type,
        "state": request.state,
        "created_at": request.created_at,
        "due_at": request.due_at,
        "closed_at": request.closed_at,
    }
