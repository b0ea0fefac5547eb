"""Bringing the database to the shape this code needs: forward only, one transaction per file.

A migration is `migrations/NNNN_verb_noun.sql`, plain SQL. Its digest is recorded, so that a file changed
after it was applied is noticed instead of trusted."""

from __future__ import annotations

import hashlib
import importlib.resources
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from service.errors import SamtyckeError

FILE_NAME = re.compile(r"(?P<number>\d{4})_[a-z0-9]+(?:_[a-z0-9]+)+\.sql")
# Any number will do as long as nothing else in the database locks it: "samtycke" as eight bytes.
LOCK_KEY = int.from_bytes(b"samtycke", "big")
STATEMENT_TIMEOUT = "10min"
LOCK_TIMEOUT = "10s"

CREATE_LOG = """
create table if not exists schema_migrations (
    number integer primary key,
    name text not null,
    sha256 text not null,
    applied_at timestamptz not null default now()
)
"""


class MigrationError(SamtyckeError):
    """The database cannot be brought to the shape this code needs."""


@dataclass(frozen=True)
class Migration:
    """One file of migrations/, by its number."""

    number: int
    name: str
    text: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def known_migrations() -> tuple[Migration, ...]:
    """Every migration that ships with this code, in order.

    Raises MigrationError for a name that does not fit or a number used twice."""
    found: dict[int, Migration] = {}
    for file in importlib.resources.files("migrations").iterdir():
        if not file.name.endswith(".sql"):
            continue
        match = FILE_NAME.fullmatch(file.name)
        if match is None:
            raise MigrationError(f"migrations/{file.name}: must be named NNNN_verb_noun.sql")
        number = int(match["number"])
        if number in found:
            raise MigrationError(f"migrations/{file.name}: {found[number].name} has the same number")
        found[number] = Migration(number, file.name, file.read_text(encoding="utf-8"))
    return tuple(found[number] for number in sorted(found))


def migrate(
    database_url: str, migrations: Sequence[Migration] | None = None, *, patience: float = 120.0
) -> list[str]:
    """Apply what the database lacks and return the applied names; nothing happens when it lacks nothing.

    Starters at once are safe: one works, the others wait up to `patience` seconds and find it done.
    Raises MigrationError; a migration that fails leaves no trace, and those before it stay."""
    wanted = known_migrations() if migrations is None else tuple(migrations)
    with psycopg.connect(database_url, autocommit=True, application_name="samtycke-migrate") as connection:
        connection.execute(sql.SQL("set statement_timeout = {}").format(STATEMENT_TIMEOUT))
        connection.execute(sql.SQL("set lock_timeout = {}").format(LOCK_TIMEOUT))
        _lock(connection, patience)
        # The lock belongs to the session: closing the connection gives it back, whatever happens.
        connection.execute(CREATE_LOG)
        pending = _pending(connection, wanted)
        for migration in pending:
            _apply(connection, migration)
    return [migration.name for migration in pending]


def missing_migrations(connection: psycopg.Connection[tuple[object, ...]]) -> list[str]:
    """The names of migrations this code needs and the database lacks. Raises MigrationError when the
    database has one that this code knows differently."""
    exists = connection.execute("select to_regclass('schema_migrations') is not null").fetchone()
    if not exists or not exists[0]:
        return [migration.name for migration in known_migrations()]
    return [migration.name for migration in _pending(connection, known_migrations())]


def _lock(connection: psycopg.Connection[tuple[object, ...]], patience: float) -> None:
    # Asked for again and again instead of waited for: a waiting statement holds a snapshot, which stops
    # the very index builds of the one who has the lock.
    until = time.monotonic() + patience
    while True:
        row = connection.execute("select pg_try_advisory_lock(%s)", [LOCK_KEY]).fetchone()
        if row and row[0]:
            return
        if time.monotonic() >= until:
            raise MigrationError(f"another migration has been running for {patience:.0f} seconds")
        time.sleep(0.05)


def _pending(
    connection: psycopg.Connection[tuple[object, ...]], wanted: Sequence[Migration]
) -> list[Migration]:
    rows = connection.execute("select number, name, sha256 from schema_migrations").fetchall()
    applied = {number: (name, digest) for number, name, digest in rows}
    last = max((number for number in applied if isinstance(number, int)), default=0)
    pending = []
    for migration in wanted:
        if migration.number not in applied:
            if migration.number < last:
                raise MigrationError(
                    f"{migration.name} comes before number {last:04d}, which is applied already: renumber it"
                )
            pending.append(migration)
        elif applied[migration.number] != (migration.name, migration.sha256):
            raise MigrationError(
                f"{migration.name} differs from what was applied as {applied[migration.number][0]}:"
                " a migration is never changed, write a new one"
            )
    return pending


def _apply(connection: psycopg.Connection[tuple[object, ...]], migration: Migration) -> None:
    try:
        with connection.transaction():
            connection.execute(migration.text.encode())
            connection.execute(
                "insert into schema_migrations (number, name, sha256) values (%s, %s, %s)",
                [migration.number, migration.name, migration.sha256],
            )
    except psycopg.Error as error:
        raise MigrationError(f"{migration.name}: {str(error).strip()}") from error
