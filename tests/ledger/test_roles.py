"""What the service's own connections can do to history and to the ledger: add, and nothing else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import uuid4

import psycopg
import pytest

from service.api.app import create_app
from service.bootstrap import build_services
from service.storage.migrate import migrate
from service.storage.subjects import lock_subject
from service.use_cases.erase_subject import erase_subject
from service.use_cases.seal_ledger import seal_ledger
from tests.api.helpers import Installation
from tests.api.people import DPO
from tests.ledger.entries import answer, decide, people
from tests.servers import Servers

LEDGER = ("leaves", "nodes", "checkpoints", "parts", "pending")
HISTORY = (
    "consent_events",
    "subject_states",
    "subject_activity",
    "decisions",
    "access_log",
    "request_steps",
    "reorder_steps",
)
TABLES = [*(f"ledger.{name}" for name in LEDGER), *HISTORY]


@pytest.fixture
def filled(there: Installation) -> Installation:
    person = people(there, 1)[0]
    answer(there, person)
    decide(there, person)
    seal_ledger(there.services)
    return there


def test_the_service_works_as_its_role(there: Installation) -> None:
    with there.services.database.connection() as db:
        assert db.execute("select current_user").fetchone() == ("samtycke_service",)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    "does", ["delete from {}", "truncate {}", "update {} set at = now()", "drop table {}"]
)
def test_the_service_cannot_change_history(filled: Installation, table: str, does: str) -> None:
    if table.endswith(("nodes", "parts")):
        does = does.replace("at = now()", "position = 1" if table.endswith("nodes") else "entry = null")
    with filled.services.database.connection() as db:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute(does.format(table))  # type: ignore[arg-type]
        for statement in (
            f"alter table {table} disable trigger all",
            "set session_replication_role = replica",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                db.execute(statement)  # type: ignore[arg-type]


def test_the_service_cannot_put_an_entry_into_the_log_itself(filled: Installation) -> None:
    with filled.services.database.connection() as db, pytest.raises(psycopg.errors.InsufficientPrivilege):
        db.execute("insert into ledger.leaves values (2, %s, 'decisions', now(), %s)", (uuid4(), bytes(32)))


@pytest.mark.parametrize("table", TABLES)
def test_even_the_owner_changes_nothing_by_mistake(filled: Installation, table: str) -> None:
    """A superuser can get round it on purpose; that is what the verifier and the witness are for."""
    with psycopg.connect(str(filled.services.config.database_url), autocommit=True) as db:
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="append-only"):
            db.execute(f"truncate {table}")  # type: ignore[arg-type]
        row = db.execute(f"select count(*) from {table}").fetchone()  # type: ignore[arg-type]
        if row is not None and row[0] and not table.endswith("pending"):
            with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="append-only"):
                db.execute(f"delete from {table}")  # type: ignore[arg-type]


def test_history_goes_with_the_key_or_not_at_all(filled: Installation) -> None:
    """Whoever gets hold of the service's connection can erase a person, and cannot take one event away."""
    with filled.services.database.connection() as db:
        row = db.execute("select subject from consent_events").fetchone()
        assert row is not None
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="key is still there"):
            db.execute("select * from erase_history(%s)", row)
        db.execute("select set_config('samtycke.erasing', 'on', false)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute("delete from consent_events")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute("create role other")
    with filled.services.unit(DPO) as unit:
        certificate = erase_subject(unit, lock_subject(unit, row[0]))
    assert (certificate["erased"]["consent_events"], certificate["erased"]["decisions"]) == (1, 1)
    with filled.services.database.connection() as db:
        left = db.execute("select count(*) from ledger.leaves").fetchone()
        gone = db.execute("select count(*) from consent_events").fetchone()
    assert (left, gone) == ((2,), (0,))


def test_a_login_of_its_own_has_no_way_back(
    there: Installation,
) -> None:
    """In production: a login that is a member of the service's role and nothing else."""
    name = f"web_{uuid4().hex}"
    owner, config = str(there.services.config.database_url), there.services.config
    with psycopg.connect(owner, autocommit=True) as db:
        db.execute(f"create role {name} login password 'weak' in role samtycke_service")  # type: ignore[arg-type]
    url = f"postgresql://{name}:weak@{owner.rpartition('@')[2]}"
    services = build_services(replace(config, database_url=url), clock=there.clock)
    weak = Installation(services, create_app(services), there.clock, there.token)
    try:
        person = people(weak, 1)[0]
        answer(weak, person)
        decide(weak, person)
        assert seal_ledger(services) == 2
        with services.database.connection() as db:
            for statement in ("set role none", "reset role"):
                db.execute(statement)  # type: ignore[arg-type]
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    db.execute("delete from consent_events")
            for statement in ("set role samtycke", "set role samtycke_eraser"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    db.execute(statement)  # type: ignore[arg-type]
        with services.unit(DPO) as unit:
            erase_subject(unit, lock_subject(unit, person))
    finally:
        services.close()
        with psycopg.connect(owner, autocommit=True) as db:
            db.execute(f"drop role {name}")  # type: ignore[arg-type]


def test_many_databases_make_the_roles_at_once(servers: Servers) -> None:
    names = [f"roles_{uuid4().hex}" for _ in range(4)]
    urls = [servers.create_empty(name) for name in names]
    try:
        with ThreadPoolExecutor(4) as pool:
            assert all(list(pool.map(migrate, urls)))
    finally:
        for name in names:
            servers.drop(name)
