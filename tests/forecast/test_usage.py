"""Registered usage: completeness, counts, changes of dose, and which of two sources is believed."""

from __future__ import annotations

from datetime import timedelta
from math import exp, log

import pytest

from service.forecast import Product, Purchase, Usage
from service.forecast.usage import Rate, combine, read_registrations
from tests.benchmarks.registered_usage import foresee as simulated
from tests.benchmarks.registered_usage import lives
from tests.forecast.test_run_out import AS_NEEDED, MONTHLY, UNKNOWN_USE, bought, day, foresee

PACK = Product(30, 1.0, as_needed=False)


def weekly(per_day: float, *, until: int, since: int = 0) -> tuple[Usage, ...]:
    return tuple(Usage(day(n), units_per_day=per_day) for n in range(since + 7, until, 7))


def test_a_count_says_how_long_it_lasts() -> None:
    found = foresee([], day(2), (Usage(day(1), units_left=10),))
    assert found.median == day(11)
    assert (found.basis, found.sources) == ("usage", ("count",))


def test_a_count_without_any_rate_foresees_nothing() -> None:
    assert read_registrations([Usage(day(1), units_left=10)], [], UNKNOWN_USE).rates == ()


def test_the_newest_count_beats_all_that_was_thought_of_the_stock() -> None:
    days = bought(0, 30, 60, 90)
    before = foresee(days, day(100))
    found = foresee(days, day(100), (Usage(day(100), units_left=5),))
    assert before.median > day(115)
    # Five units at about one a day.
    assert day(103.5) < found.median < day(106.5)
    assert found.spread < before.spread
    assert "count" in found.sources


def test_what_is_bought_after_a_count_is_added_to_what_is_left_by_then() -> None:
    counts = (Usage(day(45), units_left=12), Usage(day(49), units_left=4))
    found = foresee([Purchase(day(50), 1)], day(51), counts, AS_NEEDED)
    # Two a day: two left when twenty more come on day 50.
    assert found.median == pytest.approx(day(61), abs=timedelta(hours=1))
    assert found.anchor == day(50)


def test_half_of_it_registered_is_not_half_of_it_used() -> None:
    """Thirty units a month are bought and half a unit a day is registered: it still lasts a month."""
    days = bought(0, 30, 60, 90)
    found = foresee(days, day(91), weekly(0.5, until=91))
    assert found.median == pytest.approx(day(120), abs=timedelta(days=3))
    assert "two_users" in found.notes


def test_before_a_cycle_has_closed_a_rate_is_taken_for_a_little_less_than_complete() -> None:
    found = read_registrations(weekly(1.0, until=30), bought(0), PACK)
    assert exp(found.share) == pytest.approx(0.9)
    assert found.cycles == 0


def test_units_counted_tell_a_rate() -> None:
    counts = [Usage(day(0), units_left=30), Usage(day(10), units_left=10)]
    (rate,) = read_registrations(counts, [], PACK).rates
    assert exp(rate.log) == pytest.approx(2.0)
    # A purchase between them, and their difference says nothing.
    assert read_registrations(counts, [Purchase(day(5), 1)], PACK).rates == ()


def test_who_buys_early_uses_no_more() -> None:
    """Fourteen of thirty were gone after a fortnight, and a new pack came on the next day."""
    count = Usage(day(14), units_left=16, units_per_day=1.0)
    found = foresee([Purchase(day(0), 1), Purchase(day(15), 1)], day(16), (count,), PACK)
    # Fifteen left, and thirty more: at two a day, as the purchases alone say, they would end on day 38.
    assert day(50) < found.median < day(62)


def test_a_count_below_what_any_rate_explains_is_a_change_of_dose() -> None:
    count = Usage(day(100), units_left=6, units_per_day=1.0)
    found = foresee(bought(0, 30, 60, 90), day(100), (*weekly(1.0, until=91), count), PACK)
    assert "dose_change" in found.notes
    assert not found.may_ship
    # Two and a half a day since day 90.
    assert found.median < day(104)


def test_a_doubled_dose_is_noticed_and_asked_about() -> None:
    days = bought(0, 30, 60, 90, 120)
    steady = foresee(days, day(140), weekly(1.0, until=140))
    doubled = foresee(days, day(140), (*weekly(1.0, until=120), *weekly(2.0, since=120, until=140)))
    assert steady.notes == ()
    assert "dose_change" in doubled.notes
    assert (steady.may_ship, doubled.may_ship) == (True, False)
    assert doubled.median < steady.median


def test_one_odd_week_is_no_change_of_dose() -> None:
    noisy = [Usage(day(7 * n), units_per_day=1.0 + 0.3 * (n % 3)) for n in range(1, 15)]
    odd = [*noisy, Usage(day(105), units_per_day=2.6)]
    assert read_registrations(odd, bought(0), PACK).changed_at is None


def test_nothing_used_any_more_is_asked_about() -> None:
    said = (*weekly(1.0, until=60), Usage(day(63), units_per_day=0))
    found = foresee(bought(0, 30, 60), day(64), said)
    assert "stopped" in found.notes
    assert found.lapsed


def test_the_surer_source_wins() -> None:
    vague, sure = Rate(log(1), 1.0, day(0)), Rate(log(1.5), 0.01, day(1))
    assert exp(combine([vague, sure]).log) == pytest.approx(1.5, rel=0.01)
    assert combine([vague, sure]) == combine([sure, vague])


def test_disagreement_is_charged_to_the_older() -> None:
    old, new = Rate(log(1), 0.01, day(0)), Rate(log(3), 0.01, day(1))
    # Alike in doubt they would meet in the middle; the older one pays for the difference.
    assert combine([old, new]).log == pytest.approx(log(3), abs=0.02)
    assert combine([old, new]).at == day(1)


def test_fewer_units_are_less_certain() -> None:
    few = foresee([], day(1), (Usage(day(1), 2, 1),), MONTHLY)
    many = foresee([], day(1), (Usage(day(1), 60, 1),), MONTHLY)
    assert few.spread > many.spread


def test_nothing_left_is_run_out_now() -> None:
    assert foresee([], day(1), (Usage(day(1), 0, 1),)).median - day(1) <= timedelta(hours=1)


def test_each_source_brings_the_forecast_closer() -> None:
    """On simulated people: registered usage beats purchases alone, and a count beats both; and of those who
    register, few run out before the safe date."""
    people = lives(400, seed=7)
    errors, early = {}, {}
    for source in ("purchases", "fused", "count"):
        found = [(life.days, *simulated(life, source)) for life in people]
        errors[source] = sum(abs(middle - days) for days, middle, _, _ in found) / len(found)
        early[source] = sum(days < safe for days, _, safe, _ in found) / len(found)
    assert errors["count"] < 0.6 * errors["fused"] < 0.6 * errors["purchases"]
    assert max(early.values()) < 0.1
