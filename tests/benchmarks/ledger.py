"""What the ledger costs a write, and what a proof costs in a log of a million entries.

    python -m tests.benchmarks.ledger [SECONDS] [ROUNDS] [ENTRIES]

Goal 9 of performance.md: consent writes with the ledger ÷ the same writes without, at 1, 4 and 16
connections, the sealer at work as in production and a promise signed for each. Goal 7: consent writes on 8
connections ÷ insert and commit by pgbench on 8 clients. Medians of rounds that alternate.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

from service.actor import Actor
from service.audit.dump import DatabaseDump
from service.audit.findings import AFTER_ALL
from service.audit.verify import verify
from service.bootstrap import Services, build_services
from service.config import Config
from service.crypto.data_key import DataKey
from service.storage import subjects
from service.storage.ledger import leaf_at
from service.storage.ledger_export import snapshot
from service.use_cases.prove_consistency import prove_consistency
from service.use_cases.prove_entry import promise_for, prove_leaf
from service.use_cases.record_consent import Notice, RecordConsent, record_consent
from service.use_cases.seal_ledger import seal_ledger
from tests.benchmarks.installation import installation
from tests.benchmarks.population import add_people, publish

CONNECTIONS = (1, 4, 16)
PEOPLE_EACH = 50
INSERT = "insert into bench_rows (at, sealed) values (now(), decode(repeat('ab', 300), 'hex'));"
GIVEN = RecordConsent("given", Notice(2, "sv"), "app", purpose="personal_offers", explicit=True)


def main(seconds: float = 4.0, rounds: int = 3, entries: int = 1_000_000) -> None:
    with installation() as services:
        publish(services)
        people = add_people(services, PEOPLE_EACH * max(CONNECTIONS))
        for clients in CONNECTIONS:
            rates: dict[bool, list[float]] = {True: [], False: []}
            for _ in range(rounds):
                for ledger in (False, True):
                    rates[ledger].append(writes(services, people, clients, seconds, ledger=ledger))
            without, with_ledger = (statistics.median(rates[ledger]) for ledger in (False, True))
            print(
                f"consent writes, {clients:>2} connections: {without:>7,.0f}/s without the ledger,"
                f" {with_ledger:>7,.0f}/s with it, cost {1 - with_ledger / without:>6.1%}"
                "   (goal 9: must 15 %, aim 5 %)"
            )
        goal_7(services, people, seconds, rounds)
        million(services, entries)


def goal_7(services: Services, people: list[UUID], seconds: float, rounds: int) -> None:
    pgbench = shutil.which("pgbench")
    if pgbench is None:
        print("goal 7: pgbench is not installed")
        return
    with services.database.connection() as db:
        db.execute("set role none")
        db.execute(
            "create table bench_rows (id bigint generated always as identity, at timestamptz, sealed bytea)"
        )
        db.execute("reset role")
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(writes(services, people, 8, seconds, ledger=True))
        theirs.append(inserts(services, pgbench, seconds))
    one, other = statistics.median(ours), statistics.median(theirs)
    print(f"consent writes, 8 connections {one:,.0f}/s; pgbench insert and commit, 8 clients {other:,.0f}/s")
    print(f"  goal 7: consent write ÷ insert             {one / other:.2f}   (must .3, aim .45)")


def inserts(services: Services, pgbench: str, seconds: float) -> float:
    url = urlsplit(str(services.config.database_url))
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "insert.sql")
        script.write_text(INSERT)
        command = [
            pgbench,
            "-n",
            "-c8",
            "-j2",
            f"-T{max(1, round(seconds))}",
            "-f",
            str(script),
            "-M",
            "prepared",
        ]
        command += ["-h", str(url.hostname), "-p", str(url.port), "-U", str(url.username), url.path[1:]]
        environ = os.environ | {"PGPASSWORD": str(url.password)}
        output = subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout
    found = re.search(r"tps = ([\d.]+)", output)
    assert found is not None, output
    return float(found[1])


def writes(services: Services, people: list[UUID], clients: int, seconds: float, *, ledger: bool) -> float:
    """Consent writes a second of so many processes with a connection each."""
    context, environ = multiprocessing.get_context("spawn"), services.config.as_environ()
    start, results = context.Barrier(clients + 1), context.Queue()
    stop = context.Event()
    children = [
        context.Process(
            target=_write,
            args=(environ, people[n * PEOPLE_EACH :][:PEOPLE_EACH], seconds, ledger, start, results),
        )
        for n in range(clients)
    ]
    if ledger:
        children.append(context.Process(target=_seal, args=(environ, stop)))
    for child in children:
        child.start()
    start.wait()
    total = sum(results.get() for _ in range(clients))
    stop.set()
    for child in children:
        child.join()
    return float(total / seconds)


def _write(environ: dict[str, str], people: list[UUID], seconds: float, ledger: bool, start, results) -> None:  # type: ignore[no-untyped-def]
    services = build_services(Config.from_environ(environ), pool_size=1)
    if not ledger:
        # What the write was before there was a ledger: the same statements without the row for it.
        statement = subjects._SQL["save_change"].decode()
        entry, state = statement.index("entry as ("), statement.index("state as (")
        subjects._SQL["save_change"] = (statement[:entry] + statement[state:]).encode()
        subjects.commit = lambda *_: b""  # type: ignore[assignment]
        subjects.event_payload = lambda *_: b""  # type: ignore[assignment]
        DataKey.salt = lambda *_: b""  # type: ignore[assignment,method-assign]
    done = 0

    def write(person: UUID) -> None:
        with services.unit(Actor("bench", frozenset({"customer"}), subject=person)) as unit:
            recorded = record_consent(unit, person, GIVEN)
            if ledger:
                event = recorded.changed.event
                promise_for(services.log_key, event.id, event.commitment, event.at)

    for person in people[:5]:
        write(person)
    start.wait()
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        write(people[done % len(people)])
        done += 1
    results.put(done)
    services.close()


def _seal(environ: dict[str, str], stop) -> None:  # type: ignore[no-untyped-def]
    services = build_services(Config.from_environ(environ), pool_size=1)
    while not stop.wait(1):
        seal_ledger(services)
    seal_ledger(services)
    services.close()


def million(services: Services, entries: int) -> None:
    """A log of so many entries: how fast it is sealed, and what its proofs take."""
    with services.database.connection() as db:
        db.execute("set statement_timeout = 0")
        db.execute(
            "insert into ledger.pending select gen_random_uuid(), 'decisions', 0, now(), sha256(int8send(n))"
            " from generate_series(1, %s) n",
            (entries,),
        )
    started, sealed = time.perf_counter(), 0
    while found := seal_ledger(services):
        sealed += found
    took = time.perf_counter() - started
    print(f"sealed {sealed:,} entries at {sealed / took:,.0f}/s")
    rng, times, sizes, paths = random.Random(1), [], [], []
    with services.database.connection() as db:
        for _ in range(1000):
            leaf = leaf_at(db, rng.randrange(sealed))
            assert leaf is not None
            started = time.perf_counter()
            proof = prove_leaf(db, leaf, None)
            times.append(time.perf_counter() - started)
            paths.append(len(proof.path))
            sizes.append(32 * len(proof.path) + len(proof.checkpoint.encode()))
        started = time.perf_counter()
        for _ in range(1000):
            prove_consistency(db, rng.randrange(sealed), sealed)
        consistency = (time.perf_counter() - started) / 1000
    times.sort()
    print(
        f"inclusion proof of one in {sealed:,}: {statistics.median(times) * 1000:.2f} ms"
        f" (99 %: {times[990] * 1000:.2f} ms), {max(paths)} hashes, {max(sizes):,} bytes with its checkpoint;"
        f" consistency {consistency * 1000:.2f} ms"
    )
    with services.database.connection() as db:
        size = db.execute(
            "select pg_total_relation_size('ledger.leaves') + pg_total_relation_size('ledger.nodes')"
        ).fetchone()
    assert size is not None
    print(f"the log takes {size[0] / sealed:.0f} bytes an entry")
    started = time.perf_counter()
    with snapshot(services.database) as db:
        report = verify(DatabaseDump(db, None), services.log_key.verifier)
    took = time.perf_counter() - started
    print(f"verified {report.size:,} entries in {took:.1f} s")
    # The writes without the ledger left events that never entered it; the log itself holds.
    assert all(finding.position == AFTER_ALL for finding in report.findings), report.findings[:1]


if __name__ == "__main__":
    numbers = [float(text) for text in sys.argv[1:]]
    main(*numbers[:1], *(int(n) for n in numbers[1:]))
