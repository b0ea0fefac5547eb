"""Senders of a configured installation: a letter whose link unsubscribes, and nothing personal in a log."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from service.actor import show_subject, system_actor
from service.logging import configure_logging
from service.senders import Fate, Parcel, Sent
from service.senders.registry import senders
from service.storage.subjects import read_subject
from tests.api.helpers import Installation, installed
from tests.api.people import add_person
from tests.receiver import Receiver, receiving, running
from tests.servers import Servers
from tests.smtp_sink import SmtpSink

NEEDLES = ("hemlig", "46709998877", "sofia", "p4ssw0rd", "whsec_")
CONTENT = {"product": "Hemlig kräm", "date": "2026-12-01T09:00:00Z"}


class Mail:
    """What the sink took."""

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {}
        self.raw: list[bytes] = []

    def note(self, _facts: dict[str, Any], data: bytes) -> None:
        self.raw.append(data)


@pytest.fixture
def mail() -> Mail:
    return Mail()


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with receiving(tmp_path / "arrived") as found:
        yield found


@pytest.fixture
def there(servers: Servers, tmp_path: Path, mail: Mail) -> Iterator[Installation]:
    sink = SmtpSink(lambda: mail.settings, mail.note)
    with (
        running(sink),
        installed(
            servers,
            tmp_path / "home",
            SAMTYCKE_SMTP_URL=f"smtp://relay:p4ssw0rd@127.0.0.1:{sink.port}",
            SAMTYCKE_MAIL_FROM="post@tallgren.example",
            SAMTYCKE_PUBLIC_URL="https://me.tallgren.example",
            SAMTYCKE_WEBHOOK_ALLOW="127.0.0.1",
        ) as found,
    ):
        yield found


def test_the_link_in_a_letter_unsubscribes(there: Installation, mail: Mail) -> None:
    person = add_person(there.services).id
    parcel = Parcel("k-1", "reminder.due", "email", "aino@example.fi", show_subject(person), "fi", CONTENT)
    assert senders(there.services.config, there.services)["email"].send(parcel).fate is Fate.delivered
    head = mail.raw[0].partition(b"\r\n\r\n")[0].decode()
    found = re.search(r"List-Unsubscribe: <https://me\.tallgren\.example(/u/[\w=-]+)>", head)
    assert found is not None
    answer = there.client.post(found[1], data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    with there.services.unit(system_actor("test")) as unit:
        choices = read_subject(unit, person).choices
    assert (choices.objections, choices.channels["email"]) == (["direct_marketing"], False)


def test_nothing_personal_is_logged_or_said_of_an_attempt(
    there: Installation, mail: Mail, receiver: Receiver, capfd: pytest.CaptureFixture[str]
) -> None:
    admin, person = there.token("admin"), show_subject(add_person(there.services).id)
    body = {"name": "Till", "url": f"http://127.0.0.1:{receiver.port}/hemlig", "route": "sms"}
    made = there.client.post("/v1/webhooks", json=body, headers=admin).get_json()
    stream, handlers, level = io.BytesIO(), logging.root.handlers[:], logging.root.level
    configure_logging(stream, "DEBUG")
    said: list[Sent] = []
    try:
        found = senders(there.services.config, there.services)
        letter = Parcel("k-2", "reminder.due", "email", "sofia.hemlig@example.se", person, "sv", CONTENT)
        for smtp in (
            {},
            {"at": "rcpt", "code": 550},
            {"at": "end", "close": True},
            {"at": "mail", "close": True},
        ):
            mail.settings["smtp"] = smtp
            said.append(found["email"].send(letter))
        said.append(found["email"].send(Parcel("k-3", "x", "email", "sofia hemlig", person, "sv", CONTENT)))
        text = Parcel("k-4", "reminder.due", "sms", "+46709998877", person, "sv", CONTENT)
        for behaviour in ({}, {"status": 422}, {"status": 500}, {"close": "after"}, {"status": 410}):
            receiver.behave(**behaviour)
            said.append(found["sms"].send(text))
        said.append(found["inbox"].send(letter))
        there.client.get(f"/u/{'A' * 48}?sofia")
        there.client.post("/u/hemlig", data={"sofia": "hemlig"})
    finally:
        structlog.reset_defaults()
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)
    assert {each.fate for each in said} == set(Fate)
    captured = capfd.readouterr()
    whole = stream.getvalue().decode() + captured.out + captured.err + "".join(each.why for each in said)
    assert [needle for needle in (*NEEDLES, person, made["secret"]) if needle in whole.lower()] == []
    assert "/u/<token>" in whole
    assert [json.loads(line)["route"] for line in stream.getvalue().splitlines()] != []
