"""One chunk of a bulk job."""

from __future__ import annotations

from uuid import UUID

from service.tasks import FILTER_CHUNK
from service.use_cases.filter_chunk import filter_chunk
from workers.celery_app import celery
from workers.process import services


@celery.task(name=FILTER_CHUNK)
def filter_one(job: str, number: int) -> None:
    """Twice is once. A failure is left to the sweep, which sends the chunk again later and later."""
    filter_chunk(services(), UUID(job), number)
