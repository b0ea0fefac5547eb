"""The nightly sweep on a real database: what goes, what stays, and what a kill in the middle leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from service.bootstrap import Services
from service.errors import UnreadableError
from service.ids import new_id
from service.policy import add_duration
from service.senders.guard import Allowed, Guard
from service.storage.access_log import record_read
from service.storage.inbox import put_message
from service.storage.recipients import mark_told, track_change
from service.storage.retention import read_runs
from service.storage.subjects import lock_subject, read_events, read_subject
from service.use_cases.advance_request import refuse_request
from service.use_cases.change_preferences import change_preferences
from service.use_cases.file_request import file_request
from service.use_cases.purge_by_age import WHATS, purge_by_age
from service.use_cases.put_mandate import (
    PutMandate,
    end_mandate,
    put_mandate,
    resume_mandate,
    suspend_mandate,
)
from service.use_cases.record_consent import Notice, RecordConsent, record_consent
from service.use_cases.register_webhook import RegisterWebhook, register_webhook
from service.use_cases.set_objection import object_to
from service.use_cases.store_signals import NewSignal, store_signals
from tests.use_cases.conftest import NOW, Acting

ROOT = Path(__file__).parents[2]
KILLED = """
import os, sys, time
from datetime import datetime
from service.bootstrap import build_services
from service.config import Config
from service.use_cases import purge_by_age as module
services = build_services(Config.from_environ(os.environ), clock=lambda: datetime.fromisoformat(sys.argv[1]))
count, batches = module.count_removed, []
def slow(*args, **more):
    count(*args, **more)
    batches.append(args)
    print("batch", flush=True)
    # The kill meets the sixth batch before it commits.
    time.sleep(600 if len(batches) == 6 else 0)
