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
    digest = hashlib.sha256(sealed).digest()
    return digest_over(
        previous, subject=subject, number=number, event=event, at=show_instant(at), sealed=digest
    )


def digest_over(previous: bytes, *, subject: UUID, number: int, event: UUID, at: str, sealed: bytes) -> bytes:
    """The same for whoever has no sealed payload but its digest: `sealed` is SHA-256 of it."""
    head = b"samtycke/consent-event/1\x00" + previous + subject.bytes + event.bytes
    head += number.to_bytes(8, "big") + at.encode()
    return hashlib.sha256(head + sealed).digest()
