"""Permits over HTTP: redeemed once and by whom they belong to, replayed by key, and those of jobs."""

from __future__ import annotations

import csv
import io
import json
import threading
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient

from service import ids
from service.actor import show_subject
from service.bootstrap import Services
from service.storage.subjects import Subject
from service.use_cases.filter_chunk import filter_chunk
from tests.api.helpers import Clock, Tokens, pointers, problem_of
from tests.api.people import add_person, add_products, candidate
from tests.api.test_candidates import lines, send

REDEEM, PERMITTED = "/v1/permits/redeem", "/v1/offers/permitted"
KEY = {"Idempotency-Key": "send-7"}


@pytest.fixture
def person(services: Services) -> Subject:
    add_products(services)
    return add_person(services)


def curated(number: int = 0, **changes: Any) -> dict[str, Any]:
    offer = {"id": f"o{number}", "programme": "marketing", "strategy": "curate", "channels": ["app"]}
    return candidate(**(offer | changes))


def permits(client: FlaskClient, headers: dict[str, str], person: UUID, *offers: dict[str, Any]) -> list[str]:
    body = {"subject": show_subject(person), "programme": "marketing", "channels": ["app"]}
    answer = client.post(PERMITTED, json=body | {"candidates": offers or [curated()]}, headers=headers)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return [each["permit"] for each in answer.get_json()["permitted"]]


def redeem(client: FlaskClient, headers: dict[str, str], *tokens: str) -> list[tuple[str, str | None]]:
    answer = client.post(REDEEM, json={"permits": tokens}, headers=headers)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    found = answer.get_json()["permits"]
    assert [each["permit"] for each in found] == [each if len(each) == 60 else None for each in tokens]
    return [(each["status"], each["stage"]) for each in found]


REFUSED = ("refused", "request")


def test_once_by_the_client_that_got_it(client: FlaskClient, token: Tokens, person: Subject) -> None:
    [permit] = permits(client, token("marketing"), person.id)
    assert permit.startswith("prm_")
    assert redeem(client, token("marketing", sub="marketing-2"), permit) == [REFUSED]
    assert redeem(client, token("shop"), permit) == [REFUSED]
    # The same client may act as the shop elsewhere: what counts is who it is.
    assert redeem(client, token("shop", sub="marketing-1"), permit) == [("redeemed", None)]
    assert redeem(client, token("marketing"), permit) == [("used", None)]
    assert redeem(client, token("marketing", sub="marketing-2"), permit) == [REFUSED]


def test_what_cannot_be_told_apart(client: FlaskClient, token: Tokens, person: Subject, clock: Clock) -> None:
    """Unknown, another's, ended by age, of somebody erased: one answer, to the byte."""
    headers = token("marketing")
    [others] = permits(client, token("marketing", sub="marketing-2"), person.id)
    [old] = permits(client, headers, person.id)
    clock.now += timedelta(minutes=10)
    bodies = set()
    for permit in ("prm_" + "a" * 56, "nonsense", others, old):
        answer = client.post(REDEEM, json={"permits": [permit]}, headers=token("marketing")).get_json()
        answer["permits"][0].pop("permit")
        bodies.add(json.dumps(answer))
    assert len(bodies) == 1


def test_a_key_replays_the_answer(client: FlaskClient, token: Tokens, person: Subject) -> None:
    first, second = permits(client, token("marketing"), person.id, curated(1), curated(2))
    sent = token("marketing") | KEY
    body = {"permits": [first, first]}
    answer = client.post(REDEEM, json=body, headers=sent)
    assert [each["status"] for each in answer.get_json()["permits"]] == ["redeemed", "used"]
    again = client.post(REDEEM, json=body, headers=sent)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.get_data() == answer.get_data()
    problem_of(client.post(REDEEM, json={"permits": [second]}, headers=sent), 422, "idempotency-mismatch")
    assert redeem(client, token("marketing"), first, second) == [("used", None), ("redeemed", None)]


def test_a_key_whose_answer_was_lost_hears_it_again(
    client: FlaskClient, token: Tokens, person: Subject, services: Services
) -> None:
    """The process died after the redemption had committed and before its answer was kept."""
    [permit] = permits(client, token("marketing"), person.id)
    sent = token("marketing") | KEY
    client.post(REDEEM, json={"permits": [permit]}, headers=sent)
    with services.database.transaction() as db:
        db.execute("delete from idempotency_keys")
    assert redeem(client, sent, permit) == [("redeemed", None)]
    assert redeem(client, token("marketing"), permit) == [("used", None)]


