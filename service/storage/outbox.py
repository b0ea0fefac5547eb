"""The outbox: messages to a person or to the shop, and events to others, sealed under the person's key.

A row is `queued`, then `claimed` for one attempt, and ends `delivered` (to the best of our knowledge),
`parked` for an operator, or `cancelled`. Whoever changes a message about a person holds the lock on that
person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from psycopg.types.json import Jsonb

from service.actor import show_subject
from service.crypto.reading import CORRESPONDENCE
from service.errors import UnreadableError
from service.ids import new_id
from service.policy import Candidate
from service.storage.database import Connection
from service.storage.sql import load
from service.storage.subjects import Subject
from service.storage.unit import Unit

_SQL = load(__file__)
Body = TypeVar("Body")
_TABLE = "outbox"

REMINDER, NOTICE, ORDER, CANCELLATION = "reminder", "notice", "order", "cancellation"
# Of a withdrawal from a contract. The law wants it at once: no choice forbids it, and it waits for nothing
# else that is said to the person.
ACKNOWLEDGEMENT = "acknowledgement"
_RECIPIENTS = {ORDER: b"shop", ACKNOWLEDGEMENT: b"acknowledgement"}


class Message(msgspec.Struct, omit_defaults=True):
    """What is to be handed over: to the person (`reminder`, `notice`, `cancellation`, `acknowledgement`) or
    to the shop (`order`).

    `reorder` is the public id of what it belongs to; `strategy` the rung at which `candidate` was permitted;
    `content` what it says, as JSON. From the first claim on, `channel` is the one it goes by (None for an
    order) and `counted_at` the instant at which it stands among the person's contacts or orders.
    """

    kind: str
    reorder: str
    candidate: Candidate
    strategy: str
    decision: str
    content: dict[str, Any]
    channel: str | None = None
    counted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A row as read. `message` is None for an event, and `event` for a message; both are None where the
    sealed part cannot be opened. A row with an `endpoint` is an event."""

    id: UUID
    subject: UUID | None
    state: str
    due_at: datetime
    attempts: int
    begun_at: datetime | None
    claimed_at: datetime | None
    ended_at: datetime | None
    event: Mapping[str, Any] | None
    endpoint: UUID | None
    message: Message | None
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class Parked:
    """What an operator sees of a parked one: nothing that is sealed."""

    id: UUID
    number: int
    outcome: str | None
    attempts: int
    created_at: datetime
    ended_at: datetime
    is_event: bool


def insert_message(unit: Unit, subject: Subject, message: Message, due: datetime) -> UUID:
    """Of a locked subject. What goes to the person keeps its order, and so does what goes to the shop."""
    return insert_messages(unit, [(subject, message, due)])[0]


def insert_messages(unit: Unit, new: Sequence[tuple[Subject, Message, datetime]]) -> list[UUID]:
    """Several, of any locked subjects, in one statement."""
    ids = [new_id() for _ in new]
    values = {
        "ids": ids,
        "subjects": [subject.id for subject, _, _ in new],
        "lanes": [_lane(unit, subject, message) for subject, message, _ in new],
        "due": [due for _, _, due in new],
        "sealed": [
            subject.seal(message, _TABLE, name) for name, (subject, message, _) in zip(ids, new, strict=True)
        ],
        "now": unit.now,
    }
    unit.db.execute(_SQL["insert_messages"], values)
    return ids


def _lane(unit: Unit, subject: Subject, message: Message) -> bytes:
    recipient = _RECIPIENTS.get(message.kind, b"person")
    return unit.index.digest("lane", subject.id.bytes + recipient)


def insert_event(unit: Unit, about: Subject | UUID, endpoint: UUID, event: Mapping[str, Any]) -> UUID:
    """Events about one person reach an endpoint in order, erasure or not. One about an erased person, named
    by the id alone, stands in clear."""
    name = new_id()
    person = about if isinstance(about, UUID) else about.id
    values = {
        "id": name,
        "subject": None if isinstance(about, UUID) else about.id,
        "lane": unit.index.digest("lane", endpoint.bytes + person.bytes),
        "now": unit.now,
        "sealed": None if isinstance(about, UUID) else about.seal(dict(event), _TABLE, name),
        "event": Jsonb({**event, "subject": show_subject(person)}) if isinstance(about, UUID) else None,
        "endpoint": endpoint,
    }
    unit.db.execute(_SQL["insert_event"], values)
    return name


