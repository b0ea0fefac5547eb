"""The chain of a subject's consent events: each digest covers the one before, so that a later change shows.

It is taken over the sealed bytes: those never change (rotating keys re-wraps only the data key), they
hide what was said, and the chain can be checked by whoever holds no key.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from uuid import UUID

from service.instants import show_instant

GENESIS = bytes(32)


def event_digest(
    previous: bytes, *, subject: UUID, number: int, event: UUID, at: datetime, sealed: bytes
) -> bytes:
    """SHA-256 over a fixed-length head and the digest of the sealed payload."""
    head = b"samtycke/consent-event/1\x00" + previous + subject.bytes + event.bytes
    head += number.to_bytes(8, "big") + show_instant(at).encode()
    return hashlib.sha256(head + hashlib.sha256(sealed).digest()).digest()
