"""See to it that every queued chunk is known to a worker, and that finished jobs leave nothing behind."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from uuid import UUID

from service.bootstrap import Services
from service.storage.jobs import expire_jobs, find_unsent
from service.tasks import Publisher
from service.use_cases.announce_chunks import announce_chunks

# A message that is not taken up for this long while no chunk gets done is taken for lost. To be wrong costs
# one message that finds nothing to do.
PATIENCE = timedelta(seconds=10)
RETENTION = timedelta(days=7)
_MOST = 1000


def sweep_jobs(services: Services, publisher: Publisher, patience: timedelta = PATIENCE) -> int:
    """Send what was never sent or is lost; how many chunks the broker was told of."""
    with services.database.connection() as db:
        unsent = find_unsent(db, services.now, patience, _MOST)
    by_job: dict[UUID, list[int]] = defaultdict(list)
    for job, number in unsent:
        by_job[job].append(number)
    return sum(announce_chunks(services, publisher, job, numbers) for job, numbers in by_job.items())


def expire_old_jobs(services: Services) -> int:
    """Destroy the keys of jobs that ended long ago: answers about nobody's own key go with them."""
    with services.database.connection() as db:
        return expire_jobs(db, services.now - RETENTION)
