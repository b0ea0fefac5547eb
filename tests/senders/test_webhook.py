"""The webhook sender against a receiver that behaves in every way a receiver can."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from standardwebhooks import Webhook

from service import ids
from service.errors import UnavailableError
from service.senders import Fate, Parcel, Sent
from service.senders.cloud_event import body_of
from service.senders.guard import Allowed, Guard
from service.senders.webhook import Endpoint, WebhookSender, signed_headers
from tests.certificates import issue
from tests.receiver import Receiver, receiving

ENDPOINT = UUID("0b8f6b52-6f0e-4b7e-9b59-3c1f6d2a8e11")
SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()
OLDER = "whsec_" + base64.b64encode(b"o" * 32).decode()
PARCEL = Parcel(
    key="msg-7",
    kind="consent.changed",
    route="webhook",
    to=ids.show(ids.ENDPOINT, ENDPOINT),
    subject="sub_abc",
    locale="sv",
    content={"at": "2026-11-22T09:00:00Z", "special": True, "data": {"purpose": "personal_offers"}},
)


class Book:
    """The endpoints, in memory: the sender knows no more of them than this."""

    def __init__(self, url: str, *secrets: str) -> None:
        self.endpoint, self.disabled = Endpoint(ENDPOINT, url, secrets or (SECRET,)), False

    def find(self, endpoint: UUID) -> Endpoint | None:
        return None if self.disabled or endpoint != ENDPOINT else self.endpoint

    def find_route(self, route: str) -> Endpoint | None:
        return self.endpoint if route == "sms" else None

    def disable(self, endpoint: UUID) -> None:
        self.disabled = endpoint == ENDPOINT


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with receiving(tmp_path / "arrived", secrets=[SECRET]) as found:
        yield found


@pytest.fixture
def book(receiver: Receiver) -> Book:
    return Book(f"http://127.0.0.1:{receiver.port}/hook?x=1")


def send(book: Book, parcel: Parcel = PARCEL, *, allow: str = "127.0.0.1", **more: Any) -> Sent:
    return WebhookSender(book, Guard(Allowed.parse(allow)), "https://samtycke.example", **more).send(parcel)


def test_it_arrives_once_signed_and_as_a_cloud_event(receiver: Receiver, book: Book) -> None:
    assert send(book) == Sent(Fate.delivered, "answered 204")
    [line] = receiver.arrived()
    assert line["key"] == "msg-7"
    assert line["type"] == "consent.changed"
    assert line["subject"] == "sub_abc"
    assert line["signed"] is True
    assert datetime.fromisoformat(line["at"]).tzinfo is not None


def test_the_body_has_the_attributes_and_no_more() -> None:
    assert json.loads(body_of(PARCEL, "urn:here")) == {
        "specversion": "1.0",
        "id": "msg-7",
        "source": "urn:here",
        "type": "consent.changed",
        "subject": "sub_abc",
        "time": "2026-11-22T09:00:00Z",
        "datacontenttype": "application/json",
        "dataclassification": "confidential",
        "dataregulation": "GDPR",
        "datacategory": "special-category",
        "data": {"purpose": "personal_offers"},
    }
    assert body_of(PARCEL, "urn:here") == body_of(PARCEL, "urn:here")


@pytest.mark.parametrize(("special", "category"), [(True, "special-category"), (False, "personal")])
def test_an_order_says_how_its_goods_must_be_treated(special: bool, category: str) -> None:
    order = replace(
        PARCEL, kind="reorder.dispatched", route="order", content={"special": special, "sku": "x"}
    )
    body = json.loads(body_of(order, "urn:here"))
    assert (body["datacategory"], body["data"]) == (category, {"sku": "x"})


def test_the_signature_is_that_of_the_specification() -> None:
    now = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
    body = '{"å": 1}'.encode()
    headers = signed_headers("msg-7", body, (SECRET, OLDER), now.astimezone())
    at = str(int(now.timestamp()))
    assert headers["webhook-timestamp"] == at
    expected = [
        "v1," + base64.b64encode(hmac.digest(key * 32, f"msg-7.{at}.".encode() + body, "sha256")).decode()
        for key in (b"s", b"o")
    ]
    assert headers["webhook-signature"] == " ".join(expected)


def test_while_a_secret_is_rotated_either_verifies_and_no_other(receiver: Receiver, book: Book) -> None:
    now = datetime.now(UTC)
    body = b"{}"
    headers = signed_headers("k", body, (SECRET, OLDER), now)
    for secret in (SECRET, OLDER):
        Webhook(secret).verify(body, headers)
    book.endpoint = Endpoint(ENDPOINT, book.endpoint.url, (OLDER,))
    assert send(book).fate is Fate.delivered
    assert [line["signed"] for line in receiver.arrived()] == [False]


@pytest.mark.parametrize(
    ("status", "fate"),
    [
        *((status, Fate.delivered) for status in (200, 201, 202, 204, 299)),
        *((status, Fate.retry) for status in (401, 403, 404, 405, 408, 409, 429, 500, 502, 503, 504, 599)),
        *((status, Fate.refused) for status in (400, 410, 413, 415, 422)),
    ],
)
def test_what_a_status_means(receiver: Receiver, book: Book, status: int, fate: Fate) -> None:
    receiver.behave(status=status)
    assert send(book) == Sent(fate, f"answered {status}")
    assert len(receiver.arrived()) == 1
    assert book.disabled is (status == 410)


def test_a_gone_endpoint_is_asked_no_more(receiver: Receiver, book: Book) -> None:
    receiver.behave(status=410)
    send(book)
    assert send(book) == Sent(Fate.refused, "there is no such endpoint, or it is disabled")
    assert len(receiver.arrived()) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(receiver: Receiver, book: Book, status: int) -> None:
    receiver.behave(status=status, headers={"Location": f"http://127.0.0.1:{receiver.port}/elsewhere"})
    assert send(book) == Sent(Fate.retry, f"answered {status}")
    assert len(receiver.arrived()) == 1


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("asked", "after"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("99999999999", 86_400.0),
        ("soon", None),
        ("-5", None),
        ("1e3", None),
        ("²", None),
    ],
)
def test_how_long_a_receiver_asks_to_wait(
    receiver: Receiver, book: Book, status: int, asked: str, after: float | None
) -> None:
    receiver.behave(status=status, headers={"Retry-After": asked.encode().decode("latin-1")})
    assert send(book) == Sent(Fate.retry, f"answered {status}", after)


def test_a_date_to_wait_for(receiver: Receiver, book: Book) -> None:
    now = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
    for seconds, after in ((90, 90.0), (-90, 0.0)):
        date = format_datetime(now + timedelta(seconds=seconds), usegmt=True)
        receiver.behave(status=503, headers={"Retry-After": date})
        assert send(book, clock=lambda: now).after == after


@pytest.mark.parametrize(
    ("behaviour", "why", "arrived"),
    [
        ({"close": "before"}, "the connection broke", 0),
        ({"close": "after"}, "the connection broke", 1),
        ({"slow": 1.0}, "no answer in time", 1),
        ({"hang": True}, "no answer in time", 1),
        ({"drip": True}, "no answer in time", 1),
    ],
)
def test_what_gives_no_answer_may_be_tried_again(
    receiver: Receiver, book: Book, behaviour: dict[str, Any], why: str, arrived: int
) -> None:
    receiver.behave(**behaviour)
    began = time.monotonic()
    assert send(book, seconds=0.4) == Sent(Fate.retry, why)
    assert time.monotonic() - began < 2
    assert len(receiver.arrived()) == arrived


def test_an_answer_that_comes_late_but_in_time_counts(receiver: Receiver, book: Book) -> None:
    receiver.behave(slow=0.2)
    assert send(book, seconds=5).fate is Fate.delivered


def test_a_second_answer_changes_nothing(receiver: Receiver, book: Book) -> None:
    receiver.behave(twice=True)
    assert send(book).fate is Fate.delivered
    assert len(receiver.arrived()) == 1


def test_nobody_there(book: Book) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    book.endpoint = Endpoint(ENDPOINT, f"http://127.0.0.1:{port}/", (SECRET,))
    assert send(book) == Sent(Fate.retry, "the connection broke")


@pytest.mark.parametrize("answer", [b"SSH-2.0-x\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\x00" * 100, b"x" * 200_000])
def test_an_answer_that_is_none(book: Book, answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def speak() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=speak, daemon=True)
        thread.start()
        book.endpoint = Endpoint(ENDPOINT, f"http://127.0.0.1:{server.getsockname()[1]}/", (SECRET,))
        assert send(book, seconds=3).fate is Fate.retry
        thread.join()


def test_an_address_that_is_closed_gets_nothing(receiver: Receiver, book: Book) -> None:
    assert send(book, allow="") == Sent(Fate.refused, "the address is not a public one")
    assert receiver.arrived() == []


def test_a_name_that_turns_into_a_closed_address_gets_nothing(receiver: Receiver, book: Book) -> None:
    """DNS rebinding: a public address when it is asked for, this machine's a moment later."""
    answers = iter([["93.184.216.34"], ["127.0.0.1"]])
    guard = Guard(Allowed(), lambda _host, _port: next(answers))
    guard.addresses(guard.check("https://rebind.example/"))
    book.endpoint = Endpoint(ENDPOINT, f"https://rebind.example:{receiver.port}/", (SECRET,))
    sent = WebhookSender(book, guard, "urn:here").send(PARCEL)
    assert sent == Sent(Fate.refused, "the address is not a public one")
    assert receiver.arrived() == []


