"""What the leaves of the ledger are: keyed commitments to what they stand for.

A leaf's data is SHA-256(salt ‖ payload digest). The salt is keyed by the data key of the entry's owner
(`DataKey.salt`): with the key gone, the leaf hides everything for ever, and the tree still verifies. The
digests below begin with a tag of their own and have parts of fixed length, so that no two kinds can be
confused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from service.crypto.merkle import HASH_BYTES, root_of
from service.instants import show_instant

CONSENT_EVENT = "consent_event"
DECISIONS = "decisions"
CHUNK = "chunk"

_canonical = msgspec.json.Encoder(order="deterministic").encode


def commit(salt: bytes, payload_digest: bytes) -> bytes:
    return hashlib.sha256(salt + payload_digest).digest()


def canonical_json(payload: Any) -> bytes:
    """Keys sorted, no spaces, UTF-8: what RFC 8785 asks for, where numbers are whole and keys are of the
    Basic Multilingual Plane, as all of ours are."""
    return _canonical(payload)


def event_payload(chain_digest: bytes, payload: Any) -> bytes:
    """A consent event: its place in the person's chain, and what it says."""
    return event_digest(chain_digest, hashlib.sha256(canonical_json(payload)).digest())


def event_digest(chain_digest: bytes, said: bytes) -> bytes:
    """The same for whoever has only SHA-256 of what it says, as canonical JSON."""
    return hashlib.sha256(b"samtycke/ledger/consent-event/1\x00" + chain_digest + said).digest()


def decisions_payload(
    row: UUID,
    owner: UUID,
    *,
    at: datetime,
    epoch: int | None,
    activity: int | None,
    policy: int,
    sealed: bytes,
) -> bytes:
    """A row of decisions: its clear columns, and its sealed bytes, which never change. `owner` is the
    subject, or the job where the row has none."""
    numbers = (epoch or 0, activity or 0, policy)
    return row_digest(row, owner, show_instant(at), numbers, hashlib.sha256(sealed).digest())


def row_digest(row: UUID, owner: UUID, at: str, numbers: tuple[int, int, int], sealed: bytes) -> bytes:
    """The same for whoever has only SHA-256 of the sealed bytes; `numbers`: epoch, activity, policy."""
    head = b"samtycke/ledger/decisions/1\x00" + row.bytes + owner.bytes + at.encode()
    packed = b"".join(number.to_bytes(8, "big") for number in numbers)
    return hashlib.sha256(head + packed + sealed).digest()


def chunk_payload(job: UUID, number: int, rows: Sequence[bytes]) -> bytes:
    """A chunk of a bulk job: the root over the payload digests of its rows, in their order."""
    head = b"samtycke/ledger/chunk/1\x00" + job.bytes + number.to_bytes(8, "big")
    return hashlib.sha256(head + len(rows).to_bytes(8, "big") + root_of(rows)).digest()


def chunk_entry(job: UUID, number: int) -> UUID:
    """The entry that a chunk is, found again from its job and number."""
    digest = hashlib.sha256(b"samtycke/ledger/chunk-entry/1\x00" + job.bytes + number.to_bytes(8, "big"))
    return UUID(bytes=digest.digest()[:16])


def split_rows(joined: bytes) -> list[bytes]:
    return [joined[at : at + HASH_BYTES] for at in range(0, len(joined), HASH_BYTES)]
