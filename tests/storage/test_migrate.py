"""Migrations on real databases: order, faults, digests, and starters at once."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import psycopg
import pytest

from service.storage.migrate import (
    LOCK_KEY,
    Migration,
    MigrationError,
    known_migrations,
    migrate,
    missing_migrations,
)

ONE = Migration(1, "0001_create_first.sql", "create table first (id int); create table other (id int);")
TWO = Migration(2, "0002_create_second.sql", "create table second (id int);")
BROKEN = Migration(3, "0003_break_half.sql", "create table half (id int); select 1 / 0;")


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
    return {name for (name,) in rows}


def test_shipped_migrations_apply_once(empty_database: str) -> None:
    names = [migration.name for migration in known_migrations()]
    assert names == sorted(names)
    assert names
    with psycopg.connect(empty_database) as connection:
        assert missing_migrations(connection) == names
    assert migrate(empty_database) == names
    assert migrate(empty_database) == []
    with psycopg.connect(empty_database) as connection:
        assert missing_migrations(connection) == []


def test_only_what_lacks_is_applied(empty_database: str) -> None:
    assert migrate(empty_database, [ONE]) == [ONE.name]
    assert migrate(empty_database, [ONE, TWO]) == [TWO.name]
    assert {"first", "other", "second"} <= tables(empty_database)


def test_failed_migration_leaves_no_trace_and_those_before_stay(empty_database: str) -> None:
    with pytest.raises(MigrationError, match=r"0003_break_half\.sql: division by zero"):
        migrate(empty_database, [ONE, TWO, BROKEN])
    assert "half" not in tables(empty_database)
    assert "second" in tables(empty_database)
    mended = Migration(3, "0003_break_half.sql", "create table half (id int);")
    assert migrate(empty_database, [ONE, TWO, mended]) == [mended.name]


def test_changed_migration_is_refused(empty_database: str) -> None:
    migrate(empty_database, [ONE])
    changed = Migration(1, ONE.name, ONE.text + " ")
    with pytest.raises(MigrationError, match="never changed"):
        migrate(empty_database, [changed, TWO])
    assert "second" not in tables(empty_database)


def test_late_number_is_refused(empty_database: str) -> None:
    migrate(empty_database, [TWO])
    with pytest.raises(MigrationError, match="renumber"):
        migrate(empty_database, [ONE, TWO])


def test_starters_at_once_apply_once(empty_database: str) -> None:
    slow: Sequence[Migration] = [ONE, Migration(2, TWO.name, f"select pg_sleep(0.3); {TWO.text}")]
    done: list[list[str]] = []
    starters = [threading.Thread(target=lambda: done.append(migrate(empty_database, slow))) for _ in range(4)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()
    assert sorted(map(len, done)) == [0, 0, 0, 2]


def test_held_lock_runs_out_of_patience(empty_database: str) -> None:
    with psycopg.connect(empty_database, autocommit=True) as other:
        other.execute("select pg_advisory_lock(%s)", [LOCK_KEY])
        with pytest.raises(MigrationError, match="another migration"):
            migrate(empty_database, [ONE], patience=0.1)
    assert migrate(empty_database, [ONE]) == [ONE.name]
