"""GET /v1/jobs/{id}, its results, and DELETE."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from service import ids
from service.actor import show_subject
from service.bootstrap import Services
from service.ids import new_id, new_subject_id
from service.storage.subjects import Subject, lock_subject
from service.use_cases.erase_subject import erase_subject
from service.use_cases.filter_chunk import filter_chunk
from service.use_cases.sweep_jobs import RETENTION, expire_old_jobs
from tests.api.helpers import Clock, Tokens, problem_of
from tests.api.people import DPO, add_person, add_products, candidate


@pytest.fixture
def person(services: Services) -> Subject:
    add_products(services)
    return add_person(services)


def submit(client: FlaskClient, headers: dict[str, str], person: Subject, *candidates: dict[str, Any]) -> str:
    pairs = [{"subject": show_subject(person.id), "candidate": each} for each in candidates]
    response = client.post("/v1/candidates", json=pairs, headers=headers)
    assert response.status_code == 202, response.get_data(as_text=True)
    return str(response.get_json()["job"])


def answer(services: Services, job: str) -> None:
    assert filter_chunk(services, ids.read(ids.JOB, job), 0)


def read(client: FlaskClient, job: str, headers: dict[str, str]) -> list[dict[str, Any]]:
    response = client.get(f"/v1/jobs/{job}/results", headers=headers)
    assert response.status_code == 200
    assert response.mimetype == "application/x-ndjson"
    return [json.loads(line) for line in response.get_data().splitlines()]


def test_progress(
    client: FlaskClient, token: Tokens, services: Services, person: Subject, clock: Clock
) -> None:
    job = submit(client, token("shop"), person, candidate(), candidate(id="c2"))
    found = client.get(f"/v1/jobs/{job}", headers=token("shop")).get_json()
    assert found == {
        "id": job,
        "state": "queued",
        "done": 0,
        "total": 2,
        "left_out": 0,
        "eta": None,
        "created_at": "2026-11-22T09:00:00Z",
        "finished_at": None,
    }
    with services.database.connection() as db:
        db.execute("update jobs set state = 'running', started_at = %s, done = 1", (clock.now,))
    clock.now += timedelta(seconds=30)
    found = client.get(f"/v1/jobs/{job}", headers=token("shop")).get_json()
    assert (found["state"], found["done"], found["eta"]) == ("running", 1, "2026-11-22T09:01:00Z")


def test_results(client: FlaskClient, token: Tokens, services: Services, person: Subject) -> None:
    job = submit(client, token("shop"), person, candidate(), candidate(id="c2", sku="pills"))
    problem = problem_of(client.get(f"/v1/jobs/{job}/results", headers=token("shop")), 409, "conflict")
    assert problem["state"] == "queued"
    answer(services, job)
    assert client.get(f"/v1/jobs/{job}", headers=token("shop")).get_json()["state"] == "done"
    first, second = read(client, job, token("shop"))
    assert first["subject"] == show_subject(person.id)
    assert (first["candidate"], second["candidate"]) == ("c1", "c2")
    assert {reason["code"] for reason in second["reasons"]} >= {"category_limit"}
    record = client.get(f"/v1/decisions/{second['decision']}", headers=token("dpo")).get_json()
    assert record["reasons"] == second["reasons"]


def test_csv(client: FlaskClient, token: Tokens, services: Services, person: Subject) -> None:
    job = submit(client, token("shop"), person, candidate(id="=1+1"), candidate(id="c2", sku="pills"))
    answer(services, job)
    response = client.get(f"/v1/jobs/{job}/results", headers=token("shop") | {"Accept": "text/csv"})
    assert response.mimetype == "text/csv"
    first, second = csv.DictReader(io.StringIO(response.get_data(as_text=True)))
    assert first["candidate"] == "'=1+1"
    assert second["outcome"] == "deny"
    assert "coach:category_limit:health.rx" in second["reasons"].split()
    assert second["not_before"] == ""


def test_other_media_types(client: FlaskClient, token: Tokens, services: Services, person: Subject) -> None:
    job = submit(client, token("shop"), person, candidate())
    headers = token("shop") | {"Accept": "image/png"}
    problem_of(client.get(f"/v1/jobs/{job}/results", headers=headers), 406, "not-acceptable")


def test_marketing_sees_stages_and_nothing_special(
    client: FlaskClient, token: Tokens, services: Services, person: Subject
) -> None:
    many = [candidate(id=f"h{n}", sku="cough") for n in range(11)]
    job = submit(client, token("marketing"), person, candidate(sku="pills"), candidate(sku="cream"), *many)
    answer(services, job)
    [line] = read(client, job, token("marketing"))
    assert "reasons" not in line
    assert line["stage"] == "rollout"
    found = client.get(f"/v1/jobs/{job}", headers=token("marketing")).get_json()
    assert (found["done"], found["total"], found["left_out"]) == (13, 13, 12)
    assert "reasons" in read(client, job, token("dpo"))[0]


def test_a_scope_that_was_taken_away_hides_what_was_answered(
    client: FlaskClient, token: Tokens, services: Services, person: Subject
) -> None:
    scoped = token("marketing", scope="offers:special")
    job = submit(client, scoped, person, candidate(sku="cough"))
    answer(services, job)
    assert len(read(client, job, scoped)) == 1
    assert read(client, job, token("marketing")) == []


def test_only_its_creator_and_the_dpo(
    client: FlaskClient, token: Tokens, services: Services, person: Subject
) -> None:
    job = submit(client, token("shop"), person, candidate())
    for path, method in ((job, "get"), (f"{job}/results", "get"), (job, "delete")):
        call = getattr(client, method)
        problem_of(call(f"/v1/jobs/{path}", headers=token("shop", sub="another")), 404, "not-found")
        problem_of(call(f"/v1/jobs/{path}", headers=token("customer")), 403, "forbidden")
        assert call(f"/v1/jobs/{path}").status_code == 401
    unknown = ids.show(ids.JOB, new_id())
    problem_of(client.get(f"/v1/jobs/{unknown}", headers=token("dpo")), 404, "not-found")
    problem_of(client.get("/v1/jobs/nonsense", headers=token("dpo")), 404, "not-found")
    assert client.get(f"/v1/jobs/{job}", headers=token("dpo")).status_code == 200


def test_a_dpos_reading_is_recorded(
    client: FlaskClient, token: Tokens, services: Services, person: Subject
) -> None:
    job = submit(client, token("shop"), person, candidate())
    answer(services, job)
    read(client, job, token("shop"))
    read(client, job, token("dpo"))
    with services.database.connection() as db:
        rows = db.execute("select subject from access_log").fetchall()
    assert rows == [(person.id,)]


def test_cancel(client: FlaskClient, token: Tokens, services: Services, person: Subject) -> None:
    job = submit(client, token("shop"), person, candidate())
    for _ in range(2):
        assert client.delete(f"/v1/jobs/{job}", headers=token("shop")).status_code == 204
    assert client.get(f"/v1/jobs/{job}", headers=token("shop")).get_json()["state"] == "cancelled"
    assert not filter_chunk(services, ids.read(ids.JOB, job), 0)
    assert read(client, job, token("shop")) == []


def test_what_has_ended_cannot_be_cancelled(
    client: FlaskClient, token: Tokens, services: Services, person: Subject
) -> None:
    job = submit(client, token("shop"), person, candidate())
    answer(services, job)
    problem = problem_of(client.delete(f"/v1/jobs/{job}", headers=token("shop")), 409, "conflict")
    assert problem["state"] == "done"


def test_results_go_with_the_person(
    client: FlaskClient, token: Tokens, services: Services, person: Subject
) -> None:
    job = submit(client, token("shop"), person, candidate())
    answer(services, job)
    with services.unit(DPO) as unit:
        erase_subject(unit, lock_subject(unit, person.id))
    assert read(client, job, token("shop")) == []


def test_answers_without_a_subject_go_with_the_job(
    client: FlaskClient, token: Tokens, services: Services, person: Subject, clock: Clock
) -> None:
    stranger = Subject.__new__(Subject)
    stranger.id = new_subject_id()
    job = submit(client, token("shop"), stranger, candidate())
    answer(services, job)
    [line] = read(client, job, token("shop"))
    assert line["reasons"][0]["code"] == "subject_unknown"
    expire_old_jobs(services)
    assert len(read(client, job, token("shop"))) == 1
    clock.now += RETENTION + timedelta(hours=1)
    assert expire_old_jobs(services) == 1
    assert read(client, job, token("shop")) == []
