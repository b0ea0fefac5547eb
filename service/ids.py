"""Opaque, prefixed identifiers: what a client sees of a row's UUID.

The text is the prefix, an underscore and the 128 bits in lower-case base32 without padding (RFC 4648),
26 characters: `sub_…`, `cev_…`, `dec_…`. Subjects get random UUIDs (version 4); rows that are mostly
read in order of time get time-ordered ones (version 7, RFC 9562), so that an index grows at one end.
"""

from __future__ import annotations

import base64
import binascii
import uuid

from uuid6 import uuid7

from service.errors import NotFoundError

SUBJECT = "sub"
CONSENT_EVENT = "cev"
DECISION = "dec"
JOB = "job"
PERMIT = "prm"
REQUEST = "req"
REORDER = "ord"
WITHDRAWAL = "wdr"
IDENTIFIER = "idn"
HOLD = "hld"
ERASURE = "era"
ENDPOINT = "whk"
MESSAGE = "msg"
REVIEW = "rev"
CASE = "evt"

_LENGTH = 26


def new_subject_id() -> uuid.UUID:
    return uuid.uuid4()


def new_id() -> uuid.UUID:
    """A time-ordered id; it tells when it was made, which stands in clear anyway."""
    return uuid.UUID(bytes=uuid7().bytes)


def show(prefix: str, value: uuid.UUID) -> str:
    return f"{prefix}_{base64.b32encode(value.bytes).decode().rstrip('=').lower()}"


def read(prefix: str, text: str) -> uuid.UUID:
    """The UUID behind `text`. A malformed id cannot exist, so it raises NotFoundError like an unknown one."""
    head, _, body = text.partition("_")
    if head != prefix or len(body) != _LENGTH or not body.isascii() or body != body.lower():
        raise NotFoundError(prefix)
    try:
        value = uuid.UUID(bytes=base64.b32decode(body.upper() + "======"))
    except (binascii.Error, ValueError):
        raise NotFoundError(prefix) from None
    if show(prefix, value) != text:
        # Base32 has spare bits at the end: only the canonical spelling names a row.
        raise NotFoundError(prefix)
    return value
