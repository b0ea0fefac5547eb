"""Add an identifier to a subject, or take one away."""

from __future__ import annotations

from uuid import UUID

from service.actor import show_subject
from service.errors import ConflictError, SubjectErasedError
from service.storage.identifiers import (
    add_identifier,
    find_by_identifier,
    hold_identifiers,
    is_suppressed,
    remove_identifier,
)
from service.storage.subjects import lock_subject
from service.storage.unit import Unit
from service.use_cases.register_subject import Identifier, normalised_alone


def add_to_subject(unit: Unit, subject_id: UUID, identifier: Identifier) -> UUID:
    """The new identifier's id. Raises ConflictError when it is known already (with the subject's id) and
    SubjectErasedError when it belongs to a person who asked to be erased."""
    subject = lock_subject(unit, subject_id)
    known = normalised_alone(identifier, subject.choices.country)
    hold_identifiers(unit, [known])
    owner = find_by_identifier(unit, known.type, known.value)
    if owner is not None:
        raise ConflictError("this identifier is known already", subject=show_subject(owner))
    if is_suppressed(unit, known.type, known.value):
        raise SubjectErasedError
    return add_identifier(unit, subject, known.type, known.value)


def remove_from_subject(unit: Unit, subject_id: UUID, identifier: UUID) -> None:
    """Raises NotFoundError when the subject has no such identifier."""
    remove_identifier(unit, lock_subject(unit, subject_id), identifier)
