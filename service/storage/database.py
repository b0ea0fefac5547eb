"""Connections: one pool a process, opened by the first use and never at import.

The session settings are part of the contract: every instant in UTC, and no statement may run longer
than the caller could wait for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool, PoolTimeout

from service.errors import UnavailableError

Connection = psycopg.Connection[TupleRow]

# What the service works as: it adds to history and to the ledger, and changes nothing there.
SERVICE_ROLE = "samtycke_service"
_ACT_AS = (
    "select set_config('role', rolname, false) from pg_roles where rolname = %s and pg_has_role(oid, 'SET')"
)


class Database:
    """A bounded pool over one database URL. Raises UnavailableError when no connection can be had.

    With `role`, connections act in that role where their login may; a login that may not works in its own
    rights, which are then for whoever made it to limit."""

    def __init__(
        self, url: str, *, size: int = 4, statement_timeout_ms: int = 30_000, role: str | None = None
    ) -> None:
        self._role = role
        options = f"-c timezone=UTC -c statement_timeout={statement_timeout_ms} -c lock_timeout=10s"
        kwargs: dict[str, Any] = {"options": options, "connect_timeout": 5, "autocommit": True}
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            url,
            min_size=1,
            max_size=size,
            open=False,
            timeout=5,
            kwargs=kwargs,
            name="samtycke",
            configure=self._act,
        )

    def _act(self, connection: Connection) -> None:
        if self._role is not None:
            connection.execute(_ACT_AS, (self._role,))

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection in autocommit: one statement is one transaction."""
        self._pool.open()
        try:
            connection = self._pool.getconn()
        except (PoolTimeout, psycopg.OperationalError):
            raise UnavailableError("the database cannot be reached") from None
        try:
            yield connection
        finally:
            self._pool.putconn(connection)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction: committed at the end, rolled back by any exception."""
        with self.connection() as connection, connection.transaction():
            yield connection

    def close(self) -> None:
        self._pool.close()
