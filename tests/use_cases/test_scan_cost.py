"""What detectors and pilots add to the scan is shared by the batch, not paid for each person."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from service.storage.cases import Event, Shadow, read_cases
from service.storage.subjects import read_subject
from service.use_cases.propose_reorders import Scanned, propose_reorders
from service.use_cases.register_subject import Identifier, RegisterSubject, register_subject
from tests.use_cases.conftest import NOW, Acting
from tests.use_cases.test_propose_reorders import (
    AUTOMATIC,
    REGULAR,
    REMINDERS,
    answer,
    buy,
    catalogue,
    choose,
    mandate,
    scan,
)
from tests.waits import Waits, counting

__all__ = ["catalogue"]

OFFERS = "personal_offers"
PURCHASES = len(REGULAR)
# One reads what the forecast reads, under another purpose, and the other what it reads under the same.
DETECTORS: dict[str, Any] = {
    name: {
        "rule": "run_out",
        "purpose": purpose,
        "data": ["purchases"],
        "within_days": 7,
        "stage": "shadow",
        "proposes": {"programme": "replenishment", "strategy": "curate"},
        "measure": {"signals": ["purchase"], "within_days": 20},
    }
    for name, purpose in (("offers", "personal_offers"), ("orders", "automatic_reorder"))
}


@pytest.fixture
def policy_document(policy_document: dict[str, Any]) -> dict[str, Any]:
    policy_document["rollout"] = [{"strategy": "automate", "stage": "shadow"}]
    policy_document["detectors"] = DETECTORS
    return policy_document


def register(acting: Acting) -> UUID:
    """Somebody for whom both detectors run, and of whom there is a shadow."""
    with acting("shop") as unit:
        command = RegisterSubject(
            [Identifier("email", f"{uuid4()}@example.se")], "sv", "SE", "Europe/Stockholm", None
        )
        person = register_subject(unit, command).id
    choose(acting, person, sharing={"purchases": True}, levels={"*": "automate"})
    for purpose in (OFFERS, REMINDERS, AUTOMATIC):
        answer(acting, person, purpose)
    mandate(acting, person)
    buy(acting, person, "soap", *REGULAR)
    return person


def scan_again(acting: Acting, people: list[UUID]) -> Waits:
    with acting("system") as unit:
        unit.db.execute("update subjects set forecast_due = %s where id = any(%s)", (NOW, people))
    waits = Waits()
    with acting("system") as unit, counting(waits):
        assert propose_reorders(unit, 50).looked == len(people)
    return waits


def test_many_wait_no_longer_than_few_and_nothing_is_opened_twice(acting: Acting) -> None:
    people = [register(acting) for _ in range(9)]
    assert scan(acting) == Scanned(looked=9, proposed=9)
    with acting("system") as unit:
        found = [type(case.details) for each in people for case in read_cases(unit, read_subject(unit, each))]
    assert (found.count(Shadow), found.count(Event)) == (9, 18)
    scan_again(acting, people)
    few, many = scan_again(acting, people[:3]), scan_again(acting, people)
    assert few.trips == many.trips
    # The data key, the choices, the reorder with its step, the signals, a shadow and two events.
    assert (few.opened, many.opened) == (3 * (4 + PURCHASES + 3), 9 * (4 + PURCHASES + 3))
