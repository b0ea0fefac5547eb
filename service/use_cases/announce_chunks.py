"""Tell the workers of chunks that are stored."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from service.bootstrap import Services
from service.storage.jobs import mark_sent
from service.tasks import Publisher


def announce_chunks(services: Services, publisher: Publisher, job: UUID, numbers: Iterable[int]) -> int:
    """How many the broker was told of. What it does not take now the sweep sends later.

    They are marked before they are sent: an idle worker has the message within a millisecond, and would
    take the row's lock of a later mark for another worker's and leave the chunk alone.
    """
    numbers = list(numbers)
    with services.database.connection() as db:
        mark_sent(db, job, numbers, services.now)
    sent = publisher.send_chunks(job, numbers)
    if sent < len(numbers):
        with services.database.connection() as db:
            mark_sent(db, job, numbers[sent:], None)
    return sent