def test_a_name_is_resolved_once_and_the_connection_made_to_what_was_looked_at(
    receiver: Receiver, book: Book
) -> None:
    asked: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    # Nobody else could resolve this name: it arrives only because the address that was checked is used.
    book.endpoint = Endpoint(ENDPOINT, f"http://hooks.invalid:{receiver.port}/", (SECRET,))
    guard = Guard(Allowed.parse("127.0.0.1"), resolve)
    assert WebhookSender(book, guard, "urn:here").send(PARCEL).fate is Fate.delivered
    assert asked == ["hooks.invalid"]


def test_a_name_that_cannot_be_resolved_may_be_later(book: Book) -> None:
    book.endpoint = Endpoint(ENDPOINT, "https://hooks.example.com/", (SECRET,))
    sent = WebhookSender(book, Guard(Allowed(), lambda _host, _port: []), "urn:here").send(PARCEL)
    assert sent == Sent(Fate.retry, "the endpoint's name cannot be resolved")


def test_tls_is_checked_against_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = issue(tmp_path, "hooks.example.com")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with receiving(tmp_path / "arrived", context) as receiver:
        guard = Guard(Allowed.parse("127.0.0.1"), lambda _host, _port: ["127.0.0.1"])
        book = Book(f"https://hooks.example.com:{receiver.port}/")
        sender = WebhookSender(book, guard, "urn:here", seconds=3)
        assert sender.send(PARCEL) == Sent(Fate.retry, "no TLS with this receiver")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert sender.send(PARCEL).fate is Fate.delivered
        book.endpoint = Endpoint(ENDPOINT, f"https://other.example.com:{receiver.port}/", (SECRET,))
        assert sender.send(PARCEL) == Sent(Fate.retry, "no TLS with this receiver")
        assert len(receiver.arrived()) == 1


