"""No personal data, token, key or evidence text in a log line, a metric or an answer to a fault (P14)."""

from __future__ import annotations

import io
import json
import logging
import os
import socket
import subprocess
import sys
import traceback
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
import structlog

from service.api.metrics import Metrics
from service.logging import configure_logging, get_logger
from service.storage.unit import Unit
from tests.api.helpers import Installation, installed
from tests.guards.calls import CALLS, World
from tests.guards.test_roles import TABLE
from tests.servers import Servers
from tests.workers.waiting import wait_for

# Every one of them can be found again however it was written: in lower case, as JSON, or in a URL.
SECRETS = (
    "hemlig",
    "46709998877",
    "1971-03-14",
    "signalord",
)
NAME, EMAIL, PHONE, BORN, EVIDENCE = (
    "Sofia-Hemlig",
    "sofia.hemlig@example.se",
    "+46709998877",
    "1971-03-14",
    "signalord i fritext",
)


@pytest.fixture(scope="module")
def there(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(servers, tmp_path_factory.mktemp("home")) as found:
        yield found


@pytest.fixture(scope="module")
def world(there: Installation) -> World:
    return World(there)


@pytest.fixture
def log() -> Iterator[io.BytesIO]:
    """What the service writes, by its own configuration."""
    stream, handlers, level = io.BytesIO(), logging.root.handlers[:], logging.root.level
    configure_logging(stream)
    yield stream
    structlog.reset_defaults()
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def lines_of(log: io.BytesIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def assert_clean(text: str, *more: str) -> None:
    found = text.lower()
    for secret in (*SECRETS, *more):
        assert secret.lower() not in found, secret


def tokens_in(headers: dict[str, str]) -> list[str]:
    return headers["Authorization"].removeprefix("Bearer ").split(".")


def test_what_people_say_is_not_logged(
    world: World, log: io.BytesIO, capfd: pytest.CaptureFixture[str]
) -> None:
    shop = world.there.token("shop", sub=NAME)
    own = world.there.token("customer", subject=world.subject, sub=NAME)
    client, about = world.client, f"/v1/subjects/{world.subject}"
    registration = {
        "identifiers": [{"type": "email", "value": EMAIL}, {"type": "phone", "value": PHONE}],
        "locale": "sv",
        "country": "SE",
        "timezone": "Europe/Stockholm",
        "birth_date": BORN,
    }
    noisy = {"User-Agent": NAME, "Referer": f"https://x/{EMAIL}", "Cookie": f"name={NAME}", "X-Name": NAME}
    statuses = [
        client.post("/v1/subjects", json=registration, headers=shop | noisy | {"Idempotency-Key": NAME}),
        client.post("/v1/subjects", json=registration, headers=shop),
        client.post("/v1/subjects/lookup", json={"type": "email", "value": EMAIL}, headers=shop),
        client.post(
            f"{about}/consents",
            json=CALLS["POST /v1/subjects/<subject>/consents"].body_in(world) | {"evidence": EVIDENCE},
            headers=own,
        ),
        client.put(
            f"{about}/mandates/man_hemlig01",
            json=CALLS["PUT /v1/subjects/<subject>/mandates/<mandate>"].body_in(world)
            | {"accepted": {"text": EVIDENCE, "locale": "sv"}},
            headers=own,
        ),
        client.get(f"{about}/consents?name={NAME}", headers=own),
        client.get(f"/{NAME}/{EMAIL}", headers=own),
        client.get(f"/v1/subjects/{EMAIL}", headers=shop),
        client.get("/v1/products?cursor=" + NAME, headers=shop),
        client.get("/v1/products/" + NAME, headers=shop),
        client.open("/v1/products", method=NAME.upper(), headers=shop),
        client.get("/v1/products", headers={"Authorization": f"Basic {NAME}"}),
        client.get("/v1/products", headers={"Authorization": f"Bearer {NAME}"}),
    ]
    assert [answer.status_code for answer in statuses] == [
        *(201, 409, 200, 201, 422, 200, 404, 404, 422, 404, 405, 401, 401)
    ]
    text = log.getvalue().decode()
    assert_clean(text, *tokens_in(shop), *tokens_in(own), world.subject)
    assert len(lines_of(log)) == len(statuses)
    captured = capfd.readouterr()
    assert_clean(captured.out + captured.err)
    assert_clean(client.get("/metrics").get_data(as_text=True), world.subject)


@pytest.mark.parametrize("rule", [rule for rule in TABLE if CALLS[rule].body_in.__name__ != "_nothing"])
def test_a_bad_body_is_repeated_nowhere(world: World, log: io.BytesIO, rule: str) -> None:
    """Not in the log, and not in the answer: clients keep those, and so do their logs."""
    headers = world.headers(TABLE[rule][0])
    valid = CALLS[rule].body_in(world)
    keys = (valid[0] if isinstance(valid, list) else valid).keys()
    bodies: list[Any] = [dict.fromkeys(keys, EMAIL), {key: [NAME] for key in keys}, [NAME], NAME]
    if isinstance(valid, list):
        bodies = [[body] for body in bodies]
    for body in bodies:
        answer = world.call(rule, headers, data=json.dumps(body))
        # The reason for a step on a request is a text like any other, and so is a name; what is no permit is
        # refused as one.
        assert answer.status_code == 422 or rule.startswith(
            ("POST /v1/requests/", "POST /v1/permits/", "POST /v1/reorders/<reorder>/withdraw")
        )
        assert_clean(answer.get_data(as_text=True))
    for data in (f'{{"{NAME}": "{EMAIL}"', f'{{"{NAME}": 1, "{NAME}": 2}}', f'{{"a": {NAME}}}'):
        answer = world.call(rule, headers, data=data)
        assert answer.status_code == 400
        assert_clean(answer.get_data(as_text=True))
    answer = world.call(rule, headers, content_type=f"text/{NAME}")
    assert_clean(answer.get_data(as_text=True))
    assert_clean(log.getvalue().decode())


def _surprise(*_: Any) -> Any:
    try:
        {}[EMAIL]
    except KeyError as error:
        error.add_note(NAME)
        raise ValueError(f"{NAME} said {EVIDENCE}") from error


def _bad_value(unit: Unit, *_: Any) -> Any:
    unit.db.execute("select %s::bigint", (EMAIL,))


def _bad_constraint(unit: Unit, *_: Any) -> Any:
    for _ in range(2):
        unit.db.execute("insert into suppression_marks values (%s, now())", (EMAIL.encode(),))


def _lost_database(*_: Any) -> Any:
    raise psycopg.OperationalError(f"connection failed for {NAME}")


@pytest.mark.parametrize(
    ("fault", "status"),
    [(_surprise, 500), (_bad_value, 422), (_bad_constraint, 500), (_lost_database, 503)],
)
def test_a_fault_of_ours_is_logged_by_type_and_place_alone(
    world: World,
    log: io.BytesIO,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    fault: Callable[..., Any],
    status: int,
) -> None:
    monkeypatch.setattr("service.api.subjects.register_subject", fault)
    before = world.there.digest()
    body = CALLS["POST /v1/subjects"].body_in(world) | {"birth_date": BORN}
    answer = world.client.post("/v1/subjects", json=body, headers=world.headers("shop", sub=NAME))
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert_clean(answer.get_data(as_text=True), "Traceback", "test_logs", "ValueError", "psycopg")
    captured = capfd.readouterr()
    assert_clean(log.getvalue().decode() + captured.out + captured.err)
    [line] = [line for line in lines_of(log) if line["level"] == "error"]
    assert line["error"]
    assert any("test_logs.py" in place for place in line["trace"])
    assert world.there.digest() == before


def test_a_fault_after_the_answer_is_no_exception(
    world: World, log: io.BytesIO, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the framework itself logs then."""
    monkeypatch.setattr(Metrics, "count", _surprise)
    answer = world.client.get(f"/v1/products/{NAME}", headers=world.headers("shop", sub=NAME))
    assert answer.status_code == 500
    captured = capfd.readouterr()
    assert_clean(answer.get_data(as_text=True) + captured.out + captured.err)
    assert_clean(log.getvalue().decode())
    assert "unexpected error" in {line["event"] for line in lines_of(log)}


def test_other_peoples_log_lines_lose_their_arguments(log: io.BytesIO) -> None:
    """A web server, a database driver, a broker's client: only the template of what they say is kept."""
    logging.getLogger("werkzeug").info('"%s" %s %s', f"GET /v1/subjects/{EMAIL} HTTP/1.1", 200, NAME)
    logging.getLogger("granian.access").info("%(path)s %(status)d", {"path": f"/{EMAIL}", "status": 200})
    logging.getLogger("psycopg.pool").warning("cannot connect: %s", NAME)
    try:
        _surprise()
    except ValueError:
        logging.getLogger("celery").exception("task %s failed", NAME)
        get_logger().warning("ours", **{"when": BORN[:4]})
    text = log.getvalue().decode()
    assert_clean(text, "Traceback (most recent call last)")
    assert [line["event"] for line in lines_of(log)] == [
        '"%s" %s %s',
        "%(path)s %(status)d",
        "cannot connect: %s",
        "task %s failed",
        "ours",
    ]


def test_an_object_in_a_log_line_is_named_by_its_type(log: io.BytesIO, world: World) -> None:
    """Keys, subjects and sealed values have representations that would tell what they hold."""
    get_logger().info("odd", keyring=world.there.services.keyring, error=ValueError(EMAIL))
    [line] = lines_of(log)
    assert (line["keyring"], line["error"]) == ("Keyring", "ValueError")


def test_a_traceback_printed_by_somebody_holds_no_key(world: World) -> None:
    """Secrets do not show themselves when they are printed."""
    services = world.there.services
    for part in (services.keyring, services.index, services):
        assert services.keyring.index_root(1).hex() not in repr(part)
        assert repr(services.keyring.index_root(1)) not in repr(part)


def test_the_web_server_writes_nothing_of_a_request(
    there: Installation, world: World, tmp_path: Path
) -> None:
    """The real one, with its access log switched on by somebody who wanted to see more."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = replace(there.services.config, port=port, web_workers=1)
    environ = os.environ | config.as_environ() | {"GRANIAN_LOG_ACCESS_ENABLED": "true"}
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws", "--port", str(port)]
    output = tmp_path / "web.log"
    with output.open("wb") as file:
        server = subprocess.Popen(
            [*command, "service.wsgi:application"], env=environ, stdout=file, stderr=subprocess.STDOUT,
            cwd=Path(__file__).parents[2],
        )  # fmt: skip
        try:
            wait_for(lambda: _status(port, "/healthz") == 200)
            token = there.token("shop", sub=NAME, at=None)
            assert _status(port, f"/v1/products/{NAME}?q={EMAIL}", token | {"User-Agent": NAME}) in {401, 404}
            assert _status(port, f"/{EMAIL}") == 404
            assert _status(port, f"/v1/products/%FF{NAME}", token) in {401, 404}
        finally:
            server.terminate()
            server.wait(20)
    text = output.read_text()
    assert '"route":"GET (no route)"' in text
    assert_clean(text, *tokens_in(token))


def _status(port: int, path: str, headers: dict[str, str] | None = None) -> int:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers or {})
    with suppress(urllib.error.URLError, ConnectionError):
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
    return 0


def test_the_secrets_would_be_found(log: io.BytesIO) -> None:
    """That the checks above can fail at all."""
    get_logger().info("leak", name=NAME)
    with pytest.raises(AssertionError):
        assert_clean(log.getvalue().decode())
    try:
        _surprise()
    except ValueError as error:
        with pytest.raises(AssertionError):
            assert_clean("".join(traceback.format_exception(error)))
