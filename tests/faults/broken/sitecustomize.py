"""Changes the product for a run, from outside: for tests alone.

Python loads this module in every process whose PYTHONPATH leads here. FAULTS_LEASE shortens the lease of
the relay, in seconds, so that a run can outlast it. FAULTS_SWITCH says what to break, so that the checker can
be shown to find it:

- `no-lock`: nobody takes a subject's lock, and whoever would hold it waits a moment between what it reads, of
  the person and of what waits for her, and what it does, so that others come in between;
- `forget`: some transactions are answered as done and were rolled back.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from uuid import UUID

import psycopg

from service.storage import subjects
from service.storage.database import Connection, Database
from service.use_cases import cancel_forbidden

WINDOW = 0.6
FORGETS = 0.05


def no_lock() -> None:
    # The same columns, read without a lock. Whoever locks by another statement must be added here.
    subjects._SQL["lock_subjects"] = subjects._SQL["read_subjects"]
    subjects._SQL["lock_rows"] = b"select id from subjects where id = any(%s) order by id"
    if hasattr(cancel_forbidden, "read_outstanding"):
        _read_early(cancel_forbidden, cancel_forbidden.read_outstanding)


def _read_early(module: Any, read: Callable[..., Any]) -> None:
    """Rows that a change writes lock each other out as well, so what waits is read before it writes any."""
    early: dict[UUID, Any] = {}
    lock = subjects.lock_subjects

    def without_lock(unit: Any, ids: Iterable[UUID]) -> dict[UUID, Any]:
        found = lock(unit, ids)
        for each in found.values():
            if each.key is not None:
                early[each.id] = read(unit, each, unit.now - timedelta(days=7))
        time.sleep(random.uniform(0.0, WINDOW))
        return found

    subjects.lock_subjects = without_lock
    module.read_outstanding = lambda unit, subject, since: early.get(subject.id) or read(unit, subject, since)


def forget() -> None:
    @contextmanager
    def transaction(self: Database) -> Iterator[Connection]:
        with self.connection() as connection, connection.transaction():
            yield connection
            if random.random() < FORGETS:
                raise psycopg.Rollback

    Database.transaction = transaction  # type: ignore[method-assign]


def shorten_lease(seconds: float) -> None:
    name = "service.use_cases.claim_message"
    if find_spec(name) is not None:
        # Before the relay is imported, which takes the name from there.
        import_module(name).LEASE = timedelta(seconds=seconds)  # type: ignore[attr-defined]


SWITCHES = {"no-lock": no_lock, "forget": forget}

if "FAULTS_LEASE" in os.environ:
    shorten_lease(float(os.environ["FAULTS_LEASE"]))
if "FAULTS_SWITCH" in os.environ:
    SWITCHES[os.environ["FAULTS_SWITCH"]]()
