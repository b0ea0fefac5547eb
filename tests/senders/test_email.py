"""E-mail against a real conversation: every fate, what the letter says, and what it cannot be made to say."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from babel.messages.pofile import read_po

import service.senders
from service.actor import show_subject
from service.errors import KeysUnavailableError
from service.explanations import LANGUAGES
from service.senders import Fate, Parcel, Sent
from service.senders.email import EmailSender
from tests.certificates import issue
from tests.receiver import running
from tests.smtp_sink import SmtpSink

PERSON = UUID("0b8f6b52-6f0e-4b7e-9b59-3c1f6d2a8e11")
TOKEN = "T" * 48
CONTENT = {
    "product": "Kräm & <tvål>",
    "date": "2026-12-01T09:00:00+00:00",
    "url": "https://shop.example/o/1?a=b&c",
}
ORDER = CONTENT | {"quantity": 2, "price_minor": 19900, "currency": "SEK", "until": "2026-11-28T09:00:00Z"}


class Mailbox:
    """What arrived, and how the sink behaves."""

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {}
        self.mails: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.facts: list[dict[str, Any]] = []

    def note(self, facts: dict[str, Any], data: bytes) -> None:
        self.facts.append(facts)
        self.raw.append(data)
        message = message_from_bytes(data, policy=default)
        assert isinstance(message, EmailMessage)
        self.mails.append(message)


@pytest.fixture
def box() -> Mailbox:
    return Mailbox()


@pytest.fixture
def port(box: Mailbox) -> Iterator[int]:
    sink = SmtpSink(lambda: box.settings, box.note)
    with running(sink):
        yield sink.port


def parcel(
    kind: str = "reminder.due",
    to: str = "aino@example.fi",
    locale: str = "sv",
    content: Mapping[str, Any] = CONTENT,
    key: str = "msg-7",
) -> Parcel:
    return Parcel(key, kind, "email", to, show_subject(PERSON), locale, content)


def sender(
    url: str, *, mail_from: str = "Apotek Tallgren <post@tallgren.example>", **more: Any
) -> EmailSender:
    now = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
    return EmailSender(
        url, mail_from, "https://me.tallgren.example", lambda _: TOKEN, clock=lambda: now, **more
    )


def send(port: int, what: Parcel, **more: Any) -> Sent:
    return sender(f"smtp://me:p%40ss@127.0.0.1:{port}", **more).send(what)


def test_a_letter_arrives_whole(port: int, box: Mailbox) -> None:
    assert send(port, parcel()) == Sent(Fate.delivered, "end: 250")
    [mail] = box.mails
    assert box.facts[0]["to"] == "rcpt TO:<aino@example.fi>"
    assert mail["From"] == "Apotek Tallgren <post@tallgren.example>"
    assert mail["To"] == "aino@example.fi"
    assert mail["Subject"] == "Snart slut: Kräm & <tvål>"
    assert mail["Message-ID"] == "<msg-7@tallgren.example>"
    assert mail["Date"].datetime == datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
    assert mail["Auto-Submitted"] == "auto-generated"
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    text = plain.get_content()
    assert "tar Kräm & <tvål> slut för dig omkring 1 december 2026." in text
    assert "https://shop.example/o/1?a=b&c" in text
    page = html.get_content()
    assert "Kräm &amp; &lt;tvål&gt;" in page
    assert 'href="https://shop.example/o/1?a=b&amp;c"' in page
    assert "<img" not in page
    assert "src=" not in page


def test_marketing_has_the_one_click_headers_whole(port: int, box: Mailbox) -> None:
    send(port, parcel())
    link = f"https://me.tallgren.example/u/{TOKEN}"
    # As it went over the line: unfolded and unencoded, or mail programs would not know it.
    assert f"\r\nList-Unsubscribe: <{link}>\r\n".encode() in box.raw[0]
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in box.raw[0]
    plain = box.mails[0].get_body(("plain",))
    assert plain is not None
    assert plain.get_content().rstrip().endswith(f"Inga fler erbjudanden med e-post\r\n{link}")


@pytest.mark.parametrize("kind", ["reorder.announced", "reorder.dispatched"])
def test_a_notice_of_an_order_has_none(port: int, box: Mailbox, kind: str) -> None:
    assert send(port, parcel(kind, content=ORDER)).fate is Fate.delivered
    assert box.mails[0]["List-Unsubscribe"] is None
    assert TOKEN.encode() not in box.raw[0]
    send(port, parcel(kind, content=ORDER | {"marketing": True}))
    assert box.mails[1]["List-Unsubscribe"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["reminder.due", "reorder.announced", "reorder.dispatched"])
def test_every_letter_in_every_language(port: int, box: Mailbox, kind: str, language: str) -> None:
    assert send(port, parcel(kind, locale=language, content=ORDER)).fate is Fate.delivered
    plain = box.mails[0].get_body(("plain",))
    assert plain is not None
    text = plain.get_content()
    assert "{" not in text
    assert "Kräm" in text
    assert "199" in text
    assert box.mails[0]["Content-Language"] == language


def test_a_reminder_shows_the_order_that_is_prepared(port: int, box: Mailbox) -> None:
    for content in (ORDER, ORDER | {"price_minor": None}):
        assert send(port, parcel(locale="en", content=content)).fate is Fate.delivered
    said = [mail.get_body(("plain",)) for mail in box.mails]
    priced, unpriced = (part.get_content() for part in said if part is not None)
    assert "Kräm & <tvål>, 199.00\xa0SEK in all." in priced
    assert "Prepared" not in unpriced


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_are_whole(language: str) -> None:
    folder = Path(service.senders.__file__).with_name("catalogues")

    def sentences(name: str) -> dict[str, str]:
        with (folder / f"{name}.po").open("rb") as found:
            catalogue = read_po(found, locale=name, abort_invalid=True)
        return {str(message.id): str(message.string) for message in catalogue if message.id}

    english, told = sentences("en"), sentences(language)
    assert set(told) == set(english)
    for name, text in told.items():
        assert language == "en" or text != english[name]
        assert "!" not in text


def test_words_that_the_shop_chose(port: int, box: Mailbox) -> None:
    said = {"text": {"subject": "Höst", "body": "Hej.\n\n.\n..\nAllt <b>nytt</b>."}}
    assert send(port, parcel("offer", content=said)).fate is Fate.delivered
    plain, html = (box.mails[0].get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None
    assert html is not None
    assert plain.get_content().startswith("Hej.\r\n\r\n.\r\n..\r\nAllt <b>nytt</b>.")
    assert "<b>" not in html.get_content()


@pytest.mark.parametrize("at", ["mail", "rcpt", "data", "end"])
@pytest.mark.parametrize(
    ("code", "fate"), [(421, Fate.retry), (451, Fate.retry), (550, Fate.refused), (554, Fate.refused)]
)
def test_a_no_is_for_now_or_for_ever_by_its_code(
    port: int, box: Mailbox, at: str, code: int, fate: Fate
) -> None:
    box.settings["smtp"] = {"at": at, "code": code}
    assert send(port, parcel()) == Sent(fate, f"{at}: {code}")
    assert box.mails == []


@pytest.mark.parametrize("code", [421, 554])
def test_a_relay_that_takes_nobody_is_no_fault_of_the_message(port: int, box: Mailbox, code: int) -> None:
    box.settings["smtp"] = {"at": "connect", "code": code}
    assert send(port, parcel()) == Sent(Fate.retry, f"relay: {code}")


@pytest.mark.parametrize("at", ["connect", "mail", "rcpt", "data"])
@pytest.mark.parametrize("how", [{"close": True}, {"hang": 1.0}])
def test_a_connection_lost_before_the_data_may_be_tried_again(
    port: int, box: Mailbox, at: str, how: dict[str, Any]
) -> None:
    box.settings["smtp"] = {"at": at, **how}
    assert send(port, parcel(), seconds=0.5).fate is Fate.retry
    assert box.mails == []


@pytest.mark.parametrize("how", [{"close": True}, {"hang": 1.0}])
def test_a_connection_lost_after_the_data_is_unknown(port: int, box: Mailbox, how: dict[str, Any]) -> None:
    box.settings["smtp"] = {"at": "end", **how}
    assert send(port, parcel(), seconds=0.5) == Sent(Fate.unknown, "no answer after the data")
    # And it was taken: trying again would have made it two.
    assert len(box.mails) == 1


def test_nobody_there(port: int) -> None:
    assert sender("smtp://127.0.0.1:1").send(parcel()) == Sent(
        Fate.retry, "the connection to the relay broke"
    )


def test_a_relay_that_cannot_be_found(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = sender("smtp://relay.invalid:25", seconds=2).send(parcel())
    assert unknown == Sent(Fate.retry, "the relay's name cannot be resolved")


def test_starttls_is_needed_where_it_is_asked_for(
    box: Mailbox, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sender(f"starttls://127.0.0.1:{port}").send(parcel()).fate is Fate.retry
    certificate, key = issue(tmp_path, "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    sink = SmtpSink(lambda: box.settings, box.note, context=context)
    with running(sink):
        relay = sender(f"starttls://me:secret@localhost:{sink.port}")
        assert relay.send(parcel()).fate is Fate.retry
        assert box.mails == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert relay.send(parcel()).fate is Fate.delivered


@pytest.mark.parametrize(
    "to",
    [
        *("", "aino", "@example.fi", "aino@", "aino@localhost", "a b@example.fi", "aino@exa mple.fi"),
        *("aino@example.fi\r\nBcc: all@example.fi", "aino@example.fi>\r\nRCPT TO:<all@example.fi"),
        *("aino@example.fi,all@example.fi", "<aino@example.fi>", "aino\x00@example.fi", "åsa@example.fi"),
        *("a" * 65 + "@example.fi", '"a b"@example.fi', "aino@" + "a" * 64 + ".fi", ".aino@example.fi"),
        *("aino@example.fi\n", "aino@example.fi SIZE=1"),
    ],
)
def test_an_address_that_is_none_gets_nothing(port: int, box: Mailbox, to: str) -> None:
    assert send(port, parcel(to=to)) == Sent(Fate.refused, "the address cannot be written to")
    assert box.mails == []


def test_a_domain_of_other_letters(port: int, box: Mailbox) -> None:
    assert send(port, parcel(to="aino@exämple.fi")).fate is Fate.delivered
    assert "xn--exmple-cua.fi" in box.facts[0]["to"]


EVIL = "Kräm\r\nBcc: all@example.fi\r\n\r\n<script>\u2028X-Evil: 1\x85\x00"


@pytest.mark.parametrize(
    "what",
    [
        parcel(content=CONTENT | {"product": EVIL}),
        parcel("offer", content={"text": {"subject": EVIL, "body": EVIL}}),
        parcel("reorder.announced", content=ORDER | {"product": EVIL, "quantity": EVIL}),
    ],
)
def test_no_value_becomes_a_header(port: int, box: Mailbox, what: Parcel) -> None:
    assert send(port, what).fate is Fate.delivered
    [mail] = box.mails
    usual = {
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "Content-Language",
        "MIME-Version",
    }
    assert set(mail.keys()) - {"Content-Type", "List-Unsubscribe", "List-Unsubscribe-Post"} == usual
    assert "Bcc: all@example.fi" in mail["Subject"]
    head = box.raw[0].partition(b"\r\n\r\n")[0]
    assert b"\nBcc" not in head
    assert b"\nX-Evil" not in head
    html = mail.get_body(("html",))
    assert html is not None
    assert "<script>" not in html.get_content()


@pytest.mark.parametrize("mail_from", ["Evil\r\nBcc: x@y.example <post@tallgren.example>"])
def test_nor_does_the_senders_name(port: int, box: Mailbox, mail_from: str) -> None:
    try:
        sent = send(port, parcel(), mail_from=mail_from)
    except ValueError:
        return
    assert sent.fate is Fate.refused or box.mails[0]["Bcc"] is None


@pytest.mark.parametrize(
    "what",
    [
        parcel("subject.erased"),
        parcel(content={}),
        parcel(content=CONTENT | {"date": "soon"}),
        parcel(content=CONTENT | {"url": "javascript:alert(1)"}),
        parcel("reorder.announced"),
        parcel("offer", content={"text": {"subject": "x"}}),
        parcel(key="a b>\r\nX: y"),
        parcel(key=""),
        parcel("offer", content={"text": {"subject": "\ud800", "body": "\udfff"}}),
    ],
)
def test_what_no_letter_can_be_made_of_is_refused(port: int, box: Mailbox, what: Parcel) -> None:
    assert send(port, what) == Sent(Fate.refused, "no letter can be made of this")
    assert box.mails == []


def test_without_keys_it_waits(port: int) -> None:
    def away(_: UUID) -> str:
        raise KeysUnavailableError

    waiting = EmailSender(f"smtp://127.0.0.1:{port}", "a@b.example", "https://me.example", away)
    assert waiting.send(parcel()) == Sent(Fate.retry, "the keys cannot be reached")
