"""Cancel a bulk job: what is queued is dropped, what has been answered stays readable."""

from __future__ import annotations

from uuid import UUID

from service.actor import Actor
from service.bootstrap import Services
from service.errors import ConflictError
from service.storage.jobs import close_job
from service.use_cases.read_job import find_job


def cancel_job(services: Services, actor: Actor, job_id: UUID) -> None:
    """Doing it twice is once. Raises NotFoundError, and ConflictError for a job that has ended otherwise."""
    with services.database.transaction() as db:
        job = find_job(services, db, actor, job_id)
        if not close_job(db, job_id, "cancelled", services.now) and job.state != "cancelled":
            raise ConflictError("the job has ended already", state=job.state)
