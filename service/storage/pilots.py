"""Counts of pilots: how many proposals, orders, returns and so on in each group, and about nobody.

A step is counted in its own transaction, so it counts once, as it happens once. It is written as a row of its
own, and added to the counts later: a counter that everybody wrote to would make everybody wait.
"""

from __future__ import annotations

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


def count_outcome(unit: Unit, arm: Arm, metric: str, *, detector: str = "", total: int = 0) -> None:
    """Count one in the caller's transaction."""
    unit.db.execute(_SQL["count_outcome"], _group(unit, arm, detector) | {"metric": metric, "total": total})


def count_person(
    unit: Unit, subject: Subject, arm: Arm, metric: str = "people", *, detector: str = ""
) -> None:
    """Count a locked subject as one of a group, or as one of those in it who complained: once."""
    text = "|".join((detector, *arm, metric))
    member = unit.index.digest("pilot", subject.id.bytes + text.encode())
    key = {"subject": subject.id, "member": member, "now": unit.now, "metric": metric}
    unit.db.execute(_SQL["count_person"], _group(unit, arm, detector) | key)


def count_step(unit: Unit, subject: Subject, details: ReorderDetails, to: str, reason: str) -> None:
    """Count what a reorder has just become: called wherever one is proposed or moved, and nowhere else. What
    comes to the same state again, after a redelivery, counts once."""
    if sum(step.state == to for step in details.history) > 1:
        return
    arm = arm_of_reorder(unit, subject, details)
    if to == "proposed":
        count_person(unit, subject, arm)
    for metric in _metrics(unit, details, to, reason):
        count_outcome(unit, arm, metric)


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


def _group(unit: Unit, arm: Arm, detector: str) -> dict[str, object]:
    return arm._asdict() | {"detector": detector, "month": _month(unit.now)}


def _month(at: datetime) -> date:
    return at.date().replace(day=1)
