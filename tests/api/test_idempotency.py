"""Idempotency-Key: one effect and one answer for a day, kept sealed, and gone with the person."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from werkzeug.test import TestResponse

from service.actor import show_subject
from service.api.idempotency import REPLAYED
from service.storage.idempotency import purge_expired
from tests.api.helpers import START, Installation, installed, pointers, problem_of
from tests.api.people import add_person, add_products
from tests.servers import Servers

SUBJECTS = "/v1/subjects"


@pytest.fixture(scope="module")
def installation(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(servers, tmp_path_factory.mktemp("home")) as found:
        add_products(found.services)
        yield found


@pytest.fixture
def there(installation: Installation) -> Iterator[Installation]:
    yield installation
    installation.clock.now = START


def registration(number: str, **changes: Any) -> dict[str, Any]:
    return {
        "identifiers": [{"type": "customer_number", "value": number}],
        "locale": "sv",
        "country": "SE",
        "timezone": "Europe/Stockholm",
    } | changes


def register(there: Installation, key: str, body: dict[str, Any], **changes: Any) -> TestResponse:
    headers = there.token("shop", **changes) | {"Idempotency-Key": key}
    return there.client.post(SUBJECTS, json=body, headers=headers)


def rows(there: Installation, query: str) -> list[tuple[Any, ...]]:
    with there.services.database.connection() as db:
        return db.execute(query.encode()).fetchall()


def count(there: Installation) -> int:
    return int(rows(there, "select count(*) from subjects")[0][0])


def test_the_same_key_and_body_get_the_first_answer_again(there: Installation) -> None:
    first = register(there, "k-1", registration("1"))
    before = there.digest()
    again = register(there, "k-1", registration("1"))
    assert (again.status_code, again.get_data(), again.content_type) == (
        first.status_code,
        first.get_data(),
        first.content_type,
    )
    assert REPLAYED not in first.headers
    assert again.headers[REPLAYED] == "true"
    assert there.digest() == before


def test_without_a_key_nothing_is_kept(there: Installation) -> None:
    kept = rows(there, "select count(*) from idempotency_keys")
    headers = there.token("shop")
    assert there.client.post(SUBJECTS, json=registration("no-key"), headers=headers).status_code == 201
    assert there.client.post(SUBJECTS, json=registration("no-key"), headers=headers).status_code == 409
    assert rows(there, "select count(*) from idempotency_keys") == kept


def test_the_same_key_with_another_body_path_or_query_is_refused(there: Installation) -> None:
    made = register(there, "k-2", registration("2")).get_json()["id"]
    before = there.digest()
    problem_of(register(there, "k-2", registration("3")), 422, "idempotency-mismatch")
    # The same meaning in other bytes is another body: nobody compares meanings.
    problem_of(register(there, "k-2", registration("2") | {"birth_date": None}), 422, "idempotency-mismatch")
    headers = there.token("shop") | {"Idempotency-Key": "k-2"}
    body = {"type": "customer_number", "value": "2b"}
    elsewhere = there.client.post(f"{SUBJECTS}/{made}/identifiers", json=body, headers=headers)
    problem_of(elsewhere, 422, "idempotency-mismatch")
    query = there.client.post(f"{SUBJECTS}?x=1", json=registration("2"), headers=headers)
    problem_of(query, 422, "idempotency-mismatch")
    assert there.digest() == before


def test_another_actors_same_key_is_another_key(there: Installation) -> None:
    first = register(there, "k-3", registration("4"), sub="till-1")
    second = register(there, "k-3", registration("5"), sub="till-2")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.get_json()["id"] != second.get_json()["id"]
    # Nor does it open the other's answer: the request is simply made, and fails on its own.
    third = register(there, "k-3", registration("4"), sub="till-3")
    problem_of(third, 409, "conflict")


def test_a_customers_key_means_nothing_for_another_person(there: Installation) -> None:
    one, other = (add_person(there.services).id for _ in range(2))
    answers = []
    for subject in (one, other):
        # One issuer should not give two people one sub; if it does, neither gets the other's answer.
        headers = there.token("customer", subject=subject, sub="shared") | {"Idempotency-Key": "k-4"}
        answers.append(there.client.post("/v1/requests", json=_access(subject), headers=headers))
    assert answers[0].status_code == 201
    problem_of(answers[1], 422, "idempotency-mismatch")


def _access(subject: UUID) -> dict[str, Any]:
    return {"subject": show_subject(subject), "type": "access"}


def test_two_at_once_have_one_effect_and_one_answer(there: Installation) -> None:
    before = count(there)
    start = threading.Barrier(4)
    answers: list[TestResponse] = []

    def send() -> None:
        start.wait()
        answers.append(register(there, "k-5", registration("6")))

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.get_data() for answer in answers}) == 1
    assert [REPLAYED in answer.headers for answer in answers].count(False) == 1
    assert count(there) == before + 1


def test_two_at_once_with_different_bodies_have_one_effect(there: Installation) -> None:
    before = count(there)
    start = threading.Barrier(2)
    answers: list[TestResponse] = []

    def send(number: str) -> None:
        start.wait()
        answers.append(register(there, "k-6", registration(number)))

    threads = [threading.Thread(target=send, args=(number,)) for number in ("10", "11")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [201, 422]
    assert count(there) == before + 1


def test_a_key_is_forgotten_after_a_day(there: Installation) -> None:
    first = register(there, "k-7", registration("12"))
    there.clock.now = START + timedelta(hours=24) - timedelta(seconds=1)
    assert register(there, "k-7", registration("12")).get_data() == first.get_data()
    there.clock.now = START + timedelta(hours=24)
    # Asked anew, and refused for what the first request did.
    problem_of(register(there, "k-7", registration("12")), 409, "conflict")
    assert register(there, "k-7", registration("13")).status_code == 201


def test_what_is_older_than_a_day_is_purged_with_its_keys(there: Installation) -> None:
    headers = there.token("shop") | {"Idempotency-Key": "k-8"}
    nobody = {"subject": "sub_aaaaaaaaaaaaaaaaaaaaaaaaaa", "id": "s", "at": "2026-11-20T10:00:00Z"}
    signal = nobody | {"type": "complaint_closed", "data": {}}
    keys = "select count(*) from keys.data_keys"
    before = rows(there, keys)[0][0]
    assert there.client.post("/v1/signals", json=[signal], headers=headers).status_code == 200
    assert rows(there, keys)[0][0] == before + 1
    with there.services.database.transaction() as db:
        assert purge_expired(db, START + timedelta(hours=23)) == 0
        purge_expired(db, START + timedelta(days=3))
    assert rows(there, "select count(*) from idempotency_keys") == [(0,)]
    assert rows(there, keys)[0][0] == before


def test_failures_are_not_kept(there: Installation) -> None:
    faulty = registration("14", locale="xx")
    before = rows(there, "select count(*) from idempotency_keys")
    assert pointers(problem_of(register(there, "k-9", faulty), 422, "invalid-input")) == {"/locale"}
    register(there, "k-10", registration("15"))
    problem_of(register(there, "k-9", registration("15")), 409, "conflict")
    # Mended, the same key serves.
    assert register(there, "k-9", registration("14")).status_code == 201
    assert rows(there, "select count(*) from idempotency_keys")[0][0] == before[0][0] + 2


def test_answers_are_sealed_and_keys_are_blind(there: Installation) -> None:
    made = register(there, "a-telling-key", registration("16")).get_json()["id"]
    text = str(rows(there, "select i::text, encode(sealed, 'escape') from idempotency_keys i"))
    assert "a-telling-key" not in text
    assert made not in text
    assert b"a-telling-key".hex() not in text
    assert made.encode().hex() not in text
    # Each under a key that stands: a person's, or one of its own.
    keyless = "select 1 from idempotency_keys i where owner not in (select owner from keys.data_keys)"
    assert not rows(there, keyless)


def test_an_answer_goes_with_the_person(there: Installation) -> None:
    person = add_person(there.services)
    own = there.token("customer", subject=person.id) | {"Idempotency-Key": "k-11"}
    body = {"purpose": "personal_offers", "status": "withdrawn", "origin": "app"}
    url = f"{SUBJECTS}/{_access(person.id)['subject']}/consents"
    assert there.client.post(url, json=body, headers=own).status_code == 201
    assert rows(there, f"select 1 from idempotency_keys where subject = '{person.id}'")
    dpo = there.token("dpo")
    erasure = _access(person.id) | {"type": "erasure"}
    request = there.client.post("/v1/requests", json=erasure, headers=dpo).get_json()["id"]
    for step in ("verify", "fulfil"):
        answer = there.client.post(f"/v1/requests/{request}/{step}", json={"reason": "asked"}, headers=dpo)
        assert answer.status_code == 200, answer.get_data(as_text=True)
    assert not rows(there, f"select 1 from idempotency_keys where subject = '{person.id}'")
    problem_of(there.client.post(url, json=body, headers=own), 410, "subject-erased")
