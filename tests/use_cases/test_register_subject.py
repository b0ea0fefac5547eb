"""A person is known by each identifier once, found in any spelling, and by nobody after erasure."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from uuid import UUID

import pytest

from service.actor import show_subject
from service.errors import ConflictError, InvalidInputError, NotFoundError
from service.storage.identifiers import read_identifiers
from service.storage.subjects import read_subject
from service.use_cases.register_subject import (
    Identifier,
    RegisterSubject,
    look_up_subject,
    register_subject,
)
from tests.use_cases.conftest import Acting


def person(*identifiers: Identifier, **more: object) -> RegisterSubject:
    fields: dict[str, object] = {"locale": "sv", "country": "SE", "timezone": "Europe/Stockholm"}
    return RegisterSubject(identifiers=identifiers, **(fields | more))  # type: ignore[arg-type]


EMAIL = Identifier("email", "Aino.Virtanen@example.fi")
PHONE = Identifier("phone", "070-174 06 05")


def test_a_person_is_found_by_any_spelling(acting: Acting) -> None:
    with acting("shop") as unit:
        subject = register_subject(unit, person(EMAIL, PHONE))
    with acting("shop") as unit:
        for identifier in (
            Identifier("email", " aino.virtanen@EXAMPLE.fi"),
            Identifier("phone", "+46701740605"),
        ):
            assert look_up_subject(unit, identifier) == subject.id
        assert look_up_subject(unit, Identifier("email", "other@example.fi")) is None
        stored = {(i.type, i.value) for i in read_identifiers(unit, read_subject(unit, subject.id))}
    assert stored == {("email", "aino.virtanen@example.fi"), ("phone", "+46701740605")}


def test_a_known_identifier_names_whose_it_is(acting: Acting, aino: UUID) -> None:
    with pytest.raises(ConflictError) as caught, acting("shop") as unit:
        register_subject(unit, person(PHONE, EMAIL))
    assert caught.value.members == {"subject": show_subject(aino)}
    with acting("shop") as unit:
        assert look_up_subject(unit, PHONE, "SE") is None


def test_of_two_registrations_at_once_one_wins(acting: Acting) -> None:
    def register(_: int) -> str:
        try:
            with acting("shop") as unit:
                return show_subject(register_subject(unit, person(EMAIL, PHONE)).id)
        except ConflictError as error:
            return error.members["subject"]

    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(register, range(8)))) == 1


def test_every_fault_is_named_at_its_place(acting: Acting) -> None:
    with pytest.raises(InvalidInputError) as caught, acting("shop") as unit:
        register_subject(unit, person(Identifier("email", "aino"), EMAIL, Identifier("phone", "1")))
    assert [fault.pointer for fault in caught.value.faults] == [
        "/identifiers/0/value",
        "/identifiers/2/value",
    ]


def test_nobody_is_born_tomorrow(acting: Acting) -> None:
    with pytest.raises(InvalidInputError), acting("shop") as unit:
        register_subject(unit, person(EMAIL, birth_date=date(2026, 11, 23)))


def test_an_unknown_subject_is_not_found(acting: Acting) -> None:
    with pytest.raises(NotFoundError), acting("shop") as unit:
        read_subject(unit, UUID(int=7))
