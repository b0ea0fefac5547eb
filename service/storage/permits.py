"""Permits: what a decision allowed, to be handed over once by the client that asked.

While it waits a permit is nothing but a row of decisions and a place in it. A row of `permits` is written
when one is redeemed or ended, and its primary key makes that happen once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from service.crypto.reading import CONSENT_ADMINISTRATION
from service.errors import UnreadableError
from service.policy import LEVEL_NAMES, Candidate, Decision, Outcome
from service.storage.database import Connection
from service.storage.decisions import decision_id, open_record
from service.storage.permit_tokens import Name
from service.storage.records import Record
from service.storage.sql import load
from service.storage.subjects import Subject
from service.storage.unit import Unit

_SQL = load(__file__)
_TABLE = "permits"

LIFE = timedelta(minutes=10)
JOB_LIFE = timedelta(hours=24)
# A client that redeemed may be at it for a while: so long a change of choices names it as irrevocable.
NAMED_FOR = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class IssuedRow:
    """A row of decisions about a subject, still sealed."""

    id: UUID
    subject: UUID
    at: datetime
    job: UUID | None
    sealed: bytes

    @property
    def expires_at(self) -> datetime:
        return permit_ends(self.at, of_job=self.job is not None)


@dataclass(frozen=True, slots=True)
class Permit:
    """`candidate` asks for exactly what was permitted: that rung, that channel, no fallback. `client` is the
    `sub` of the token that got it."""

    name: Name
    client: str
    candidate: Candidate
    expires_at: datetime


class PermitDetails(msgspec.Struct, omit_defaults=True):
    """The sealed part of a row."""

    candidate: Candidate
    client: str


@dataclass(frozen=True, slots=True)
class Settled:
    """A permit that was redeemed or ended. `details` is None where the sealed part cannot be opened."""

    name: Name
    state: str
    at: datetime
    claim: bytes | None
    details: PermitDetails | None


def permit_ends(at: datetime, *, of_job: bool) -> datetime:
    """When a permit of a decision made at `at` ends."""
    return at + (JOB_LIFE if of_job else LIFE)


def permitted(decision: Decision | None) -> bool:
    """Whether a decision is worth a permit: what is deferred is asked again when its time has come."""
    return decision is not None and decision.outcome in (Outcome.allow, Outcome.downgrade)


def read_issued(db: Connection, rows: Iterable[UUID]) -> dict[UUID, IssuedRow]:
    """Those of the rows of decisions that are there and about a subject."""
    found = db.execute(_SQL["read_issued"], (list(set(rows)),), binary=True)
    return {row[0]: IssuedRow(*row) for row in found}


def may_have_permits(unit: Unit, subject: Subject) -> bool:
    """False for most people at most times, who then cost one look and no more."""
    row = unit.db.execute(_SQL["may_have_permits"], _since(unit, subject)).fetchone()
    return row is not None and bool(row[0])


def read_outstanding(unit: Unit, subject: Subject) -> list[IssuedRow]:
    """The rows about a subject that may have permits which have not ended by age."""
    rows = unit.db.execute(_SQL["read_outstanding"], _since(unit, subject), binary=True)
    return [IssuedRow(*row) for row in rows]


def open_permits(subject: Subject, row: IssuedRow, wanted: Collection[int] | None = None) -> Iterator[Permit]:
    """The permits of a row, or those at the `wanted` places. Raises UnreadableError, also for a row that is
    not this subject's."""
    record = open_record(subject.data_key, subject.id, row.id, row.sealed)
    issued: Collection[int] = range(len(record.decisions)) if row.job is not None else record.permits
    for place in issued if wanted is None else sorted({*issued} & {*wanted}):
        permit = _permit(row, record, place)
        if permit is not None:
            yield permit


def _permit(row: IssuedRow, record: Record, place: int) -> Permit | None:
    decision = record.decision(place)
    if decision is None or decision.strategy is None or not permitted(decision):
        return None
    asked = record.candidates[place].to_candidate()
    channels = asked.channels if decision.channel is None else (decision.channel,)
    candidate = replace(asked, strategy=decision.strategy, channels=channels, fallback=False)
    return Permit(Name(row.id, place), record.sub, candidate, row.expires_at)


def read_settled(unit: Unit, subjects: Sequence[Subject]) -> dict[Name, Settled]:
    """What became of these locked subjects' permits, as far as it is still of interest."""
    known = {subject.id: subject for subject in subjects}
    key = {"subjects": list(known), "now": unit.now}
    rows = unit.db.execute(_SQL["read_settled"], key, binary=True)
    return {Name(row[0], row[1]): _settled(known[row[2]], row) for row in rows}


def settle_permit(
    unit: Unit, subject: Subject, permit: Permit, state: str, claim: bytes | None = None
) -> None:
    """Write what became of a permit of a locked subject, of which `read_settled` knew nothing."""
    details = PermitDetails(permit.candidate, permit.client)
    # Never before the permit's own end: the row is what says that it was redeemed.
    until = max(unit.now + NAMED_FOR, permit.expires_at) if state == "redeemed" else permit.expires_at
    key = {
        "decision": permit.name.row,
        "place": permit.name.place,
        "subject": subject.id,
        "state": state,
        "now": unit.now,
        "purge_after": until,
        "claim": claim,
        "sealed": subject.seal(details, _TABLE, _record(permit.name)),
    }
    unit.db.execute(_SQL["settle_permit"], key)


def purge_permits(unit: Unit, limit: int) -> int:
    """Remove rows that say nothing any more; how many."""
    return unit.db.execute(_SQL["purge_permits"], {"now": unit.now, "limit": limit}).rowcount


def show_stopped(name: Name, candidate: Candidate | None, state: str) -> dict[str, Any]:
    """A permit as the customer hears of it: by its decision, which the customer may read."""
    strategy = None if candidate is None else LEVEL_NAMES[candidate.strategy]
    return {"id": decision_id(name.row, name.place), "kind": "permit", "strategy": strategy, "state": state}


def _since(unit: Unit, subject: Subject) -> dict[str, Any]:
    return {"subject": subject.id, "asked": unit.now - LIFE, "of_jobs": unit.now - JOB_LIFE}


def _settled(subject: Subject, row: Sequence[Any]) -> Settled:
    name = Name(row[0], row[1])
    try:
        opened = msgspec.convert(
            subject.open(row[6], _TABLE, _record(name), CONSENT_ADMINISTRATION), PermitDetails
        )
    except (UnreadableError, msgspec.MsgspecError):
        opened = None
    return Settled(name, row[3], row[4], row[5], opened)


def _record(name: Name) -> str:
    return f"{name.row.hex}/{name.place}"
