"""Bulk jobs over HTTP: `POST /v1/candidates` takes the pairs, `/v1/jobs` tells of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from uuid import UUID

from flask import Response, request
from psycopg import Rollback

from schemas.candidates import JobRefShape, PairsShape
from service.api import bodies
from service.api.auth import allow
from service.api.context import services, unit
from service.api.idempotency import DESCRIPTION, HEADER, REPLAYED, idempotent
from service.api.limits import bulk
from service.api.openapi import Routes
from service.api.pairs import NdjsonPairs, read_json_pairs
from service.ids import JOB, show
from service.use_cases.submit_candidates import Pair, Parts, Submitted, submit_candidates

routes = Routes("candidates", "Bulk jobs: many people, many candidates, filtered by workers")

NDJSON = "application/x-ndjson"


@routes.post("/candidates")
@routes.body_doc(PairsShape, bodies.JSON[0], NDJSON)
@routes.header(HEADER, DESCRIPTION)
@routes.answer(202, JobRefShape)
@allow("marketing", "shop")
@bulk
def submit() -> Response:
    """Have many pairs of subject and candidate filtered. A bad line refuses the job whole"""
    bodies.check_media_type((bodies.JSON[0], NDJSON))
    pairs: Iterable[Pair]
    digest: Callable[[], bytes]
    if request.mimetype == NDJSON:
        pairs = lines = NdjsonPairs(request.stream)
        digest = lambda: lines.digest  # noqa: E731 (it is known only when everything has been read)
    else:
        # A document is read whole, so it may not be larger than any other; lines may.
        request.max_content_length = services().config.max_body_bytes
        body = request.get_data()
        pairs = read_json_pairs(body)
        digest = hashlib.sha256(body).digest
    return _submit(Parts(pairs), digest)


def _submit(parts: Parts, digest: Callable[[], bytes]) -> Response:
    submitted: list[Submitted] = []
    with unit() as work, work.db.transaction() as savepoint:
        made = submit_candidates(work, parts)
        reference = {"job": show(JOB, made.job)}
        response = idempotent(work, lambda: (202, reference, None), digest=digest())
        if REPLAYED in response.headers:
            # Only the end of the stream shows that it has come before: what was stored is taken back.
            raise Rollback(savepoint)
        submitted.append(made)
    for job in submitted:
        _announce(job.job, job.chunks)
    response.headers["Location"] = f"/v1/jobs/{response.get_json()['job']}"
    return response


def _announce(job: UUID, chunks: int) -> None:
    """Tell the workers. What cannot be sent now, the sweep sends: the job is stored."""
    broker_url = services().config.broker_url
    if broker_url is not None:
        # Celery takes a while to import, which no start of a web process should wait for.
        from service.tasks import publisher_for  # noqa: PLC0415
        from service.use_cases.announce_chunks import announce_chunks  # noqa: PLC0415

        announce_chunks(services(), publisher_for(broker_url), job, range(chunks))
