"""Expiry counts at its moment, and a sweep that opens nobody else records it as an event."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from service.actor import system_actor
from service.bootstrap import Services
from service.policy import holds
from service.storage.choices import Choices, StoredConsent
from service.storage.expiries import consent_due
from service.storage.subjects import create_subject, read_events, read_subject
from service.use_cases import expire_consents as sweep
from service.use_cases.expire_consents import Swept, expire_consents
from service.use_cases.record_consent import Notice, RecordConsent, record_consent
from tests.use_cases.conftest import NOW, Acting

PURPOSE = "replenishment_reminders"
ENDS = datetime(2027, 11, 22, 9, 0, tzinfo=UTC)


def give(acting: Acting, subject: UUID, at: datetime = NOW, **more: Any) -> None:
    fields: dict[str, Any] = {"purpose": PURPOSE, "notice": Notice(1, "fi"), "origin": "app"}
    with acting("customer", subject, at=at) as unit:
        record_consent(unit, subject, RecordConsent(status="given", **(fields | more)))


def run(acting: Acting, at: datetime, limit: int = 100) -> Swept:
    with acting("system", at=at) as unit:
        return expire_consents(unit, limit)


def due_of(acting: Acting, subject: UUID) -> datetime | None:
    with acting("shop") as unit:
        row = unit.db.execute("select consent_due from subjects where id = %s", (subject,)).fetchone()
    assert row is not None
    due: datetime | None = row[0]
    return due


def test_a_sweep_records_what_ended_by_itself(acting: Acting, aino: UUID) -> None:
    give(acting, aino)
    assert run(acting, ENDS - timedelta(seconds=1)) == Swept()
    with acting("shop", at=ENDS) as unit:
        subject = read_subject(unit, aino)
        # The core does not wait for anybody to record it.
        assert not holds(unit.policy, subject.state(ENDS), PURPOSE, ENDS)
    assert run(acting, ENDS + timedelta(hours=2)) == Swept(looked=1, expired=1)
    assert run(acting, ENDS + timedelta(hours=3)) == Swept()
    with acting("dpo") as unit:
        subject = read_subject(unit, aino)
        events = read_events(unit, subject)
    assert subject.epoch == 3
    assert subject.choices.consents[PURPOSE].status == "expired"
    assert [event.payload["status"] for event in events] == ["given", "expired"]
    expired = events[-1].payload
    assert (expired["at"], expired["state"]) == ("2027-11-22T09:00:00Z", "ConsentExpired")
    assert expired["actor"]["role"] == "none"
    assert due_of(acting, aino) is None


def test_the_clear_hour_follows_every_change(acting: Acting, aino: UUID) -> None:
    assert due_of(acting, aino) is None
    late = NOW + timedelta(minutes=1)
    give(acting, aino, late, purpose="automatic_reorder", explicit=True)
    assert due_of(acting, aino) == datetime(2027, 5, 22, 10, 0, tzinfo=UTC)
    give(acting, aino)
    assert due_of(acting, aino) == datetime(2027, 5, 22, 10, 0, tzinfo=UTC)
    with acting("customer", aino, at=late) as unit:
        record_consent(unit, aino, RecordConsent("withdrawn", None, "app", purpose="automatic_reorder"))
    assert due_of(acting, aino) == ENDS


def test_an_hour_says_nothing_finer() -> None:
    def due(at: datetime) -> datetime | None:
        given = StoredConsent("given", since=NOW, expires_at=at)
        return consent_due(Choices(consents={"a": given, "b": StoredConsent("given", since=NOW)}))

    assert due(NOW) == NOW
    assert due(NOW + timedelta(seconds=1)) == NOW + timedelta(hours=1)
    assert consent_due(Choices(consents={"a": StoredConsent("expired", NOW, expires_at=NOW)})) is None


@pytest.fixture
def crowd(acting: Acting) -> list[UUID]:
    """Seven people, six of whom have a consent that is over by now."""
    people = [UUID(int=number) for number in range(1, 8)]
    with acting("shop") as unit:
        for place, person in enumerate(people):
            ends = NOW + timedelta(days=1 if place == 6 else -1)
            consents = {PURPOSE: StoredConsent("given", NOW - timedelta(days=9), expires_at=ends)}
            create_subject(unit, person, Choices(consents=consents))
    return people


def test_it_works_in_batches_and_goes_on_where_it_stopped(acting: Acting, crowd: list[UUID]) -> None:
    assert run(acting, NOW, limit=4) == Swept(looked=4, expired=4)
    # As when the process is killed before the commit.
    with acting("system") as unit, unit.db.transaction(force_rollback=True):
        expire_consents(unit, 1)
    assert run(acting, NOW, limit=4) == Swept(looked=2, expired=2)
    with acting("dpo") as unit:
        counts = [len(read_events(unit, read_subject(unit, person))) for person in crowd]
    assert counts == [1, 1, 1, 1, 1, 1, 0]


def test_one_that_cannot_be_read_holds_up_nobody(acting: Acting, crowd: list[UUID]) -> None:
    with acting("admin") as unit:
        unit.db.execute("delete from keys.data_keys where owner = %s", (crowd[0],))
    assert run(acting, NOW) == Swept(looked=6, expired=5, failed=1)
    assert due_of(acting, crowd[0]) == NOW + timedelta(days=1)


def test_two_sweeps_share_the_work(
    services: Services, crowd: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both at once: what one holds, the other skips, and nothing is recorded twice."""
    met = threading.Barrier(2, timeout=20)
    taken = sweep.take_expiring

    def take(unit: Any, limit: int) -> list[UUID]:
        found = taken(unit, limit)
        met.wait()
        return found

    monkeypatch.setattr(sweep, "take_expiring", take)
    totals: list[Swept] = []

    def one() -> None:
        with services.unit(system_actor("sweep")) as unit:
            totals.append(expire_consents(unit, 3))

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert totals == [Swept(looked=3, expired=3)] * 2


def test_the_sweep_finds_people_by_the_index(acting: Acting, aino: UUID) -> None:
    with acting("admin") as unit:
        unit.db.execute("set local enable_seqscan = off")
        plan = unit.db.execute(
            "explain select id from subjects where consent_due <= now() order by consent_due limit 5"
        ).fetchall()
    assert "subjects_consent_due" in str(plan)


def test_a_new_yes_after_the_sweep_renews(acting: Acting, aino: UUID) -> None:
    give(acting, aino)
    run(acting, ENDS)
    # Clicked before the sweep came by, received after it.
    with acting("customer", aino, at=ENDS + timedelta(minutes=2)) as unit:
        clicked = ENDS - timedelta(minutes=1)
        command = RecordConsent("given", Notice(1, "fi"), "app", purpose=PURPOSE, at=clicked)
        record_consent(unit, aino, command)
    with acting("dpo") as unit:
        assert read_events(unit, read_subject(unit, aino))[-1].payload["state"] == "RenewedConsentGiven"
