"""The inbox in the customer's own app."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from schemas.inbox import InboxMessageShape, InboxShape
from service import ids
from service.api.auth import allow
from service.api.context import reach, unit
from service.api.openapi import Routes
from service.api.paging import PageQuery, read_page, show_page
from service.storage.inbox import InboxMessage, mark_read, read_inbox
from service.storage.subjects import read_subject

routes = Routes("inbox", "The inbox in the customer's own app")

_LAST = (datetime(9999, 12, 31, tzinfo=UTC), UUID(int=2**128 - 1))


@routes.get("/subjects/<subject>/inbox")
@routes.answer(200, InboxShape)
@routes.query(PageQuery)
@allow("customer")
def list_all(query: dict[str, Any], subject: str) -> dict[str, Any]:
    """The newest first."""
    page = read_page(query)
    after = _LAST if page.after is None else (datetime.fromisoformat(page.after[0]), UUID(page.after[1]))
    with unit() as u:
        found = read_inbox(u, read_subject(u, reach(subject)), after, page.limit)
    last = [found[-1].created_at.isoformat(), str(found[-1].id)] if found else None
    return show_page([_show(message) for message in found], page, last)


@routes.post("/subjects/<subject>/inbox/<message>/read")
@routes.answer(200, InboxMessageShape)
@allow("customer")
def read_one(subject: str, message: str) -> dict[str, Any]:
    """Note that it was read. The first time counts."""
    with unit() as u:
        person = read_subject(u, reach(subject))
        return _show(mark_read(u, person, ids.read(ids.MESSAGE, message)))


def _show(message: InboxMessage) -> dict[str, Any]:
    said = {name: message.said[name] for name in ("kind", "locale", "title", "lines")}
    return {"id": message.id, **said, "created_at": message.created_at, "read_at": message.read_at}
