"""Endpoints of webhooks: the address, the secrets, and whom each is for, sealed under a key of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from service.crypto.data_key import DataKey, place
from service.crypto.keyring import Keyring, WrappedKey
from service.crypto.reading import OPERATION
from service.errors import NotFoundError, UnavailableError, UnreadableError
from service.ids import ENDPOINT
from service.storage.database import Connection
from service.storage.sql import load
from service.storage.unit import Unit

_SQL = load(__file__)

ACTIVE, DISABLED, REMOVED = "active", "disabled", "removed"


class Secret(msgspec.Struct):
    """`until`: when it stops signing; None for the one in use."""

    text: str
    until: datetime | None = None


class EndpointDetails(msgspec.Struct):
    """`recipient`: whom of Art. 19 it stands for. `purpose`: it is told only of changes that concern it.
    A removed endpoint keeps its names alone."""

    name: str
    recipient: str
    url: str = ""
    purpose: str | None = None
    secrets: list[Secret] = []


@dataclass(frozen=True, slots=True)
class Subscriber:
    """`purpose`: it is told of this alone. `recipient` is None where that cannot be read."""

    id: UUID
    purpose: str | None
    recipient: str | None


@dataclass(slots=True)
class StoredEndpoint:
    id: UUID
    types: list[str]
    route: str | None
    state: str
    version: int
    created_at: datetime
    changed_at: datetime
    details: EndpointDetails
    key: DataKey

    def secrets(self, now: datetime) -> tuple[str, ...]:
        """Those that sign at `now`, the newest first."""
        return tuple(s.text for s in self.details.secrets if s.until is None or s.until > now)


def hold_endpoints(unit: Unit) -> None:
    """Let nobody else register one until the transaction ends."""
    unit.db.execute(_SQL["hold_endpoints"])


def insert_endpoint(
    unit: Unit, endpoint: UUID, types: Sequence[str], route: str | None, details: EndpointDetails
) -> StoredEndpoint:
    key, wrapped = unit.keyring.new_data_key(endpoint)
    made = StoredEndpoint(endpoint, list(types), route, ACTIVE, 1, unit.now, unit.now, details, key)
    values = {"id": endpoint, "types": made.types, "route": route, "now": unit.now, "sealed": _seal(made)}
    unit.db.execute(_SQL["insert_endpoint"], values)
    unit.db.execute(_SQL["insert_key"], (endpoint, wrapped.kek, wrapped.wrapped, unit.now))
    return made


def read_endpoints(db: Connection, keyring: Keyring, *states: str) -> list[StoredEndpoint]:
    """Those in one of the states, oldest first. Raises UnreadableError."""
    rows = db.execute(_SQL["read_endpoints"], (list(states),)).fetchall()
    return [_open(keyring, row) for row in rows]


def read_subscribers(unit: Unit, kind: str) -> list[Subscriber]:
    """Active endpoints that want events of a type. One that cannot be opened wants them for every purpose:
    a withdrawal does not wait for whom it is told to, and that they have not been told shows."""
    wanted = [kind, f"{kind.partition('.')[0]}.*"]
    rows = unit.db.execute(_SQL["read_subscribed"], (wanted,)).fetchall()
    return [_subscriber(unit, row) for row in rows]


def _subscriber(unit: Unit, row: Sequence[Any]) -> Subscriber:
    try:
        details = _open(unit.keyring, row).details
    except UnavailableError:
        return Subscriber(row[0], None, None)
    return Subscriber(row[0], details.purpose, details.recipient)


def read_endpoint(db: Connection, keyring: Keyring, endpoint: UUID) -> StoredEndpoint:
    """Raises NotFoundError, and UnreadableError."""
    row = db.execute(_SQL["read_endpoint"], (endpoint,)).fetchone()
    if row is None:
        raise NotFoundError(ENDPOINT)
    return _open(keyring, row)


def find_route(db: Connection, route: str) -> UUID | None:
    """The active endpoint that stands for a route."""
    row = db.execute(_SQL["find_route"], (route,)).fetchone()
    return None if row is None else row[0]


def lock_endpoint(unit: Unit, endpoint: UUID) -> StoredEndpoint:
    """Nobody else changes it until the transaction ends. Raises NotFoundError, also for a removed one."""
    unit.db.execute(_SQL["lock_endpoint"], (endpoint,))
    found = read_endpoint(unit.db, unit.keyring, endpoint)
    if found.state == REMOVED:
        raise NotFoundError(ENDPOINT)
    return found


def save_endpoint(unit: Unit, endpoint: StoredEndpoint) -> None:
    """Write a locked endpoint as its next version."""
    endpoint.version += 1
    endpoint.changed_at = unit.now
    values = {"id": endpoint.id, "state": endpoint.state, "version": endpoint.version, "now": unit.now}
    unit.db.execute(_SQL["save_endpoint"], values | {"sealed": _seal(endpoint)})


def disable_endpoint(db: Connection, endpoint: UUID, now: datetime) -> None:
    db.execute(_SQL["disable"], (now, endpoint))


def _seal(endpoint: StoredEndpoint) -> bytes:
    return endpoint.key.seal(msgspec.json.encode(endpoint.details), _place(endpoint.id, endpoint.version))


def _open(keyring: Keyring, row: Sequence[Any]) -> StoredEndpoint:
    endpoint, types, route, state, version, created_at, changed_at, sealed, kek, wrapped = row
    if wrapped is None:
        raise UnreadableError
    key = keyring.unwrap(endpoint, WrappedKey(kek, wrapped))
    details = msgspec.json.decode(
        key.open(sealed, _place(endpoint, version), OPERATION), type=EndpointDetails
    )
    return StoredEndpoint(endpoint, types, route, state, version, created_at, changed_at, details, key)


def _place(endpoint: UUID, version: int) -> bytes:
    return place("webhook_endpoints", "sealed", endpoint, version)
