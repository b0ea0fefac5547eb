"""How the run speaks with the service, and everything it assumes about the parts that it cannot see into.

What is assumed, each in one place so that it is easily changed:

- `PERMITTED` and `REDEEM`: marketing asks for permits and redeems them as api.md says. Where the route does
  not exist (404 or 405) nobody asks again.
- A redeemed permit has been handed over, so an answer that forbids it later, while whoever redeemed it was
  still waiting to be told, lists it in `irrevocable` by its id (P1).
- Entries of `cancelled` and `irrevocable` carry `id`: the idempotency key of what was or will be sent, or the
  id of the reorder that it is about. `read_receipts` finds the same ids in what arrived.
- The receiver stand-in appends one JSON line for each arrival to its log, with at least `key`, `type`,
  `subject` and `instant`.
- `TOPICS_OF_KIND`: what kinds of arrivals there are, and which choices can close them.
- `RELAY`: what the command line of the relay's process holds.
- `LEASE`: how long the relay may hold an attempt, in seconds.
"""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from service.config import Config
from service.tokens import load_issuer_key, mint
from tests.faults.history import Arrival

PERMITTED = "/v1/offers/permitted"
REDEEM = "/v1/permits/redeem"
RELAY = "samtycke relay"
LEASE = 30.0

REMIND, OFFER, BY_APP = "remind", "offer", "by app"
# By a part of the arrival's type. What no entry fits is bound by nothing but the person's own existence.
TOPICS_OF_KIND = {"remind": (REMIND,), "offer": (OFFER,)}
EXISTS = "anything"

_PATIENCE = 12.0


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` 0: the service was not reached, so nothing happened; None: nobody knows what happened."""

    status: int | None
    body: Any = None
    etag: str = ""

    @property
    def done(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def unknown(self) -> bool:
        """A server that fails may have done its work before."""
        return self.status is None or self.status >= 500


class Api:
    """One client's calls, each on a connection of its own, since the servers behind it come and go."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._key = load_issuer_key(config.issuer_key_file)
        self._tokens: dict[tuple[str, str | None], str] = {}

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        role: str,
        subject: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        connection = http.client.HTTPConnection(self._config.host, self._config.port, timeout=_PATIENCE)
        try:
            connection.connect()
        except OSError:
            return Answer(0)
        content = None if body is None else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {self._token(role, subject)}", "Accept": "*/*", **(headers or {})}
        if content is not None:
            sent.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, content, sent)
            response = connection.getresponse()
            text = response.read()
            return Answer(response.status, _decoded(text), response.headers.get("ETag", ""))
        except (OSError, http.client.HTTPException):
            return Answer(None)
        finally:
            connection.close()

    def ready(self) -> bool:
        return self.call("GET", "/readyz", role="dpo").done

    def _token(self, role: str, subject: str | None) -> str:
        known = (role, subject)
        if known not in self._tokens:
            self._tokens[known] = mint(
                self._key,
                issuer=self._config.issuer,
                audience=self._config.audience,
                sub=subject or f"faults-{role}",
                roles=[role],
                now=datetime.now(UTC),
                subject=subject,
            )
        return self._tokens[known]


def ids_of(entries: Iterable[Mapping[str, Any]] | None) -> tuple[str, ...]:
    """The ids in a list of `cancelled` or `irrevocable`."""
    return tuple(str(entry["id"]) for entry in entries or () if "id" in entry)


def read_receipts(log: Path) -> list[Arrival]:
    """What reached the receiver, oldest first. A last line that is still being written is left out."""
    arrivals = []
    for line in log.read_text(encoding="utf-8").splitlines() if log.exists() else ():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        arrivals.append(_arrival(entry))
    return arrivals


def _arrival(entry: Mapping[str, Any]) -> Arrival:
    kind = str(entry["type"])
    content = entry.get("content") or entry.get("data") or {}
    content = content if isinstance(content, dict) else {}
    topics = next((topics for part, topics in TOPICS_OF_KIND.items() if part in kind), ())
    route = str(entry.get("channel") or entry.get("route") or "")
    names = [entry.get("message"), *(content.get(name) for name in ("id", "reorder", "order", "permit"))]
    return Arrival(
        key=str(entry["key"]),
        subject=str(entry["subject"]),
        kind="order" if "order" in kind and "dispatch" in kind else kind,
        topics=(*topics, *((BY_APP,) if route == "app" else ()), EXISTS),
        arrived=_instant(entry["instant"]),
        digest=str(entry.get("digest") or json.dumps(content, sort_keys=True)),
        names=tuple(str(name) for name in names if name),
        # Mail cannot be recognised by its receiver; everything else carries the key in a header.
        once=route in ("email", "smtp"),
        goods=str(content.get("sku") or ""),
        cycle=str(content.get("cycle") or ""),
    )


def _instant(value: Any) -> float:
    if isinstance(value, int | float):
        return float(value)
    return datetime.fromisoformat(str(value)).timestamp()


def _decoded(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text.decode(errors="replace")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
