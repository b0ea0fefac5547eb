"""How far a bulk job has come, for whoever made it and for the DPO; to everybody else it does not exist."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service.actor import Actor
from service.bootstrap import Services
from service.errors import NotFoundError
from service.ids import JOB
from service.storage.database import Connection
from service.storage.jobs import Job, creator_digest, read_job


@dataclass(frozen=True, slots=True)
class Progress:
    """`eta` is when the job will be done at the pace it has had so far; None where there is no telling."""

    job: Job
    eta: datetime | None


def find_job(services: Services, db: Connection, actor: Actor, job_id: UUID) -> Job:
    """Raises NotFoundError, also for a job that somebody else made."""
    job = read_job(db, job_id)
    if not actor.has("dpo") and job.creator != creator_digest(services.index, actor):
        raise NotFoundError(JOB)
    return job


def read_progress(services: Services, actor: Actor, job_id: UUID) -> Progress:
    with services.database.connection() as db:
        job = find_job(services, db, actor, job_id)
    return Progress(job, _eta(job, services.now))


def _eta(job: Job, now: datetime) -> datetime | None:
    if job.state != "running" or job.started_at is None or not job.done:
        return None
    return now + (now - job.started_at) * (job.total - job.done) / job.done
