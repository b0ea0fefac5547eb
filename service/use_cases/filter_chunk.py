"""Answer one chunk of a bulk job, exactly once.

Everything happens in one transaction that holds the chunk's row: the states are read, the answers kept and
the chunk marked as done together. A worker that dies leaves the chunk as it was; a message that comes twice
finds it done, or held; so nothing is lost and nothing doubled, whatever the broker does.
"""

from __future__ import annotations

from uuid import UUID

from service.bootstrap import Services
from service.logging import get_logger
from service.storage.catalogue import read_listings
from service.storage.database import Connection
from service.storage.decisions import copy_decisions, drop_erased, hold_living
from service.storage.jobs import begin_attempt, close_job, finish_chunk, take_chunk
from service.storage.ledger import enter_chunk
from service.use_cases.answer_chunk import ChunkAnswers
from service.use_cases.read_what_opens import read_what_opens

# A chunk that fails this often fails for a reason of its own; trying on would keep a worker busy for ever.
MOST_ATTEMPTS = 8
# States are opened this many at a time, so that a chunk of strangers fits in memory.
SUBJECTS_PER_READ = 2000


def filter_chunk(services: Services, job: UUID, number: int) -> bool:
    """Answer a queued chunk. False where there is nothing to do, or somebody else is at it.

    The attempt is counted before, by itself; the job fails with the one that is too many."""
    with services.database.connection() as db:
        attempts = begin_attempt(db, job, number, services.now)
        if attempts is None:
            return False
        with db.transaction():
            if attempts > MOST_ATTEMPTS:
                get_logger().error("a job failed", job=str(job), chunk=number, attempts=attempts)
                close_job(db, job, "failed", services.now, failed=number)
                return False
            return _answer(services, db, job, number)


def _answer(services: Services, db: Connection, job: UUID, number: int) -> bool:
    taken = take_chunk(db, services.keyring, job, number)
    if taken is None:
        return False
    key, chunk = taken
    now, in_force = services.now, services.policies.in_force(db)
    listings = read_listings(db, [candidate.sku for candidate in chunk.candidates])
    answers = ChunkAnswers(job, key, chunk, in_force=in_force, listings=listings, now=now)
    for start in range(0, len(chunk.groups), SUBJECTS_PER_READ):
        groups = [
            (UUID(bytes=subject), places) for subject, places in chunk.groups[start:][:SUBJECTS_PER_READ]
        ]
        found, unreadable = read_what_opens(db, services.keyring, [subject for subject, _ in groups])
        for subject, places in groups:
            answers.add(subject, found.get(subject), places, readable=subject not in unreadable)
    copy_decisions(db, answers.rows, job, number, at=now, policy=in_force.version)
    erased = answers.subjects - hold_living(db, answers.subjects)
    if erased:
        drop_erased(db, job, number, erased)
        answers.take_back(erased)
    nobody = answers.row_of_nobody()
    if nobody is not None:
        copy_decisions(db, [nobody], job, number, at=now, policy=in_force.version)
    kept = [row for row in answers.rows if row.subject not in erased]
    kept += [] if nobody is None else [nobody]
    rows = [row.payload(job, at=now, policy=in_force.version) for row in kept]
    enter_chunk(db, key, job, number, rows=rows, at=now)
    finish_chunk(db, job, number, size=chunk.size, left_out=answers.left_out, now=now)
    return True
