"""POST /v1/candidates: all of a job or none of it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from service import ids
from service.actor import show_subject
from service.api.pairs import LONGEST_LINE
from service.bootstrap import Services
from service.storage.jobs import find_unsent, read_job
from service.storage.subjects import Subject
from service.use_cases.filter_chunk import filter_chunk
from service.use_cases.submit_candidates import PAIRS_PER_CHUNK
from tests.api.helpers import Tokens, pointers, problem_of
from tests.api.people import add_person, add_products, candidate

ROUTE = "/v1/candidates"
NDJSON = "application/x-ndjson"


@pytest.fixture
def person(services: Services) -> Subject:
    add_products(services)
    return add_person(services)


def pair(person: Subject, **changes: Any) -> dict[str, Any]:
    return {"subject": show_subject(person.id), "candidate": candidate(**changes)}


def lines(pairs: Iterable[Any]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in pairs)


def send(client: FlaskClient, body: bytes, headers: dict[str, str], kind: str = NDJSON) -> TestResponse:
    return client.post(ROUTE, data=body, content_type=kind, headers=headers)


def counted(services: Services) -> dict[str, int]:
    found = {}
    with services.database.connection() as db:
        for table in ("jobs", "job_chunks", "keys.data_keys"):
            row = db.execute(f"select count(*) from {table}".encode()).fetchone()
            assert row is not None
            found[table] = row[0]
    return found


def test_lines(client: FlaskClient, token: Tokens, services: Services, person: Subject) -> None:
    body = lines(pair(person, id=f"c{n}") for n in range(7)) + b"\n  \n" + lines([pair(person)]).rstrip()
    response = send(client, body, token("shop"))
    assert response.status_code == 202
    reference = response.get_json()["job"]
    assert response.headers["Location"] == f"/v1/jobs/{reference}"
    with services.database.connection() as db:
        job = read_job(db, ids.read(ids.JOB, reference))
    assert (job.state, job.total) == ("queued", 8)


@pytest.mark.parametrize("wrap", [lambda pairs: {"candidates": pairs}, lambda pairs: pairs])
def test_json(client: FlaskClient, token: Tokens, services: Services, person: Subject, wrap: Any) -> None:
    body = json.dumps(wrap([pair(person, id=f"c{n}") for n in range(3)])).encode()
    response = send(client, body, token("marketing"), "application/json")
    assert response.status_code == 202
    with services.database.connection() as db:
        assert read_job(db, ids.read(ids.JOB, response.get_json()["job"])).total == 3


def test_a_bad_line_refuses_all(
    client: FlaskClient, token: Tokens, services: Services, person: Subject
) -> None:
    before = counted(services)
    good = lines([pair(person)])
    bad = b'{"subject":"sub_x","candidate":1}\nnot json\n' + lines([pair(person, quantity=0) | {"more": 1}])
    problem = problem_of(send(client, good + bad + good, token("shop")), 422, "invalid-input")
    assert pointers(problem) == {"/1/subject", "/1/candidate", "/2", "/3/candidate/quantity", "/3/more"}
    assert any(fault["detail"].startswith("line 4: ") for fault in problem["errors"])
    assert problem["detail"].startswith("5 faults")
    assert counted(services) == before


def test_a_bad_line_after_a_stored_chunk_refuses_all(
    client: FlaskClient, token: Tokens, services: Services, person: Subject
) -> None:
    before = counted(services)
    body = lines([pair(person)]) * (5 * PAIRS_PER_CHUNK + 1) + b"{\n"
    problem = problem_of(send(client, body, token("shop")), 422, "invalid-input")
    assert pointers(problem) == {f"/{5 * PAIRS_PER_CHUNK + 1}"}
    assert counted(services) == before


def test_many_faults_are_counted(client: FlaskClient, token: Tokens, person: Subject) -> None:
    problem = problem_of(send(client, b"{\n" * 250, token("shop")), 422, "invalid-input")
    assert len(problem["errors"]) == 100
    assert problem["detail"].startswith("250 faults; the first 100 are listed")


@pytest.mark.parametrize("body", [b"", b"\n\n", b"   "])
def test_a_job_of_nothing(client: FlaskClient, token: Tokens, services: Services, body: bytes) -> None:
    problem_of(send(client, body, token("shop")), 422, "invalid-input")
    assert counted(services)["jobs"] == 0


def test_an_endless_line(client: FlaskClient, token: Tokens, person: Subject) -> None:
    body = lines([pair(person)]) + b'{"a":"' + b"x" * (3 * LONGEST_LINE) + b'"}\n' + lines([pair(person)])
    problem = problem_of(send(client, body, token("shop")), 422, "invalid-input")
    assert pointers(problem) == {"/1"}


@pytest.mark.parametrize(
    ("body", "status", "slug"),
    [
        (b"{", 400, "malformed-input"),
        (b'{"candidates":[]}', 422, "invalid-input"),
        (b"[]", 422, "invalid-input"),
        (b"3", 422, "invalid-input"),
        (b'[{"subject":1}]', 422, "invalid-input"),
    ],
)
def test_bad_json(client: FlaskClient, token: Tokens, body: bytes, status: int, slug: str) -> None:
    problem = problem_of(send(client, body, token("shop"), "application/json"), status, slug)
    if body == b'[{"subject":1}]':
        assert pointers(problem) == {"/0/subject", "/0/candidate"}


def test_other_media_types(client: FlaskClient, token: Tokens) -> None:
    problem_of(send(client, b"a,b\n", token("shop"), "text/csv"), 415, "unsupported-media-type")


class TestLimits:
    @pytest.fixture
    def environ(self, environ: dict[str, str]) -> dict[str, str]:
        return environ | {"SAMTYCKE_MAX_BODY_BYTES": "2000", "SAMTYCKE_MAX_BULK_BYTES": "4000"}

    def test_too_large(self, client: FlaskClient, token: Tokens, services: Services, person: Subject) -> None:
        line = lines([pair(person)])
        assert send(client, line * (3900 // len(line)), token("shop")).status_code == 202
        before = counted(services)
        problem_of(send(client, line * 40, token("shop")), 413, "too-large")
        document = json.dumps([pair(person)] * (3000 // len(line))).encode()
        problem_of(send(client, document, token("shop"), "application/json"), 413, "too-large")
        assert counted(services) == before


class TestIdempotency:
    def test_the_same_again(
        self, client: FlaskClient, token: Tokens, services: Services, person: Subject
    ) -> None:
        headers = token("shop") | {"Idempotency-Key": "monday"}
        body = lines([pair(person)])
        first = send(client, body, headers)
        before = counted(services)
        again = send(client, body, headers)
        assert (again.status_code, again.get_json()) == (202, first.get_json())
        assert again.headers["Idempotency-Replayed"] == "true"
        assert again.headers["Location"] == first.headers["Location"]
        assert counted(services) == before

    def test_another_body(
        self, client: FlaskClient, token: Tokens, services: Services, person: Subject
    ) -> None:
        headers = token("shop") | {"Idempotency-Key": "monday"}
        send(client, lines([pair(person)]), headers)
        before = counted(services)
        response = send(client, lines([pair(person, id="c2")]), headers)
        problem_of(response, 422, "idempotency-mismatch")
        assert counted(services) == before


def test_a_broker_that_is_down_fails_no_request(
    client: FlaskClient, token: Tokens, services: Services, person: Subject, broker_is_down: None
) -> None:
    response = send(client, lines([pair(person)]), token("shop"))
    assert response.status_code == 202
    job = ids.read(ids.JOB, response.get_json()["job"])
    with services.database.connection() as db:
        row = db.execute("select sent_at from job_chunks where job = %s", (job,)).fetchone()
    assert row == (None,)


@pytest.fixture
def broker_is_down(environ: dict[str, str], services: Services) -> None:
    object.__setattr__(services.config, "broker_url", "redis://127.0.0.1:1/0")


def test_what_was_sent_is_marked(
    client: FlaskClient, token: Tokens, services: Services, person: Subject
) -> None:
    send(client, lines([pair(person)]), token("shop"))
    with services.database.connection() as db:
        assert db.execute("select count(*) from job_chunks where sent_at is not null").fetchone() == (1,)


def test_pairs_of_one_subject_meet_in_one_chunk(
    client: FlaskClient, token: Tokens, services: Services, person: Subject
) -> None:
    """Campaigns come offer by offer; a subject's state should still be read once."""
    other = add_person(services)
    body = lines(pair(who, id=f"c{n}") for n in range(20) for who in (person, other))
    job = ids.read(ids.JOB, send(client, body, token("shop")).get_json()["job"])
    assert filter_chunk(services, job, 0)
    with services.database.connection() as db:
        assert db.execute("select count(*) from decisions where job = %s", (job,)).fetchone() == (2,)


def test_nothing_is_readable_at_rest(
    client: FlaskClient, token: Tokens, services: Services, person: Subject
) -> None:
    send(client, lines([pair(person)]), token("shop"))
    with services.database.connection() as db:
        row = db.execute("select sealed from job_chunks").fetchone()
        assert find_unsent(db, services.now, services.now - services.now, 5) == []
    assert row is not None
    assert b"shampoo" not in row[0]
    assert person.id.bytes not in row[0]


@pytest.mark.parametrize("role", ["customer", "dpo", "pharmacist", "admin"])
def test_roles(client: FlaskClient, token: Tokens, role: str) -> None:
    problem_of(send(client, b"", token(role)), 403, "forbidden")
