"""The bulk path: pairs a second, what Celery costs, and where the time of a worker goes.

    python -m tests.benchmarks.bulk [PEOPLE] [ROUNDS]

Goals 3 and 4 of performance.md: through Celery ÷ the same code on as many bare processes; through Celery ÷
only reading and decrypting the states. Medians of rounds that alternate.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import UUID

import psycopg

from schemas.candidates import CandidateShape
from service.actor import Actor
from service.bootstrap import Services, build_services
from service.config import Config
from service.crypto.data_key import DataKey
from service.crypto.keyring import Keyring
from service.storage import decisions as stored_decisions
from service.storage import subjects as stored_subjects
from service.storage.jobs import read_job
from service.storage.subjects import Subject, read_subjects
from service.tasks import Publisher
from service.use_cases import answer_chunk
from service.use_cases.announce_chunks import announce_chunks
from service.use_cases.filter_chunk import SUBJECTS_PER_READ, filter_chunk
from service.use_cases.submit_candidates import Pair, Parts, submit_candidates
from tests.benchmarks.installation import installation
from tests.benchmarks.population import MIXES, add_people, add_products, publish

ROOT = Path(__file__).parents[2]
OFFERS = 20
CORES = os.cpu_count() or 1
SHOP = Actor("bench", frozenset({"shop"}))
_SHAPE = CandidateShape()


def main(people: int = 10_000, rounds: int = 3) -> None:
    with installation() as services:
        publish(services)
        skus, persons = add_products(services), add_people(services, people)
        for name, mix in MIXES.items():
            print(f"bulk, {name}: {people:,} people x {OFFERS}, {CORES} cores, median of {rounds}")
            asked = [_SHAPE.load(candidate) for candidate in mix(skus, OFFERS)]
            pairs = [Pair(person, candidate, 100) for person in persons for candidate in asked]
            _report(services, persons, pairs, rounds)


def _report(services: Services, persons: list[UUID], pairs: list[Pair], rounds: int) -> None:
    measured = _measure(services, persons, pairs, rounds)
    for name, seconds in measured.items():
        rate = len(pairs) / seconds
        print(f"  {name:<24}{rate:>10,.0f} pairs/s {rate / CORES:>10,.0f} per core")
    celery, bare, reading = (measured[name] for name in ("celery", "bare processes", "read and decrypt"))
    print(f"  goal 3: celery ÷ bare processes    {bare / celery:.2f}   (must .70, aim .85)")
    print(f"  goal 4: celery ÷ read and decrypt  {reading / celery:.2f}   (must .10, aim .25)")
    _shares(services, pairs, bare / celery)


def _measure(services: Services, persons: list[UUID], pairs: list[Pair], rounds: int) -> dict[str, float]:
    ways: dict[str, Callable[[], float]] = {
        "celery": lambda: through_celery(services, publisher, pairs),
        "bare processes": lambda: _on_processes(services, pairs),
        "read and decrypt": lambda: _reading(services, persons),
    }
    publisher = Publisher(services.config.broker_url or "")
    times: dict[str, list[float]] = defaultdict(list)
    with worker(services.config):
        # A worker's first task builds its connections and compiles the policy: not what is measured here.
        through_celery(services, publisher, pairs[: CORES * 1000])
        for _ in range(rounds):
            for name, way in ways.items():
                times[name].append(way())
    publisher.close()
    return {name: statistics.median(each) for name, each in times.items()}


def _submit(services: Services, pairs: list[Pair]) -> tuple[UUID, int]:
    with services.unit(SHOP) as unit:
        submitted = submit_candidates(unit, Parts(pairs))
    return submitted.job, submitted.chunks


def through_celery(services: Services, publisher: Publisher, pairs: list[Pair]) -> float:
    job, chunks = _submit(services, pairs)
    started = time.perf_counter()
    announce_chunks(services, publisher, job, range(chunks))
    with services.database.connection() as db:
        while read_job(db, job).is_open:
            time.sleep(0.01)
    return time.perf_counter() - started


def _on_processes(services: Services, pairs: list[Pair]) -> float:
    job, chunks = _submit(services, pairs)
    return _together(services.config, lambda own, n: _filter_all(own, job, range(n, chunks, CORES)))


def _filter_all(services: Services, job: UUID, numbers: range) -> None:
    for number in numbers:
        filter_chunk(services, job, number)


def _reading(services: Services, persons: list[UUID]) -> float:
    return _together(services.config, lambda own, n: _read_all(own, persons[n::CORES]))


def _read_all(services: Services, persons: list[UUID]) -> None:
    with services.database.connection() as db:
        for start in range(0, len(persons), SUBJECTS_PER_READ):
            read_subjects(db, services.keyring, persons[start : start + SUBJECTS_PER_READ])


def _together(config: Config, work: Callable[[Services, int], None]) -> float:
    """Seconds until one process for each core has done its part; each starts when all are ready."""
    context = get_context("fork")
    ready = context.Barrier(CORES + 1)

    def run(number: int) -> None:
        own = build_services(config, pool_size=2)
        with own.database.connection() as db:
            own.policies.in_force(db)
        ready.wait()
        work(own, number)
        own.close()

    processes = [context.Process(target=run, args=(number,)) for number in range(CORES)]
    for process in processes:
        process.start()
    ready.wait()
    started = time.perf_counter()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    return time.perf_counter() - started


def _shares(services: Services, pairs: list[Pair], celery: float) -> None:
    """Where one process spends its time, by putting a clock around the calls. The clocks cost some, too."""
    job, chunks = _submit(services, pairs)
    spent: dict[str, float] = defaultdict(float)
    places: list[tuple[str, Any, str]] = [
        ("decryption", Keyring, "unwrap"),
        ("decryption", DataKey, "open"),
        ("decoding", stored_subjects, "decode_choices"),
        ("decoding", stored_subjects, "decode_activity"),
        ("decision", Subject, "state"),
        ("decision", answer_chunk, "evaluate_all"),
        ("sealing", answer_chunk, "encode_record"),
        ("sealing", answer_chunk, "seal_record"),
        ("SQL", psycopg.Connection, "wait"),
        ("SQL", stored_decisions, "write_rows"),
    ]
    with ExitStack() as stack:
        for name, owner, attribute in places:
            stack.enter_context(
                patch.object(owner, attribute, _clocked(getattr(owner, attribute), spent, name))
            )
        started = time.perf_counter()
        _filter_all(services, job, range(chunks))
        total = time.perf_counter() - started
    print(f"  one process, {len(pairs) / total:,.0f} pairs/s with the clocks; of its time:")
    spent["the rest"] = total - sum(spent.values())
    for name, seconds in sorted(spent.items(), key=lambda item: -item[1]):
        print(f"    {name:<12}{seconds / total:>6.1%}")
    print(f"  Celery takes {1 - celery:.1%} of the time of a job")


def _clocked(function: Callable[..., Any], spent: dict[str, float], name: str) -> Callable[..., Any]:
    def clocked(*args: Any, **kwargs: Any) -> Any:
        started = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            spent[name] += time.perf_counter() - started

    return clocked


@contextmanager
def worker(config: Config) -> Iterator[None]:
    command = [
        *(sys.executable, "-m", "celery", "--app", "workers.celery_app", "worker"),
        *("--concurrency", str(CORES), "--loglevel", "WARNING", "--without-gossip", "--without-mingle"),
    ]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | config.as_environ(),
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
