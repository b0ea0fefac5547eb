"""A receiver of webhooks and mail that writes down what arrived, and misbehaves when it is told to.

    python -m tests.receiver --port 0 --log FILE [--smtp-port 0] [--secret whsec_…] [--mode '{"status": 503}']

It prints its HTTP port, then its SMTP port if it has one, each on a line. `FILE` gets one JSON line for each
request or message that was read whole, written before it is answered: `kind` (`webhook`, `mail`), `key`,
`type`, `subject`, `sha256` of the body, `signed` (whether a secret verifies it; null without secrets), `at`.

`PUT /control` sets what follows, as JSON; `{}` is good behaviour again, and secrets stay. `times`: only for
so many requests.
`status`, `headers`: answer so. `slow`: seconds before the answer. `hang`: never answer. `close`: `before` or
`after` reading the request, without an answer. `twice`: answer two times. `drip`: a byte of the answer every
tenth of a second. `secrets`: verify with these. `smtp`: see `tests.smtp_sink`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from tests.smtp_sink import SmtpSink

_LONGEST_HANG = 60.0


class Receiver(ThreadingHTTPServer):
    """Serves until it is closed. `port` 0 takes a free one."""

    daemon_threads = True

    def __init__(
        self, log: Path, port: int = 0, settings: Mapping[str, Any] | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        super().__init__(("127.0.0.1", port), _Handler)
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        # A line of it is one write, so that lines of several processes do not mix and none is lost by a kill.
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.path = log
        self.settings: dict[str, Any] = dict(settings or {})
        self._lock = threading.Lock()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def behave(self, **settings: Any) -> None:
        """From the next request on."""
        with self._lock:
            kept = {name: self.settings[name] for name in ("secrets", "smtp") if name in self.settings}
            self.settings = kept | settings

    def next_behaviour(self) -> dict[str, Any]:
        with self._lock:
            told = dict(self.settings)
            if "times" in told:
                self.settings["times"] -= 1
                if told["times"] <= 0:
                    return {name: told[name] for name in ("secrets",) if name in told}
            return told

    def note(self, facts: dict[str, Any], body: bytes) -> None:
        line = facts | {
            "sha256": hashlib.sha256(body).hexdigest(),
            "at": datetime.now(UTC).isoformat(),
        }
        os.write(self._log, json.dumps(line).encode() + b"\n")

    def arrived(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sender that hung up is what half of the tests are about."""

    def server_close(self) -> None:
        super().server_close()
        os.close(self._log)


class _Handler(BaseHTTPRequestHandler):
    server: Receiver
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        told = json.loads(self._body())
        self.server.behave(**{"smtp": {}} | told)
        self._answer(204, {})

    def do_POST(self) -> None:
        told = self.server.next_behaviour()
        self.close_connection = True
        if told.get("close") == "before":
            return
        body = self._body()
        self.server.note(_facts(self.headers, body, told.get("secrets")), body)
        if told.get("close") == "after":
            return
        time.sleep(_LONGEST_HANG if told.get("hang") else told.get("slow", 0))
        for _ in range(2 if told.get("twice") else 1):
            self._answer(told.get("status", 204), told.get("headers", {}), drip=bool(told.get("drip")))

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _answer(self, status: int, headers: Mapping[str, str], *, drip: bool = False) -> None:
        lines = [f"HTTP/1.1 {status} x", "Content-Length: 0", *(f"{k}: {v}" for k, v in headers.items())]
        data = ("\r\n".join(lines) + "\r\n\r\n").encode()
        for part in [data[at : at + 1] for at in range(len(data))] if drip else [data]:
            self.wfile.write(part)
            self.wfile.flush()
            time.sleep(0.1 if drip else 0)

    def log_message(self, format: str, *args: Any) -> None:
        """What arrived stands in the file."""


def _facts(headers: Any, body: bytes, secrets: list[str] | None) -> dict[str, Any]:
    try:
        event = json.loads(body)
    except ValueError:
        event = {}
    return {
        "kind": "webhook",
        "key": headers.get("webhook-id"),
        "type": event.get("type"),
        "subject": event.get("subject"),
        "signed": None if not secrets else any(_verifies(each, headers, body) for each in secrets),
    }


def _verifies(secret: str, headers: Any, body: bytes) -> bool:
    try:
        Webhook(secret).verify(body, dict(headers))
    except WebhookVerificationError:
        return False
    return True


@contextmanager
def receiving(log: Path, context: ssl.SSLContext | None = None, **settings: Any) -> Iterator[Receiver]:
    """A receiver in a thread of this process."""
    receiver = Receiver(log, 0, settings, context)
    with running(receiver):
        yield receiver


@contextmanager
def running(server: Any) -> Iterator[None]:
    """A server of the standard library in a thread of this process."""
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--smtp-port", type=int)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--secret", action="append")
    parser.add_argument("--mode", type=json.loads, default={})
    given = parser.parse_args()
    settings = given.mode | ({"secrets": given.secret} if given.secret else {})
    receiver = Receiver(given.log, given.port, settings)
    print(receiver.port, flush=True)
    if given.smtp_port is not None:
        sink = SmtpSink(lambda: receiver.settings, receiver.note, given.smtp_port)
        threading.Thread(target=sink.serve_forever, daemon=True).start()
        print(sink.port, flush=True)
    receiver.serve_forever()


if __name__ == "__main__":
    main()
