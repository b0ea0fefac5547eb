"""The scan for run-outs in sight: what one due subject costs, among few customers and among many.

    python -m tests.benchmarks.scan [FEW] [MANY] [DUE] [ROUNDS]

Two databases in one server, with FEW and MANY subjects, the same number of them due and scattered among the
others; a round scans both in turn, and medians are printed. The cost is to follow the number that is due, not
the number of customers: MANY ÷ FEW at most 1.3. Then other numbers of due ones among many, and the plan of
`take_due` with the buffers that it reads. Who is not due shares a sealed state with all others like that
(`run_outs.add_idle`).
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
from psycopg import sql

from service.bootstrap import Services, build_services
from service.config import Config
from service.storage.migrate import migrate
from tests.benchmarks.installation import installation
from tests.benchmarks.run_outs import add_due, add_idle, publish, scan, wake
from tests.waits import Waits, counting
from workers.propose import SUBJECTS

_BATCHES = 100
_SHARED_ROUNDS = 3
_TABLES = ("subjects", "data_keys", "subject_states", "subject_activity", "signals", "reorders", "products")


@dataclass
class Cost(Waits):
    """Of one scan: seconds, how often the database was waited for, values opened, what the database read."""

    due: int = 0
    seconds: float = 0.0
    rows: int = 0
    buffers: int = 0

    def show(self) -> str:
        trips, opened, rows, buffers = (
            count / self.due for count in (self.trips, self.opened, self.rows, self.buffers)
        )
        return (
            f"{self.seconds / self.due * 1e6:>6,.0f} µs, {trips:>5.2f} round trips, {opened:.2f} decryptions,"
            f" {rows:>4.1f} rows, {buffers:>5.1f} buffers for each ({self.due / self.seconds:,.0f}/s)"
        )


class People:
    """A database with so many subjects, and those among them whom a round makes due."""

    def __init__(self, services: Services, size: int, rounds: int, due: int) -> None:
        self.services, self.size = services, size
        publish(services)
        waiting = []
        for number in range(_BATCHES):
            # Among the others, as customers are: not side by side in a page.
            share = rounds * due * (number + 1) // _BATCHES - len(waiting)
            waiting += add_due(services, share, seed=number)
            add_idle(services, size // _BATCHES - share)
        self._waiting = iter(waiting)
        with services.database.connection() as db:
            db.execute("set role none")
            db.execute("set statement_timeout = 0")
            db.execute("vacuum analyze")
            db.execute("reset statement_timeout")
            db.execute("reset role")

    def scan(self, due: int) -> Cost:
        people = [next(self._waiting) for _ in range(due)]
        wake(self.services, people)
        cost = Cost(due=due)
        before = self._read()
        with counting(cost):
            began = time.perf_counter()
            scanned = scan(self.services)
            cost.seconds = time.perf_counter() - began
        after = self._read()
        cost.rows, cost.buffers = after[0] - before[0], after[1] - before[1]
        assert (scanned.looked, scanned.proposed, scanned.failed) == (due, due, 0), scanned
        return cost

    def scan_with(self, number: int, due: int) -> float:
        """Subjects a second of so many processes at once."""
        context, environ = multiprocessing.get_context("spawn"), self.services.config.as_environ()
        ready, go, looked = context.Barrier(number + 1), context.Barrier(number + 1), context.Queue()
        children = [
            context.Process(target=_scan_beside, args=(environ, ready, go, looked)) for _ in range(number)
        ]
        for child in children:
            child.start()
        ready.wait()
        wake(self.services, [next(self._waiting) for _ in range(due)])
        began = time.perf_counter()
        go.wait()
        found = [looked.get() for _ in children]
        seconds = time.perf_counter() - began
        for child in children:
            child.join()
        # Each of them by one process alone.
        assert sum(found) == due, found
        return due / seconds

    def _read(self) -> tuple[int, int]:
        """Rows fetched and buffers touched so far; the service works on one connection here."""
        with self.services.database.connection() as db:
            db.execute("select pg_stat_force_next_flush()")
            row = db.execute(
                "select sum(t.idx_tup_fetch + t.seq_tup_read), sum(heap_blks_hit + heap_blks_read"
                " + idx_blks_hit + idx_blks_read) from pg_stat_user_tables t join pg_statio_user_tables"
                " using (relid) where t.relname = any(%s)",
                (list(_TABLES),),
            ).fetchone()
        assert row is not None
        return int(row[0]), int(row[1])

    def plan(self, due: int) -> str:
        people: list[UUID] = [next(self._waiting) for _ in range(due)]
        wake(self.services, people)
        notices: list[str] = []
        with self.services.database.connection() as db:
            # The plan of what stands inside the function, as it is run.
            db.add_notice_handler(lambda notice: notices.append(str(notice.message_primary)))
            db.execute("set role none")
            db.execute("load 'auto_explain'")
            for name in ("log_analyze", "log_buffers", "log_nested_statements"):
                db.execute(f"set auto_explain.{name} = on".encode())
            db.execute("set auto_explain.log_min_duration = 0")
            db.execute("set client_min_messages = log")
            db.execute("select take_due(%s, %s)", (self.services.now, SUBJECTS))
            db.execute("set client_min_messages = notice")
            db.execute("set auto_explain.log_min_duration = -1")
            db.execute("reset role")
        plan = next(each for each in notices if "subjects" in each)
        scan(self.services)
        return "\n".join(f"    {line}" for line in plan.splitlines() if line.strip())


def main(few: int = 10_000, many: int = 1_000_000, due: int = 500, rounds: int = 7) -> None:
    others = (due // 5, due, 4 * due)
    shared = 4 * due
    with installation() as there, _services(there, "few") as one, _services(there, "many") as other:
        # A first one of each, for connections and prepared statements, and for the plan.
        crowds = [
            People(one, few, rounds + 2, due),
            People(other, many, rounds + 2 + (sum(others) + 2 * _SHARED_ROUNDS * shared) // due + 1, due),
        ]
        costs: list[list[Cost]] = [[], []]
        for number in range(rounds + 1):
            for crowd, found in zip(crowds, costs, strict=True):
                cost = crowd.scan(due)
                if number:
                    found.append(cost)
        medians = []
        for crowd, found in zip(crowds, costs, strict=True):
            median = statistics.median_low([cost.seconds for cost in found])
            medians.append(median)
            typical = next(cost for cost in found if cost.seconds == median)
            print(f"  {due} due of {crowd.size:>9,}  {typical.show()}")
        print(f"  {many:,} ÷ {few:,} customers: {medians[1] / medians[0]:.2f}   (must 1.3)")
        for each in others:
            print(f"  {each:>4} due of {many:>9,}  {crowds[1].scan(each).show()}")
        together: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(_SHARED_ROUNDS):
            for number, rates in together.items():
                rates.append(crowds[1].scan_with(number, shared))
        for number, rates in together.items():
            rate = statistics.median(rates)
            print(f"  {shared:>4} due of {many:>9,}  scanned by {number} process(es): {rate:>6,.0f}/s")
        print(f"  take_due, {due} due of {many:,}:")
        print(crowds[1].plan(due))


def _scan_beside(environ: dict[str, str], ready: Any, go: Any, looked: Any) -> None:
    services = build_services(Config.from_environ(environ), pool_size=1)
    # Nothing is due yet; now there is a connection, and the policy is compiled.
    scan(services)
    ready.wait()
    go.wait()
    looked.put(scan(services).looked)
    services.close()


@contextmanager
def _services(there: Services, name: str) -> Iterator[Services]:
    """The same installation on a database of its own, with one connection."""
    url = urlsplit(str(there.config.database_url))
    with psycopg.connect(url.geturl(), autocommit=True) as db:
        db.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    own = url._replace(path=f"/{name}").geturl()
    migrate(own)
    services = build_services(dataclasses.replace(there.config, database_url=own), pool_size=1)
    try:
        yield services
    finally:
        services.close()


if __name__ == "__main__":
    main(*(int(text) for text in sys.argv[1:]))
