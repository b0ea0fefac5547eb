"""Names, queues and schedule agree with each other, and beat finds what nobody was told of."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.bootstrap import Services
from service.tasks import BULK, QUEUE_OF, UPKEEP, message_settings, queues, transport_options
from tests.workers.conftest import ROOT, Worker
from tests.workers.jobs import add_people, assert_each_once, submit, wait_until_done
from workers.schedule import SCHEDULE

AMQP = "amqp://guest:guest@127.0.0.1//"
REDIS = "redis://127.0.0.1/0"
PRINT_TASKS = """
from workers.celery_app import celery
celery.loader.import_default_modules()
print(*(name for name in celery.tasks if name.startswith("samtycke.")))
"""


def test_every_queue_has_a_consumer_and_every_task_a_queue() -> None:
    """A worker without `--queues` consumes those of `task_queues`; a task sent elsewhere waits for ever."""
    consumed = {queue.name for queue in message_settings(REDIS)["task_queues"]}
    assert consumed == {BULK, UPKEEP}
    assert set(QUEUE_OF.values()) == consumed
    assert not message_settings(REDIS)["task_create_missing_queues"]


def test_every_name_has_a_task(services: Services) -> None:
    """Asked in a process of its own, since the application reads its settings from the environment."""
    names = subprocess.run(
        [sys.executable, "-c", PRINT_TASKS],
        cwd=ROOT,
        env=os.environ | services.config.as_environ(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(names.stdout.split()) == set(QUEUE_OF)


def test_beat_asks_for_known_tasks() -> None:
    assert {entry["task"] for entry in SCHEDULE.values()} <= set(QUEUE_OF)


def test_rabbitmq_gets_quorum_queues() -> None:
    assert {q.queue_arguments["x-queue-type"] for q in queues(AMQP)} == {"quorum"}
    assert all(q.queue_arguments is None for q in queues(REDIS))
    assert transport_options(AMQP) == {"confirm_publish": True}


@pytest.fixture
def beat(services: Services, tmp_path: Path) -> Iterator[None]:
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "celery", "--app", "workers.celery_app", "beat"),
            *("--schedule", str(tmp_path / "schedule"), "--pidfile", "", "--loglevel", "WARNING"),
        ],
        cwd=ROOT,
        env=os.environ | services.config.as_environ(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    yield
    process.terminate()
    process.wait(20)


def test_beat_finds_what_nobody_was_told_of(
    services: Services, start_worker: Callable[..., Worker], beat: None
) -> None:
    """As after a request whose broker was down."""
    people = add_people(services, 4)
    job = submit(services, people)
    start_worker()
    wait_until_done(services, job, within=60)
    assert_each_once(services, job, people)
