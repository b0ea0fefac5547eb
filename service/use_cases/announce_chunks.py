"""Tell the workers of chunks that are stored."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from service.bootstrap import Services
from service.storage.jobs import mark_sent
from service.tasks import Publisher


def announce_chunks(services: Services, publisher: Publisher, job: UUID, numbers: Iterable[int]) -> int:
    """How many the broker was told of. What it does not take now the sweep sends later."""
    numbers = list(numbers)
    sent = numbers[: publisher.send_chunks(job, numbers)]
    if sent:
        with services.database.connection() as db:
            mark_sent(db, job, sent, services.now)
    return len(sent)
