"""The drill: back up, erase, bring the older copy back onto an empty folder, and look for the person."""

from __future__ import annotations

import json
import os
import shutil
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from service.actor import Actor, show_subject, system_actor
from service.bootstrap import Services, build_services, utc_now
from service.config import Config
from service.embedded.backup import archived_until
from service.embedded.backup_store import BackupError, Store
from service.embedded.postgres import Postgres
from service.embedded.programs import Running
from service.embedded.prune import prune_backups
from service.embedded.restore import restore_backup
from service.errors import SubjectErasedError
from service.storage.policies import publish_policy
from service.storage.subjects import read_subject, read_subjects
from service.use_cases.register_subject import Identifier, RegisterSubject, register_subject
from service.use_cases.set_objection import object_to
from tests.api.helpers import POLICY
from tests.embedded.conftest import Launch
from tests.embedded.instance import SAMTYCKE, Instance, wait_until
from tests.embedded.test_whole_service import get, samtycke

ALONE = {"SAMTYCKE_DEMO": "off"}
DIRECT = "direct_marketing"


@contextmanager
def services_of(home: Path, **more: str) -> Iterator[Services]:
    services = build_services(Config.for_running_instance({"SAMTYCKE_HOME": str(home), **more}), pool_size=1)
    try:
        yield services
    finally:
        services.close()


@contextmanager
def database_of(home: Path) -> Iterator[Services]:
    """A data folder's database without anything that serves."""
    postgres = Postgres(home, home / "logs" / "postgres.log")
    postgres.prepare()
    running = Running(postgres.program)
    try:
        wait_until("the database answers", postgres.is_ready)
        config = Config.from_environ({"SAMTYCKE_HOME": str(home), "SAMTYCKE_DATABASE_URL": postgres.url()})
        services = build_services(config, pool_size=1)
        try:
            yield services
        finally:
            services.close()
    finally:
        running.stop()


def register(services: Services, number: int) -> UUID:
    with services.unit(system_actor("drill")) as unit:
        identifier = Identifier("email", f"person{number}@example.se")
        return register_subject(unit, RegisterSubject([identifier], "sv", "SE", "Europe/Stockholm")).id


def objects(services: Services, subject: UUID) -> None:
    with services.unit(Actor("c", frozenset({"customer"}), subject=subject)) as unit:
        object_to(unit, subject, DIRECT)


def call(instance: Instance, path: str, body: object, token: str) -> dict[str, object]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    data = json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{instance.port}{path}", data, headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        found: dict[str, object] = json.loads(response.read())
    return found


def erase(instance: Instance, subject: UUID) -> None:
    token = samtycke("token", "--role", "dpo", environ={"SAMTYCKE_HOME": str(instance.home)})
    body = {"subject": show_subject(subject), "type": "erasure"}
    filed = call(instance, "/v1/requests", body, token)
    for step in ("verify", "fulfil"):
        call(instance, f"/v1/requests/{filed['id']}/{step}", {"reason": "asked"}, token)


def until_next_second() -> datetime:
    """A whole second behind everything so far and before everything that follows."""
    time.sleep(1.1)
    at = utc_now().replace(microsecond=0)
    time.sleep(1.1)
    return at


@dataclass(frozen=True)
class Drill:
    """What happened, in order: everybody came, a backup, `changed` objected, `between`, `gone` was erased,
    another backup's folder of keys, `late` objected, the machine was lost."""

    store: Store
    gone: UUID
    changed: UUID
    late: UUID
    others: list[UUID]
    between: datetime


@pytest.fixture
def drill(launch: Launch, open_folder: Path) -> Drill:
    instance = launch(SAMTYCKE, environ=ALONE).start().await_answer()
    home = {"SAMTYCKE_HOME": str(instance.home)}
    store = Store(open_folder / "backup", open_folder / "vault")
    with services_of(instance.home) as services:
        with services.database.transaction() as db:
            publish_policy(db, json.loads(POLICY.read_text()), utc_now())
        people = [register(services, number) for number in range(12)]
        told = samtycke("backup", str(store.data), "--keys", str(store.keys), environ=home)
        assert "0 backups older than 30 days removed" in told
        gone, changed, late, *others = people
        objects(services, changed)
        between = until_next_second()
        erase(instance, gone)
        objects(services, late)
        # What ties the loose end together: the next backup, of which only the keys and journal are used.
        samtycke("backup", str(store.data), "--keys", str(store.keys), environ=home)
        assert instance.end() == 0
    return Drill(store, gone, changed, late, others, between)


