"""One POST to an address that the guard has looked at: no redirect, no proxy, and an end in time.

The answer's body is not read: its status and `Retry-After` say everything.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from service.senders.guard import Guard

_LONGEST_WAIT = 86_400.0


class NoAnswerError(Exception):
    """The receiver could not be reached or gave no answer that can be read; the message names neither."""


@dataclass(frozen=True, slots=True)
class Reply:
    """`after`: seconds that the receiver asks to wait."""

    status: int
    after: float | None = None


def post(
    guard: Guard, url: str, body: bytes, headers: Mapping[str, str], *, seconds: float, now: datetime
) -> Reply:
    """Raises AddressRefusedError and UnresolvedError with nothing sent, and NoAnswerError."""
    until = time.monotonic() + seconds
    target = guard.check(url)
    [address, *_] = guard.addresses(target)
    connection = _Connection(target.host, target.port, address, target.scheme == "https", until)
    try:
        with _stopped(until, connection.cut):
            connection.request("POST", target.path, body, dict(headers))
            answer = connection.getresponse()
            return Reply(answer.status, _after(answer.getheader("Retry-After"), now))
    except TimeoutError:
        raise NoAnswerError("no answer in time") from None
    except ssl.SSLError:
        raise NoAnswerError("no TLS with this receiver") from None
    except (OSError, http.client.HTTPException, ValueError):
        late = time.monotonic() >= until
        raise NoAnswerError("no answer in time" if late else "the connection broke") from None
    finally:
        connection.close()


class _Connection(http.client.HTTPConnection):
    """Speaks with `host`, and connects to `address`."""

    def __init__(self, host: str, port: int, address: str, secure: bool, until: float) -> None:
        super().__init__(host, port, timeout=max(0.01, until - time.monotonic()))
        self._address, self._secure = address, secure
        # By this the Host header leaves out the usual port.
        self.default_port = http.client.HTTPS_PORT if secure else http.client.HTTP_PORT

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), self.timeout)
        if self._secure:
            context = ssl.create_default_context()
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            # In two steps, so that a handshake can be cut off too.
            secured = context.wrap_socket(self.sock, server_hostname=self.host, do_handshake_on_connect=False)
            self.sock = secured
            secured.do_handshake()

    def cut(self) -> None:
        """End it from another thread: a receiver that drips a byte a second would never run into the time
        limit of a single read."""
        sock = self.sock
        if sock is not None:
            # The plain socket's own: TLS would wait for the other side's farewell.
            with suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


@contextmanager
def _stopped(until: float, stop: Callable[[], None]) -> Iterator[None]:
    timer = threading.Timer(max(0.0, until - time.monotonic()), stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _after(text: str | None, now: datetime) -> float | None:
    """Retry-After as seconds from now (RFC 9110, section 10.2.3); None for what cannot be read."""
    if text is None:
        return None
    if text.isascii() and text.isdecimal():
        return min(float(text), _LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return min(max(0.0, (at - now).total_seconds()), _LONGEST_WAIT)
