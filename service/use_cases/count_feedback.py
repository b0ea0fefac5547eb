"""Returns, complaints and ratings, counted in the groups of the pilots that a person has been in of late."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from service.policy.pilots import Arm
from service.storage.cases import Shadow, read_cases
from service.storage.pilots import arm_of_reorder, count_outcome, count_person
from service.storage.reorders import read_reorders
from service.storage.subjects import Subject
from service.storage.unit import Unit

# What came longer ago is not put down to a proposal.
_OF_LATE = timedelta(days=90)
# Who returned something or complained is counted as a person; a rating by its own metric.
_METRICS = {"returned": "returned", "complaint_opened": "complaint"}
COUNTED = frozenset({*_METRICS, "rating"})


def count_feedback(unit: Unit, subject: Subject, signal_type: str, data: dict[str, Any]) -> None:
    """Count a signal of a locked subject that has just been stored. A return counts where its product was
    proposed, or would have been; what is about no product, in every group."""
    sku = data.get("sku")
    for arm in sorted({arm for arm, proposed in _groups(unit, subject) if sku in (None, proposed)}):
        if signal_type in _METRICS:
            count_person(unit, subject, arm, _METRICS[signal_type])
        else:
            count_outcome(unit, arm, str(data["metric"]), total=data["score"])


def _groups(unit: Unit, subject: Subject) -> Iterator[tuple[Arm, str]]:
    """Group and product of everything that was proposed of late, or would have been."""
    since = unit.now - _OF_LATE
    for reorder in read_reorders(unit, subject):
        if reorder.details is not None and reorder.created_at > since:
            yield arm_of_reorder(unit, subject, reorder.details), reorder.details.candidate.sku
    for case in read_cases(unit, subject):
        if isinstance(case.details, Shadow) and case.created_at > since:
            yield case.details.arm, case.details.sku
