"""Reorders: a proposed order for one run-out, its state in clear and everything about it sealed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from service.actor import Actor
from service.crypto.reading import CONSENT_ADMINISTRATION
from service.errors import NotFoundError, UnreadableError
from service.ids import REORDER
from service.policy import Candidate
from service.storage.pilots import count_step
from service.storage.sql import load
from service.storage.subjects import Subject
from service.storage.unit import Unit

_SQL = load(__file__)
_TABLE = "reorders"

# The customer has not approved them and nothing has left: these a change of choices may still stop.
OPEN = ("proposed", "reminded", "announced", "held")


class Step(msgspec.Struct, omit_defaults=True):
    """One transition: what it led to, when, by whom (`role`; `sub` names the token) and why."""

    at: datetime
    state: str
    role: str
    sub: str
    reason: str


class StoredRunOut(msgspec.Struct):
    """The forecast as it was when the reorder was proposed."""

    earliest: datetime
    median: datetime
    latest: datetime


class ReorderDetails(msgspec.Struct, omit_defaults=True):
    """What a reorder says. `candidate` is what was asked; `strategy` and `channel` what was permitted."""

    candidate: Candidate
    name: str
    strategy: str
    channel: str | None
    run_out: StoredRunOut
    decision: str
    reasons: list[dict[str, Any]]
    # The purchase or count that the forecast started from, so that one cycle proposes once.
    cycle: str
    history: list[Step]


@dataclass(frozen=True, slots=True)
class Reorder:
    """`details` is None where the sealed part cannot be opened."""

    id: UUID
    state: str
    created_at: datetime
    updated_at: datetime
    details: ReorderDetails | None


def read_open_reorders(unit: Unit, subject: Subject) -> list[Reorder]:
    """Those proposed, reminded, announced or held, oldest first."""
    return _reorders(
        subject, unit.db.execute(_SQL["read_open"], (subject.id, list(OPEN)), binary=True).fetchall()
    )


def read_reorders(unit: Unit, subject: Subject) -> list[Reorder]:
    """All of them, oldest first."""
    return _reorders(subject, unit.db.execute(_SQL["read_all"], (subject.id,), binary=True).fetchall())


def read_reorder(unit: Unit, subject: Subject, reorder: UUID) -> Reorder | None:
    """One of the subject's own; None where there is no such."""
    rows = unit.db.execute(_SQL["read_one"], (subject.id, reorder), binary=True).fetchall()
    return next(iter(_reorders(subject, rows)), None)


def find_subject(unit: Unit, reorder: UUID) -> UUID:
    """Whose it is. Raises NotFoundError."""
    row = unit.db.execute(_SQL["find_subject"], (reorder,)).fetchone()
    if row is None:
        raise NotFoundError(REORDER)
    found: UUID = row[0]
    return found


def insert_reorder(unit: Unit, subject: Subject, reorder: UUID, cycle: str, details: ReorderDetails) -> bool:
    """Whether it was new: one cycle of one product proposes once. `cycle` is kept as a keyed digest."""
    blind = unit.index.digest("cycle", subject.id.bytes + cycle.encode())
    key = {
        "id": reorder,
        "subject": subject.id,
        "cycle": blind,
        "now": unit.now,
        "sealed": subject.seal(details, _TABLE, reorder),
    }
    if unit.db.execute(_SQL["insert_reorder"], key).fetchone() is None:
        return False
    count_step(unit, subject, details, "proposed", "run_out")
    return True


def move_reorder(unit: Unit, subject: Subject, reorder: Reorder, to: str, reason: str) -> bool:
    """Take one step in the actor's name. False if the reorder was no longer in the state that was read."""
    sealed = None
    if reorder.details is not None:
        reorder.details.history.append(step(unit, to, reason))
        sealed = subject.seal(reorder.details, _TABLE, reorder.id)
    key = {"id": reorder.id, "from": reorder.state, "to": to, "now": unit.now, "sealed": sealed}
    if unit.db.execute(_SQL["move_reorder"], key).fetchone() is None:
        return False
    if reorder.details is not None:
        count_step(unit, subject, reorder.details, to, reason)
    return True


def step(unit: Unit, state: str, reason: str) -> Step:
    return Step(unit.now, state, _role(unit.actor), unit.actor.sub, reason)


def _role(actor: Actor) -> str:
    return "system" if actor.has("system") else actor.role


def _reorders(subject: Subject, rows: list[Any]) -> list[Reorder]:
    return [
        Reorder(reorder, state, created_at, updated_at, _details(subject, reorder, sealed))
        for reorder, state, created_at, updated_at, sealed in rows
    ]


def _details(subject: Subject, reorder: UUID, sealed: bytes) -> ReorderDetails | None:
    try:
        return msgspec.convert(subject.open(sealed, _TABLE, reorder, CONSENT_ADMINISTRATION), ReorderDetails)
    except (UnreadableError, msgspec.MsgspecError):
        return None
