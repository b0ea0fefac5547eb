"""A database that was used before is as good as a new one."""

from __future__ import annotations

import psycopg
import pytest

from tests.databases import Databases
from tests.servers import Servers

_ADD = (
    "insert into products (sku, category, name, pack_size, usual_per_day, price_minor, currency, updated_at)"
    " values ('P1', 'beauty', 'Product', 30, 1, 2900, 'SEK', now())"
)


def _run(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as db:
        for statement in statements:
            db.execute(statement.encode())


def _look(url: str) -> tuple[str, list[object]]:
    """Which database it is, and what is in it."""
    with psycopg.connect(url) as db:
        oid = db.execute("select oid::text from pg_database where datname = current_database()").fetchone()
        assert oid is not None
        kept = [
            db.execute(query).fetchall()
            for query in (
                "select count(*) from products",
                "select count(*) from schema_migrations",
                "select * from keys.index_roots",
                "select * from offer_catalogue",
                "select sequencename, last_value from pg_sequences order by 1",
            )
        ]
        return str(oid[0]), list(kept)


def test_rows_are_wiped_and_the_name_is_new(servers: Servers) -> None:
    databases = Databases(servers)
    first = databases.take()
    oid, fresh = _look(first)
    left_open = psycopg.connect(first)
    _run(first, _ADD, "delete from schema_migrations", "delete from offer_catalogue")
    databases.give_back(first)
    second = databases.take()
    assert second != first
    assert _look(second) == (oid, fresh)
    with pytest.raises(psycopg.OperationalError):
        left_open.execute("select 1")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(first)
    databases.give_back(second)


@pytest.mark.parametrize(
    "change",
    [
        "create table more (n int)",
        "drop index reorders_subject",
        "revoke all on products from samtycke_service",
        "alter table signals disable trigger all",
        "create function more() returns int language sql return 1",
        "analyze products",
    ],
)
def test_one_whose_schema_was_touched_is_dropped(servers: Servers, change: str) -> None:
    databases = Databases(servers)
    first = databases.take()
    oid, fresh = _look(first)
    _run(first, _ADD, change)
    databases.give_back(first)
    second = databases.take()
    again, found = _look(second)
    assert again != oid
    assert found == fresh
    databases.give_back(second)
