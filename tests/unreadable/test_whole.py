"""The whole demo on the whole service, its day played, and then everything at rest searched (P7).

Slow: `make unreadable`."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from service.bootstrap import utc_now
from service.config import Config
from tests.embedded.conftest import Launch
from tests.embedded.instance import SAMTYCKE, wait_until
from tests.embedded.test_restore import database_of
from tests.embedded.test_whole_service import get, samtycke
from tests.unreadable.dump import CLEAR, clear_files, dump_broker, dump_database, files_below
from tests.unreadable.people import about_persons, everybody, goods
from tests.unreadable.search import hits


@pytest.mark.whole
@pytest.mark.timeout(1800)
def test_nothing_of_anybody_is_readable_at_rest(launch: Launch, open_folder: Path) -> None:
    instance = launch(SAMTYCKE).start()
    environ = {"SAMTYCKE_HOME": str(instance.home)}
    config = Config.from_environ(environ)
    now = utc_now()
    instance.await_line("demo finished", patience=600)
    wait_until("everything is ready", lambda: get(instance, "/readyz")[0] == 200)
    told = samtycke("demo", "story", environ=environ)
    assert "Everything came out as it should." in told
    running = Config.for_running_instance(environ)
    assert running.database_url is not None
    assert running.broker_url is not None
    whole = dump_database(running.database_url, open_folder / "whole.sql")
    sealed = dump_database(running.database_url, open_folder / "sealed.sql", without=CLEAR)
    broker = dump_broker(running.broker_url, open_folder / "broker")
    clear = clear_files(running.database_url, config.home / "postgres" / "data")
    with psycopg.connect(running.database_url, autocommit=True) as db:
        db.execute("checkpoint")
    assert instance.end() == 0
    data = files_below(config.home / "postgres" / "data")
    queue = files_below(config.home / "valkey")
    logs = files_below(config.home / "logs")
    assert sum(file.stat().st_size for file in data) > 20_000_000
    assert any(b"samtycke.filter_chunk" in file.read_bytes() for file in queue), "the broker kept its log"
    # The day of loading decides birth dates, and midnight may have passed.
    persons = about_persons(everybody(now))
    assert len(persons) > 2500
    everything = [whole, broker, *data, *queue, *logs]
    megabytes = sum(file.stat().st_size for file in everything) / 1e6
    assert hits(persons, everything, open_folder) == []
    # The log ahead of the data holds the catalogue too; beside persons it must not stand.
    beside = [f for f in data if _relation(f) not in clear and "pg_wal" not in f.parts]
    assert 0 < len(data) - len(beside) < 100
    assert hits(goods(), [sealed, broker, *beside, *queue, *logs], open_folder) == []
    assert hits(goods(), data, open_folder), "the search finds what is there"
    # One value that somebody let slip is found in the raw files.
    with database_of(config.home) as services, services.database.connection() as db:
        db.execute("insert into suppression_marks values (%s, now())", (b"elsa.lindqvist@example.org",))
    assert hits(persons, files_below(config.home / "postgres" / "data"), open_folder)
    print(f"{len(persons)} needles in {megabytes:.0f} MB: none found")


def _relation(file: Path) -> Path:
    """The first segment of a table's file, without the suffix of its maps: `16402_fsm`, `16402.1`."""
    return file.with_name(file.name.partition("_")[0].partition(".")[0])
