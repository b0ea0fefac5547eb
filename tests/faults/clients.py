"""How the run speaks with the service, and everything it assumes about the parts that it cannot see into.

What is assumed, each in one place so that it is easily changed:

- `PERMITTED` and `REDEEM`: marketing asks for permits and redeems them as api.md says. Where the route does
  not exist (404 or 405) nobody asks again.
- A redeemed permit has been handed over, so an answer that forbids it while whoever redeemed it was still
  waiting to be told lists it in `irrevocable` (P1), under the id of the decision that it names:
  `names_of_permit`.
- Entries of `cancelled` and `irrevocable` carry `id`: the idempotency key of what was or will be sent, or the
  id of the reorder that it is about. What was tried in vain may stand in both.
- Messages by the channel `push` go to the endpoint registered for that route (`register_receiver`), as
  CloudEvents that `tests.faults.sink` writes down.
- `TOPICS_OF_KIND`: what kinds of arrivals there are, and which choices can close them.
- `RELAY`: what the command line of the relay's process holds.
- `LEASE`: how long the relay may hold an attempt, in seconds, as `tests/faults/broken` sets it for a run.
"""

from __future__ import annotations

import base64
import http.client
import json
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from service.config import Config
from service.storage.decisions import decision_ids
from service.tokens import load_issuer_key, mint
from tests.faults.history import Arrival

PERMITTED = "/v1/offers/permitted"
REDEEM = "/v1/permits/redeem"
RELAY = "service.cli relay"
LEASE = 20.0

REMIND, OFFER, BY_PUSH = "remind", "offer", "by push"
# By a part of the arrival's type. What no entry fits is bound by nothing but the person's own existence.
TOPICS_OF_KIND = {"remind": (REMIND, BY_PUSH)}
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


def names_of_permit(token: str) -> tuple[str, ...]:
    """The ids by which an answer may list this permit: a token names a row of decisions and a place in it."""
    try:
        data = base64.b32decode(token.partition("_")[2].upper())
        [*_, name] = decision_ids(UUID(bytes=data[:16]), int.from_bytes(data[16:19], "big") + 1)
    except ValueError:
        return ()
    return (name,)


def register_receiver(api: Api, port: int) -> bool:
    """Whether this service can send by webhooks; then what goes by `push` goes to `port`."""
    endpoint = {"name": "receiver", "url": f"http://127.0.0.1:{port}/", "route": "push"}
    answer = api.call("POST", "/v1/webhooks", endpoint, role="admin")
    if not answer.done and answer.status not in (404, 405):
        raise RuntimeError(f"the receiver was not registered: {answer}")
    return answer.done


def read_receipts(log: Path) -> list[Arrival]:
    """What reached the sink, oldest first. A last line that is still being written is left out."""
    arrivals = []
    for line in log.read_text(encoding="utf-8").splitlines() if log.exists() else ():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        arrivals.append(_arrival(entry))
    return arrivals


def _arrival(entry: Mapping[str, Any]) -> Arrival:
    kind, content = str(entry["type"]), dict(entry.get("content") or {})
    # Every attempt is a decision of its own; nothing else may differ under one key.
    content.pop("decision", None)
    topics = next((topics for part, topics in TOPICS_OF_KIND.items() if part in kind), ())
    reorder = content.get("reorder")
    return Arrival(
        key=str(entry["key"]),
        subject=str(entry["subject"]),
        kind=kind,
        topics=(*topics, EXISTS),
        arrived=datetime.fromisoformat(entry["at"]).timestamp(),
        digest=json.dumps(content, sort_keys=True),
        names=(str(reorder),) if reorder else (),
        # Mail cannot be recognised by its receiver; everything else carries the key in a header.
        once=entry.get("kind") == "mail",
        goods=str(content.get("sku") or ""),
    )


def _decoded(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text.decode(errors="replace")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
