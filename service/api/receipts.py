"""Receipts of consent events, as linked data, in Kantara's format, or as a page to read."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from schemas.codes import LOCALES
from schemas.receipts import ReceiptQuery
from service import ids
from service.api.auth import allow
from service.api.context import recorded, services, unit
from service.api.openapi import Routes, json_response, wants
from service.api.problems import NotAcceptableError
from service.receipts import build_kantara, build_receipt, canonical
from service.receipts.page import content_policy, receipt_page
from service.receipts.proof import with_proof
from service.receipts.view import receipt_view
from service.use_cases.read_receipt import Receipt, read_receipt

routes = Routes("receipts", "Receipts: what was agreed, under which text, and how to check it")

LINKED = "application/ld+json"
KANTARA = "application/vnd.kantara.consent-receipt+json"
# For clients that can ask for nothing finer; linked data has a name of its own.
JSON = "application/json"
PAGE = "text/html"
_OFFERED = (LINKED, KANTARA, JSON, PAGE)


@routes.get("/receipts/<event>")
@routes.query(ReceiptQuery)
@routes.answer(
    200,
    description=f"By Accept: {LINKED} (ISO/IEC TS 27560, the default), {KANTARA} or {JSON} (Kantara 1.1), "
    f"or {PAGE}",
)
@allow("customer", "dpo")
def read_one(query: dict[str, Any], event: str) -> Response:
    """The receipt of one consent event: given, refused, withdrawn, expired or any other"""
    media_type = wants(*_OFFERED)
    if media_type is None:
        raise NotAcceptableError(f"receipts come as {', '.join(_OFFERED)}")
    event_id = ids.read(ids.CONSENT_EVENT, event)
    with unit() as work:
        found = read_receipt(work, services().policies, services().log_key, event_id)
        recorded(work, found.subject)
    answer = _shown(found, media_type, query.get("locale"))
    answer.headers["Vary"] = "Accept, Accept-Language, Authorization"
    return answer


def _shown(found: Receipt, media_type: str, locale: str | None) -> Response:
    source = found.source
    if media_type in {KANTARA, JSON}:
        answer = json_response(build_kantara(source))
        answer.content_type = media_type
        return answer
    receipt = with_proof(build_receipt(source), source, found.said, found.evidence)
    if media_type == LINKED:
        return Response(canonical(receipt), content_type=LINKED)
    choices = found.subject.choices
    locale = locale or request.accept_languages.best_match(LOCALES) or choices.locale
    view = receipt_view(source, receipt, locale, choices.timezone)
    page = Response(receipt_page(view), content_type=f"{PAGE}; charset=utf-8")
    page.headers["Content-Security-Policy"] = content_policy()
    page.headers["Content-Language"] = view.lang
    return page
