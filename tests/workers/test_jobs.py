"""Bulk jobs through real Celery workers: every pair is answered exactly once, whatever dies on the way."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
import redis

from service.bootstrap import Services
from service.errors import UnreadableError
from service.ids import new_subject_id
from service.policy import evaluate
from service.storage.jobs import find_unsent
from service.storage.subjects import lock_subject, read_subjects
from service.tasks import FILTER_CHUNK, Publisher
from service.use_cases.announce_chunks import announce_chunks
from service.use_cases.cancel_job import cancel_job
from service.use_cases.erase_subject import erase_subject
from service.use_cases.filter_chunk import MOST_ATTEMPTS, filter_chunk
from service.use_cases.sweep_jobs import sweep_jobs
from tests.api.people import DPO, SHOP
from tests.workers.conftest import Worker, kill_child
from tests.workers.jobs import (
    add_people,
    assert_each_once,
    job,
    nobody_can_write_decisions,
    results,
    submit,
    wait_until_done,
    waiting_for_decisions,
)
from tests.workers.waiting import wait_for

NOW = timedelta(0)
StartWorker = Callable[..., Worker]


def sweep_until_done(services: Services, publisher: Publisher, job_id: object) -> None:
    """What beat does, without its waiting."""

    def swept() -> bool:
        sweep_jobs(services, publisher, patience=timedelta(seconds=1))
        return not job(services, job_id).is_open  # type: ignore[arg-type]

    wait_for(swept, within=60)


def test_answers_every_pair_once(services: Services, publisher: Publisher, start_worker: StartWorker) -> None:
    people = add_people(services, 20)
    job_id = submit(services, people, chunk=15)
    assert announce_chunks(services, publisher, job_id, range(4)) == 4
    start_worker()
    found = wait_until_done(services, job_id)
    assert found.total == 60
    assert found.started_at is not None
    assert_each_once(services, job_id, people)
    with services.database.connection() as db:
        left = db.execute("select count(*) from job_chunks where sealed is not null").fetchone()
    assert left == (0,)


def test_answers_as_the_evaluator_does(services: Services) -> None:
    """One meaning (P5): the bulk path against one evaluation after the other."""
    people = add_people(services, 10)
    job_id = submit(services, people, per_person=4)
    assert filter_chunk(services, job_id, 0)
    found = results(services, job_id)
    assert {result.decision.outcome.value for result in found if result.decision} >= {"allow", "deny"}
    with services.database.connection() as db:
        subjects = read_subjects(db, services.keyring, people)
        policy = services.policies.in_force(db).policy
        row = db.execute("select distinct at from decisions where job = %s", (job_id,)).fetchall()
    [(at,)] = row
    for result in found:
        state = subjects[result.subject].state(at)
        assert result.decision == evaluate(policy, state, result.candidate, at)


def test_survives_the_killing_of_a_child_mid_chunk(
    services: Services, publisher: Publisher, start_worker: StartWorker
) -> None:
    people = add_people(services, 12)
    job_id = submit(services, people, chunk=18)
    worker = start_worker()
    with nobody_can_write_decisions(services):
        announce_chunks(services, publisher, job_id, range(2))
        wait_for(lambda: waiting_for_decisions(services) == 2)
        assert job(services, job_id).state == "running"
        for child in worker.children():
            kill_child(child)
    sweep_until_done(services, publisher, job_id)
    assert worker.process.poll() is None
    assert_each_once(services, job_id, people)


def test_survives_the_killing_of_the_worker_mid_chunk(
    services: Services, publisher: Publisher, start_worker: StartWorker
) -> None:
    people = add_people(services, 12)
    job_id = submit(services, people, chunk=9)
    worker = start_worker()
    with nobody_can_write_decisions(services):
        announce_chunks(services, publisher, job_id, range(4))
        wait_for(lambda: waiting_for_decisions(services) == 2)
        worker.kill()
    assert job(services, job_id).done == 0
    start_worker()
    sweep_until_done(services, publisher, job_id)
    assert_each_once(services, job_id, people)


def test_survives_a_broker_that_forgets(
    services: Services, publisher: Publisher, start_worker: StartWorker, broker_url: str
) -> None:
    people = add_people(services, 12)
    job_id = submit(services, people, chunk=9)
    start_worker()
    with nobody_can_write_decisions(services):
        announce_chunks(services, publisher, job_id, range(4))
        wait_for(lambda: waiting_for_decisions(services) == 2)
        client = redis.Redis.from_url(broker_url)
        client.flushdb()
        client.close()
    sweep_until_done(services, publisher, job_id)
    assert_each_once(services, job_id, people)


def test_a_broker_that_is_down_is_not_waited_for(services: Services) -> None:
    job_id = submit(services, add_people(services, 2))
    deaf = Publisher("redis://127.0.0.1:1/0")
    assert announce_chunks(services, deaf, job_id, [0]) == 0
    with services.database.connection() as db:
        assert find_unsent(db, services.now, timedelta(hours=1), 10) == [(job_id, 0)]


def test_two_at_the_same_chunk(services: Services) -> None:
    people = add_people(services, 5)
    job_id = submit(services, people)
    answered: list[bool] = []
    with nobody_can_write_decisions(services):
        first = threading.Thread(target=lambda: answered.append(filter_chunk(services, job_id, 0)))
        first.start()
        wait_for(lambda: waiting_for_decisions(services) == 1)
        # Held by the first: the second leaves it alone, and a sweep does not take it for lost.
        assert not filter_chunk(services, job_id, 0)
        with services.database.connection() as db:
            assert find_unsent(db, services.now + timedelta(hours=1), NOW, 10) == []
    first.join()
    assert answered == [True]
    assert not filter_chunk(services, job_id, 0)
    assert_each_once(services, job_id, people)


def test_messages_carry_ids_alone(services: Services, publisher: Publisher, broker_url: str) -> None:
    people = add_people(services, 1)
    job_id = submit(services, people)
    announce_chunks(services, publisher, job_id, [0])
    client = redis.Redis.from_url(broker_url)
    [message] = client.lrange("bulk", 0, -1)
    client.close()
    text = message.decode()
    assert FILTER_CHUNK in text
    assert "shampoo" not in text
    assert people[0].hex not in text.replace("-", "")


def test_a_cancelled_job_answers_no_more(services: Services) -> None:
    people = add_people(services, 6)
    job_id = submit(services, people, chunk=9)
    assert filter_chunk(services, job_id, 0)
    cancel_job(services, SHOP, job_id)
    assert not filter_chunk(services, job_id, 1)
    found = job(services, job_id)
    assert (found.state, found.done) == ("cancelled", 9)
    assert len(results(services, job_id)) == 9
    with services.database.connection() as db:
        left = db.execute("select count(*) from job_chunks where sealed is not null").fetchone()
    assert left == (0,)


def test_a_chunk_that_always_fails_fails_the_job(services: Services) -> None:
    job_id = submit(services, add_people(services, 1))
    with services.database.connection() as db:
        db.execute("update job_chunks set sealed = 'no value of ours'")
    for _ in range(MOST_ATTEMPTS):
        with pytest.raises(UnreadableError):
            filter_chunk(services, job_id, 0)
    assert job(services, job_id).state == "running"
    assert not filter_chunk(services, job_id, 0)
    found = job(services, job_id)
    assert found.state == "failed"
    assert found.finished_at is not None


def test_unknown_erased_and_unreadable_people(services: Services) -> None:
    known, erased, broken = add_people(services, 3)
    stranger = new_subject_id()
    with services.unit(DPO) as unit:
        erase_subject(unit, lock_subject(unit, erased))
    with services.database.connection() as db:
        db.execute("update keys.data_keys set wrapped = 'x' where owner = %s", (broken,))
    job_id = submit(services, [known, erased, broken, stranger], per_person=1)
    assert filter_chunk(services, job_id, 0)
    said = {
        result.subject: None if result.decision is None else [r.code for r in result.decision.reasons]
        for result in results(services, job_id)
    }
    assert said.pop(known) is not None
    assert said == {erased: ["subject_erased"], stranger: ["subject_unknown"], broken: None}


def test_an_erasure_meanwhile_leaves_no_row(services: Services) -> None:
    """The person is erased after the states were read and before the answers are kept."""
    people = add_people(services, 3)
    job_id = submit(services, people, per_person=2)
    worker = threading.Thread(target=lambda: filter_chunk(services, job_id, 0))
    with nobody_can_write_decisions(services):
        worker.start()
        wait_for(lambda: waiting_for_decisions(services) == 1)
        eraser = threading.Thread(target=_erase_row, args=(services, people[0]))
        eraser.start()
        eraser.join()
    worker.join()
    with services.database.connection() as db:
        left = db.execute("select count(*) from decisions where subject = %s", (people[0],)).fetchone()
    assert left == (0,)
    said = [r for r in results(services, job_id) if r.subject == people[0]]
    assert [r.decision.reasons[0].code for r in said if r.decision] == ["subject_erased"] * 2
    assert job(services, job_id).state == "done"


def _erase_row(services: Services, person: object) -> None:
    """What an erasure commits of the subject. (The whole of it would wait for the table's lock, too.)"""
    with services.database.transaction() as db:
        db.execute("select from subjects where id = %s for update", (person,))
        db.execute("delete from keys.data_keys where owner = %s", (person,))
        db.execute("update subjects set status = 'erased' where id = %s", (person,))
