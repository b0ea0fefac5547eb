"""The report's arithmetic on known counts, what is counted on the way, and that few are not described."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from service.bootstrap import Services
from service.detectors import rate_of
from service.policy.pilots import Arm
from service.storage.pilots import Count, count_outcome, count_person, fold_tallies, read_counts
from service.storage.subjects import lock_subject
from service.use_cases.answer_reorder import approve_reorder, cancel_reorder, skip_reorder
from service.use_cases.pilot_report import pilot_report, report_of, show_report
from service.use_cases.store_signals import NewSignal, store_signals
from tests.use_cases.conftest import NOW, Acting
from tests.use_cases.outbox import Receiver, add_product, deliver, make_person, propose

PILOT = Arm("replenishment", "automate", "*", "pilot")
OUTSIDE = Arm("replenishment", "automate", "*", "outside")


@pytest.fixture
def policy_document(policy_document: dict[str, Any]) -> dict[str, Any]:
    policy_document["signals"] |= {
        "returned": {"data": "purchases"},
        "rating": {"data": "service"},
    }
    policy_document["rollout"] = [{"strategy": "coach", "category": "beauty", "stage": "live"}]
    return policy_document


def counts(arm: Arm, detector: str = "", **metrics: int | tuple[int, int]) -> list[Count]:
    return [
        Count(detector, arm, metric, *(number if isinstance(number, tuple) else (number, 0)))
        for metric, number in metrics.items()
    ]


def test_rates_of_known_counts() -> None:
    pilot = counts(
        PILOT, people=12, proposed=40, taken=30, skipped=4, late=2, returned=3, nps=(5, 40), csat=(2, 7)
    )
    outside = counts(
        OUTSIDE, people=20, shadow=25, bought_before=5, bought_after=(15, 60), never=4, complaint=1
    )
    first, second = report_of([*pilot, *outside]).groups
    assert (first.people, first.proposed, first.shadows) == (12, 40, 0)
    assert first.rates["taken"] == rate_of(30, 40)
    assert first.rates["late"] == rate_of(2, 40)
    assert first.rates["failed"] == rate_of(0, 40)
    # Of people, and not of orders.
    assert first.rates["returned"] == rate_of(3, 12)
    assert {name: (r.count, r.mean) for name, r in first.ratings.items()} == {
        "nps": (5, 8.0),
        "csat": (2, 3.5),
    }
    assert "bought_after" not in first.rates
    # One of the twenty-five is still open.
    assert second.rates["bought_after"] == rate_of(15, 24)
    assert second.rates["complaint"] == rate_of(1, 20)
    # Sixty days in twenty purchases.
    assert second.days_late == 3.0


def test_groups_under_ten_people_say_nothing_but_that_they_are() -> None:
    found = [
        *counts(OUTSIDE, people=9, proposed=500, taken=1, nps=(1, 0)),
        *counts(PILOT, people=10, proposed=10),
        *counts(PILOT, "lapsed", people=9, event=9, hit=9),
    ]
    shown = show_report(report_of(found))
    few, enough = shown["groups"]
    assert few == {**OUTSIDE._asdict(), "people": None}
    assert enough["people"] == 10
    assert shown["detectors"] == [
        {
            "detector": "lapsed",
            "programme": "replenishment",
            "strategy": "automate",
            "stage": "pilot",
            "people": None,
        }
    ]


def test_detectors_are_measured_on_what_is_over() -> None:
    [group] = report_of(counts(PILOT, "lapsed", people=30, event=50, hit=6, miss=24, withdrawn=5)).detectors
    assert (group.events, group.withdrawn, group.hits) == (50, 5, rate_of(6, 30))


def test_a_person_is_counted_once_in_a_group(acting: Acting, aino: UUID) -> None:
    for _ in range(3):
        with acting("system") as unit:
            subject = lock_subject(unit, aino)
            count_person(unit, subject, PILOT)
            count_person(unit, subject, PILOT, "complaint")
            count_person(unit, subject, OUTSIDE)
            count_outcome(unit, PILOT, "nps", total=7)
            fold_tallies(unit.db)
    with acting("system") as unit:
        found = {(c.arm.stage, c.metric): (c.count, c.total) for c in read_counts(unit.db, None)}
        assert read_counts(unit.db, "marketing") == []
    assert found == {
        ("pilot", "people"): (1, 0),
        ("pilot", "complaint"): (1, 0),
        ("outside", "people"): (1, 0),
        ("pilot", "nps"): (3, 21),
    }


def test_what_is_rolled_back_is_not_counted(acting: Acting) -> None:
    class PowerCutError(Exception):
        pass

    def cut() -> None:
        with acting("system") as unit:
            count_outcome(unit, PILOT, "proposed")
            raise PowerCutError

    with pytest.raises(PowerCutError):
        cut()
    with acting("system") as unit:
        assert read_counts(unit.db, None) == []


def counted(acting: Acting) -> dict[tuple[str, str, str], int]:
    with acting("system") as unit:
        return {(c.arm.strategy, c.arm.category, c.metric): c.count for c in read_counts(unit.db, None)}


def test_each_end_of_a_reorder_is_counted_as_what_it_is(acting: Acting, services: Services) -> None:
    add_product(services)
    for answer in (approve_reorder, skip_reorder, cancel_reorder):
        person = make_person(services)
        reorder = propose(services, person)
        with acting("customer", person) as unit:
            answer(unit, reorder)
    # The order that was approved is handed over; the forecast's middle has passed by then.
    later = NOW + timedelta(minutes=1)
    assert [parcel.kind for parcel in deliver(services, Receiver(), later)] == ["reorder.dispatched"]
    assert counted(acting) == {
        ("coach", "beauty", "people"): 3,
        ("coach", "beauty", "proposed"): 3,
        ("coach", "beauty", "taken"): 1,
        ("coach", "beauty", "dispatched"): 1,
        ("coach", "beauty", "late"): 1,
        ("coach", "beauty", "skipped"): 1,
        ("coach", "beauty", "cancelled"): 1,
    }


def test_a_reminder_that_goes_out_is_counted_once(acting: Acting, services: Services) -> None:
    add_product(services)
    propose(services, make_person(services))
    assert [parcel.kind for parcel in deliver(services, Receiver())] == ["reminder.due"]
    assert deliver(services, Receiver()) == []
    assert counted(acting)["coach", "beauty", "told"] == 1


def test_returns_count_by_product_and_complaints_and_ratings_by_person(
    acting: Acting, services: Services
) -> None:
    person, stranger = make_person(services), make_person(services)
    add_product(services)
    add_product(services, "lens")
    propose(services, person)

    def tell(who: UUID, kind: str, name: str, at: timedelta = timedelta(0), **data: Any) -> None:
        with acting("shop", at=NOW + at) as unit:
            [result] = store_signals(unit, [NewSignal(who, kind, NOW + at, data, name)])
            assert result.status == "stored"

    tell(person, "returned", "r-1", sku="soap")
    tell(person, "returned", "r-2", sku="soap")
    tell(person, "returned", "r-3", sku="lens")
    tell(person, "complaint_opened", "c-1")
    tell(person, "rating", "n-1", metric="nps", score=9)
    tell(person, "rating", "n-2", metric="nps", score=4)
    # Too long after, and by somebody to whom nothing was proposed.
    tell(person, "rating", "n-3", timedelta(days=91), metric="nps", score=1)
    tell(stranger, "rating", "n-4", metric="nps", score=1)
    # Twice is once.
    with acting("shop") as unit:
        again = NewSignal(person, "rating", NOW, {"metric": "nps", "score": 9}, "n-1")
        assert store_signals(unit, [again])[0].status == "duplicate"
    with acting("system") as unit:
        found = {c.metric: (c.count, c.total) for c in read_counts(unit.db, None)}
        assert pilot_report(unit).groups[0].people is None
    assert (found["returned"], found["complaint"], found["nps"]) == ((1, 0), (1, 0), (2, 13))
