"""The withdrawal barrier: what the subject's lock costs a hand-over, and how long a withdrawal takes then.

    python -m tests.benchmarks.barrier [MESSAGES] [ROUNDS]

Goal 12 of performance.md: hand-overs a second with the barrier ÷ without the lock, medians of rounds that
alternate. The way without the lock exists here alone, as another statement in this process; a sender that
takes no time shows the most that the lock can cost. Then withdrawals by 1, 8 and 32 clients while a relay is
at work, and a worker at bulk jobs.
"""

from __future__ import annotations

import statistics
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import msgspec

from schemas.candidates import CandidateShape
from service.actor import Actor, system_actor
from service.bootstrap import Services, build_services
from service.ids import REORDER, new_id, new_subject_id, show
from service.logging import configure_logging
from service.policy import Candidate, Level
from service.senders import Fate, Parcel, Sent
from service.storage import subjects
from service.storage.choices import Choices, StoredConsent
from service.storage.policies import publish_policy
from service.storage.reorders import ReorderDetails, StoredRunOut, insert_reorder, step
from service.storage.subjects import create_subject, lock_subject
from service.tasks import Publisher
from service.use_cases.announcement import announcement
from service.use_cases.queue_message import queue_message
from service.use_cases.record_consent import Notice, RecordConsent, record_consent
from service.use_cases.relay import Relay
from service.use_cases.submit_candidates import Pair
from tests.benchmarks.bulk import through_celery, worker
from tests.benchmarks.installation import installation
from tests.benchmarks.population import POLICY, add_people, add_products, offers

THREADS = 8
CLIENTS = (1, 8, 32)
JOB = 1000
WITHDRAWALS = 256
_PATIENCE = 120.0


class Sink:
    """A receiver that takes everything at once."""

    def __init__(self) -> None:
        self.taken = 0
        self._lock = threading.Lock()

    def send(self, _parcel: Parcel) -> Sent:
        with self._lock:
            self.taken += 1
        return Sent(Fate.delivered)


def main(messages: int = 1500, rounds: int = 3) -> None:
    configure_logging(level="ERROR")
    with installation() as there:
        policy = msgspec.json.decode(POLICY.read_bytes())
        with there.database.transaction() as db:
            # A pilot or shadow would deny some people their reminder.
            publish_policy(db, policy | {"rollout": []}, there.now)
        services = build_services(there.config, pool_size=THREADS + max(CLIENTS) + 2)
        try:
            _goal(services, messages, rounds)
            with _bulk_jobs(services):
                for clients in CLIENTS:
                    _withdrawals(services, clients)
        finally:
            services.close()


def _goal(services: Services, messages: int, rounds: int) -> None:
    measured: dict[str, list[float]] = {"with the lock": [], "without": []}
    _rate(services, messages // 5)
    for _ in range(rounds):
        measured["with the lock"].append(_rate(services, messages))
        with _without_lock():
            measured["without"].append(_rate(services, messages))
    rates = {name: statistics.median(found) for name, found in measured.items()}
    for name, rate in rates.items():
        print(f"  {name:<16}{rate:>9,.0f} hand-overs/s, {THREADS} threads, each claimed, sent and settled")
    ratio = rates["with the lock"] / rates["without"]
    print(f"  goal 12: with ÷ without the lock           {ratio:.2f}   (must .7, aim .9)")


@contextmanager
def _without_lock() -> Iterator[None]:
    kept = subjects._SQL
    subjects._SQL = {**kept, "lock_subjects": kept["read_subjects"]}
    try:
        yield
    finally:
        subjects._SQL = kept


def _rate(services: Services, messages: int) -> float:
    _people(services, messages)
    sink, stop = Sink(), threading.Event()
    thread = threading.Thread(target=Relay(services, {"inbox": sink}, threads=THREADS).run, args=(stop,))
    began = time.monotonic()
    thread.start()
    while sink.taken < messages:
        assert time.monotonic() - began < _PATIENCE, f"only {sink.taken} of {messages} were handed over"
        time.sleep(0.005)
    taken = time.monotonic() - began
    stop.set()
    thread.join()
    return messages / taken


@contextmanager
def _bulk_jobs(services: Services) -> Iterator[None]:
    """A worker with one bulk job after the other, about other people."""
    asked = [CandidateShape().load(each) for each in offers(add_products(services), 20)]
    pairs = [Pair(person, each, 100) for person in add_people(services, JOB) for each in asked]
    publisher, stop = Publisher(str(services.config.broker_url)), threading.Event()

    def submit() -> None:
        while not stop.is_set():
            through_celery(services, publisher, pairs)

    thread = threading.Thread(target=submit)
    with worker(services.config):
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
    publisher.close()


def _withdrawals(services: Services, clients: int) -> None:
    """Half of what waits belongs to those who withdraw, so that they meet the relay at their own rows."""
    people = _people(services, 2 * WITHDRAWALS)[::2]
    sink, stop = Sink(), threading.Event()
    thread = threading.Thread(target=Relay(services, {"inbox": sink}, threads=THREADS).run, args=(stop,))
    thread.start()
    try:
        with ThreadPoolExecutor(clients) as pool:
            took = sorted(pool.map(lambda person: _withdraw(services, person), people))
    finally:
        stop.set()
        thread.join()
    p50, p99 = took[len(took) // 2], took[int(len(took) * 0.99)]
    who = f"{clients:>2} clients, relay and bulk job at work"
    print(f"  withdrawal, {who}   p50 {p50:6.1f} ms   p99 {p99:6.1f} ms")


def _withdraw(services: Services, person: UUID) -> float:
    command = RecordConsent("withdrawn", Notice(2, "sv"), "app", purpose="replenishment_reminders")
    began = time.monotonic()
    with services.unit(Actor("customer", frozenset({"customer"}), subject=person)) as unit:
        record_consent(unit, person, command)
    return (time.monotonic() - began) * 1000


def _people(services: Services, count: int) -> list[UUID]:
    """Each with one reminder that is due, and with nothing of an earlier round left to do."""
    with services.database.transaction() as db:
        db.execute("delete from outbox")
    given = StoredConsent("given", services.now - timedelta(days=1), explicit=True, notice_version=2)
    found = []
    for begin in range(0, count, 100):
        with services.unit(system_actor("bench")) as unit:
            for _ in range(begin, min(begin + 100, count)):
                choices = Choices(
                    consents={"replenishment_reminders": given},
                    sharing={"purchases": True},
                    levels={"*": "coach"},
                )
                person = create_subject(unit, new_subject_id(), choices)
                name = new_id()
                candidate = Candidate(
                    show(REORDER, name), "replenishment", Level.coach, "beauty", "soap", ("app",),
                    ("purchases",), 1, 500, "SEK",
                )  # fmt: skip
                details = ReorderDetails(
                    candidate, "Soap", "coach", "app", StoredRunOut(unit.now, unit.now, unit.now), "dec_none",
                    [], name.hex, [step(unit, "proposed", "run_out")],
                )  # fmt: skip
                locked = lock_subject(unit, person.id)
                assert insert_reorder(unit, locked, name, name.hex, details)
                queue_message(unit, locked, announcement(details), unit.now)
                found.append(person.id)
    return found


if __name__ == "__main__":
    main(*(int(each) for each in sys.argv[1:3]))
