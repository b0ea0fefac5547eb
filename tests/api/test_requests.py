"""Requests over HTTP: filing, the report, erasure."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.api.helpers import Tokens, pointers, problem_of
from tests.api.test_consents import GIVEN
from tests.api.test_subjects import AINO, register


@pytest.fixture
def aino(client: FlaskClient, token: Tokens) -> str:
    return register(client, token)


def test_a_customer_gets_everything_in_clear(client: FlaskClient, aino: str, token: Tokens) -> None:
    own = token("customer", subject=aino)
    client.post(f"/v1/subjects/{aino}/consents", json=GIVEN | {"evidence": "at the till"}, headers=own)
    filed = client.post("/v1/requests", json={"subject": aino, "type": "access"}, headers=own)
    assert filed.status_code == 201
    assert filed.json["due_at"] == "2026-12-23T00:00:00Z"
    report = client.get(f"/v1/requests/{filed.json['id']}/report", headers=own).json
    assert report["person"]["identifiers"][0]["value"] == "aino.virtanen@example.fi"
    assert report["person"]["birth_date"] == "1980-02-29"
    assert report["consent_history"][0]["evidence"] == "at the till"
    assert report["processing"]["purposes"]["replenishment_reminders"]["basis"] == "consent"
    shown = client.get(f"/v1/requests/{filed.json['id']}", headers=own).json
    assert shown["state"] == "fulfilled"
    assert [step["state"] for step in shown["steps"]] == ["in_progress", "fulfilled"]


def test_a_dpo_files_by_identifier(client: FlaskClient, aino: str, token: Tokens) -> None:
    body = {"identifier": {"type": "email", "value": "aino.virtanen@example.fi"}, "type": "restriction"}
    filed = client.post("/v1/requests", json=body, headers=token("dpo")).json
    path = f"/v1/requests/{filed['id']}"
    verified = client.post(f"{path}/verify", json={"reason": "by phone"}, headers=token("dpo")).json
    assert verified["state"] == "in_progress"
    done = client.post(f"{path}/fulfil", json={"reason": "contested"}, headers=token("dpo")).json
    assert done["done"]["status"] == "restricted"
    assert client.get(f"/v1/subjects/{aino}", headers=token("dpo")).json["status"] == "restricted"


def test_another_persons_request_does_not_exist(client: FlaskClient, aino: str, token: Tokens) -> None:
    filed = client.post("/v1/requests", json={"subject": aino, "type": "access"}, headers=token("dpo")).json
    stranger = token("customer")
    for path in (f"/v1/requests/{filed['id']}", f"/v1/requests/{filed['id']}/report"):
        problem_of(client.get(path, headers=stranger), 404, "not-found")
    problem_of(
        client.post("/v1/requests", json={"subject": aino, "type": "access"}, headers=stranger),
        404,
        "not-found",
    )


def test_a_refused_request_has_no_report(client: FlaskClient, aino: str, token: Tokens) -> None:
    filed = client.post("/v1/requests", json={"subject": aino, "type": "access"}, headers=token("dpo")).json
    path = f"/v1/requests/{filed['id']}"
    refused = client.post(f"{path}/refuse", json={"reason": "not the person"}, headers=token("dpo"))
    assert refused.status_code == 200
    for reader in (token("customer", subject=aino), token("dpo")):
        problem_of(client.get(f"{path}/report", headers=reader), 409, "conflict")


def test_deadlines_come_in_pages(client: FlaskClient, aino: str, token: Tokens) -> None:
    for kind in ("access", "review", "rectification"):
        client.post("/v1/requests", json={"subject": aino, "type": kind}, headers=token("dpo"))
    first = client.get("/v1/requests?limit=2", headers=token("dpo")).json
    second = client.get(f"/v1/requests?limit=2&cursor={first['next']}", headers=token("dpo")).json
    assert len({each["id"] for each in first["items"] + second["items"]}) == 3
    assert second["next"] is None


def test_erasure_is_certified_and_final(client: FlaskClient, aino: str, token: Tokens) -> None:
    own = token("customer", subject=aino)
    filed = client.post("/v1/requests", json={"subject": aino, "type": "erasure"}, headers=own).json
    path = f"/v1/requests/{filed['id']}"
    done = client.post(f"{path}/fulfil", json={"reason": "asked"}, headers=token("dpo"))
    assert done.status_code == 200, done.json
    assert done.json["done"]["certificate"]["erased"]["data_key"] == 1
    problem_of(client.get(f"/v1/subjects/{aino}", headers=own), 410, "subject-erased")
    problem_of(client.get(f"/v1/subjects/{aino}/consents", headers=own), 410, "subject-erased")
    problem_of(client.post("/v1/subjects", json=AINO, headers=token("shop")), 410, "subject-erased")
    shown = client.get(path, headers=token("dpo")).json
    assert shown["state"] == "fulfilled"
    assert shown["certificate"] == done.json["done"]["certificate"]
    assert shown["certificate"]["digest"].startswith("sha-256:")
    assert shown["recipients"] == []
    again = client.post(f"{path}/fulfil", json={"reason": "asked"}, headers=token("dpo"))
    assert again.status_code in {409, 410}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"type": "access"}, ""),
        ({"type": "access", "subject": "sub_1"}, "/subject"),
        ({"type": "everything"}, "/type"),
    ],
)
def test_faulty_requests_are_refused(
    client: FlaskClient, token: Tokens, body: dict[str, str], pointer: str
) -> None:
    answer = client.post("/v1/requests", json=body, headers=token("dpo"))
    assert pointer in pointers(problem_of(answer, 422, "invalid-input"))


def test_a_legal_hold_answers_with_its_code_and_date(client: FlaskClient, aino: str, token: Tokens) -> None:
    dpo = token("dpo")
    hold = {"code": "legal_claims", "until": "2027-01-31T00:00:00Z"}
    placed = client.post(f"/v1/subjects/{aino}/holds", json=hold, headers=dpo)
    assert placed.status_code == 201, placed.json
    filed = client.post("/v1/requests", json={"subject": aino, "type": "erasure"}, headers=dpo).json
    path = f"/v1/requests/{filed['id']}"
    client.post(f"{path}/verify", json={"reason": "came to the counter"}, headers=dpo)
    answer = client.post(f"{path}/fulfil", json={"reason": "asked"}, headers=dpo)
    problem = problem_of(answer, 409, "conflict")
    assert (problem["code"], problem["until"]) == ("legal_claims", "2027-01-31T00:00:00Z")
    assert client.get(f"/v1/subjects/{aino}", headers=dpo).json["status"] == "restricted"
    lifted = client.delete(f"/v1/subjects/{aino}/holds/{placed.json['id']}", headers=dpo).json
    assert lifted["items"][0]["lifted_at"] == "2026-11-22T09:00:00Z"
    assert client.post(f"{path}/fulfil", json={"reason": "asked"}, headers=dpo).status_code == 200


def test_a_refusal_names_its_ground(client: FlaskClient, aino: str, token: Tokens) -> None:
    dpo = token("dpo")
    filed = client.post("/v1/requests", json={"subject": aino, "type": "erasure"}, headers=dpo).json
    path = f"/v1/requests/{filed['id']}"
    wrong = {"reason": "no", "code": "rights_of_others"}
    assert pointers(problem_of(client.post(f"{path}/refuse", json=wrong, headers=dpo), 422, "invalid-input"))
    right = {"reason": "bookkeeping", "code": "legal_obligation"}
    assert client.post(f"{path}/refuse", json=right, headers=dpo).json["state"] == "refused"
    assert client.get(path, headers=dpo).json["steps"][-1]["code"] == "legal_obligation"


def test_without_a_journal_there_is_a_503_and_the_person_stays(
    client: FlaskClient, aino: str, token: Tokens, environ: dict[str, str]
) -> None:
    (Path(environ["SAMTYCKE_HOME"]) / "erasures").write_text("in the way")
    filed = client.post("/v1/requests", json={"subject": aino, "type": "erasure"}, headers=token("dpo")).json
    path = f"/v1/requests/{filed['id']}"
    client.post(f"{path}/verify", json={"reason": "came to the counter"}, headers=token("dpo"))
    answer = client.post(f"{path}/fulfil", json={"reason": "asked"}, headers=token("dpo"))
    problem_of(answer, 503, "unavailable")
    assert client.get(f"/v1/subjects/{aino}", headers=token("dpo")).status_code == 200
