"""The answers of a bulk job, a page at a time, as its reader may see them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from service.actor import Actor
from service.bootstrap import Services
from service.errors import ConflictError, NotFoundError, UnreadableError
from service.policy import Candidate, Decision, Policy
from service.storage.access_log import record_read
from service.storage.decisions import DecisionRow, decision_ids, open_row
from service.storage.jobs import Job, creator_digest, keys_of, results_page
from service.storage.permit_tokens import Name, permit_token
from service.storage.permits import permit_ends, permitted
from service.use_cases.read_job import find_job
from service.use_cases.read_what_opens import read_what_opens
from service.use_cases.special import is_special, sees_special

ROWS_PER_PAGE = 500


@dataclass(frozen=True, slots=True)
class Result:
    """One answered pair. `decision` None: the person's state could not be read. `permit` is for the client
    that asked alone, and only while it can still be redeemed."""

    subject: UUID
    candidate: Candidate
    decision: Decision | None
    id: str
    permit: str | None


def open_results(services: Services, actor: Actor, job_id: UUID, route: str) -> Iterator[Result]:
    """Everything answered, in the order of the chunks, read page by page as it is asked for.

    The decisions themselves say who asked for them; anybody else's reading is recorded for each person
    (`route` says by which way). What was erased since is not there. Raises NotFoundError, and ConflictError
    until the job has ended: an answer that is still growing would be taken for the whole."""
    with services.database.connection() as db:
        job = find_job(services, db, actor, job_id)
    if job.is_open:
        raise ConflictError("the job has not ended", state=job.state)
    own = job.creator == creator_digest(services.index, actor)
    return _results(services, actor, job, None if own else route)


def _results(services: Services, actor: Actor, job: Job, route: str | None) -> Iterator[Result]:
    after = (-1, -1)
    while True:
        with services.database.connection() as db:
            page = results_page(db, job.id, after, ROWS_PER_PAGE)
            policies = {row[6]: services.policies.version(db, row[6]) for row in page}
        if route is not None:
            _record_reads(services, actor, [row[1] for row in page if row[1] is not None], route)
        services.keyring.prefetch(keys_of(page))
        for row in page:
            try:
                opened = open_row(services.keyring, row[:-2])
            except (NotFoundError, UnreadableError):
                continue
            yield from _of_row(services, policies[opened.policy], actor, opened)
        if len(page) < ROWS_PER_PAGE:
            return
        after = (page[-1][-2], page[-1][-1])


def _record_reads(services: Services, actor: Actor, ids: list[UUID], route: str) -> None:
    with services.unit(actor) as unit:
        found, _ = read_what_opens(unit.db, unit.keyring, ids)
        with unit.db.pipeline():
            for subject in found.values():
                record_read(unit, subject, route)


def _of_row(services: Services, policy: Policy, actor: Actor, row: DecisionRow) -> Iterator[Result]:
    record = row.record
    hides = not sees_special(actor)
    redeems = actor.has("marketing", "shop") and record.sub == actor.sub
    redeems = redeems and permit_ends(row.at, of_job=True) > services.now
    for index, decision_id in enumerate(decision_ids(row.id, len(record.decisions))):
        candidate = record.candidates[index].to_candidate()
        if hides and is_special(policy, candidate.category):
            continue
        subject, decision = row.subject or record.asked[index], record.decision(index)
        permit = None
        if redeems and permitted(decision):
            permit = permit_token(services.index, Name(row.id, index))
        yield Result(subject, candidate, decision, decision_id, permit)
