"""Reorders: a proposed order for one run-out, or one that the customer gave; its state in clear and
everything about it sealed.

What happens to a reorder is appended as a step, which nobody rewrites. The row beside the steps is what they
add up to: the first step says all of it, and each later one what it changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
from service.storage.pilots import Tally, count_all, count_step, tallies_of_step
from service.storage.reorder_states import FIRST, require_next
from service.storage.sql import load
from service.storage.subjects import Subject
from service.storage.unit import Unit

_SQL = load(__file__)
_TABLE = "reorders"
_STEPS = "reorder_steps"

# The customer has not approved them and nothing has left: these a change of choices may still stop.
OPEN = ("proposed", "reminded", "announced", "held")


class Step(msgspec.Struct, omit_defaults=True):
    """One transition: what it led to, when, by whom (`role`; `sub` names the token) and why. `changed` holds
    those parts of the details that it changed; in the first step that is all of them."""

    at: datetime
    state: str
    role: str
    sub: str
    reason: str
    changed: dict[str, Any] = {}


class StoredRunOut(msgspec.Struct, omit_defaults=True):
    """The forecast as it was when the reorder was proposed, by which version of the model, and what it read:
    data categories and the number of signals (P11)."""

    earliest: datetime
    median: datetime
    latest: datetime
    sure: str = "guess"
    model: str = ""
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    signals: int = 0


class ReorderDetails(msgspec.Struct, omit_defaults=True):
    """What a reorder says. `candidate` is what was asked; `strategy` and `channel` what was permitted. An
    order that the customer gave by themselves has no `run_out`."""

    candidate: Candidate
    name: str
    strategy: str
    channel: str | None
    run_out: StoredRunOut | None
    decision: str
    reasons: list[dict[str, Any]]
    # The purchase or count that the forecast started from, so that one cycle proposes once.
    cycle: str
    history: list[Step] = []
    # Until when the customer put it off; and what the shop said of the parcel.
    snoozed_until: datetime | None = None
    delivered_at: datetime | None = None
    returned_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reorder:
    """`details` is None where the sealed part cannot be opened, or its steps are not all there. `steps` is
    how many it has."""

    id: UUID
    state: str
    created_at: datetime
    updated_at: datetime
    details: ReorderDetails | None
    steps: int


@dataclass(frozen=True, slots=True)
class NewReorder:
    """One to insert; `cycle` makes it unique."""

    subject: Subject
    id: UUID
    cycle: str
    details: ReorderDetails


def read_open_reorders(unit: Unit, subject: Subject) -> list[Reorder]:
    """Those proposed, reminded, announced or held, oldest first."""
    return _reorders(
        subject, unit.db.execute(_SQL["read_open"], (subject.id, list(OPEN)), binary=True).fetchall()
    )


def read_reorders(unit: Unit, subject: Subject) -> list[Reorder]:
    """All of them, oldest first."""
    return read_reorders_of(unit, [subject])[subject.id]


def read_reorders_of(unit: Unit, subjects: Iterable[Subject]) -> dict[UUID, list[Reorder]]:
    """The same of several subjects, by subject, in one round trip."""
    owners = {subject.id: subject for subject in subjects}
    rows: dict[UUID, list[Any]] = {owner: [] for owner in owners}
    for owner, *row in unit.db.execute(_SQL["read_all"], (list(owners),), binary=True):
        rows[owner].append(row)
    return {owner: _reorders(subject, rows[owner]) for owner, subject in owners.items()}


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
    """Whether it was new: one cycle of one product proposes once. `cycle` is kept as a keyed digest.
    `details.history` is its first step, which decides the state."""
    return insert_reorders(unit, [NewReorder(subject, reorder, cycle, details)]) == {reorder}


def insert_reorders(unit: Unit, new: Sequence[NewReorder]) -> set[UUID]:
    """Insert several, of any subjects, in one statement; the ids of those that were new."""
    begun = [_first(each) for each in new]
    values = {
        "ids": [each.id for each in new],
        "subjects": [each.subject.id for each in new],
        "states": [each.details.history[0].state for each in new],
        "cycles": [unit.index.digest("cycle", each.subject.id.bytes + each.cycle.encode()) for each in new],
        "sealed": [sealed for sealed, _ in begun],
        "first": [first for _, first in begun],
        "now": unit.now,
    }
    made = {row[0] for row in unit.db.execute(_SQL["insert_reorders"], values, binary=True)}
    count_all(unit, [tally for each in new if each.id in made for tally in _tallies(unit, each)])
    return made


def _tallies(unit: Unit, new: NewReorder) -> list[Tally]:
    [first] = new.details.history
    return tallies_of_step(unit, new.subject, new.details, first.state, first.reason)


def _first(new: NewReorder) -> tuple[bytes, bytes]:
    """What the row says, and the first step, which says the same; both sealed."""
    [first] = new.details.history
    if first.state not in FIRST:
        raise ValueError(f"a reorder does not begin as {first.state}")
    said = _without_history(new.details)
    first.changed = msgspec.to_builtins(said, builtin_types=(datetime,))
    return (
        new.subject.seal(said, _TABLE, new.id),
        new.subject.seal(first, _STEPS, _place(new.id, 1)),
    )


def move_reorder(
    unit: Unit,
    subject: Subject,
    reorder: Reorder,
    to: str,
    reason: str,
    *,
    changed: Mapping[str, Any] | None = None,
) -> bool:
    """Take one step in the actor's name; `changed` are the details that it changes, by name. False if the
    reorder was no longer in the state that was read. Raises ConflictError for a move that is none."""
    require_next(reorder.state, to)
    taken = step(unit, to, reason, changed)
    sealed = None
    if reorder.details is not None:
        for name, value in taken.changed.items():
            setattr(reorder.details, name, value)
        if taken.changed:
            sealed = subject.seal(_without_history(reorder.details), _TABLE, reorder.id)
        reorder.details.history.append(taken)
    number = reorder.steps + 1
    key = {
        "id": reorder.id,
        "from": reorder.state,
        "to": to,
        "now": unit.now,
        "number": number,
        "sealed": sealed,
        "step": subject.seal(taken, _STEPS, _place(reorder.id, number)),
    }
    if unit.db.execute(_SQL["move_reorder"], key).fetchone() is None:
        return False
    if reorder.details is not None:
        count_step(unit, subject, reorder.details, to, reason)
    return True


def step(unit: Unit, state: str, reason: str, changed: Mapping[str, Any] | None = None) -> Step:
    return Step(unit.now, state, _role(unit.actor), unit.actor.sub, reason, dict(changed or {}))


def _role(actor: Actor) -> str:
    return "system" if actor.has("system") else actor.role


def _reorders(subject: Subject, rows: list[Any]) -> list[Reorder]:
    return [
        Reorder(
            reorder, state, created_at, updated_at, _details(subject, reorder, sealed, steps, count), count
        )
        for reorder, state, created_at, updated_at, count, sealed, steps in rows
    ]


def _details(
    subject: Subject, reorder: UUID, sealed: bytes, steps: Sequence[bytes], count: int
) -> ReorderDetails | None:
    """Only with its whole history: one that was cut is not shown as if it were one."""
    if not steps or len(steps) != count:
        return None
    try:
        details = msgspec.convert(
            subject.open(sealed, _TABLE, reorder, CONSENT_ADMINISTRATION), ReorderDetails
        )
        details.history = [
            msgspec.convert(subject.open(each, _STEPS, _place(reorder, number), CONSENT_ADMINISTRATION), Step)
            for number, each in enumerate(steps, start=1)
        ]
    except (UnreadableError, msgspec.MsgspecError):
        return None
    return details


def _place(reorder: UUID, number: int) -> str:
    return f"{reorder.hex}.{number}"


def _without_history(details: ReorderDetails) -> ReorderDetails:
    return msgspec.structs.replace(details, history=[])