def pick_due(
    db: Connection, now: datetime, limit: int, patience: timedelta
) -> list[tuple[UUID, UUID | None, bool]]:
    """(message, its subject, whether it is an event) of up to `limit` due ones, which nobody else picks
    before `patience` is over. An event about an erased person has no subject."""
    values = {"now": now, "limit": limit, "patience": patience}
    return [(row[0], row[1], row[2]) for row in db.execute(_SQL["pick_due"], values)]


def hold_message(unit: Unit, message: UUID, subject: Subject | None) -> Entry | None:
    """The message, its row locked. `subject` opens it, and for a message was locked before."""
    row = unit.db.execute(_SQL["hold_message"], (message,), binary=True).fetchone()
    return None if row is None else _entry(row, subject)


def read_outstanding(unit: Unit, subject: Subject, since: datetime) -> list[Entry]:
    """What may still go, is on its way, or was delivered after `since`, in order."""
    values = {"subject": subject.id, "since": since}
    rows = unit.db.execute(_SQL["read_outstanding"], values, binary=True).fetchall()
    return [_entry(row, subject) for row in rows]


def read_messages(unit: Unit, subject: Subject) -> list[Entry]:
    """All of them that have not come of age, in order."""
    rows = unit.db.execute(_SQL["read_messages"], (subject.id,), binary=True).fetchall()
    return [_entry(row, subject) for row in rows]


def read_under_way(unit: Unit, subjects: Sequence[UUID], since: datetime) -> list[tuple[UUID, datetime]]:
    """(message, instant of its last claim) of attempts that may yet arrive: those without a known end, unless
    they were given up before `since`."""
    values = {"subjects": list(subjects), "since": since}
    return [(row[0], row[1]) for row in unit.db.execute(_SQL["read_under_way"], values)]


def save_claim(unit: Unit, entry: Entry, subject: Subject | None, lease: datetime) -> int:
    """The number of this attempt of a message whose row is held. `entry.message` is kept as it is now."""
    sealed = None
    if subject is not None and entry.message is not None:
        sealed = subject.seal(entry.message, _TABLE, entry.id)
    values = {"id": entry.id, "now": unit.now, "lease": lease, "sealed": sealed}
    unit.db.execute(_SQL["claim"], values)
    return entry.attempts + 1


def put_off(unit: Unit, entry: Entry, due: datetime) -> None:
    """It goes back to waiting."""
    unit.db.execute(_SQL["put_off"], {"id": entry.id, "due": due})


def look_later(db: Connection, message: UUID, due: datetime) -> None:
    """What could not be looked at stays what it is until `due`."""
    db.execute(_SQL["look_later"], {"id": message, "due": due})


def end_message(unit: Unit, message: UUID, state: str, outcome: str | None = None) -> None:
    values = {"id": message, "state": state, "outcome": outcome, "now": unit.now}
    unit.db.execute(_SQL["end_message"], values)


def requeue(db: Connection, message: UUID, now: datetime) -> bool:
    """Whether it was parked, and can be read."""
    return db.execute(_SQL["requeue"], {"id": message, "now": now}).fetchone() is not None


def list_parked(db: Connection, after: int, limit: int) -> list[Parked]:
    rows = db.execute(_SQL["list_parked"], {"after": after, "limit": limit})
    return [Parked(*row) for row in rows]


def count_states(db: Connection, now: datetime) -> list[tuple[str, int, int]]:
    """(state, how many, how many of them due)."""
    return [(row[0], row[1], row[2]) for row in db.execute(_SQL["count_states"], {"now": now})]


def purge_messages(db: Connection, before: datetime) -> int:
    """Remove what was delivered or cancelled before; how many that were."""
    return db.execute(_SQL["purge"], (before,)).rowcount


def _entry(row: Sequence[Any], subject: Subject | None) -> Entry:
    name, owner, state, due, attempts, begun, claimed, ended, sealed, event, endpoint, outcome = row
    message = None
    if sealed is not None and subject is not None:
        if endpoint is None:
            message = _opened(subject, name, sealed, Message)
        else:
            event = _opened(subject, name, sealed, dict[str, Any])
    return Entry(name, owner, state, due, attempts, begun, claimed, ended, event, endpoint, message, outcome)


def _opened(subject: Subject, name: UUID, sealed: bytes, kind: type[Body]) -> Body | None:
    try:
        return msgspec.convert(subject.open(sealed, _TABLE, name, CORRESPONDENCE), kind)
    except (UnreadableError, msgspec.MsgspecError):
        return None
