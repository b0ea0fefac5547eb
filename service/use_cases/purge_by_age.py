"""The nightly sweep: what has outlived its period goes, batch by batch (GDPR Art. 5(1)(e); law.md G5).

Each batch is one transaction that also counts what it removed, so that a sweep which is killed has counted
right, and goes on with the next call.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from service.actor import system_actor
from service.bootstrap import Services
from service.errors import SubjectErasedError, UnreadableError
from service.policy.retention import before, longest_data_period, record_period
from service.storage.idempotency import purge_expired
from service.storage.permits import purge_permits
from service.storage.pilots import purge_counts
from service.storage.retention import (
    STATEMENTS,
    count_removed,
    delete_events,
    hold_sweep,
    last_run,
    purge,
    purge_jobs,
    start_run,
    subjects_with_old_events,
    unfinished,
)
from service.storage.subjects import lock_subject, read_events
from service.storage.unit import Unit
from service.use_cases.consent_proof import expendable
from service.use_cases.hold_subject import end_holds

BATCH = 1000
# A sweep that was begun today is not begun again.
_EVERY = timedelta(hours=20)
_ACTOR = system_actor("retention")
_PERIODS = {
    "decisions": "decisions",
    "states": "old_states",
    "activity": "old_states",
    "access_log": "access_log",
    "request_details": "request_details",
    "reorders": "reorders",
    "inbox": "inbox",
    "cases": "pilots",
    "pilot_members": "pilots",
    "changes_told": "changes_told",
    "reviews": "reviews",
    "withdrawals": "withdrawals",
}
# In this order: what a kept decision refers to is looked at after the decisions.
WHATS = (*STATEMENTS, "jobs", "stored_answers", "permits", "holds", "pilot_counts", "consent_proof")


def purge_by_age(services: Services, *, seconds: float = 180.0, batch: int = BATCH) -> dict[str, int]:
    """Begin the day's sweep, or go on with one that was interrupted, for at most `seconds`; what was removed
    now, by kind. Nothing, where today's has been done or somebody else is at it."""
    until = time.monotonic() + seconds
    removed: dict[str, int] = {}
    run = _run(services)
    if run is None:
        return removed
    for what in WHATS:
        after = UUID(int=0)
        while time.monotonic() < until:
            with services.unit(_ACTOR) as unit:
                if not hold_sweep(unit.db) or what not in unfinished(unit.db, run):
                    break
                count, seen, after = _batch(unit, what, batch, after)
                done = seen < batch
                count_removed(unit.db, run, what, removed=count, finished=done, now=unit.now)
            removed[what] = removed.get(what, 0) + count
            if done:
                break
    return removed


def _run(services: Services) -> UUID | None:
    with services.database.transaction() as db:
        if not hold_sweep(db):
            return None
        last = last_run(db)
        if last is None or (last[2] and services.now - last[1] >= _EVERY):
            return start_run(db, WHATS, services.now)
        return None if last[2] else last[0]


def _batch(unit: Unit, what: str, limit: int, after: UUID) -> tuple[int, int, UUID]:
    """Rows removed, things looked at, and where the next batch begins."""
    if what == "consent_proof":
        return _purge_proof(unit, min(limit, 100), limit, after)
    removed = _REMOVE[what](unit, limit) if what in _REMOVE else _purge(unit, what, limit)
    return removed, removed, after


def _purge(unit: Unit, what: str, limit: int) -> int:
    if what == "signals":
        period = longest_data_period(unit.policy)
    else:
        period = record_period(unit.policy, _PERIODS[what])
    return purge(unit.db, what, before=before(unit.now, period), now=unit.now, limit=limit)


def _purge_jobs(unit: Unit, limit: int) -> int:
    return purge_jobs(unit.db, before=before(unit.now, record_period(unit.policy, "jobs")), limit=limit)


def _purge_answers(unit: Unit, _limit: int) -> int:
    purge_expired(unit.db, unit.now)
    return 0


def _purge_counts(unit: Unit, _limit: int) -> int:
    """There are few of them, so they go at once."""
    purge_counts(unit.db, before(unit.now, record_period(unit.policy, "pilots")))
    return 0


def _purge_proof(unit: Unit, page: int, limit: int, after: UUID) -> tuple[int, int, UUID]:
    """Subjects are looked at a page at a time, each under its lock. One whose events do not open is left as
    it is: what cannot be read cannot be judged."""
    oldest = before(unit.now, record_period(unit.policy, "consent_proof"))
    subjects = subjects_with_old_events(unit.db, before=oldest, after=after, limit=page)
    removed = 0
    for subject_id in subjects:
        try:
            subject = lock_subject(unit, subject_id)
            events = read_events(unit, subject)
        except (UnreadableError, SubjectErasedError):
            continue
        count = expendable(events, oldest)
        if count:
            removed += delete_events(unit, subject, events[count - 1])
    # A full page may have a next one.
    seen = limit if len(subjects) == page else 0
    return removed, seen, subjects[-1] if subjects else after


_REMOVE: dict[str, Callable[[Unit, int], int]] = {
    "jobs": _purge_jobs,
    "stored_answers": _purge_answers,
    "permits": purge_permits,
    "holds": end_holds,
    "pilot_counts": _purge_counts,
}
