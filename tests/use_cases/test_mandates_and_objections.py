"""Mandates are concluded, suspended and ended; an ended one still limits. Objections stand until lifted."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from service.errors import ConflictError, InvalidInputError, NotFoundError
from service.storage.subjects import read_events, read_subject
from service.use_cases.put_mandate import (
    PutMandate,
    end_mandate,
    live_mandate,
    put_mandate,
    resume_mandate,
    suspend_mandate,
)
from service.use_cases.set_objection import lift_objection, object_to
from tests.use_cases.conftest import NOW, Acting

BUTTON = "Tilaukseen liittyy maksuvelvollisuus"


def mandate(**more: object) -> PutMandate:
    fields: dict[str, object] = {
        "covers": "health.otc.cough",
        "currency": "EUR",
        "max_price_minor": 2000,
        "text": BUTTON,
        "locale": "fi",
    }
    return PutMandate(**(fields | more))  # type: ignore[arg-type]


def ends(acting: Acting, subject: UUID) -> dict[str, bool]:
    """Mandate id to whether the core sees it as over."""
    with acting("shop") as unit:
        mandates = read_subject(unit, subject).state(NOW).mandates
    return {m.id: m.expires_at is not None and m.expires_at <= NOW for m in mandates}


def test_a_mandate_lives_is_suspended_resumed_and_ended(acting: Acting, aino: UUID) -> None:
    with acting("customer", aino) as unit:
        put_mandate(unit, aino, "man_cough", mandate())
    assert ends(acting, aino) == {"man_cough": False}
    with acting("customer", aino) as unit:
        suspend_mandate(unit, aino, "man_cough")
    assert ends(acting, aino) == {"man_cough": True}
    with acting("customer", aino) as unit:
        resume_mandate(unit, aino, "man_cough")
    assert ends(acting, aino) == {"man_cough": False}
    with acting("customer", aino) as unit:
        end_mandate(unit, aino, "man_cough")
    assert ends(acting, aino) == {"man_cough": True}


def test_an_ended_mandate_is_gone_for_its_owner_but_not_reusable(acting: Acting, aino: UUID) -> None:
    with acting("customer", aino) as unit:
        put_mandate(unit, aino, "man_cough", mandate())
        end_mandate(unit, aino, "man_cough")
        with pytest.raises(NotFoundError):
            live_mandate(read_subject(unit, aino), "man_cough")
        with pytest.raises(NotFoundError):
            end_mandate(unit, aino, "man_cough")
        with pytest.raises(ConflictError):
            put_mandate(unit, aino, "man_cough", mandate())


def test_a_new_mandate_on_the_same_goods_takes_the_place_of_an_ended_one(acting: Acting, aino: UUID) -> None:
    with acting("customer", aino) as unit:
        put_mandate(unit, aino, "man_a", mandate())
        put_mandate(unit, aino, "man_b", mandate(covers="health"))
        end_mandate(unit, aino, "man_a")
        end_mandate(unit, aino, "man_b")
        put_mandate(unit, aino, "man_c", mandate())
    assert ends(acting, aino) == {"man_b": True, "man_c": False}


def test_new_limits_are_not_for_other_goods(acting: Acting, aino: UUID) -> None:
    """Else the narrow limit on the goods before would be gone, and a wide one would serve in its place."""
    with acting("customer", aino) as unit:
        put_mandate(unit, aino, "man_wide", mandate(covers="*", max_price_minor=50_000))
        put_mandate(unit, aino, "man_cough", mandate(max_price_minor=500))
        with pytest.raises(ConflictError):
            put_mandate(unit, aino, "man_cough", mandate(covers="sku:other"))
        put_mandate(unit, aino, "man_cough", mandate(max_price_minor=700))
        covered = {m.id: m.covers for m in read_subject(unit, aino).state(NOW).mandates}
    assert covered == {"man_wide": "*", "man_cough": "health.otc.cough"}


def test_an_expired_one_gives_way_and_a_suspended_one_does_not(acting: Acting, aino: UUID) -> None:
    later = NOW + timedelta(days=2)
    with acting("customer", aino) as unit:
        put_mandate(unit, aino, "man_a", mandate(expires_at=NOW + timedelta(days=1)))
        put_mandate(unit, aino, "man_b", mandate())
        suspend_mandate(unit, aino, "man_b")
    with acting("customer", aino, at=later) as unit:
        put_mandate(unit, aino, "man_c", mandate())
        assert {m.id for m in read_subject(unit, aino).state(later).mandates} == {"man_b", "man_c"}


def test_the_accepted_button_is_kept_as_evidence(acting: Acting, aino: UUID) -> None:
    with acting("customer", aino) as unit:
        put_mandate(unit, aino, "man_cough", mandate())
    with acting("dpo") as unit:
        [event] = read_events(unit, read_subject(unit, aino))
    assert event.payload["mandate"]["accepted"] == {"text": BUTTON, "locale": "fi"}


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"covers": "weapons"}, "/covers"),
        ({"covers": "sku:"}, "/covers"),
        ({"max_spend_minor": 5}, "/spend_days"),
        ({"spend_days": 5}, "/spend_days"),
        ({"expires_at": NOW - timedelta(days=1)}, "/expires_at"),
    ],
)
def test_impossible_limits_are_refused(
    acting: Acting, aino: UUID, more: dict[str, object], pointer: str
) -> None:
    with pytest.raises(InvalidInputError) as caught, acting("customer", aino) as unit:
        put_mandate(unit, aino, "man_cough", mandate(**more))
    assert [fault.pointer for fault in caught.value.faults] == [pointer]
    assert ends(acting, aino) == {}


def test_an_objection_stands_until_it_is_lifted(acting: Acting, aino: UUID) -> None:
    with acting("customer", aino) as unit:
        assert object_to(unit, aino, "direct_marketing") is not None
        assert object_to(unit, aino, "direct_marketing") is None
        assert set(read_subject(unit, aino).state(NOW).objections) == {"direct_marketing"}
        assert lift_objection(unit, aino, "direct_marketing") is not None
        assert lift_objection(unit, aino, "direct_marketing") is None
        assert set(read_subject(unit, aino).state(NOW).objections) == set()
        with pytest.raises(NotFoundError):
            object_to(unit, aino, "everything")