@pytest.mark.usefixtures("person")
def test_the_same_request_twice_at_once(app: Flask, token: Tokens, services: Services) -> None:
    """A client that lost patience asks again while the first is at work: the second waits and hears it."""
    for number in range(6):
        someone = add_person(services).id
        [permit] = permits(app.test_client(), token("marketing"), someone)
        sent = token("marketing") | {"Idempotency-Key": f"impatient-{number}"}
        answers: list[tuple[bytes, str | None]] = []

        def request(sent: dict[str, str], permit: str, answers: list[tuple[bytes, str | None]]) -> None:
            answer = app.test_client().post(REDEEM, json={"permits": [permit]}, headers=sent)
            answers.append((answer.get_data(), answer.headers.get("Idempotency-Replayed")))

        threads = [threading.Thread(target=request, args=(sent, permit, answers)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        (first, one), (second, two) = answers
        assert first == second
        assert b'"redeemed"' in first
        assert {one, two} == {None, "true"}


def test_faults(client: FlaskClient, token: Tokens) -> None:
    headers = token("marketing")
    for body, pointer in (
        ({}, "/permits"),
        ({"permits": []}, "/permits"),
        ({"permits": ["prm_x"] * 1001}, "/permits"),
        ({"permits": [7]}, "/permits/0"),
        ({"permits": ["prm_x"], "more": 1}, "/more"),
    ):
        answer = client.post(REDEEM, json=body, headers=headers)
        assert pointer in pointers(problem_of(answer, 422, "invalid-input"))


def submit(client: FlaskClient, headers: dict[str, str], pairs: list[dict[str, Any]]) -> str:
    response = send(client, lines(pairs), headers)
    assert response.status_code == 202, response.get_data(as_text=True)
    return str(response.get_json()["job"])


def results(client: FlaskClient, job: str, headers: dict[str, str]) -> list[dict[str, Any]]:
    response = client.get(f"/v1/jobs/{job}/results", headers=headers)
    return [json.loads(line) for line in response.get_data().splitlines()]


def pair(person: UUID, **changes: Any) -> dict[str, Any]:
    return {"subject": show_subject(person), "candidate": curated(**changes)}


def test_permits_of_a_job(
    client: FlaskClient, token: Tokens, services: Services, person: Subject, clock: Clock
) -> None:
    """Each permitted row carries one, for a day and to be redeemed once; a denied or deferred row none."""
    other = add_person(services, consents={}).id
    late = {"number": 2, "channels": ["email"]}
    clock.now = clock.now.replace(hour=22)
    job = submit(client, token("shop"), [pair(person.id), pair(other, number=1), pair(person.id, **late)])
    assert filter_chunk(services, ids.read(ids.JOB, job), 0)
    found = {line["candidate"]: line for line in results(client, job, token("shop"))}
    assert {name: line["outcome"] for name, line in found.items()} == {
        "o0": "allow",
        "o1": "deny",
        "o2": "defer",
    }
    assert [found[name]["permit"] is None for name in ("o0", "o1", "o2")] == [False, True, True]
    permit = found["o0"]["permit"]
    # The DPO reads the results, and may contact nobody.
    assert all(line["permit"] is None for line in results(client, job, token("dpo")))
    headers = token("shop") | {"Accept": "text/csv"}
    text = client.get(f"/v1/jobs/{job}/results", headers=headers).get_data(as_text=True)
    assert {row["permit"] for row in csv.DictReader(io.StringIO(text))} == {permit, ""}
    clock.now += timedelta(hours=24) - timedelta(seconds=1)
    assert redeem(client, token("shop"), permit) == [("redeemed", None)]
    assert redeem(client, token("shop"), permit, permit) == [("used", None), ("used", None)]
    clock.now += timedelta(seconds=1)
    assert all(line["permit"] is None for line in results(client, job, token("shop")))


def test_a_job_of_many_is_redeemed_as_far_as_caps_allow(
    client: FlaskClient, token: Tokens, services: Services, person: Subject
) -> None:
    """Six offers each for 60 people in one request: all channels together take four contacts a week."""
    people = [person.id, *(add_person(services).id for _ in range(59))]
    pairs = [pair(each, number=n) for n in range(6) for each in people]
    job = submit(client, token("shop"), pairs)
    assert filter_chunk(services, ids.read(ids.JOB, job), 0)
    tokens = [line["permit"] for line in results(client, job, token("shop"))]
    assert len(set(tokens)) == 360
    heard = redeem(client, token("shop"), *tokens)
    assert heard.count(("redeemed", None)) == 240
    assert heard.count(("refused", "timing")) == 120
    assert set(redeem(client, token("shop"), *tokens)) == {("used", None), ("refused", "timing")}
