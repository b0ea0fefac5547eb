"""The text of a permit, which nobody can make up and nothing stores.

It names a row of decisions and a place in it, and ends in a code that only the keys of this installation
make: HMAC-SHA-256 under a derived key, cut to 128 bits. So a dump of the database holds no usable permit, and
a job of a million pairs writes no row for any of them.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import NamedTuple
from uuid import UUID

from service import ids
from service.crypto.blind_index import BlindIndex

_ROW_BYTES, _PLACE_BYTES, _CODE_BYTES = 16, 3, 16
# In base32, which these 35 bytes fill to the last bit: one permit has one spelling.
_LENGTH = 56


class Name(NamedTuple):
    """What a token names: a row of decisions, and a place in it."""

    row: UUID
    place: int


def permit_token(index: BlindIndex, name: Name) -> str:
    named = name.row.bytes + name.place.to_bytes(_PLACE_BYTES, "big")
    return f"{ids.PERMIT}_{base64.b32encode(named + _code(index, named)).decode().lower()}"


def read_token(index: BlindIndex, text: str) -> Name | None:
    """None for whatever this installation did not make."""
    head, _, body = text.partition("_")
    if head != ids.PERMIT or len(body) != _LENGTH or not body.isascii() or body != body.lower():
        return None
    try:
        data = base64.b32decode(body.upper())
    except binascii.Error:
        return None
    named, code = data[:-_CODE_BYTES], data[-_CODE_BYTES:]
    if not hmac.compare_digest(code, _code(index, named)):
        return None
    return Name(UUID(bytes=named[:_ROW_BYTES]), int.from_bytes(named[_ROW_BYTES:], "big"))


def _code(index: BlindIndex, named: bytes) -> bytes:
    return index.digest("permit", named)[:_CODE_BYTES]
