"""Cursor paging: `?cursor=&limit=`. A cursor says where the next page begins and is signed for its route, so
that it cannot be made up; it holds an id or a sku, never anything about a person."""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from typing import Any

import msgspec
from flask import request

from schemas.base import Shape
from schemas.fields import QueryWhole, Text
from service.api.context import route, services
from service.errors import InputFault, InvalidInputError

MOST = 500
DEFAULT = 100
_TAG_BYTES = 12


class PageQuery(Shape):
    """Where to begin and how much to give."""

    cursor = Text(1, 400, metadata={"description": "`next` of the page before; absent: from the beginning"})
    limit = QueryWhole(1, MOST, load_default=DEFAULT)


@dataclass(frozen=True, slots=True)
class Page:
    """`after`: what the last row of the page before was sorted by; None at the beginning."""

    after: Any
    limit: int


def read_page(query: dict[str, Any]) -> Page:
    """The page that a query read by `PageQuery` asks for. Raises InvalidInputError at `/cursor`."""
    cursor = query.get("cursor")
    return Page(None if cursor is None else _open(cursor), query["limit"])


def show_page(items: list[Any], page: Page, after: Any) -> dict[str, Any]:
    """A page's body. `after` is what its last row is sorted by; a page that is not full is the last one."""
    return {"items": items, "next": _show(after) if len(items) == page.limit else None}


def _show(after: Any) -> str:
    payload = msgspec.json.encode(after)
    return base64.urlsafe_b64encode(_tag(payload) + payload).decode().rstrip("=")


def _open(cursor: str) -> Any:
    try:
        data = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except (binascii.Error, ValueError):
        data = b""
    tag, payload = data[:_TAG_BYTES], data[_TAG_BYTES:]
    if not hmac.compare_digest(tag, _tag(payload)):
        raise InvalidInputError([InputFault("/cursor", "is not a cursor of this list")])
    return msgspec.json.decode(payload)


def _tag(payload: bytes) -> bytes:
    # The path's parameters are part of it: a cursor of one person's list opens no other.
    values = sorted((request.view_args or {}).items())
    place = msgspec.json.encode([route(), values])
    return services().index.digest("cursor", len(place).to_bytes(4, "big") + place + payload)[:_TAG_BYTES]
