"""E-mail by SMTP (RFC 5321), with the one-click headers of RFC 8058. DKIM is for the relay to add.

SMTP cannot deduplicate. Until the line that ends the data is sent, the message has certainly not been taken;
from then on only an answer tells, and a connection lost before it leaves it `unknown` (guarantees P4).
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from urllib.parse import SplitResult, unquote, urlsplit
from uuid import UUID

from service.errors import NotFoundError, UnavailableError
from service.ids import SUBJECT, read
from service.senders import Fate, Parcel, Sent
from service.senders.guard import UnresolvedError, look_up
from service.senders.letter import Letter, LetterError, is_marketing, letter_of

SECONDS = 30.0
_RESOLVING = 5.0
CHANNEL = "email"
_PORTS = {"smtp": 25, "starttls": 587, "smtps": 465}
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)
_DOMAIN = re.compile(r"[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+", re.ASCII)
_KEY = re.compile(r"[A-Za-z0-9._-]{1,100}", re.ASCII)
# A link is longer than the usual line; folded it would be taken apart. RFC 5322 has room up to here.
_POLICY = SMTP.clone(max_line_length=998)


class BadAddressError(Exception):
    """This is no address that mail can be sent to."""


class _StopError(Exception):
    """The conversation ended before the message was taken."""

    def __init__(self, sent: Sent) -> None:
        super().__init__(sent.why)
        self.sent = sent


class EmailSender:
    """`token` gives the unsubscribe token of a person; the links lead below `public_url`."""

    def __init__(
        self,
        smtp_url: str,
        mail_from: str,
        public_url: str,
        token: Callable[[UUID], str],
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        seconds: float = SECONDS,
    ) -> None:
        self._relay, self._from, self._public_url = urlsplit(smtp_url), parseaddr(mail_from), public_url
        self._token, self._clock, self._seconds = token, clock, seconds

    def send(self, parcel: Parcel) -> Sent:
        try:
            recipient = _address(parcel.to)
            data = self._message(parcel, recipient).as_bytes(policy=_POLICY)
        except BadAddressError:
            return Sent(Fate.refused, "the address cannot be written to")
        except (LetterError, NotFoundError, ValueError):
            return Sent(Fate.refused, "no letter can be made of this")
        except UnavailableError:
            return Sent(Fate.retry, "the keys cannot be reached")
        try:
            return self._hand_over(recipient.addr_spec, data)
        except _StopError as stop:
            return stop.sent

    def _message(self, parcel: Parcel, recipient: Address) -> EmailMessage:
        link = None
        if is_marketing(parcel):
            link = f"{self._public_url}/u/{self._token(read(SUBJECT, parcel.subject))}"
        letter = letter_of(parcel, link)
        name, address = self._from
        if not _KEY.fullmatch(parcel.key):
            raise LetterError
        message = EmailMessage(policy=_POLICY)
        message["From"] = Address(name, addr_spec=address)
        message["To"] = recipient
        message["Subject"] = letter.subject
        message["Date"] = format_datetime(self._clock())
        message["Message-ID"] = f"<{parcel.key}@{address.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        if link is not None:
            message["List-Unsubscribe"] = f"<{link}>"
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        _write(message, letter)
        return message

    def _hand_over(self, recipient: str, data: bytes) -> Sent:
        until = time.monotonic() + self._seconds
        sender = self._from[1]
        with _session(self._relay, sender.rpartition("@")[2], until) as client:
            _require("mail", client.mail(sender))
            _require("rcpt", client.rcpt(recipient))
            _require("data", client.docmd("DATA"), 354)
            client.send(re.sub(rb"(?m)^\.", b"..", data))
            # From here on it may have been taken.
            try:
                client.send(b".\r\n")
                code, _ = client.getreply()
            except (OSError, smtplib.SMTPException):
                return Sent(Fate.unknown, "no answer after the data")
        return _answered("end", code)


def _address(text: str) -> Address:
    """Raises BadAddressError, also for a local part beyond ASCII, which few servers take (RFC 6531)."""
    local, _, domain = text.rpartition("@")
    try:
        ascii_domain = domain.encode("idna").decode()
    except UnicodeError:
        raise BadAddressError from None
    if len(local) > 64 or not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(ascii_domain):
        raise BadAddressError
    return Address(username=local, domain=ascii_domain)


def _write(message: EmailMessage, letter: Letter) -> None:
    message.set_content(letter.plain, cte="quoted-printable")
    message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    message["Content-Language"] = letter.lang


@contextmanager
def _session(relay: SplitResult, own_name: str, until: float) -> Iterator[smtplib.SMTP]:
    """A connection that is ready for a message, and ends in time. Raises _StopError for whatever ends it."""
    client: smtplib.SMTP | None = None
    timer: threading.Timer | None = None
    try:
        client = _connected(relay, own_name, until)
        timer = threading.Timer(max(0.0, until - time.monotonic()), _cut, [client])
        timer.daemon = True
        timer.start()
        _greet(client, relay)
        yield client
        with suppress(OSError, smtplib.SMTPException):
            client.quit()
    except smtplib.SMTPResponseException as error:
        # The relay does not want us: that is not this message's fault.
        raise _StopError(Sent(Fate.retry, f"relay: {error.smtp_code}")) from None
    except UnresolvedError:
        raise _StopError(Sent(Fate.retry, "the relay's name cannot be resolved")) from None
    except (OSError, smtplib.SMTPException, ValueError):
        raise _StopError(Sent(Fate.retry, "the connection to the relay broke")) from None
    finally:
        if timer is not None:
            timer.cancel()
        if client is not None:
            client.close()


def _connected(relay: SplitResult, own_name: str, until: float) -> smtplib.SMTP:
    host, port = relay.hostname or "", relay.port or _PORTS[relay.scheme]
    # The system's resolver has no limit of its own: what it cannot find now it would not find below either.
    look_up(host, port, min(_RESOLVING, until - time.monotonic()))
    timeout = max(0.01, until - time.monotonic())
    if relay.scheme == "smtps":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(host, port, own_name, timeout=timeout, context=context)
    return smtplib.SMTP(host, port, own_name, timeout=timeout)


def _greet(client: smtplib.SMTP, relay: SplitResult) -> None:
    client.ehlo_or_helo_if_needed()
    if relay.scheme == "starttls":
        # Without TLS it raises, so that nothing goes out in clear.
        client.starttls(context=ssl.create_default_context())
    if relay.username:
        client.login(unquote(relay.username), unquote(relay.password or ""))


def _cut(client: smtplib.SMTP) -> None:
    """End it from another thread: a relay that drips would never run into the time limit of one read."""
    sock = client.sock
    if sock is not None:
        with suppress(OSError):
            socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _require(stage: str, answer: tuple[int, bytes], wanted: int = 250) -> None:
    code = answer[0]
    if code != wanted and not (wanted == 250 and code == 251):
        raise _StopError(_answered(stage, code if code >= 400 else 400))


def _answered(stage: str, code: int) -> Sent:
    """What a reply means, by its first digit (RFC 5321, section 4.2.1)."""
    why = f"{stage}: {code}"
    if 200 <= code < 300:
        return Sent(Fate.delivered, why)
    if 400 <= code < 500:
        return Sent(Fate.retry, why)
    return Sent(Fate.refused if 500 <= code < 600 else Fate.unknown, why)
