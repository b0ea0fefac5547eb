"""What has outlived its period."""

from __future__ import annotations

from service.logging import get_logger
from service.tasks import RETENTION
from service.use_cases.purge_by_age import purge_by_age
from workers.celery_app import celery
from workers.process import services


@celery.task(name=RETENTION)
def sweep_by_age() -> None:
    """The day's sweep, or the rest of it; ends well before a task may be killed."""
    removed = purge_by_age(services())
    if removed:
        get_logger().info("retention", **removed)