def test_a_handshake_that_never_ends_is_left(book: Book) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                # The head of a record that would be long: each byte keeps a single read from timing out.
                for byte in b"\x16\x03\x03\x40\x00" + bytes(100):
                    connection.sendall(bytes([byte]))
                    time.sleep(0.05)

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        book.endpoint = Endpoint(ENDPOINT, f"https://127.0.0.1:{server.getsockname()[1]}/", (SECRET,))
        began = time.monotonic()
        assert send(book, seconds=0.5).fate is Fate.retry
        assert time.monotonic() - began < 2
        thread.join()


def test_a_route_has_the_endpoint_that_stands_for_it(receiver: Receiver, book: Book) -> None:
    parcel = Parcel("k", "reminder.due", "sms", "+46701234567", "sub_abc", "sv", {"product": "Kräm"})
    assert send(book, parcel, route="sms").fate is Fate.delivered
    assert send(book, parcel, route="push") == Sent(Fate.retry, "no endpoint stands for this route")
    assert [line["type"] for line in receiver.arrived()] == ["reminder.due"]


def test_endpoints_that_cannot_be_looked_up_are_waited_for(receiver: Receiver, book: Book) -> None:
    def away(_: object) -> None:
        raise UnavailableError

    receiver.behave(status=410)
    book.disable = away  # type: ignore[method-assign]
    assert send(book).fate is Fate.refused
    book.find = away  # type: ignore[method-assign]
    assert send(book) == Sent(Fate.retry, "the endpoint cannot be looked up")


@pytest.mark.parametrize("to", ["", "whk_x", "sub_abc", ids.show(ids.ENDPOINT, UUID(int=7))])
def test_an_endpoint_that_is_none_is_refused(book: Book, to: str) -> None:
    parcel = Parcel("k", "consent.changed", "webhook", to, "sub_abc", "sv", {})
    assert send(book, parcel).fate is Fate.refused


def test_the_stand_in_is_a_process_that_can_be_told(tmp_path: Path) -> None:
    log = tmp_path / "arrived"
    command = [sys.executable, "-m", "tests.receiver", "--port", "0", "--log", str(log), "--smtp-port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        assert int(process.stdout.readline()) > 0
        book = Book(f"http://127.0.0.1:{port}/")
        told = json.dumps({"status": 503, "times": 1, "secrets": [SECRET]}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{port}/control", told, method="PUT")
        with urllib.request.urlopen(request, timeout=5) as answer:
            assert answer.status == 204
        assert [send(book).fate for _ in range(2)] == [Fate.retry, Fate.delivered]
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        assert [line["signed"] for line in lines] == [True, True]
        assert len({line["sha256"] for line in lines}) == 1
        assert len(lines[0]["sha256"]) == hashlib.sha256().digest_size * 2
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout:
            process.stdout.close()
