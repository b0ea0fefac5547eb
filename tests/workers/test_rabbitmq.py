"""The same workers over RabbitMQ: only the broker's address differs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from service.bootstrap import Services
from service.tasks import Publisher
from service.use_cases.announce_chunks import announce_chunks
from tests.workers.jobs import (
    add_people,
    assert_each_once,
    nobody_can_write_decisions,
    submit,
    wait_until_done,
    waiting_for_decisions,
)
from tests.workers.rabbitmq import is_installed, rabbitmq
from tests.workers.test_jobs import StartWorker, sweep_until_done
from tests.workers.waiting import wait_for

pytestmark = pytest.mark.skipif(not is_installed(), reason="Debian's rabbitmq-server is not installed here")


@pytest.fixture(scope="module")
def broker_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with rabbitmq(tmp_path_factory.mktemp("rabbitmq")) as url:
        yield url


def test_answers_every_pair_once(services: Services, publisher: Publisher, start_worker: StartWorker) -> None:
    people = add_people(services, 20)
    job_id = submit(services, people, chunk=15)
    assert announce_chunks(services, publisher, job_id, range(4)) == 4
    start_worker()
    assert wait_until_done(services, job_id).total == 60
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
    start_worker()
    sweep_until_done(services, publisher, job_id)
    assert_each_once(services, job_id, people)
