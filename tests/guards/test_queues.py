"""Every task is registered and routed, every queue has a consumer, and no message holds more than ids."""

from __future__ import annotations

import ast
import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import redis

from service import tasks
from service.config import Config
from service.embedded.children import worker_command
from service.ids import JOB, read
from service.tasks import BULK, QUEUE_OF, UPKEEP, queues
from tests.api.helpers import Installation
from tests.guards.calls import World
from workers.schedule import SCHEDULE

ROOT = Path(__file__).parents[2]
BROKERS = ("redis://127.0.0.1:1/0", "amqp://127.0.0.1:1//")


@pytest.fixture(scope="module", params=BROKERS)
def worker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a worker process of an installation consumes, routes and knows, as it tells itself."""
    program = """
import json
from workers.celery_app import celery
celery.loader.import_default_modules()
print(json.dumps({
    "tasks": [name for name in celery.tasks if not name.startswith("celery.")],
    "routes": {name: route["queue"] for name, route in celery.conf.task_routes.items()},
    "queues": [queue.name for queue in celery.conf.task_queues],
    "consumes": list(celery.amqp.queues.consume_from),
    "default": celery.conf.task_default_queue,
    "acks_late": celery.conf.task_acks_late,
    "content": celery.conf.accept_content,
}))
"""
    environ = {
        "SAMTYCKE_HOME": str(tmp_path_factory.mktemp("home")),
        "SAMTYCKE_DATABASE_URL": "postgresql://127.0.0.1:1/none",
        "SAMTYCKE_BROKER_URL": request.param,
    }
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environ, capture_output=True, text=True, check=True
    )
    told: dict[str, Any] = json.loads(run.stdout)
    return told


def names_in_service() -> set[str]:
    """The tasks that the sending side knows by name."""
    return {
        value for value in vars(tasks).values() if isinstance(value, str) and value.startswith("samtycke.")
    }


def test_every_named_task_is_registered_and_routed(worker: dict[str, Any]) -> None:
    assert set(worker["tasks"]) == names_in_service() == set(QUEUE_OF)
    assert worker["routes"] == QUEUE_OF


def test_every_queue_has_a_consumer(worker: dict[str, Any]) -> None:
    assert set(worker["consumes"]) == set(worker["queues"]) == {BULK, UPKEEP} == set(QUEUE_OF.values())
    assert worker["default"] in worker["consumes"]


def test_the_started_worker_consumes_them_all(tmp_path: Path) -> None:
    """A worker narrowed down by its command line would leave a queue to nobody."""
    config = Config.from_environ({"SAMTYCKE_HOME": str(tmp_path)})
    command = worker_command(config)
    assert not {"-Q", "--queues", "-X", "--exclude-queues"} & set(command)
    assert "worker" in command


def test_a_message_is_done_when_its_work_is(worker: dict[str, Any]) -> None:
    assert worker["acks_late"] is True
    # A pickle from the broker would be code that runs here.
    assert worker["content"] == ["json"]


def test_rabbitmq_keeps_messages_on_several_nodes() -> None:
    assert [queue.queue_arguments for queue in queues(BROKERS[1])] == [{"x-queue-type": "quorum"}] * 2
    assert [queue.queue_arguments for queue in queues(BROKERS[0])] == [None] * 2


def test_beat_asks_for_tasks_that_exist() -> None:
    assert {entry["task"] for entry in SCHEDULE.values()} <= set(QUEUE_OF)
    assert all("args" not in entry and "kwargs" not in entry for entry in SCHEDULE.values())


def test_tasks_take_ids_and_numbers_alone() -> None:
    """By their signatures, in every module of workers/."""
    found = []
    for path in sorted((ROOT / "workers").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and any("task" in ast.dump(d) for d in node.decorator_list):
                found.append(node.name)
                assert node.args.vararg is None
                assert node.args.kwarg is None
                for argument in node.args.args:
                    assert argument.annotation is not None
                    assert ast.unparse(argument.annotation) in {"str", "int"}, (path.name, argument.arg)
    assert len(found) == len(QUEUE_OF)


def test_a_message_on_the_broker_holds_ids_alone(there: Installation, world: World) -> None:
    """What a job's submission leaves on the real broker (P7, P14)."""
    job = world.submit_job()
    client = redis.Redis.from_url(there.services.config.broker_url or "")
    try:
        messages = [json.loads(message) for message in client.lrange(BULK, 0, -1)]
    finally:
        client.close()
    assert messages
    [mine] = [m for m in messages if str(read(JOB, job)) in base64.b64decode(m["body"]).decode()]
    arguments, keywords, options = json.loads(base64.b64decode(mine["body"]))
    name, number = arguments
    assert (UUID(name), number, keywords) == (read(JOB, job), 0, {})
    assert not any(options.values())
    text = json.dumps(mine) + base64.b64decode(mine["body"]).decode()
    for secret in (
        world.subject,
        str(read("sub", world.subject)),
        "shampoo",
        "replenishment",
        "purchases",
        "shop-1",
    ):
        assert secret not in text, secret
