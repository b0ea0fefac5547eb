"""What a change of one's choices would do, before it is made: for every programme and category (api.md).

The very functions that make a change make it here, on a copy that nobody keeps; so what is foretold is what
happens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from service.errors import InputFault, InvalidInputError
from service.storage.choices import StoredMandate
from service.storage.subjects import Subject, read_subject
from service.storage.unit import Unit
from service.use_cases.change_preferences import apply_patch, check_patch
from service.use_cases.consent_event import RecordConsent
from service.use_cases.level_changes import Foreseen, compare, copy_of
from service.use_cases.mandate_terms import Limits, check_limits, orderable
from service.use_cases.put_mandate import check_mandate_id, conclude, live_mandate
from service.use_cases.record_consent import apply_answer, check_answer


@dataclass(frozen=True, slots=True)
class Changes:
    """`consents` as they would be recorded; `preferences` a merge patch; `mandates` by id, None ends one."""

    consents: Sequence[RecordConsent] = ()
    preferences: Mapping[str, Any] = field(default_factory=dict)
    mandates: Mapping[str, Limits | None] = field(default_factory=dict)


def preview(unit: Unit, subject_id: UUID, changes: Changes) -> tuple[Subject, list[Foreseen]]:
    """The person, and every place with its level before and after. Changes nothing. Raises what making the
    changes would raise."""
    subject = read_subject(unit, subject_id)
    changed = copy_of(subject)
    _apply(unit, changed, changes)
    return subject, compare(unit, subject, changed)


def _apply(unit: Unit, subject: Subject, changes: Changes) -> None:
    for number, command in enumerate(changes.consents):
        try:
            since = check_answer(unit, command)
        except InvalidInputError as error:
            raise _below(f"/changes/consents/{number}", error) from None
        apply_answer(unit, subject, command, since)
    try:
        check_patch(unit.policy, subject.choices, changes.preferences)
    except InvalidInputError as error:
        raise _below("/changes/preferences", error) from None
    apply_patch(subject.choices, changes.preferences)
    for mandate_id, limits in changes.mandates.items():
        check_mandate_id(mandate_id)
        if limits is None:
            live_mandate(subject, mandate_id).deleted_at = unit.now
        else:
            try:
                check_limits(unit, limits)
                orderable(unit, limits.covers)
            except InvalidInputError as error:
                raise _below(f"/changes/mandates/{mandate_id}", error) from None
            agreed = StoredMandate(**asdict(limits), id=mandate_id, since=unit.now)
            conclude(subject, agreed, unit.now)


def _below(pointer: str, error: InvalidInputError) -> InvalidInputError:
    return InvalidInputError([InputFault(pointer + fault.pointer, fault.message) for fault in error.faults])
