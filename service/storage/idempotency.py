"""First answers to requests with an Idempotency-Key, kept sealed for 24 hours and gone with erasure.

The key, and the digest of the request, are stored as keyed digests: a body such as a refused consent has
few possible contents, and a plain digest of it would tell which one it was (guarantees P7).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from service.crypto.data_key import DataKey, place
from service.crypto.keyring import WrappedKey
from service.crypto.reading import OPERATION
from service.errors import IdempotencyMismatchError, UnreadableError
from service.storage.database import Connection
from service.storage.sql import load
from service.storage.unit import Unit

_SQL = load(__file__)

KEPT_FOR = timedelta(hours=24)


class Answer(msgspec.Struct, frozen=True):
    """What was answered: the body as it went out, and the headers that belong to it."""

    status: int
    body: bytes
    headers: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Claim:
    """A key and the request it stands for, as keyed digests."""

    blind: bytes
    digest: bytes


def claim_of(unit: Unit, key: str, request_digest: bytes) -> Claim:
    """The claim of `unit`'s actor. Two actors may use the same key without meeting."""
    return Claim(
        unit.index.digest("idempotency", msgspec.json.encode([unit.actor.sub, key])),
        unit.index.digest("idempotency-request", request_digest),
    )


def claim(unit: Unit, claim: Claim) -> Answer | None:
    """None: the key is claimed for this transaction, and `keep` or `release` must follow. An answer: it was
    given before. Waits for another transaction that holds the claim. Raises IdempotencyMismatchError when
    it stands for another request."""
    key = {"blind": claim.blind, "digest": claim.digest, "now": unit.now}
    with unit.db.pipeline():
        unit.db.execute(_SQL["drop_expired"], key)
        claimed = unit.db.execute(
            _SQL["claim"], key | {"owner": uuid.uuid4(), "expires_at": unit.now + KEPT_FOR}
        )
    if claimed.fetchone() is not None:
        return None
    row = unit.db.execute(_SQL["read_answer"], (claim.blind,), binary=True).fetchone()
    if row is None:
        # Erased or swept between the two statements: the caller may simply ask again.
        raise UnreadableError
    digest, _, owner, status, sealed, kek, wrapped = row
    if digest != claim.digest:
        raise IdempotencyMismatchError
    if wrapped is None or not status:
        raise UnreadableError
    opened = unit.keyring.unwrap(owner, WrappedKey(kek, wrapped)).open(
        sealed, _place(owner, claim), OPERATION
    )
    return msgspec.msgpack.decode(opened, type=Answer)


def keep(unit: Unit, claim: Claim, answer: Answer, subject: UUID | None) -> None:
    """Keep the answer under the data key of the subject it concerns, or else under one of its own."""
    if subject is None:
        owner, key = _own_key(unit)
    else:
        owner, key = subject, _subject_key(unit, subject)
    sealed = key.seal(msgspec.msgpack.encode(answer), _place(owner, claim))
    values = {"subject": subject, "owner": owner, "status": answer.status, "sealed": sealed}
    unit.db.execute(_SQL["keep_answer"], values | {"blind": claim.blind})


def release(unit: Unit, claim: Claim) -> None:
    """Give the key back: what was answered is not worth repeating."""
    unit.db.execute(_SQL["release"], (claim.blind,))


def purge_expired(db: Connection, now: datetime) -> int:
    """Remove the answers that are older than they are valid, with their own keys; how many there were."""
    row = db.execute(_SQL["purge_expired"], {"now": now}).fetchone()
    return 0 if row is None else int(row[0])


def delete_for_subject(db: Connection, subject: UUID) -> None:
    """Part of erasure: the subject's own data key is destroyed with the subject."""
    db.execute(_SQL["delete_for_subject"], (subject,))


def _own_key(unit: Unit) -> tuple[UUID, DataKey]:
    owner = uuid.uuid4()
    key, wrapped = unit.keyring.new_data_key(owner)
    unit.db.execute(_SQL["insert_own_key"], (owner, wrapped.kek, wrapped.wrapped, unit.now))
    return owner, key


def _subject_key(unit: Unit, subject: UUID) -> DataKey:
    row = unit.db.execute(_SQL["read_subject_key"], (subject,), binary=True).fetchone()
    if row is None:
        raise UnreadableError
    return unit.keyring.unwrap(subject, WrappedKey(row[0], row[1]))


def _place(owner: UUID, claim: Claim) -> bytes:
    return place("idempotency_keys", "sealed", owner, claim.blind.hex())
