"""Who has been told of a change of consent or an erasure, and who has not (GDPR Art. 19)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from schemas.fields import OneOf
from schemas.recipients import ToldPageShape
from service.api.auth import allow
from service.api.context import unit
from service.api.openapi import Routes
from service.api.paging import PageQuery, read_page, show_page
from service.storage.endpoints import read_endpoint
from service.storage.recipients import FAILED, PENDING, SENT, STATES, Told, list_told
from service.storage.unit import Unit

routes = Routes("recipients", "Recipients, and what they have been told (GDPR Art. 19)")

_FIRST = (datetime(1, 1, 1, tzinfo=UTC), UUID(int=0), "")
_OPEN = (PENDING, SENT, FAILED)


class NoticesQuery(PageQuery):
    """Without a state: everybody who does not have it yet."""

    state = OneOf(STATES)


@routes.get("/recipients/notices")
@routes.answer(200, ToldPageShape)
@routes.query(NoticesQuery)
@allow("dpo")
def list_all(query: dict[str, Any]) -> dict[str, Any]:
    """Oldest first. `pending`: not tried yet, or there is no endpoint and somebody must tell them; `sent`:
    tried without an acknowledgement; `received`: acknowledged by 2xx; `failed`: refused."""
    page = read_page(query)
    after = _FIRST
    if page.after is not None:
        after = (datetime.fromisoformat(page.after[0]), UUID(page.after[1]), page.after[2])
    states = (query["state"],) if "state" in query else _OPEN
    with unit() as u:
        found = list_told(u, states, after, page.limit)
        names = _names(u, found)
    last = [found[-1].created_at.isoformat(), str(found[-1].id), found[-1].recipient] if found else None
    return show_page([_show(told, names) for told in found], page, last)


def _names(u: Unit, found: list[Told]) -> dict[UUID, str]:
    endpoints = {told.endpoint for told in found if told.endpoint is not None}
    return {each: read_endpoint(u.db, u.keyring, each).details.recipient for each in endpoints}


def _show(told: Told, names: dict[UUID, str]) -> dict[str, Any]:
    return {
        "recipient": told.recipient if told.endpoint is None else names[told.endpoint],
        "kind": told.kind,
        "subject": told.subject,
        "state": told.state,
        "created_at": told.created_at,
        "changed_at": told.changed_at,
    }
