"""Versions of the blind index of identifiers: beginning one, digesting anew, and ending the older ones."""

from __future__ import annotations

import secrets
from typing import NamedTuple
from uuid import UUID

import msgspec

from service.crypto.blind_index import BlindIndex
from service.crypto.data_key import KEY_BYTES, place
from service.crypto.keyring import Keyring, WrappedKey
from service.crypto.reading import IDENTIFICATION
from service.errors import UnreadableError
from service.storage.database import Connection
from service.storage.sql import load

_SQL = load(__file__)


class Digested(NamedTuple):
    """How many identifiers have a new digest, how many cannot be opened, and the last one; None: the end."""

    digested: int
    unreadable: int
    last: UUID | None


def newest_version(db: Connection) -> int:
    row = db.execute(_SQL["newest_version"]).fetchone()
    assert row is not None
    return int(row[0])


def count_old(db: Connection, version: int) -> int:
    """Identifiers whose digest is of an older version."""
    row = db.execute(_SQL["count_old"], (version,)).fetchone()
    assert row is not None
    return int(row[0])


def begin_version(db: Connection, keyring: Keyring) -> int:
    """Digest identifiers under a new root from when this transaction commits; those that exist are found by
    their old digests too. Waits for registrations under way."""
    db.execute(_SQL["change_versions"])
    db.execute(_SQL["end_current"])
    version = newest_version(db) + 1
    wrapped = keyring.seal_root(version, secrets.token_bytes(KEY_BYTES))
    db.execute(_SQL["insert_root"], (version, *wrapped))
    return version


def digest_anew(
    db: Connection, keyring: Keyring, index: BlindIndex, version: int, *, after: UUID, limit: int
) -> Digested:
    """The next identifiers beyond `after`."""
    key = {"version": version, "after": after, "limit": limit}
    rows = db.execute(_SQL["take_old"], key, binary=True).fetchall()
    keyring.prefetch([(owner, WrappedKey(kek, wrapped)) for _, owner, _, kek, wrapped in rows if wrapped])
    blinds: dict[UUID, bytes] = {}
    for identifier, owner, sealed, kek, wrapped in rows:
        known = (
            None if wrapped is None else _opened(keyring, identifier, owner, sealed, WrappedKey(kek, wrapped))
        )
        if known is not None:
            blinds[identifier] = index.identifier(known["type"], known["value"], version)
    if blinds:
        values = {"version": version, "ids": list(blinds), "blinds": list(blinds.values())}
        db.execute(_SQL["set_blinds"], values)
    return Digested(len(blinds), len(rows) - len(blinds), rows[-1][0] if len(rows) == limit else None)


def retire_versions(db: Connection, version: int) -> None:
    """Look for no digests older than `version` any more."""
    db.execute(_SQL["retire_versions"], (version,))


def _opened(
    keyring: Keyring, identifier: UUID, owner: UUID, sealed: bytes, wrapped: WrappedKey
) -> dict[str, str] | None:
    try:
        at = place("identifiers", "sealed", owner, identifier)
        key = keyring.unwrap(owner, wrapped)
        opened: dict[str, str] = msgspec.json.decode(key.open(sealed, at, IDENTIFICATION))
    except UnreadableError:
        return None
    return opened
