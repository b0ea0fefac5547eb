"""The forecast model, learned anew."""

from __future__ import annotations

from service.logging import get_logger
from service.tasks import TRAIN_FORECAST
from service.use_cases.train_forecast import train_forecast
from workers.celery_app import celery
from workers.process import services


@celery.task(name=TRAIN_FORECAST)
def train() -> None:
    """Ends well before a task may be killed; a training that failed leaves the version before in use."""
    trained = train_forecast(services())
    if trained is not None:
        get_logger().info(
            "forecast trained", version=trained.version, people=trained.people, intervals=trained.intervals
        )
