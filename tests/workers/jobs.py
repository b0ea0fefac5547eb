"""Jobs for the tests of the workers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg

from schemas.candidates import CandidateShape
from service.bootstrap import Services
from service.storage.asked import AskedCandidate
from service.storage.jobs import Job, read_job
from service.use_cases.read_results import Result, open_results
from service.use_cases.submit_candidates import Pair, Parts, submit_candidates
from tests.api.people import SHOP, add_person, candidate
from tests.workers.waiting import wait_for


def asked(**changes: Any) -> AskedCandidate:
    found: AskedCandidate = CandidateShape().load(candidate(**changes))
    return found


def add_people(services: Services, count: int) -> list[UUID]:
    """Some of them want little, some everything, some are paused."""
    levels: tuple[dict[str, Any], ...] = (
        {},
        {"levels": {"*": "curate"}},
        {"sharing": {}},
        {"consents": {}},
        {"channels": {"app": False}},
    )
    return [add_person(services, **levels[n % len(levels)]).id for n in range(count)]


def submit(services: Services, people: Iterable[UUID], per_person: int = 3, chunk: int = 10_000) -> UUID:
    """A stored job that nobody has been told of: `per_person` candidates for each."""
    pairs = [
        Pair(person, asked(id=f"c{n}", sku=sku, strategy=strategy), 100)
        for person in people
        for n, (sku, strategy) in enumerate(
            [("shampoo", "coach"), ("cream", "automate"), ("cough", "curate"), ("wine", "coach")][:per_person]
        )
    ]
    with services.unit(SHOP) as unit:
        return submit_candidates(unit, Parts(pairs, pairs_per_chunk=chunk)).job


def job(services: Services, job_id: UUID) -> Job:
    with services.database.connection() as db:
        return read_job(db, job_id)


def wait_until_done(services: Services, job_id: UUID, within: float = 40.0) -> Job:
    def ended() -> Job | None:
        found = job(services, job_id)
        return None if found.is_open else found

    found = wait_for(ended, within)
    assert found.state == "done"
    assert found.done == found.total
    return found


def results(services: Services, job_id: UUID) -> list[Result]:
    return list(open_results(services, SHOP, job_id, "test"))


def assert_each_once(services: Services, job_id: UUID, people: Iterable[UUID], per_person: int = 3) -> None:
    """Nothing lost, nothing doubled."""
    counted = Counter((result.subject, result.candidate.id) for result in results(services, job_id))
    assert counted == {(person, f"c{n}"): 1 for person in people for n in range(per_person)}


@contextmanager
def nobody_can_write_decisions(services: Services) -> Iterator[None]:
    """A chunk being answered stops when it comes to keep its answers, and goes on at the end of the block."""
    assert services.config.database_url is not None
    with psycopg.connect(services.config.database_url) as db:
        db.execute("lock table decisions in exclusive mode")
        yield


def waiting_for_decisions(services: Services) -> int:
    """How many sessions wait to write decisions."""
    with services.database.connection() as db:
        row = db.execute(
            "select count(*) from pg_locks where relation = 'decisions'::regclass and not granted"
        ).fetchone()
    assert row is not None
    return int(row[0])
