"""An SMTP server that takes everything, writes down what arrived, and fails when it is told to.

`settings()["smtp"]` is a mapping: `at` (`connect`, `mail`, `rcpt`, `data`, `end`) with `code` answers so,
`close` closes there without an answer, `hang` seconds waits there first. After the message was read, `end` is
where it fails.
"""

from __future__ import annotations

import socketserver
import ssl
import time
from collections.abc import Callable, Mapping
from email import message_from_bytes
from email.policy import default
from typing import Any

Note = Callable[[dict[str, Any], bytes], None]


class SmtpSink(socketserver.ThreadingTCPServer):
    """`note` is called once for each message whose data arrived whole, before it is answered."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(
        self,
        settings: Callable[[], Mapping[str, Any]],
        note: Note,
        port: int = 0,
        context: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(("127.0.0.1", port), _Session)
        self.settings, self.note, self.context = settings, note, context

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _ClosedError(Exception):
    """The sink hangs up."""


class _Session(socketserver.StreamRequestHandler):
    server: SmtpSink

    def handle(self) -> None:
        try:
            self._talk()
        except (_ClosedError, OSError):
            return
        finally:
            if self.connection is not self.request:
                self.connection.close()

    def _talk(self) -> None:
        self._answer("connect", "220 sink ESMTP")
        recipient = ""
        while line := self.rfile.readline(2000):
            verb = line.split()[0].upper().decode("latin-1") if line.split() else ""
            if verb == "EHLO":
                extras = ["sink", "AUTH PLAIN"] + (["STARTTLS"] if self.server.context else [])
                self._say("\r\n".join(f"250-{each}" for each in extras) + "\r\n250 8BITMIME")
            elif verb == "STARTTLS" and self.server.context:
                self._say("220 go ahead")
                self.connection = self.server.context.wrap_socket(self.connection, server_side=True)
                self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
            elif verb == "AUTH":
                self._say("235 welcome")
            elif verb == "MAIL":
                self._answer("mail", "250 ok")
            elif verb == "RCPT":
                recipient = line.decode("latin-1").strip()
                self._answer("rcpt", "250 ok")
            elif verb == "DATA":
                if self._answer("data", "354 go on"):
                    self._take(recipient)
            elif verb == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _take(self, recipient: str) -> None:
        lines: list[bytes] = []
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line[1:] if line.startswith(b"..") else line)
        if line == b"":
            return
        data = b"".join(lines)
        message = message_from_bytes(data, policy=default)
        failing = self._told("end") is not None and "code" in self.server.settings()["smtp"]
        if not failing:
            self.server.note({"kind": "mail", "key": str(message["Message-ID"]), "to": recipient}, data)
        self._answer("end", "250 taken")

    def _told(self, at: str) -> Mapping[str, Any] | None:
        told: Mapping[str, Any] = self.server.settings().get("smtp") or {}
        return told if told.get("at") == at else None

    def _answer(self, at: str, usual: str) -> bool:
        """Whether it was the usual answer."""
        told = self._told(at)
        if told is None:
            self._say(usual)
            return True
        time.sleep(told.get("hang", 0))
        if told.get("close"):
            raise _ClosedError
        self._say(f"{told['code']} no" if "code" in told else usual)
        return "code" not in told

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")
