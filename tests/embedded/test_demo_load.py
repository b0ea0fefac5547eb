"""Loading the demo into a real database: whole, once, again, and after a kill in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from service.actor import system_actor
from service.bootstrap import Services, build_services
from service.config import Config
from service.crypto.keyring import create_key_file
from service.embedded.demo import notes
from service.embedded.demo.crowd import crowd
from service.embedded.demo.customer import NUMBER
from service.embedded.demo.files import demo_policy
from service.embedded.demo.goods import catalogue
from service.embedded.demo.load import load
from service.embedded.demo.people import people, people_entries
from service.storage.identifiers import find_by_identifiers
from service.storage.policies import publish_policy
from service.storage.subjects import read_events, read_subject

ROOT = Path(__file__).parents[2]
SOME = 12


@pytest.fixture
def services(database: str, tmp_path: Path) -> Iterator[Services]:
    config = Config.from_environ({"SAMTYCKE_HOME": str(tmp_path), "SAMTYCKE_DATABASE_URL": database})
    create_key_file(config.key_file)
    services = build_services(config)
    yield services
    services.close()


def contents(url: str) -> dict[str, list[str]]:
    """Every row of every table as text, as whoever holds a dump would read it."""
    with psycopg.connect(url) as db:
        tables = db.execute(
            "select table_schema || '.' || table_name from information_schema.tables"
            " where table_schema in ('public', 'keys') and table_type = 'BASE TABLE' order by 1"
        ).fetchall()
        # The names come from the catalogue of the test's own database.
        return {
            name: [row[0] for row in db.execute(f"select t::text from {name} t order by 1")]
            for (name,) in tables
        }


def test_everything_is_loaded_and_a_repetition_changes_nothing(services: Services, database: str) -> None:
    said: list[str] = []
    assert load(services, services.now, said.append)
    assert said[0] == "demo: 0 of 312 customers"
    assert said[-1].startswith("demo: 312 of 312 customers; ")
    before = contents(database)
    assert len(before["public.subjects"]) == 312
    assert len(before["public.products"]) == len(catalogue())
    assert len(before["public.policies"]) == 1
    assert len(before["public.signals"]) > 1500
    said.clear()
    # The next day, as after a restart: what is there stays as it is.
    assert load(services, services.now + timedelta(days=1), said.append)
    assert len(said) == 1
    assert contents(database) == before


def test_nothing_of_anybody_can_be_read_without_the_key(services: Services, database: str) -> None:
    now = services.now
    assert load(services, now, lambda line: None, size=SOME)
    tables = contents(database)
    assert any("Bromhexin" in row for row in tables.pop("public.products")), (
        "what is about nobody stands in clear"
    )
    # The texts of the policy are about nobody either, and full of words that hold a short name.
    del tables["public.policies"]
    dump = "\n".join(row for rows in tables.values() for row in rows).lower()
    assert "bromhexin" not in dump
    for customer in [*people(now), *crowd(now, SOME)]:
        for identifier in customer.identifiers:
            assert identifier.value.lower() not in dump
            assert identifier.value.lower().encode().hex() not in dump
    for entry in people_entries().values():
        assert entry["name"].split()[0].lower() not in dump
        assert entry["name"].split()[-1].lower() not in dump
    assert "k-2041" not in dump


def test_history_is_as_old_as_it_says(services: Services, database: str) -> None:
    now = services.now
    assert load(services, now, lambda line: None, size=0)
    with psycopg.connect(database) as db:
        oldest = db.execute("select min(created_at) from subjects").fetchone()
        opened = db.execute("select published_at from policies").fetchone()
        latest = db.execute("select max(at) from consent_events").fetchone()
    assert oldest is not None
    assert opened is not None
    assert latest is not None
    assert opened[0] < oldest[0] < now - timedelta(days=160)
    assert latest[0] < now


def test_the_erased_one_leaves_an_opaque_id_alone(services: Services, tmp_path: Path) -> None:
    assert load(services, services.now, lambda line: None, size=0)
    assert list(notes.read(tmp_path)) == ["oskari"]
    with services.database.connection() as db:
        [(subject, _)] = db.execute("select id, status from subjects where status = 'erased'").fetchall()
        left = db.execute("select count(*) from signals where subject = %s", (subject,)).fetchone()
    assert left == (0,)


def test_messages_of_the_story_are_renewed_before_they_age_out(services: Services) -> None:
    now = services.now
    assert load(services, now, lambda line: None, size=0)
    later = now + timedelta(days=20)
    assert load(services, later, lambda line: None, size=0)
    number = people_entries()["james"]["number"]
    with services.unit(system_actor("test")) as unit:
        james = read_subject(unit, find_by_identifiers(unit, NUMBER, [number])[number])
    assert len(james.activity.contacts) == 4
    assert min(contact.at for contact in james.activity.contacts) > later - timedelta(days=13)


def test_goes_on_after_a_kill_in_the_middle(services: Services, database: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "service.embedded.demo"],
        cwd=ROOT,
        env=os.environ | services.config.as_environ(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("demo: 40 of"):
            process.send_signal(signal.SIGKILL)
            break
    process.wait()
    process.stdout.close()
    half = contents(database)
    assert 40 <= len(half["public.subjects"]) < 312
    assert load(services, services.now, lambda line: None)
    whole = contents(database)
    assert len(whole["public.subjects"]) == 312
    # What was there is untouched, and nobody came twice.
    assert set(half["public.consent_events"]) <= set(whole["public.consent_events"])
    expected = sum(len(c.identifiers) for c in [*people(services.now), *crowd(services.now)]) - 3
    assert len(whole["public.identifiers"]) == expected


def test_an_erasure_that_was_cut_short_is_completed(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    class CutError(Exception):
        pass

    def cut(*_: object) -> None:
        raise CutError

    with monkeypatch.context() as patched:
        patched.setattr("service.embedded.demo.load.erase", cut)
        with pytest.raises(CutError):
            load(services, services.now, lambda line: None, size=0)
    assert load(services, services.now, lambda line: None, size=0)
    with services.database.connection() as db:
        states = db.execute("select status, count(*) from subjects group by 1 order by 1").fetchall()
    assert states == [("active", 11), ("erased", 1)]


def test_another_policy_is_left_alone(services: Services, database: str) -> None:
    document = dict(demo_policy().document)
    document = {**document, "signals": {"purchase": {"data": "purchases"}}, "detectors": {}}
    with services.database.transaction() as db:
        publish_policy(db, document, datetime(2026, 1, 1, tzinfo=UTC))
    said: list[str] = []
    assert not load(services, services.now, said.append)
    assert said == ["demo: another policy is in force, so no demo data is loaded"]
    assert contents(database)["public.subjects"] == []


def test_astrid_was_shown_her_mandate_and_asked_once_more(services: Services) -> None:
    assert load(services, services.now, lambda line: None, size=0)
    number = people_entries()["astrid"]["number"]
    with services.unit(system_actor("test")) as unit:
        astrid = read_subject(unit, find_by_identifiers(unit, NUMBER, [number])[number])
        payloads = [event.payload for event in read_events(unit, astrid)]
    [mandate] = [each for each in payloads if each["kind"] == "mandate"]
    assert mandate["evidence"]["proven"] is True
    assert mandate["evidence"]["button"] == "Bestilling med betalingsplikt"
    [raised] = [each for each in payloads if each.get("after", {}).get("levels")]
    assert raised["confirmed"]["explanation"]
    assert {each["actor"]["role"] for each in (mandate, raised)} == {"customer"}
