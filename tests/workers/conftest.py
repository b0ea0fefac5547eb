"""Real worker processes over the real broker, on a real database, at the real time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest

from service.bootstrap import Services, build_services
from service.config import Config
from service.crypto.keyring import create_key_file
from service.storage.policies import publish_policy
from service.tasks import Publisher
from tests.api.people import add_products
from tests.workers.waiting import wait_for

POLICY = Path(__file__).parents[1] / "policy" / "vectors" / "policy-pharmacy.json"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def services(database: str, broker_url: str, tmp_path: Path) -> Iterator[Services]:
    environ = {
        "SAMTYCKE_HOME": str(tmp_path),
        "SAMTYCKE_DATABASE_URL": database,
        "SAMTYCKE_BROKER_URL": broker_url,
    }
    config = Config.from_environ(environ)
    create_key_file(config.key_file)
    services = build_services(config)
    with services.database.transaction() as db:
        publish_policy(db, json.loads(POLICY.read_text()), services.now)
    add_products(services)
    yield services
    services.close()


@pytest.fixture
def publisher(broker_url: str) -> Iterator[Publisher]:
    publisher = Publisher(broker_url)
    yield publisher
    publisher.close()


class Worker:
    """A worker as the supervisor starts it: a leader with two children."""

    def __init__(self, config: Config, log: IO[bytes], *more: str) -> None:
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "celery", "--app", "workers.celery_app", "worker"),
                *("--concurrency", "2", "--loglevel", "INFO", "--without-gossip", "--without-mingle", *more),
            ],
            cwd=ROOT,
            env=os.environ | config.as_environ(),
            stdout=log,
            stderr=subprocess.STDOUT,
        )

    def children(self) -> list[int]:
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()] if path.exists() else []

    def kill(self) -> None:
        """As the kernel does when memory runs out: nobody is asked. Its children die with it."""
        children = self.children()
        self.process.kill()
        self.process.wait()
        wait_for(lambda: not any(_is_alive(pid) for pid in children))

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()


@pytest.fixture
def start_worker(services: Services, tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Start a worker, and have it ended with the test. Its log is `worker.log` in `tmp_path`."""
    started: list[Worker] = []
    with (tmp_path / "worker.log").open("ab") as log:

        def start(*more: str) -> Worker:
            started.append(Worker(services.config, log, *more))
            return started[-1]

        yield start
        for worker in started:
            worker.stop()


def kill_child(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