def assert_gone(services: Services, drill: Drill) -> None:
    with services.unit(system_actor("drill")) as unit:
        assert read_subjects(unit.db, unit.keyring, [drill.gone])[drill.gone].key is None
        for table, column in (
            ("keys.data_keys", "owner"),
            ("identifiers", "subject"),
            ("subject_states", "subject"),
            ("consent_events", "subject"),
        ):
            found = unit.db.execute(f"select count(*) from {table} where {column} = %s", (drill.gone,))
            assert found.fetchone() == (0,), table
        with pytest.raises(SubjectErasedError):
            read_subject(unit, drill.gone)
        for other in (drill.changed, drill.late, *drill.others):
            assert read_subject(unit, other).status == "active"
    # Suppressed: her address comes back under no other id.
    with pytest.raises(SubjectErasedError):
        register(services, 0)


@pytest.mark.timeout(300)
def test_drill(drill: Drill, launch: Launch, open_folder: Path) -> None:
    # Everything that the log has: the erasure comes out of it, and the changes behind it too.
    whole = launch(SAMTYCKE, home=open_folder / "whole", environ=ALONE)
    shutil.rmtree(drill.store.bases()[-1].folder)
    options = (str(drill.store.data), "--keys", str(drill.store.keys))
    told = samtycke("restore", *options, environ={"SAMTYCKE_HOME": str(whole.home)})
    assert "0 erasures done again" in told
    whole.start().await_answer()
    with services_of(whole.home) as services:
        assert_gone(services, drill)
        with services.unit(system_actor("drill")) as unit:
            assert read_subject(unit, drill.changed).choices.objections == [DIRECT]
            assert read_subject(unit, drill.late).choices.objections == [DIRECT]
    # The ledger is the one that was sealed before, and goes on.
    assert "OK: " in samtycke("ledger", "verify", environ={"SAMTYCKE_HOME": str(whole.home)})
    token = samtycke("token", "--role", "dpo", environ={"SAMTYCKE_HOME": str(whole.home)})
    assert get(whole, f"/v1/subjects/{show_subject(drill.gone)}", token)[0] == 410
    assert get(whole, f"/v1/subjects/{show_subject(drill.late)}", token)[0] == 200
    assert whole.end() == 0

    # Only until just before the erasure: the person is in that copy, and is erased again before it serves.
    older = launch(SAMTYCKE, home=open_folder / "older", environ=ALONE)
    until = drill.between.isoformat().replace("+00:00", "Z")
    told = samtycke("restore", *options, "--until", until, environ={"SAMTYCKE_HOME": str(older.home)})
    assert "1 erasures done again, 1 destroyed keys" in told
    older.start().await_answer()
    with services_of(older.home) as services:
        assert_gone(services, drill)
        with services.unit(system_actor("drill")) as unit:
            assert read_subject(unit, drill.changed).choices.objections == [DIRECT]
            assert read_subject(unit, drill.late).choices.objections == []
    assert "OK: " in samtycke("ledger", "verify", environ={"SAMTYCKE_HOME": str(older.home)})
    assert older.end() == 0


@pytest.mark.timeout(300)
def test_without_journal_and_list_of_keys_the_copy_would_open(drill: Drill, open_folder: Path) -> None:
    """The control: it is the replay that erases, not something else on the way. And the start notices."""
    journal = open_folder / "journal"
    drill.store.journal.rename(journal)
    for keys in drill.store.keys.iterdir():
        (keys / "data-keys.copy").unlink()
    home = open_folder / "control"
    config = Config.from_environ({"SAMTYCKE_HOME": str(home)})
    restored = restore_backup(config, drill.store, until=drill.between)
    assert (restored.destroyed, restored.replayed) == (0, 0)
    with database_of(home) as services, services.unit(system_actor("drill")) as unit:
        assert read_subject(unit, drill.gone).status == "active"
    # The journal alone turns up later: the next start does it.
    (home / "erasures").mkdir(mode=0o700)
    shutil.copy(journal, home / "erasures" / "journal")
    instance = Instance(home, SAMTYCKE, environ=ALONE).start()
    try:
        instance.await_line("did 1 erasures again")
        instance.await_answer()
        with services_of(home) as services:
            assert_gone(services, drill)
        assert instance.end() == 0
        # And without the journal that the database knows of, nothing is served.
        (home / "erasures" / "journal").unlink()
        assert "is missing" in Instance(home, SAMTYCKE, environ=ALONE).fails()
    finally:
        instance.kill_everything()


