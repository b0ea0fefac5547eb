"""Counts of pilots: how many proposals, orders, returns and so on in each group, and about nobody.

A step is counted in its own transaction, so it counts once, as it happens once. It is written as a row of its
own, and added to the counts later: a counter that everybody wrote to would make everybody wait.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from service.actor import show_subject
from service.policy import LEVELS
from service.policy.pilots import Arm, arm_of
from service.storage.database import Connection
from service.storage.sql import load
from service.storage.unit import Unit

if TYPE_CHECKING:
    from service.storage.reorders import ReorderDetails
    from service.storage.subjects import Subject

_SQL = load(__file__)

# What a step of a reorder is counted as, by its state; and how it ended, by its reason.
_STEPS = {
    "proposed": "proposed",
    "reminded": "told",
    "announced": "told",
    "dispatched": "dispatched",
    "delivered": "delivered",
    "skipped": "skipped",
    "failed": "failed",
}
# The person bought it before anything came.
_TOO_LATE = "bought_since"


@dataclass(frozen=True, slots=True)
class Count:
    """One metric of one group. `total` is a sum of ratings."""

    detector: str
    arm: Arm
    metric: str
    count: int
    total: int


@dataclass(frozen=True, slots=True)
class Tally:
    """One to be counted in a group. With a `person` it is counted once for that locked subject, however
    often it is asked for."""

    arm: Arm
    metric: str
    detector: str = ""
    total: int = 0
    person: Subject | None = None


def count_all(unit: Unit, tallies: Iterable[Tally]) -> None:
    """Count them in the caller's transaction, in one statement."""
    once = {_member(unit, tally) or number: tally for number, tally in enumerate(tallies)}
    if not once:
        return
    counted = list(once.values())
    values = {
        "month": _month(unit.now),
        "now": unit.now,
        "detectors": [each.detector for each in counted],
        "programmes": [each.arm.programme for each in counted],
        "strategies": [each.arm.strategy for each in counted],
        "categories": [each.arm.category for each in counted],
        "stages": [each.arm.stage for each in counted],
        "metrics": [each.metric for each in counted],
        "totals": [each.total for each in counted],
        "subjects": [None if each.person is None else each.person.id for each in counted],
        "members": [key if isinstance(key, bytes) else None for key in once],
    }
    unit.db.execute(_SQL["count_all"], values)


def count_outcome(unit: Unit, arm: Arm, metric: str, *, detector: str = "", total: int = 0) -> None:
    """Count one in the caller's transaction."""
    count_all(unit, [Tally(arm, metric, detector, total)])


def count_person(
    unit: Unit, subject: Subject, arm: Arm, metric: str = "people", *, detector: str = ""
) -> None:
    """Count a locked subject as one of a group, or as one of those in it who complained: once."""
    count_all(unit, [Tally(arm, metric, detector, person=subject)])


def count_step(unit: Unit, subject: Subject, details: ReorderDetails, to: str, reason: str) -> None:
    """Count what a reorder has just become: called wherever one is moved, and nowhere else."""
    count_all(unit, tallies_of_step(unit, subject, details, to, reason))


def tallies_of_step(
    unit: Unit, subject: Subject, details: ReorderDetails, to: str, reason: str
) -> list[Tally]:
    """What is counted of what a reorder has just become. What comes to the same state again, after a
    redelivery, counts once."""
    if sum(step.state == to for step in details.history) > 1:
        return []
    arm = arm_of_reorder(unit, subject, details)
    person = [Tally(arm, "people", person=subject)] if to == "proposed" else []
    return person + [Tally(arm, metric) for metric in _metrics(unit, details, to, reason)]


def arm_of_reorder(unit: Unit, subject: Subject, details: ReorderDetails) -> Arm:
    """The group of a reorder: that of the rung on which it was permitted, by the policy in force."""
    candidate = details.candidate
    level, category = LEVELS[details.strategy], candidate.category or "*"
    return arm_of(unit.policy, candidate.programme or "", level, category, show_subject(subject.id))


def _metrics(unit: Unit, details: ReorderDetails, to: str, reason: str) -> list[str]:
    if to == "cancelled":
        return ["late" if reason == _TOO_LATE else "cancelled" if reason == "customer" else "stopped"]
    found = [_STEPS[to]] if to in _STEPS else []
    # Taken: approved by the person, or handed over to the shop without having to be.
    if to == "approved" or (to == "dispatched" and details.strategy == "automate"):
        found.append("taken")
    if to == "dispatched" and details.run_out is not None and details.run_out.median < unit.now:
        found.append("late")
    return found


def fold_tallies(db: Connection) -> None:
    """Add to the counts what was counted since the last time."""
    row = db.execute(_SQL["hold_fold"]).fetchone()
    if row is not None and row[0]:
        db.execute(_SQL["fold_tallies"])


def read_counts(db: Connection, programme: str | None) -> list[Count]:
    """All there are, or those of one programme; sorted by group."""
    rows = db.execute(_SQL["read_counts"], {"programme": programme})
    return [Count(row[0], Arm(*row[1:5]), *row[5:]) for row in rows]


def purge_counts(db: Connection, before: datetime) -> None:
    """Remove the months that have wholly passed before an instant."""
    db.execute(_SQL["purge_counts"], {"before": _month(before)})


def _member(unit: Unit, tally: Tally) -> bytes | None:
    """Tells that a person was counted in a group, and of whom or of which only to who has the key."""
    if tally.person is None:
        return None
    text = "|".join((tally.detector, *tally.arm, tally.metric))
    return unit.index.digest("pilot", tally.person.id.bytes + text.encode())


def _month(at: datetime) -> date:
    return at.date().replace(day=1)
