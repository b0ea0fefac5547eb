"""The book of key-encryption keys, in the schema of keys.

It commits by itself, on a connection opened for one call and not taken from the pool: the caller may hold a
connection already, and callers that all wait for a second one would wait for ever. Calls are rare.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from uuid import UUID

import psycopg

from service.crypto.keks import ACTIVE, DEACTIVATED, Kek, WrappedKey
from service.errors import UnavailableError, UnreadableError
from service.storage.database import Connection
from service.storage.sql import load

_SQL = load(__file__)
_OPTIONS = "-c timezone=UTC -c statement_timeout=5s -c lock_timeout=1s"


class StoredKekBook:
    """`service.crypto.keks.KekBook` in the database."""

    def __init__(self, url: str) -> None:
        self._url = url

    def read(self) -> Mapping[str, Kek]:
        with self._transaction() as db:
            return read_keks(db)

    def adopt(self, provider: str, choose: Callable[[], list[str]]) -> None:
        with self._transaction() as db:
            # The first of many processes to start may be making a key far away meanwhile.
            db.execute("set local lock_timeout = '30s'")
            db.execute("set local statement_timeout = '30s'")
            db.execute(_SQL["hold_keks"])
            if not read_keks(db):
                for place, kek in enumerate(choose()):
                    insert_kek(db, kek, provider, DEACTIVATED if place else ACTIVE)

    def reserve(self, kek: str, most: int, limit: int) -> int:
        with self._transaction() as db:
            row = db.execute(_SQL["reserve"], {"kek": kek, "most": most, "limit": limit}).fetchone()
            return 0 if row is None else int(row[0])

    def count_seals(self, owner: UUID, count: int) -> int:
        with self._transaction() as db:
            row = db.execute(_SQL["count_seals"], (count, owner)).fetchone()
            return 0 if row is None else int(row[0])

    def index_root(self, version: int, make: Callable[[], WrappedKey]) -> WrappedKey:
        with self._transaction() as db:
            row = db.execute(_SQL["read_root"], (version,), binary=True).fetchone()
        if row is not None and row[1] is None and version == 1:
            # Made before the row is locked, since making takes calls of its own; the first one is kept.
            made = make()
            with self._transaction() as db:
                row = db.execute(_SQL["hold_root"], (version,), binary=True).fetchone()
                if row is not None and row[1] is None:
                    db.execute(_SQL["keep_root"], (*made, version))
                    row = made
        if row is None or row[1] is None:
            raise UnreadableError
        return WrappedKey(row[0], row[1])

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with psycopg.connect(self._url, options=_OPTIONS, connect_timeout=5) as db:
                yield db
        except psycopg.OperationalError:
            raise UnavailableError("the database cannot be reached") from None


def read_keks(db: Connection) -> dict[str, Kek]:
    """All of them by id, the oldest first."""
    keks = sorted((Kek(*row) for row in db.execute(_SQL["read_keks"])), key=lambda kek: kek.created_at)
    return {kek.id: kek for kek in keks}


def insert_kek(db: Connection, kek: str, provider: str, state: str) -> None:
    db.execute(_SQL["insert_kek"], {"id": kek, "provider": provider, "state": state})
