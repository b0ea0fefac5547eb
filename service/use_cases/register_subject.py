"""Register a person under the identifiers a shop knows them by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from service.actor import show_subject
from service.crypto.blind_index import normalise
from service.errors import ConflictError, InputFault, InvalidInputError, SubjectErasedError
from service.ids import new_subject_id
from service.storage.choices import Choices
from service.storage.identifiers import (
    add_identifier,
    find_by_identifier,
    hold_identifiers,
    is_suppressed,
)
from service.storage.subjects import Subject, create_subject
from service.storage.unit import Unit


@dataclass(frozen=True, slots=True)
class Identifier:
    """`type` is one of `service.crypto.blind_index.IDENTIFIER_TYPES`."""

    type: str
    value: str


@dataclass(frozen=True, slots=True)
class RegisterSubject:
    identifiers: Sequence[Identifier]
    locale: str
    country: str
    timezone: str
    birth_date: date | None = None


def register_subject(unit: Unit, command: RegisterSubject) -> Subject:
    """A new subject at epoch 1.

    Raises ConflictError (with the subject's id) when an identifier is known already, SubjectErasedError
    when it belongs to a person who asked to be erased, and InvalidInputError for a malformed one.
    """
    if command.birth_date is not None and command.birth_date > unit.now.date():
        raise InvalidInputError([InputFault("/birth_date", "lies in the future")])
    values = normalised(command.identifiers, command.country)
    hold_identifiers(unit, values)
    for identifier in values:
        known = find_by_identifier(unit, identifier.type, identifier.value)
        if known is not None:
            raise ConflictError("this identifier is known already", subject=show_subject(known))
        if is_suppressed(unit, identifier.type, identifier.value):
            raise SubjectErasedError
    choices = Choices(
        timezone=command.timezone,
        locale=command.locale,
        country=command.country,
        birth_date=command.birth_date,
    )
    subject = create_subject(unit, new_subject_id(), choices)
    for identifier in values:
        add_identifier(unit, subject, identifier.type, identifier.value)
    return subject


def normalised(identifiers: Sequence[Identifier], country: str | None) -> list[Identifier]:
    """The identifiers in the spelling they are found by, each once; every fault at its own place."""
    faults: list[InputFault] = []
    found: dict[tuple[str, str], Identifier] = {}
    for position, identifier in enumerate(identifiers):
        try:
            value = normalise(identifier.type, identifier.value, country)
        except InvalidInputError as error:
            faults += [InputFault(f"/identifiers/{position}{f.pointer}", f.message) for f in error.faults]
        else:
            found[identifier.type, value] = Identifier(identifier.type, value)
    if faults:
        raise InvalidInputError(faults)
    return list(found.values())


def normalised_alone(identifier: Identifier, country: str | None) -> Identifier:
    """One identifier in the spelling it is found by. Raises InvalidInputError at `/value` or `/type`."""
    return Identifier(identifier.type, normalise(identifier.type, identifier.value, country))


def look_up_subject(unit: Unit, identifier: Identifier, country: str | None = None) -> UUID | None:
    """The subject known by `identifier`, or None."""
    known = normalised_alone(identifier, country)
    return find_by_identifier(unit, known.type, known.value)
