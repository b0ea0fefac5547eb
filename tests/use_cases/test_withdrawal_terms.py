"""When the fourteen days end: what counts as a day, and which parcels they are offered for."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from service.ids import new_id, new_subject_id
from service.policy import Candidate, Level
from service.storage.choices import Activity, Choices
from service.storage.reorders import Reorder, ReorderDetails, Step, StoredRunOut
from service.storage.subjects import Subject
from service.use_cases.withdrawal_terms import Terms, delivered_at, withdrawal_terms
from service.working_days import is_working_day, last_day

ORDERED = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("event", "country", "expected"),
    [
        # The day of the event is not counted.
        ("2026-11-03", "SE", "2026-11-17"),
        # A Saturday and a Sunday move to Monday.
        ("2026-11-07", "SE", "2026-11-23"),
        ("2026-11-08", "SE", "2026-11-23"),
        # Independence day of Finland on a Monday is nobody else's holiday.
        ("2027-11-22", "FI", "2027-12-07"),
        ("2027-11-22", "SE", "2027-12-06"),
        # Good Friday to Easter Monday 2027, and Maundy Thursday in Norway and Denmark.
        ("2027-03-12", "SE", "2027-03-30"),
        ("2027-03-11", "NO", "2027-03-30"),
        ("2027-03-11", "DK", "2027-03-30"),
        ("2027-03-11", "FI", "2027-03-25"),
        # Christmas Eve on a Thursday, Christmas, Boxing day, the weekend.
        ("2026-12-10", "SE", "2026-12-28"),
        ("2027-05-03", "NO", "2027-05-18"),
        # Ascension, and Whit Monday where it is one.
        ("2027-04-22", "DK", "2027-05-07"),
        ("2027-05-03", "DK", "2027-05-18"),
        ("2027-05-03", "SE", "2027-05-17"),
        # Midsummer Eve 2027.
        ("2027-06-11", "FI", "2027-06-28"),
        ("2027-06-11", "NO", "2027-06-25"),
        # A country without a list: every holiday that is known counts.
        ("2027-11-22", "EE", "2027-12-07"),
    ],
)
def test_the_last_day(event: str, country: str, expected: str) -> None:
    assert last_day(date.fromisoformat(event), 14, country) == date.fromisoformat(expected)


def test_easter_falls_where_the_church_says() -> None:
    """Good Fridays of a leap year, of the earliest and of the latest Easters."""
    for good_friday in ("2008-03-21", "2024-03-29", "2026-04-03", "2038-04-23", "2049-04-16"):
        day = date.fromisoformat(good_friday)
        assert not is_working_day(day, "SE")
        assert is_working_day(day - timedelta(days=7), "SE"), good_friday


def person(timezone: str = "Europe/Stockholm", country: str = "SE") -> Subject:
    return Subject(new_subject_id(), "active", 1, 0, None, Choices(timezone, "sv", country), Activity())


def reorder(state: str, *history: tuple[str, datetime], strategy: str = "coach") -> Reorder:
    candidate = Candidate(
        "ord_x", "replenishment", Level.coach, "beauty", "soap", ("app",), (), 1, 500, "SEK"
    )
    steps = [Step(at, name, "customer", "c", "r") for name, at in history]
    run_out = StoredRunOut(ORDERED, ORDERED, ORDERED)
    details = ReorderDetails(candidate, "Soap", strategy, "app", run_out, "dec_x", [], "c", steps)
    return Reorder(new_id(), state, ORDERED, ORDERED, details, steps=len(details.history))


def delivered(at: datetime, strategy: str = "coach") -> Reorder:
    sent = [("approved", ORDERED), ("dispatched", ORDERED), ("delivered", at)]
    return reorder("delivered", *sent, strategy=strategy)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_it_ends_at_midnight_where_the_customer_lives() -> None:
    # Half past midnight on 4 November in Helsinki.
    parcel = delivered(at("2026-11-03T22:30:00+00:00"))
    for zone, last in (
        ("Europe/Helsinki", "2026-11-18T22:00:00+00:00"),
        ("UTC", "2026-11-18T00:00:00+00:00"),
    ):
        end = at(last)
        before = withdrawal_terms(person(zone), parcel, "full", end - timedelta(seconds=1))
        assert before == Terms("full", True, end, None)
        assert withdrawal_terms(person(zone), parcel, "full", end).reason == "too_late"


def test_no_clock_runs_before_delivery() -> None:
    sent = reorder("dispatched", ("approved", ORDERED), ("dispatched", ORDERED))
    terms = withdrawal_terms(person(), sent, "full", ORDERED + timedelta(days=400))
    assert terms == Terms("full", True, None, None)


def test_the_last_part_of_a_delivery_starts_the_clock() -> None:
    steps = [("approved", ORDERED), ("dispatched", ORDERED)]
    parts = [("delivered", ORDERED), ("delivered", ORDERED + timedelta(days=2))]
    found = reorder("delivered", *steps, *parts)
    assert found.details is not None
    assert delivered_at(found.details) == ORDERED + timedelta(days=2)


def test_every_parcel_of_a_mandate_has_its_own_days() -> None:
    """The law counts from the first; ours is never earlier."""
    first, later = (delivered(ORDERED + timedelta(days=d), "automate") for d in (0, 60))
    ends = [withdrawal_terms(person(), each, "full", ORDERED).until for each in (first, later)]
    assert ends[0] is not None
    assert ends[1] is not None
    assert ends[1] >= ends[0] + timedelta(days=59)


@pytest.mark.parametrize(
    ("state", "strategy", "history", "reason"),
    [
        ("proposed", "coach", ["proposed"], "not_ordered"),
        ("reminded", "coach", ["proposed", "reminded"], "not_ordered"),
        ("held", "coach", ["proposed", "held"], "not_ordered"),
        ("approved", "coach", ["reminded", "approved"], None),
        ("held", "coach", ["reminded", "approved", "held"], None),
        ("announced", "automate", ["proposed", "announced"], None),
        ("dispatched", "automate", ["announced", "dispatched"], None),
        ("skipped", "automate", ["announced", "skipped"], "not_ordered"),
        ("cancelled", "coach", ["approved", "cancelled"], "not_ordered"),
        ("failed", "automate", ["announced", "failed"], "not_ordered"),
        # The shop may have had it after all.
        ("failed", "automate", ["announced", "dispatched", "failed"], None),
    ],
)
def test_where_there_is_a_contract(state: str, strategy: str, history: list[str], reason: str | None) -> None:
    found = reorder(state, *((name, ORDERED) for name in history), strategy=strategy)
    assert withdrawal_terms(person(), found, "full", ORDERED).reason == reason


@pytest.mark.parametrize(
    ("rule", "before", "sent", "after"),
    [
        ("full", None, None, None),
        ("sealed_only", None, None, None),
        ("excluded", None, "excluded", "excluded"),
    ],
)
def test_exceptions(rule: str, before: str | None, sent: str | None, after: str | None) -> None:
    """What has not left yet can always be stopped."""
    approved = reorder("approved", ("approved", ORDERED))
    on_its_way = reorder("dispatched", ("approved", ORDERED), ("dispatched", ORDERED))
    found = (approved, on_its_way, delivered(ORDERED))
    reasons = tuple(withdrawal_terms(person(), each, rule, ORDERED).reason for each in found)
    assert reasons == (before, sent, after)
