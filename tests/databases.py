"""Fresh databases for one process of the test run, at a tenth of what making each anew would cost.

What a test leaves is wiped, and the next one gets the same database under another name, so that whatever the
earlier one may have left running finds nothing. Only rows are wiped: a database whose schema, rights,
settings or statistics a test touched is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

import psycopg
from psycopg import sql

from tests.servers import Servers, url_of

# Wiped rows stay behind as dead ones, which every later reader has to pass.
_MOST_USES = 40
_CATALOGS = (
    *("pg_class", "pg_attribute", "pg_attrdef", "pg_constraint", "pg_index", "pg_proc", "pg_trigger"),
    *("pg_namespace", "pg_type", "pg_rewrite", "pg_policy", "pg_extension", "pg_default_acl", "pg_statistic"),
    *("pg_statistic_ext", "pg_event_trigger", "pg_db_role_setting"),
)
# Whatever is done to a catalog leaves a row of a later transaction, or one row less.
_SCHEMA = "select " + ", ".join(
    f"(select count(*) from {name}), (select max(xmin::text::bigint) from {name})" for name in _CATALOGS
)
_TABLES = (
    "select schemaname, tablename from pg_tables where schemaname not in ('pg_catalog', 'information_schema')"
)
_END_OTHERS = (
    "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
    " where datname = %s and pid <> pg_backend_pid()"
)
_RESTART_SEQUENCES = "select setval(seqrelid::regclass, seqstart, false) from pg_sequence"


@dataclass
class _Fresh:
    """What a database was like before anybody used it: its schema, and the rows that migrations put there."""

    name: str
    schema: tuple[object, ...]
    tables: list[sql.Identifier]
    rows: list[tuple[sql.Identifier, bytes]]
    uses: int = 0


class Databases:
    """Those of one process: `take` one, and `give_back` its URL."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._spare: list[_Fresh] = []
        self._taken: dict[str, _Fresh] = {}

    def take(self) -> str:
        name = f"test_{uuid4().hex}"
        url = url_of(self._servers.admin_url, name)
        fresh = self._spare_as(name)
        if fresh is None:
            self._servers.create(name)
            fresh = _look_at(url, name)
        fresh.uses += 1
        self._taken[url] = fresh
        return url

    def give_back(self, url: str) -> None:
        fresh = self._taken.pop(url)
        if fresh.uses < _MOST_USES and _wipe(url, fresh):
            self._spare.append(fresh)
        else:
            self._servers.drop(fresh.name)

    def _spare_as(self, name: str) -> _Fresh | None:
        """One that has been wiped, under its new name. None: there is none, or somebody came back to it."""
        if not self._spare:
            return None
        fresh = self._spare.pop()
        rename = sql.SQL("alter database {} rename to {}")
        try:
            with psycopg.connect(self._servers.admin_url, autocommit=True) as db:
                db.execute(_END_OTHERS, (fresh.name,))
                db.execute(rename.format(sql.Identifier(fresh.name), sql.Identifier(name)))
        except psycopg.errors.ObjectInUse:
            self._servers.drop(fresh.name)
            return None
        fresh.name = name
        return fresh


def _look_at(url: str, name: str) -> _Fresh:
    with psycopg.connect(url, autocommit=True) as db:
        tables = [sql.Identifier(*row) for row in db.execute(_TABLES)]
        rows = [(table, copied) for table in tables if (copied := _copy(db, table))]
        return _Fresh(name, _schema(db), tables, rows)


def _wipe(url: str, fresh: _Fresh) -> bool:
    """Whether it is now as it was."""
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(_END_OTHERS, (fresh.name,))
        if _schema(db) != fresh.schema:
            return False
        # Nothing is checked that refers to what goes, and history lets itself be wiped.
        db.execute("set session_replication_role = replica")
        delete = [sql.SQL("delete from {}").format(table) for table in fresh.tables]
        with db.transaction():
            db.execute(sql.SQL("; ").join(delete))
            for table, rows in fresh.rows:
                with db.cursor().copy(sql.SQL("copy {} from stdin").format(table)) as copy:
                    copy.write(rows)
            db.execute(_RESTART_SEQUENCES)
    return True


def _schema(db: psycopg.Connection) -> tuple[object, ...]:
    row = db.execute(_SCHEMA).fetchone()  # type: ignore[arg-type]  # put together from constants above
    assert row is not None
    return row


def _copy(db: psycopg.Connection, table: sql.Identifier) -> bytes:
    with db.cursor().copy(sql.SQL("copy {} to stdout").format(table)) as copy:
        return b"".join(bytes(part) for part in copy)
