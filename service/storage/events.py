"""One event by its id, also one of a person who has since been merged into another."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from service.crypto.chain import event_digest
from service.crypto.reading import CONSENT_ADMINISTRATION
from service.errors import NotFoundError, UnreadableError
from service.ids import CONSENT_EVENT
from service.storage.merge import read_merged_subjects
from service.storage.sql import load
from service.storage.subjects import Event, Subject, read_subject
from service.storage.unit import Unit

_SQL = load(__file__)


@dataclass(frozen=True, slots=True)
class Owned:
    """`owner` is whose key sealed the event, `person` who that is known as today; mostly the same."""

    event: Event
    owner: Subject
    person: Subject


def read_owned_event(unit: Unit, event_id: UUID) -> Owned:
    """Raises NotFoundError, and UnreadableError for an event that its own digest does not cover."""
    row = unit.db.execute(_SQL["read_event"], {"id": event_id}, binary=True).fetchone()
    if row is None:
        raise NotFoundError(CONSENT_EVENT)
    owner_id, person_id, number, at, previous, digest, sealed = row
    person = read_subject(unit, person_id)
    owner = person
    if owner_id != person_id:
        owner = next(each for each in read_merged_subjects(unit, person_id) if each.id == owner_id)
    covered = event_digest(previous, subject=owner_id, number=number, event=event_id, at=at, sealed=sealed)
    if covered != digest:
        raise UnreadableError
    payload = owner.open(sealed, "consent_events", event_id, CONSENT_ADMINISTRATION)
    return Owned(Event(event_id, number, at, previous, digest, payload), owner, person)
