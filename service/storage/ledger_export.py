"""Everything that a verifier of the ledger reads, as plain rows: ids, numbers, instants and hex.

`TABLES` need no key and hide what was said. `heads` and `openings` need the keys: the first tell how long
each person's chain was last known to be, the second open the commitments. All of it is read in one snapshot.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg import IsolationLevel

from service.crypto.commitment import CONSENT_EVENT, canonical_json, chunk_entry
from service.crypto.data_key import place
from service.crypto.keyring import Keyring, WrappedKey
from service.crypto.reading import CONSENT_ADMINISTRATION
from service.errors import UnreadableError
from service.instants import show_instant
from service.storage.choices import decode_choices
from service.storage.database import Connection, Database
from service.storage.sql import load

_SQL = load(__file__)
TABLES = ("leaves", "nodes", "checkpoints", "pending", "parts", "events", "decisions")
_AT_ONCE = 5000

Row = dict[str, Any]


@contextmanager
def snapshot(database: Database) -> Iterator[Connection]:
    """A transaction that sees the database as it stands at its first statement, and changes nothing."""
    with database.connection() as db:
        before = db.isolation_level, db.read_only
        db.isolation_level, db.read_only = IsolationLevel.REPEATABLE_READ, True
        try:
            with db.transaction():
                yield db
        finally:
            db.isolation_level, db.read_only = before


def read_table(db: Connection, name: str) -> Iterator[Row]:
    """One of `TABLES`, row by row, in the order that the verifier needs."""
    if name not in TABLES:
        raise KeyError(name)
    with db.cursor(name) as cursor:
        cursor.itersize = _AT_ONCE
        cursor.execute(_SQL[name])
        columns = [column.name for column in cursor.description or ()]
        for row in cursor:
            yield {column: _plain(value) for column, value in zip(columns, row, strict=True)}


def read_heads(db: Connection, keyring: Keyring) -> Iterator[Row]:
    """For everybody whose key is there: how many events there were, the digest of the last, and both of the
    last one that was removed for its age."""
    for subject, kek, wrapped, epoch, sealed in _stream(db, "states"):
        try:
            key = keyring.unwrap(subject, WrappedKey(kek, wrapped))
            at = place("subject_states", "sealed", subject, epoch)
            choices = decode_choices(key.open(sealed, at, CONSENT_ADMINISTRATION))
        except (UnreadableError, msgspec.MsgspecError):
            yield {"subject": str(subject), "events": None, "head": None, "purged": None, "tail": None}
            continue
        yield {
            "subject": str(subject),
            "events": choices.events,
            "head": choices.head.hex(),
            "purged": choices.purged,
            "tail": choices.tail.hex(),
        }


def read_openings(db: Connection, keyring: Keyring) -> Iterator[Row]:
    """The salt of every entry whose owner's key is there, and for an event SHA-256 of what it says (None
    where it does not open any more)."""
    for entry, kind, owner, kek, wrapped, sealed, job, chunk in _stream(db, "owned"):
        known = chunk_entry(job, chunk) if entry is None else entry
        row: Row = {"entry": str(known), "salt": None, "said": None}
        try:
            key = keyring.unwrap(owner, WrappedKey(kek, wrapped))
            row["salt"] = key.salt(known).hex()
            if kind == CONSENT_EVENT:
                at = place("consent_events", "sealed", owner, known)
                said = msgspec.json.decode(key.open(sealed, at, CONSENT_ADMINISTRATION))
                row["said"] = hashlib.sha256(canonical_json(said)).hexdigest()
            else:
                row |= {"job": _plain(job), "chunk": chunk}
        except (UnreadableError, msgspec.MsgspecError):
            pass
        yield row


def _stream(db: Connection, name: str) -> Iterator[tuple[Any, ...]]:
    with db.cursor(name) as cursor:
        cursor.itersize = _AT_ONCE
        cursor.execute(_SQL[name])
        yield from cursor


def _plain(value: Any) -> Any:
    match value:
        case bytes():
            return value.hex()
        case UUID():
            return str(value)
        case datetime():
            return show_instant(value)
        case _:
            return value
