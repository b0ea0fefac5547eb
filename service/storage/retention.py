"""Removing what has outlived its time, a batch at a time, and counting what went in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service.ids import new_id
from service.storage.database import Connection
from service.storage.sql import load
from service.storage.subjects import Event, Subject, save_choices
from service.storage.unit import Unit

_SQL = load(__file__)
# What one statement removes.
STATEMENTS = {
    "signals": "purge_signals",
    "decisions": "purge_decisions",
    "states": "purge_states",
    "activity": "purge_activity",
    "access_log": "purge_access_log",
    "request_details": "purge_request_details",
    "reorders": "purge_reorders",
    "inbox": "purge_inbox",
    "cases": "purge_cases",
    "pilot_members": "purge_members",
    "changes_told": "purge_changes_told",
    "reviews": "purge_reviews",
    "withdrawals": "purge_withdrawals",
}
_DELETING = frozenset(
    {"signals", "inbox", "cases", "pilot_members", "changes_told", "reviews", "withdrawals"}
)


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one sweep removed of one kind; `finished_at` None: it goes on."""

    run: UUID
    what: str
    started_at: datetime
    changed_at: datetime
    finished_at: datetime | None
    removed: int


def hold_sweep(db: Connection) -> bool:
    """Whether this transaction may sweep: nobody else is at it."""
    row = db.execute(_SQL["hold_sweep"]).fetchone()
    return row is not None and bool(row[0])


def last_run(db: Connection) -> tuple[UUID, datetime, bool] | None:
    """The last sweep: when it started, and whether it has finished."""
    row = db.execute(_SQL["last_run"]).fetchone()
    return None if row is None else (row[0], row[1], bool(row[2]))


def start_run(db: Connection, whats: Sequence[str], now: datetime) -> UUID:
    run = new_id()
    db.execute(_SQL["start_run"], {"run": run, "whats": list(whats), "now": now})
    return run


def unfinished(db: Connection, run: UUID) -> set[str]:
    return {row[0] for row in db.execute(_SQL["unfinished"], (run,))}


def count_removed(
    db: Connection, run: UUID, what: str, *, removed: int, finished: bool, now: datetime
) -> None:
    key = {"run": run, "what": what, "removed": removed, "finished": finished, "now": now}
    db.execute(_SQL["count_removed"], key)


def read_runs(db: Connection, runs: int) -> list[Sweep]:
    """The newest sweeps, newest first."""
    return [Sweep(*row) for row in db.execute(_SQL["read_runs"], (runs,))]


def purge(db: Connection, what: str, *, before: datetime, now: datetime, limit: int) -> int:
    """Remove up to `limit` rows of one of STATEMENTS; how many."""
    key = {"before": before, "now": now, "limit": limit}
    done = db.execute(_SQL[STATEMENTS[what]], key)
    if what in _DELETING:
        return done.rowcount
    # History goes by functions of the eraser's role.
    row = done.fetchone()
    assert row is not None
    return int(row[0])


def purge_jobs(db: Connection, *, before: datetime, limit: int) -> int:
    """Remove up to `limit` jobs that ended before an instant; how many."""
    old = [row[0] for row in db.execute(_SQL["old_jobs"], {"before": before, "limit": limit})]
    for statement in ("purge_job_answers", "delete_chunks", "delete_job_keys", "delete_jobs"):
        db.execute(_SQL[statement], (old,))
    return len(old)


def subjects_with_old_events(db: Connection, *, before: datetime, after: UUID, limit: int) -> list[UUID]:
    key = {"before": before, "after": after, "limit": limit}
    return [row[0] for row in db.execute(_SQL["subjects_with_old_events"], key)]


def delete_events(unit: Unit, subject: Subject, last: Event) -> int:
    """Remove a locked subject's events up to and with `last`; how many. Where the chain now begins is kept
    with its head, so that a history that somebody else has shortened shows."""
    row = unit.db.execute(_SQL["delete_events"], (subject.id, last.number)).fetchone()
    assert row is not None
    removed = int(row[0])
    if removed:
        subject.choices.purged, subject.choices.tail = last.number, last.digest
        save_choices(unit, subject)
    return removed
