"""Run-outs against cases worked out by hand."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from math import exp, log, sqrt

import pytest

from service.forecast import Product, Purchase, Usage, run_out
from service.forecast.intervals import Z10, next_interval

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
MONTHLY = Product(pack_size=30, usual_per_day=1.0, as_needed=False)
UNKNOWN_USE = Product(pack_size=30, usual_per_day=None, as_needed=False)
AS_NEEDED = Product(pack_size=20, usual_per_day=2.0, as_needed=True)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def bought(*days: float, quantity: int = 1) -> list[Purchase]:
    return [Purchase(day(d), quantity) for d in days]


def after(start: datetime, days: float) -> datetime:
    return (start + timedelta(days=days)).replace(microsecond=0)


def test_one_purchase_lasts_as_long_as_it_usually_does() -> None:
    found = run_out(bought(0), [], MONTHLY, day(1))
    assert found is not None
    # Nothing but the prior: location ln 30, variance .25 · (1 + 1/1).
    spread = sqrt(0.25 * 2)
    assert found.spread == pytest.approx(spread)
    assert found.median == after(START, 30)
    assert found.earliest == after(START, 30 * exp(-Z10 * spread))
    assert found.latest == after(START, 30 * exp(Z10 * spread))
    assert (found.intervals, found.basis, found.may_ship) == (0, "purchases", False)


def test_two_packs_last_twice_as_long_before_anything_is_known() -> None:
    found = run_out(bought(0, quantity=2), [], MONTHLY, day(1))
    assert found is not None
    assert found.median == after(START, 60)


def test_four_intervals_of_twenty_days() -> None:
    found = run_out(bought(0, 20, 40, 60, 80), [], MONTHLY, day(81))
    assert found is not None
    # weight 5: (ln 30 + 4 ln 20) / 5; variance (4 · .25 + 4/5 · (ln 20 - ln 30)²) / 8 · (1 + 1/5).
    location = (log(30) + 4 * log(20)) / 5
    spread = sqrt((1 + 0.8 * (log(20) - log(30)) ** 2) / 8 * 1.2)
    assert found.median == after(day(80), exp(location))
    assert found.earliest == after(day(80), exp(location - Z10 * spread))
    assert found.spread == pytest.approx(spread)
    assert found.intervals == 4
    assert found.may_ship


def test_without_usual_use_the_own_rhythm_is_all_there_is() -> None:
    assert run_out(bought(0), [], UNKNOWN_USE, day(1)) is None
    assert run_out(bought(0, 10), [], UNKNOWN_USE, day(11)) is None
    found = run_out(bought(0, 10, 30), [], UNKNOWN_USE, day(31))
    assert found is not None
    assert found.median == after(day(30), sqrt(10 * 20))


def test_an_irregular_person_is_never_shipped_to_unasked() -> None:
    found = run_out(bought(0, 2, 60, 63, 150, 151), [], MONTHLY, day(152))
    assert found is not None
    assert found.spread > 0.8
    assert not found.may_ship


def test_two_receipts_of_a_day_are_one_purchase_day() -> None:
    twice = [*bought(0, 20, 40), Purchase(day(20) + timedelta(hours=3), 1)]
    assert run_out(twice, [], MONTHLY, day(41)) == run_out(bought(0, 20, 40), [], MONTHLY, day(41))


def test_order_and_the_future_do_not_matter() -> None:
    calm = run_out(bought(0, 20, 40), [], MONTHLY, day(41))
    assert run_out(bought(40, 0, 20, 99), [], MONTHLY, day(41)) == calm


def test_overdue_past_three_times_the_median_is_lapsed() -> None:
    last = bought(0, 20, 40)
    found = run_out(last, [], MONTHLY, day(50))
    assert found is not None
    median_days = (found.median - day(40)).total_seconds() / 86_400
    just_before = run_out(last, [], MONTHLY, day(40 + 3 * median_days - 0.01))
    just_after = run_out(last, [], MONTHLY, day(40 + 3 * median_days + 0.01))
    assert just_before is not None
    assert just_after is not None
    assert (just_before.lapsed, just_after.lapsed) == (False, True)
    assert not just_after.may_ship


def test_a_registered_count_wins() -> None:
    found = run_out(bought(0, 20, 40), [Usage(day(45), 12, 3)], MONTHLY, day(46))
    assert found is not None
    spread = sqrt(0.15**2 + 0.5**2 / 12)
    assert found.median == after(day(45), 4)
    assert found.earliest == after(day(45), 4 * exp(-Z10 * spread))
    assert (found.basis, found.anchor, found.may_ship) == ("usage", day(40), True)


def test_what_is_bought_after_a_count_is_added_to_what_is_left_by_then() -> None:
    # 12 left on day 45 at 3 a day: 6 left on day 47, and 30 more.
    found = run_out(bought(0, 47), [Usage(day(45), 12, 3)], MONTHLY, day(48))
    assert found is not None
    assert found.median == after(day(47), 12)
    assert found.anchor == day(47)


def test_a_rate_alone_starts_from_the_last_purchase() -> None:
    found = run_out(bought(0, 40), [Usage(day(41), units_per_day=2)], MONTHLY, day(42))
    assert found is not None
    assert found.median == after(day(40), 15)


def test_a_count_alone_uses_the_usual_rate() -> None:
    found = run_out([], [Usage(day(1), units_left=10)], MONTHLY, day(2))
    assert found is not None
    assert found.median == after(day(1), 10)
    assert run_out([], [Usage(day(1), units_left=10)], UNKNOWN_USE, day(2)) is None


def test_fewer_units_are_less_certain() -> None:
    few = run_out([], [Usage(day(1), 2, 1)], MONTHLY, day(1))
    many = run_out([], [Usage(day(1), 60, 1)], MONTHLY, day(1))
    assert few is not None
    assert many is not None
    assert few.spread > many.spread


def test_nothing_left_is_run_out_now() -> None:
    found = run_out([], [Usage(day(1), 0, 1)], MONTHLY, day(1))
    assert found is not None
    assert found.median - day(1) <= timedelta(hours=1)


def test_as_needed_goods_need_registered_usage() -> None:
    assert run_out(bought(0, 20, 40, 60, 80), [], AS_NEEDED, day(81)) is None
    assert run_out(bought(0), [Usage(day(1), 6, 2)], AS_NEEDED, day(2)) is not None


def test_counting_daily_begins_no_new_cycle() -> None:
    counts = [Usage(day(n), 20.0 - n, 1) for n in range(1, 6)]
    found = run_out(bought(0), counts, MONTHLY, day(6))
    assert found is not None
    assert found.anchor == day(0)
    refilled = run_out(bought(0), [*counts, Usage(day(6), 45, 1)], MONTHLY, day(7))
    assert refilled is not None
    assert refilled.anchor == day(6)
    # The purchase that explains a higher count begins the cycle, not the count.
    explained = run_out(bought(0, 5.5), [*counts, Usage(day(6), 45, 1)], MONTHLY, day(7))
    assert explained is not None
    assert explained.anchor == day(5.5)


def test_absurd_numbers_stay_on_the_calendar() -> None:
    never = Product(pack_size=10**9, usual_per_day=1e-9, as_needed=False)
    found = run_out(bought(0, quantity=10**6), [], never, day(1))
    assert found is not None
    assert found.latest <= after(START, 3650)
    assert run_out([], [], MONTHLY, day(1)) is None
    assert next_interval([], None) is None


def test_more_history_is_more_certain() -> None:
    spreads = [
        found.spread
        for n in range(1, 9)
        if (found := run_out(bought(*range(0, 30 * n, 30)), [], MONTHLY, day(30 * n))) is not None
    ]
    assert spreads == sorted(spreads, reverse=True)


def test_it_loads_nothing_but_the_standard_library() -> None:
    code = (
        "import sys; before = set(sys.modules); import service.forecast;"
        "new = {m.split('.')[0] for m in set(sys.modules) - before};"
        "print(sorted(new - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['service']"