@pytest.mark.timeout(300)
def test_list_of_keys_shreds_without_a_journal(drill: Drill, open_folder: Path) -> None:
    drill.store.journal.unlink()
    home = open_folder / "keyless"
    config = Config.from_environ({"SAMTYCKE_HOME": str(home)})
    restored = restore_backup(config, drill.store, until=drill.between)
    assert (restored.destroyed, restored.replayed) == (1, 0)
    with database_of(home) as services, services.database.connection() as db:
        owners = {row[0] for row in db.execute("select owner from keys.data_keys")}
    assert drill.gone not in owners
    assert {drill.changed, drill.late, *drill.others} <= owners


@pytest.mark.timeout(300)
def test_refusals(drill: Drill, open_folder: Path) -> None:
    full = open_folder / "full"
    full.mkdir()
    (full / "something").touch()
    with pytest.raises(BackupError, match="not empty"):
        restore_backup(Config.from_environ({"SAMTYCKE_HOME": str(full)}), drill.store)
    early = datetime(2020, 1, 1, tzinfo=UTC)
    empty = Config.from_environ({"SAMTYCKE_HOME": str(open_folder / "empty")})
    with pytest.raises(BackupError, match="no base backup as old as"):
        restore_backup(empty, drill.store, until=early)
    assert not empty.home.exists()
    # Beyond the end of the log: PostgreSQL says so, and what lies there does not start.
    with pytest.raises(BackupError, match="did not recover"):
        restore_backup(empty, drill.store, until=utc_now() + timedelta(days=1))
    assert "has not finished" in Instance(empty.home, SAMTYCKE, environ=ALONE).fails()
    for keys in (drill.store.data, drill.store.data / "keys", drill.store.data.parent):
        with pytest.raises(BackupError, match="must not lie with the data"):
            Store(drill.store.data, keys).check_apart()


@pytest.mark.timeout(300)
def test_archiving_keeps_up_and_prunes(launch: Launch, open_folder: Path) -> None:
    instance = launch(SAMTYCKE, environ=ALONE).start().await_answer()
    environ = {"SAMTYCKE_HOME": str(instance.home)}
    store = Store(open_folder / "a b'c", open_folder / "vault")
    command = ("backup", str(store.data), "--keys", str(store.keys))
    samtycke(*command, environ=environ)
    url = Config.for_running_instance({**os.environ, **environ}).database_url
    assert url is not None

    def pieces() -> list[str]:
        return sorted(file.name for file in store.wal.iterdir() if not file.name.startswith("."))

    with psycopg.connect(url, autocommit=True) as db:
        db.execute("create table filler (text text)")
        for _ in range(6):
            db.execute("insert into filler select repeat(md5(n::text), 50) from generate_series(1, 3000) n")
            db.execute("select pg_switch_wal()")
        [last] = db.execute("select pg_walfile_name(pg_current_wal_lsn())").fetchall()
    wait_until("archived", lambda: pieces()[-1] >= last[0][:23] and len(pieces()) >= 7)
    archived_at, failed = archived_until(url)
    assert archived_at is not None
    assert failed == 0
    before = pieces()
    time.sleep(1.1)
    samtycke(*command, environ=environ)
    assert [base.folder.name for base in store.bases()] == sorted(p.name for p in store.keys.iterdir())
    # Two days later the first has come of age.
    later = utc_now() + timedelta(days=2)
    pruned = prune_backups(store, store.bases()[-1].made_at + timedelta(days=1), timedelta(days=1))
    assert (pruned.bases, pruned.overdue) == (1, True)
    assert pruned.pieces >= len(before) - 1
    assert min(name for name in pieces() if len(name) == 27) == f"{store.bases()[0].first_piece}.gz"
    assert len(list(store.keys.iterdir())) == 1
    assert prune_backups(store, later, timedelta(days=30)).bases == 0
    # The archive is gone: archiving fails and is told, and goes on where it stood when it is back.
    aside = store.wal.with_name("aside")
    store.wal.rename(aside)
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("insert into filler values ('x')")
        db.execute("select pg_switch_wal()")
    wait_until("a failure is counted", lambda: archived_until(url)[1] > 0)
    aside.rename(store.wal)
    count = len(pieces())
    wait_until("it went on", lambda: len(pieces()) > count, patience=100)
    # What was there before pruning still comes back, from the one base backup that is left.
    assert instance.end() == 0
    home = open_folder / "again"
    restore_backup(Config.from_environ({"SAMTYCKE_HOME": str(home)}), store)
    with database_of(home) as services, services.database.connection() as db:
        assert db.execute("select count(*) from filler").fetchone() == (18_001,)
