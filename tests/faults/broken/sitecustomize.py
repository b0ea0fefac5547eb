"""Breaks the product on purpose, to show that the checker finds it: for tests alone, and outside the product.

Python loads this module in every process whose PYTHONPATH leads here, and FAULTS_SWITCH says what to break:

- `no-lock`: a subject's lock is not taken, and whoever would hold it waits a moment between reading and
  writing, so that others come in between;
- `decide-first`: the lock is taken, but what is decided on was read before it, a moment ago;
- `forget`: some transactions are answered as done and were rolled back;
- `deaf`: a change of choices cancels nothing of what it forbids.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg

from service.storage import subjects
from service.storage.database import Connection, Database
from service.use_cases import cancel_forbidden

WINDOW = 0.15
FORGETS = 0.05


def no_lock() -> None:
    def without_lock(unit: Any, ids: Iterable[UUID]) -> dict[UUID, Any]:
        found = subjects.read_subjects(unit.db, unit.keyring, sorted(set(ids)))
        time.sleep(random.uniform(0.0, WINDOW))
        return found

    subjects.lock_subjects = without_lock


def decide_first() -> None:
    lock_subjects = subjects.lock_subjects

    def too_early(unit: Any, ids: Iterable[UUID]) -> dict[UUID, Any]:
        wanted = sorted(set(ids))
        found = subjects.read_subjects(unit.db, unit.keyring, wanted)
        time.sleep(random.uniform(0.0, WINDOW))
        lock_subjects(unit, wanted)
        return found

    subjects.lock_subjects = too_early


def forget() -> None:
    @contextmanager
    def transaction(self: Database) -> Iterator[Connection]:
        with self.connection() as connection, connection.transaction():
            yield connection
            if random.random() < FORGETS:
                raise psycopg.Rollback

    Database.transaction = transaction  # type: ignore[method-assign]


def deaf() -> None:
    cancel_forbidden.cancel_forbidden = lambda unit, subject: ([], [])


SWITCHES = {"no-lock": no_lock, "decide-first": decide_first, "forget": forget, "deaf": deaf}

if "FAULTS_SWITCH" in os.environ:
    SWITCHES[os.environ["FAULTS_SWITCH"]]()
