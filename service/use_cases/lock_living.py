"""The person behind an id in a letter, which may be older than a merge."""

from __future__ import annotations

from uuid import UUID

from service.errors import NotFoundError, SubjectErasedError
from service.storage.merge import survivor
from service.storage.subjects import Subject, lock_subject
from service.storage.unit import Unit


def lock_living(unit: Unit, subject: UUID | None) -> Subject | None:
    """The locked subject as whom the person is known now; None where there is nobody any more."""
    while subject is not None:
        try:
            return lock_subject(unit, subject)
        except NotFoundError:
            return None
        except SubjectErasedError:
            subject = survivor(unit, subject)
    return None
