"""Tasks from the side of whoever asks for one: names, queues, and how a message is sent.

The rows of `jobs` and `job_chunks` are the outbox, so a message is only a hint that makes a worker look. It
carries ids alone (guarantees P14) and may be lost: the sweep sends what nobody took up.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from uuid import UUID

from celery import Celery
from kombu import Queue
from kombu.exceptions import OperationalError

from service.logging import describe_error, get_logger

FILTER_CHUNK = "samtycke.filter_chunk"
SWEEP_JOBS = "samtycke.sweep_jobs"
PURGE = "samtycke.purge"
PROPOSE_REORDERS = "samtycke.propose_reorders"
EXPIRE_CONSENTS = "samtycke.expire_consents"
SEAL_LEDGER = "samtycke.seal_ledger"
REKEY_IDENTIFIERS = "samtycke.rekey_identifiers"
RETENTION = "samtycke.retention"
TRAIN_FORECAST = "samtycke.train_forecast"
RELEASE_HELD = "samtycke.release_held"

BULK = "bulk"
UPKEEP = "upkeep"
QUEUE_OF = {
    FILTER_CHUNK: BULK,
    SWEEP_JOBS: UPKEEP,
    PURGE: UPKEEP,
    PROPOSE_REORDERS: UPKEEP,
    EXPIRE_CONSENTS: UPKEEP,
    SEAL_LEDGER: UPKEEP,
    REKEY_IDENTIFIERS: UPKEEP,
    RETENTION: UPKEEP,
    # Minutes of reading: not in front of what is due every second.
    TRAIN_FORECAST: BULK,
    RELEASE_HELD: UPKEEP,
}

# A stopped broker must not hold up a request: what cannot be sent in this time is left to the sweep.
_PATIENCE = 1.0
# Above the longest task: a redelivery to a second worker while the first is at it finds the chunk held.
_VISIBILITY = 300


def is_amqp(broker_url: str) -> bool:
    return broker_url.partition("://")[0] in ("amqp", "amqps", "pyamqp")


def queues(broker_url: str) -> list[Queue]:
    """On RabbitMQ quorum queues, which keep a message on several nodes and redeliver it."""
    arguments = {"x-queue-type": "quorum"} if is_amqp(broker_url) else None
    return [Queue(name, routing_key=name, queue_arguments=arguments) for name in (BULK, UPKEEP)]


def message_settings(broker_url: str) -> dict[str, Any]:
    """What sender and worker must agree on."""
    return {
        "broker_url": broker_url,
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_ignore_result": True,
        "task_create_missing_queues": False,
        "task_queues": queues(broker_url),
        "task_default_queue": UPKEEP,
        "task_routes": {name: {"queue": queue} for name, queue in QUEUE_OF.items()},
        "timezone": "UTC",
        "enable_utc": True,
    }


def transport_options(broker_url: str) -> dict[str, Any]:
    if is_amqp(broker_url):
        return {"confirm_publish": True}
    return {
        "visibility_timeout": _VISIBILITY,
        # The defaults look for what a killed worker left behind only every hundred seconds.
        "unacked_restore_interval": 2,
        "unacked_restore_throttle": 1,
        "socket_connect_timeout": _PATIENCE,
        "socket_keepalive": True,
    }


class Publisher:
    """Sends hints to one broker. Connections are made at the first use and kept."""

    def __init__(self, broker_url: str) -> None:
        self._celery = Celery("samtycke-publisher", set_as_current=False)
        options = transport_options(broker_url)
        if is_amqp(broker_url):
            options |= {"connect_timeout": _PATIENCE, "read_timeout": _PATIENCE, "write_timeout": _PATIENCE}
        else:
            options |= {"socket_timeout": _PATIENCE, "retry_on_timeout": False}
        self._celery.conf.update(
            message_settings(broker_url),
            broker_transport_options=options,
            broker_connection_timeout=_PATIENCE,
            broker_connection_retry=False,
            broker_pool_limit=2,
            task_publish_retry=False,
        )

    def send(self, name: str, calls: Iterable[tuple[str | int, ...]]) -> int:
        """Send one message for each of `calls`, its arguments; how many the broker took before it failed."""
        sent = 0
        try:
            with self._celery.producer_pool.acquire(block=True, timeout=_PATIENCE) as producer:
                for arguments in calls:
                    self._celery.send_task(
                        name, args=arguments, producer=producer, retry=False, ignore_result=True
                    )
                    sent += 1
        except (OperationalError, OSError, TimeoutError) as error:
            get_logger().warning("the broker took no message", task=name, **describe_error(error))
        return sent

    def send_chunks(self, job: UUID, numbers: Iterable[int]) -> int:
        return self.send(FILTER_CHUNK, [(str(job), number) for number in numbers])

    def close(self) -> None:
        self._celery.close()


@lru_cache(maxsize=4)
def publisher_for(broker_url: str) -> Publisher:
    """The process's own; a forked child must not use its parent's, so ask for it after the fork."""
    return Publisher(broker_url)
