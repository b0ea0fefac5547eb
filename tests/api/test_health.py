from __future__ import annotations

from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from service.api.app import create_app
from service.bootstrap import Services
from service.config import Config
from service.storage.database import Database
from tests.api.helpers import problem_of


def test_a_living_process_says_so_without_a_token(client: FlaskClient) -> None:
    assert client.get("/healthz").get_json() == {"status": "ok"}


def test_readiness_names_every_part(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    assert answer.get_json()["parts"] == dict.fromkeys(("database", "policy", "keys", "broker"), "ok")


@pytest.mark.parametrize(
    ("variable", "url", "parts"),
    [
        ("SAMTYCKE_BROKER_URL", "redis://127.0.0.1:1/0", {"broker"}),
        ("SAMTYCKE_BROKER_URL", "amqp://127.0.0.1:1//", {"broker"}),
    ],
)
def test_readiness_names_a_part_that_does_not_answer(
    services: Services, variable: str, url: str, parts: set[str], environ: dict[str, str]
) -> None:

    config = Config.from_environ(environ | {variable: url})
    client = create_app(replace(services, config=config)).test_client()
    problem = problem_of(client.get("/readyz"), 503, "not-ready")
    assert {name for name, state in problem["parts"].items() if state != "ok"} == parts


def test_metrics_count_by_route_template(client: FlaskClient) -> None:
    client.get("/healthz")
    text = client.get("/metrics").get_data(as_text=True)
    assert 'samtycke_http_requests_total{route="GET /healthz",status="200"} 1.0' in text
    assert "samtycke_http_request_seconds_bucket" in text


def test_metrics_know_no_path(client: FlaskClient) -> None:
    client.get("/v1/products/secret-9")
    client.get("/nowhere/secret-9")
    assert "secret-9" not in client.get("/metrics").get_data(as_text=True)


def test_readiness_names_a_missing_policy(services: Services) -> None:
    with services.database.transaction() as db:
        db.execute("delete from policies")
    client = create_app(services).test_client()
    answer = client.get("/readyz")
    problem = problem_of(answer, 503, "not-ready")
    assert problem["parts"] == {"database": "ok", "policy": "unavailable", "keys": "ok", "broker": "ok"}
    assert problem["detail"] == "policy"
    assert answer.headers["Cache-Control"] == "no-store"


def test_readiness_names_a_database_that_does_not_answer(environ: dict[str, str], services: Services) -> None:
    url = environ["SAMTYCKE_DATABASE_URL"]
    gone = Database(url.rpartition("/")[0] + "/no_such_database")
    try:
        client = create_app(replace(services, database=gone)).test_client()
        problem = problem_of(client.get("/readyz"), 503, "not-ready")
        assert {name for name, state in problem["parts"].items() if state != "ok"} == {"database", "policy"}
        # Who cannot look may not permit: the same fault is a 503 on every other route, never a decision.
        assert url not in str(problem)
        assert client.get("/healthz").status_code == 200
    finally:
        gone.close()


def test_readiness_names_keys_that_do_not_open(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("no key")

    monkeypatch.setattr(type(services.keyring), "unwrap_all", refuse)
    problem = problem_of(create_app(services).test_client().get("/readyz"), 503, "not-ready")
    assert {name for name, state in problem["parts"].items() if state != "ok"} == {"keys"}


def test_an_installation_without_a_broker_is_not_ready(services: Services) -> None:
    config = replace(services.config, broker_url=None)
    problem = problem_of(
        create_app(replace(services, config=config)).test_client().get("/readyz"), 503, "not-ready"
    )
    assert {name for name, state in problem["parts"].items() if state != "ok"} == {"broker"}