module.count_removed = slow
module.purge_by_age(services, batch=5)
"""


@pytest.fixture(autouse=True)
def aged(services: Services) -> None:
    """The database goes by its own clock, and removes nothing that is a day old there; these tests go by
    theirs."""
    assert services.config.database_url is not None
    with psycopg.connect(services.config.database_url) as superuser:
        superuser.execute(
            "create or replace function oldest_of(before timestamptz) returns timestamptz language sql stable"
            " return case when before = now() then 'infinity' else before end"
        )


def at(services: Services, instant: datetime) -> Services:
    return replace(services, clock=lambda: instant)


def after(period: str) -> datetime:
    """Far enough behind the first day that a period is over."""
    return add_duration(NOW, period) + timedelta(days=2)


def visit(acting: Acting, subject: UUID, count: int, start: int = 0) -> None:
    """Complaints, whose category has the period that the policy of the test gives it."""
    with acting("shop") as unit:
        told = [
            NewSignal(subject, "complaint_opened", NOW, {}, f"s-{number}")
            for number in range(start, start + count)
        ]
        stored = store_signals(unit, told)
    assert {result.status for result in stored} == {"stored"}


@pytest.fixture
def policy_document(policy_document: dict[str, Any]) -> dict[str, Any]:
    policy_document["data"]["service"]["retention"] = "P3M"
    policy_document["retention"] = {"records": {"decisions": "P6M", "access_log": "P6M", "old_states": "P1M"}}
    return policy_document


def count(services: Services, table: str) -> int:
    with services.database.connection() as db:
        row = db.execute(f"select count(*) from {table}").fetchone()
    assert row is not None
    return int(row[0])


def test_signals_go_when_their_category_says_so(acting: Acting, services: Services, aino: UUID) -> None:
    visit(acting, aino, 25)
    early = at(services, after("P3M") - timedelta(days=4))
    assert purge_by_age(early, batch=10)["signals"] == 0
    late = at(services, after("P3M"))
    assert purge_by_age(late, batch=10)["signals"] == 25
    assert purge_by_age(late, batch=10) == {}
    assert count(services, "signals") == 0
    with services.database.connection() as db:
        newest, oldest = (
            {sweep.what: sweep for sweep in read_runs(db, 2) if sweep.started_at == services_at.now}
            for services_at in (late, early)
        )
    assert newest.keys() == oldest.keys() == set(WHATS)
    assert newest["signals"].removed == 25
    assert all(sweep.finished_at is not None for sweep in newest.values())


def test_messages_and_what_was_acknowledged_go(acting: Acting, services: Services, aino: UUID) -> None:
    with acting("admin") as unit:
        command = RegisterWebhook("Till", "https://hooks.example.com/", ["consent.changed"])
        endpoint = register_webhook(unit, Guard(Allowed()), command)[0].id
        put_message(unit, lock_subject(unit, aino), "k-1", {"title": "x"})
        acknowledged, open_one = new_id(), new_id()
        for message in (acknowledged, open_one):
            track_change(unit, aino, endpoint, message)
        mark_told(unit, acknowledged, endpoint, "received", NOW)
    removed = purge_by_age(at(services, after("P12M")))
    assert (removed["inbox"], removed["changes_told"]) == (0, 0)
    removed = purge_by_age(at(services, after("P24M")))
    assert (removed["inbox"], removed["changes_told"]) == (1, 1)
    assert (count(services, "inbox_messages"), count(services, "change_notices")) == (0, 1)


def test_records_go_and_what_is_referred_to_stays(acting: Acting, services: Services, aino: UUID) -> None:
    with acting("dpo") as unit:
        record_read(unit, read_subject(unit, aino), "GET /x")
        request = file_request(unit, aino, "access")
        refuse_request(unit, request.id, "not her")
    for hour in range(4):
        with acting("customer", aino, at=NOW + timedelta(hours=hour)) as unit:
            change_preferences(unit, aino, {"max_per_week": hour}, None)
    with services.database.transaction() as db:
        # Somebody decided on the second version.
        db.execute(
            "insert into decisions (id, subject, at, epoch, activity, policy, sealed)"
            " values (gen_random_uuid(), %s, %s, 2, 0, 1, '')",
            (aino, NOW),
        )
    states = count(services, "subject_states")
    assert states == 5
    removed = purge_by_age(at(services, after("P1M")))
    assert removed["states"] == 3
    assert removed["decisions"] == removed["access_log"] == 0
    removed = purge_by_age(at(services, after("P6M")))
    assert (removed["decisions"], removed["states"], removed["access_log"]) == (1, 1, 1)
    assert removed["request_details"] == 0
    assert purge_by_age(at(services, after("P36M")))["request_details"] == 2
    assert count(services, "requests") == 1
    with acting("dpo") as unit:
        assert read_subject(unit, aino).choices.max_per_week == 3


def test_proof_of_consent_stays_as_long_as_it_proves_something(
    acting: Acting, services: Services, aino: UUID
) -> None:
    def answer(status: str, when: datetime) -> None:
        with acting("customer", aino, at=when) as unit:
            notice = None if status == "withdrawn" else Notice(2, "fi")
            record_consent(unit, aino, RecordConsent(status, notice, origin="app", purpose="personal_offers"))

    answer("given", NOW)
    answer("withdrawn", add_duration(NOW, "P1M"))
    with acting("customer", aino, at=add_duration(NOW, "P2M")) as unit:
        object_to(unit, aino, "direct_marketing")
    with acting("customer", aino, at=add_duration(NOW, "P3M")) as unit:
        change_preferences(unit, aino, {"max_per_week": 1}, None)
    # The yes is proved for three years from the withdrawal, and the withdrawal from itself.
    assert purge_by_age(at(services, after("P36M")))["consent_proof"] == 0
    assert purge_by_age(at(services, add_duration(after("P36M"), "P1M")))["consent_proof"] == 2
    # The objection holds for ever, and what follows it cannot leave a gap.
    assert purge_by_age(at(services, after("P120M")))["consent_proof"] == 0
    with acting("dpo") as unit:
        kept = read_events(unit, lock_subject(unit, aino))
    assert [event.payload["kind"] for event in kept] == ["objection", "preferences"]
    assert [event.number for event in kept] == [3, 4]


def test_what_a_mandate_was_concluded_on_stays_as_long_as_it_stands(
    acting: Acting, services: Services, aino: UUID
) -> None:
    """Also when it was suspended and resumed long ago."""
    button = "Order with obligation to pay"
    with acting("customer", aino) as unit:
        put_mandate(unit, aino, "man_a", PutMandate("health.otc", "SEK", 9900, button, "en"))
        suspend_mandate(unit, aino, "man_a")
        resume_mandate(unit, aino, "man_a")
        change_preferences(unit, aino, {"max_per_week": 1}, None)
    assert purge_by_age(at(services, after("P60M")))["consent_proof"] == 0
    with acting("customer", aino, at=add_duration(NOW, "P60M")) as unit:
        end_mandate(unit, aino, "man_a")
        change_preferences(unit, aino, {"max_per_week": 2}, None)
    assert purge_by_age(at(services, after("P90M")))["consent_proof"] == 0
    assert purge_by_age(at(services, after("P97M")))["consent_proof"] == 5


def test_what_cannot_be_read_is_left_alone(acting: Acting, services: Services, aino: UUID) -> None:
    with acting("customer", aino) as unit:
        change_preferences(unit, aino, {"max_per_week": 1}, None)
        change_preferences(unit, aino, {"max_per_week": 2}, None)
    with services.database.transaction() as db:
        db.execute("delete from keys.data_keys")
    assert purge_by_age(at(services, after("P60M")))["consent_proof"] == 0


def test_a_killed_sweep_goes_on_and_has_counted_right(acting: Acting, services: Services, aino: UUID) -> None:
    visit(acting, aino, 100)
    later = after("P3M")
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, later.isoformat()],
        cwd=ROOT,
        env=os.environ | services.config.as_environ(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for _ in range(6):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    left = count(services, "signals")
    assert left == 75
    with services.database.connection() as db:
        counted = {sweep.what: sweep for sweep in read_runs(db, 1)}
    assert counted["signals"].removed == 100 - left
    assert counted["signals"].finished_at is None
    purge_by_age(at(services, later + timedelta(minutes=10)), batch=5)
    with services.database.connection() as db:
        runs = read_runs(db, 5)
    assert len({sweep.run for sweep in runs}) == 1
    assert {sweep.what: sweep.removed for sweep in runs}["signals"] == 100
    assert all(sweep.finished_at is not None for sweep in runs)


def test_a_history_that_was_shortened_by_nobodys_leave_is_not_shown(
    acting: Acting, services: Services, aino: UUID
) -> None:
    """Also when it was shortened before, by age."""
    for months in range(4):
        with acting("customer", aino, at=add_duration(NOW, f"P{months}M")) as unit:
            change_preferences(unit, aino, {"max_per_week": months}, None)
    assert purge_by_age(at(services, add_duration(after("P36M"), "P1M")))["consent_proof"] == 2
    with acting("dpo") as unit:
        assert [event.number for event in read_events(unit, lock_subject(unit, aino))] == [3, 4]
        assert [event.number for event in read_events(unit, lock_subject(unit, aino), after=1, limit=1)] == [
            3
        ]
        assert [event.number for event in read_events(unit, lock_subject(unit, aino), after=3)] == [4]
        unit.db.execute("select purge_events(%s, 3)", (aino,))
        with pytest.raises(UnreadableError):
            read_events(unit, lock_subject(unit, aino))


def test_nothing_young_is_removed_whoever_asks(database: str, acting: Acting, aino: UUID) -> None:
    with psycopg.connect(database) as db:
        db.execute(
            "create or replace function oldest_of(before timestamptz) returns timestamptz language sql stable"
            " return least(before, now() - interval '1 day')"
        )
        db.execute("set role samtycke_service")
        db.execute(
            "insert into access_log (id, subject, at, sealed)"
            " select gen_random_uuid(), %s, now() - age, '' from unnest(%s::interval[]) age",
            (aino, ["2 days", "1 hour"]),
        )
        assert db.execute("select purge_access_log('infinity', 100)").fetchone() == (1,)
        assert db.execute("select purge_access_log('infinity', 100)").fetchone() == (0,)


def test_the_service_removes_history_by_these_functions_alone(services: Services, aino: UUID) -> None:
    for statement in ("delete from subject_states", "update subject_states set at = now()"):
        with (
            services.database.connection() as db,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
            db.transaction(),
        ):
            db.execute(statement)
