"""Object to a purpose or to direct marketing (GDPR Art. 21), and lift an objection."""

from __future__ import annotations

from uuid import UUID

from service.errors import NotFoundError
from service.policy import Policy
from service.storage.subjects import lock_subject
from service.storage.unit import Unit
from service.use_cases.change import Changed, commit_change

DIRECT_MARKETING = "direct_marketing"


def object_to(unit: Unit, subject_id: UUID, about: str) -> Changed | None:
    """None when the objection stands already. Raises NotFoundError for what nobody can object to."""
    _check(unit.policy, about)
    subject = lock_subject(unit, subject_id)
    if about in subject.choices.objections:
        return None
    subject.choices.objections = sorted([*subject.choices.objections, about])
    return commit_change(unit, subject, {"kind": "objection", "about": about, "objects": True})


def lift_objection(unit: Unit, subject_id: UUID, about: str) -> Changed | None:
    """None when there was none."""
    _check(unit.policy, about)
    subject = lock_subject(unit, subject_id)
    if about not in subject.choices.objections:
        return None
    subject.choices.objections = [each for each in subject.choices.objections if each != about]
    return commit_change(unit, subject, {"kind": "objection", "about": about, "objects": False})


def _check(policy: Policy, about: str) -> None:
    if about != DIRECT_MARKETING and about not in policy.purposes:
        raise NotFoundError("purpose")
