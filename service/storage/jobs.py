"""Bulk jobs and their chunks. The two tables are the outbox: a chunk is queued until its answers are kept in
the same transaction, whatever happens to the message that asked for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from service.actor import Actor
from service.crypto.blind_index import BlindIndex
from service.crypto.data_key import DataKey
from service.crypto.keyring import Keyring, WrappedKey
from service.errors import NotFoundError
from service.ids import JOB
from service.storage import chunks
from service.storage.chunks import Chunk
from service.storage.database import Connection
from service.storage.sql import load
from service.storage.unit import Unit

_SQL = load(__file__)
OPEN = ("queued", "running")


@dataclass(frozen=True, slots=True)
class Job:
    """A job as read. `creator` is a keyed digest of who made it."""

    id: UUID
    state: str
    creator: bytes
    total: int
    done: int
    left_out: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


def creator_digest(index: BlindIndex, actor: Actor) -> bytes:
    return index.digest("job-creator", actor.sub.encode())


def create_job(unit: Unit, job: UUID) -> DataKey:
    """A queued job without chunks, and the key that seals them."""
    key, wrapped = unit.keyring.new_data_key(job)
    with unit.db.pipeline():
        unit.db.execute(_SQL["insert_job"], (job, creator_digest(unit.index, unit.actor), unit.now))
        unit.db.execute(_SQL["insert_job_key"], (job, wrapped.kek, wrapped.wrapped, unit.now))
    return key


def add_chunk(unit: Unit, key: DataKey, job: UUID, number: int, *, size: int, packed: bytes) -> None:
    sealed = chunks.seal(key, job, number, packed)
    unit.db.execute(_SQL["insert_chunk"], (job, number, size, sealed), binary=True)


def set_total(unit: Unit, job: UUID, total: int) -> None:
    unit.db.execute(_SQL["set_total"], (total, job))


def read_job(db: Connection, job: UUID) -> Job:
    """Raises NotFoundError."""
    row = db.execute(_SQL["read_job"], (job,)).fetchone()
    if row is None:
        raise NotFoundError(JOB)
    return Job(*row)


def mark_sent(db: Connection, job: UUID, numbers: Sequence[int], at: datetime | None) -> None:
    """`at` None: they were not sent after all."""
    db.execute(_SQL["mark_sent"], (at, job, list(numbers)))


def begin_attempt(db: Connection, job: UUID, number: int, now: datetime) -> int | None:
    """Count an attempt at a queued chunk; None where there is nothing to do or somebody is at it. `db` must
    commit at once: an attempt that ends in a crash counts too."""
    row = db.execute(_SQL["begin_attempt"], (job, number)).fetchone()
    if row is None:
        return None
    db.execute(_SQL["start_job"], (now, job))
    return int(row[0])


def take_chunk(db: Connection, keyring: Keyring, job: UUID, number: int) -> tuple[DataKey, Chunk] | None:
    """The chunk, locked until the transaction ends, and the job's key; None where there is nothing to do or
    somebody is at it. Raises UnreadableError."""
    row = db.execute(_SQL["take_chunk"], (job, number), binary=True).fetchone()
    if row is None:
        return None
    _, sealed, kek, wrapped = row
    key = keyring.unwrap(job, WrappedKey(kek, wrapped))
    return key, chunks.unpack(chunks.unseal(key, job, number, sealed))


def finish_chunk(db: Connection, job: UUID, number: int, *, size: int, left_out: int, now: datetime) -> None:
    """Mark a taken chunk as done, and the job with its last one."""
    with db.pipeline():
        db.execute(_SQL["finish_chunk"], (now, job, number))
        db.execute(_SQL["count_done"], {"job": job, "size": size, "left_out": left_out, "now": now})


def close_job(db: Connection, job: UUID, state: str, now: datetime, *, failed: int | None = None) -> bool:
    """End an open job as `cancelled` or `failed` (at chunk `failed`) and drop its input. False if it had
    ended already."""
    if db.execute(_SQL["close_job"], {"job": job, "state": state, "now": now}).rowcount == 0:
        return False
    if failed is not None:
        db.execute(_SQL["fail_chunk"], (job, failed))
    db.execute(_SQL["drop_chunks"], (job,))
    return True


def find_unsent(db: Connection, now: datetime, patience: timedelta, limit: int) -> list[tuple[UUID, int]]:
    """Chunks whose message was never sent or is lost, and which nobody holds."""
    key = {"now": now, "patience": patience, "limit": limit}
    return [(job, number) for job, number in db.execute(_SQL["find_unsent"], key)]


def expire_jobs(db: Connection, before: datetime) -> int:
    """Destroy the keys of jobs that finished before an instant; how many."""
    return db.execute(_SQL["expire_jobs"], (before,)).rowcount


def results_page(db: Connection, job: UUID, after: tuple[int, int], limit: int) -> list[tuple[Any, ...]]:
    """Rows for `decisions.open_row`, each followed by its chunk and position, beyond those of `after`."""
    key = {"job": job, "chunk": after[0], "position": after[1], "limit": limit}
    return db.execute(_SQL["read_results"], key, binary=True).fetchall()


def keys_of(page: list[tuple[Any, ...]]) -> list[tuple[UUID, WrappedKey]]:
    """The wrapped keys of a results page, with their owners."""
    return [(row[1] or row[2], WrappedKey(row[8], row[9])) for row in page if row[9] is not None]
