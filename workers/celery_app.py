"""The Celery application of workers and beat: `celery --app workers.celery_app worker`.

The configuration is read from the environment when a process first needs it, not by importing this module.
Names, queues and what sender and worker must agree on are in `service.tasks`, which the web side uses too.
"""

from __future__ import annotations

import gc
import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_process_init

from service.config import Config
from service.embedded.parent import die_with_parent
from service.errors import ConfigError
from service.logging import configure_logging
from service.tasks import message_settings, transport_options
from workers.schedule import SCHEDULE

# Below the broker's patience with a message that nobody acknowledged, so that a task which hangs has ended
# when another worker gets it.
_LONGEST_TASK = 240


def _settings() -> dict[str, Any]:
    config = Config.from_environ(os.environ)
    if config.broker_url is None:
        raise ConfigError("no broker: set SAMTYCKE_BROKER_URL, or start with `samtycke run`")
    return {
        **message_settings(config.broker_url),
        "broker_transport_options": transport_options(config.broker_url),
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        # A message is done when its work is committed; a worker that dies gives it back.
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "worker_prefetch_multiplier": 1,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "task_time_limit": _LONGEST_TASK,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        # Nobody steers the workers through the broker, so nobody who reaches the broker can.
        "worker_enable_remote_control": False,
        "imports": (
            "workers.filter_chunk",
            "workers.sweep",
            "workers.propose",
            "workers.expire",
            "workers.seal",
            "workers.rekey",
            "workers.retention",
            "workers.train",
            "workers.release",
        ),
        "beat_schedule": SCHEDULE,
        "beat_max_loop_interval": 1,
    }


# Not named `app`: Celery would take a Flask object of that name for its own.
celery = Celery("samtycke", task_cls="workers.request:AcknowledgedTask")
celery.add_defaults(_settings)


@setup_logging.connect
def _set_up_logging(**_: Any) -> None:
    configure_logging()


@worker_process_init.connect
def _tie_to_leader(**_: Any) -> None:
    # A child that outlived its leader would hold a chunk that the next worker then cannot take.
    die_with_parent()
    # A chunk makes hundreds of thousands of objects without cycles and drops them together; looking for
    # cycles among them, and among the modules of the process, took a tenth of its time.
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)
