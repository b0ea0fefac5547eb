"""Run-outs against cases worked out by hand, under a model whose numbers are round."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from math import exp, log, sqrt

import pytest

from service.forecast import Model, Prior, Product, Purchase, Quantiles, RunOut, Usage, run_out
from service.forecast.model import BUCKETS

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
MONTHLY = Product(pack_size=30, usual_per_day=1.0, as_needed=False)
UNKNOWN_USE = Product(pack_size=30, usual_per_day=None, as_needed=False)
AS_NEEDED = Product(pack_size=20, usual_per_day=2.0, as_needed=True)
# People differ as much as their intervals: the prior counts for one interval.
PRIOR = Prior(location=log(30), offset=0.0, between=0.5, within=0.5, weight=4.0, people=100)
Z = 1.25
MODEL = Model("hand/1", {"*": PRIOR}, dict.fromkeys(BUCKETS, Quantiles(-Z, 0.0, Z)), gate=0.8)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def bought(*days: float, quantity: int = 1) -> list[Purchase]:
    return [Purchase(day(d), quantity) for d in days]


def after(start: datetime, days: float) -> datetime:
    return (start + timedelta(days=days)).replace(microsecond=0)


def foresee(
    purchases: list[Purchase],
    now: datetime,
    usage: tuple[Usage, ...] = (),
    product: Product = MONTHLY,
    plenty: tuple[datetime, ...] = (),
) -> RunOut:
    found = run_out(purchases, usage, product, now, plenty=plenty, model=MODEL)
    assert found is not None
    return found


def test_one_purchase_lasts_as_long_as_it_usually_does() -> None:
    found = foresee(bought(0), day(1))
    # Nothing but the prior: location ln 30, variance .25 · (1 + 1/1).
    spread = sqrt(0.25 * 2)
    assert found.spread == pytest.approx(spread)
    assert found.median == after(START, 30)
    assert found.earliest == after(START, 30 * exp(-Z * spread))
    assert found.latest == after(START, 30 * exp(Z * spread))
    assert (found.intervals, found.basis, found.may_ship) == (0, "purchases", False)
    assert (found.sure, found.sources, found.model) == ("guess", ("purchases", "catalogue"), "hand/1")


def test_two_packs_last_twice_as_long_before_anything_is_known() -> None:
    assert foresee(bought(0, quantity=2), day(1)).median == after(START, 60)


def test_people_use_it_faster_than_the_catalogue_says() -> None:
    faster = Prior(location=9.9, offset=log(0.5), between=0.5, within=0.5, weight=4.0, people=100)
    model = Model("hand/2", {"*": PRIOR, "baby": faster}, MODEL.quantiles, gate=0.8)
    product = Product(30, 1.0, as_needed=False, sku="nappy", category="baby.nappies")
    found = run_out(bought(0), [], product, day(1), model=model)
    assert found is not None
    assert found.median == after(START, 15)


def test_four_intervals_of_twenty_days() -> None:
    found = foresee(bought(0, 20, 40, 60, 80), day(81))
    # weight 5: (ln 30 + 4 ln 20) / 5; variance (4 · .25 + 4/5 · (ln 20 - ln 30)²) / 8 · (1 + 1/5).
    location = (log(30) + 4 * log(20)) / 5
    spread = sqrt((1 + 0.8 * (log(20) - log(30)) ** 2) / 8 * 1.2)
    assert found.median == after(day(80), exp(location))
    assert found.earliest == after(day(80), exp(location - Z * spread))
    assert found.spread == pytest.approx(spread)
    assert found.intervals == 4
    assert found.may_ship
    assert found.sources == ("purchases",)


def test_without_usual_use_one_interval_is_no_rhythm() -> None:
    assert run_out(bought(0), [], UNKNOWN_USE, day(1), model=MODEL) is None
    assert run_out(bought(0, 10), [], UNKNOWN_USE, day(11), model=MODEL) is None
    found = foresee(bought(0, 10, 30), day(31), product=UNKNOWN_USE)
    assert found.median == after(day(30), exp((log(30) + log(10) + log(20)) / 3))


def test_an_irregular_person_is_never_shipped_to_unasked() -> None:
    found = foresee(bought(0, 2, 60, 63, 150, 151), day(152))
    assert found.spread > MODEL.gate
    assert not found.may_ship
    assert found.sure == "guess"


def test_fewer_than_four_intervals_are_never_shipped_to_unasked() -> None:
    assert not foresee(bought(0, 30, 60, 90), day(91)).may_ship
    assert foresee(bought(0, 30, 60, 90, 120), day(121)).may_ship


def test_two_receipts_of_a_day_are_one_purchase_day() -> None:
    twice = [*bought(0, 20, 40), Purchase(day(20) + timedelta(hours=3), 1)]
    assert foresee(twice, day(41)).median == foresee(bought(0, 20, 40), day(41)).median


def test_order_and_the_future_do_not_matter() -> None:
    assert foresee(bought(40, 0, 20, 99), day(41)) == foresee(bought(0, 20, 40), day(41))


def test_overdue_past_three_times_the_median_is_lapsed() -> None:
    last = bought(0, 20, 40)
    median_days = (foresee(last, day(50)).median - day(40)).total_seconds() / 86_400
    just_before = foresee(last, day(40 + 3 * median_days - 0.01))
    just_after = foresee(last, day(40 + 3 * median_days + 0.01))
    assert (just_before.lapsed, just_after.lapsed) == (False, True)
    assert "stopped" in just_after.notes
    assert not just_after.may_ship


def test_what_comes_after_three_medians_is_no_run_out() -> None:
    wide = Model("hand/3", {"*": PRIOR}, dict.fromkeys(BUCKETS, Quantiles(-Z, 0.0, 4.0)), gate=0.8)
    found = run_out(bought(0), [], MONTHLY, day(1), model=wide)
    assert found is not None
    assert found.latest == after(START, 90)


def test_as_needed_goods_need_registered_usage() -> None:
    assert run_out(bought(0, 20, 40, 60, 80), [], AS_NEEDED, day(81), model=MODEL) is None
    found = foresee(bought(0), day(2), (Usage(day(1), 6, 2),), AS_NEEDED)
    assert found.basis == "usage"
    assert found.may_ship


def test_plenty_is_later_by_what_it_rules_out() -> None:
    calm = foresee(bought(0, 30, 60), day(85))
    said = foresee(bought(0, 30, 60), day(85), plenty=(day(85),))
    assert calm.earliest < day(85)
    # At least three tenths of the usual time are left, and the rest of the distribution lies above that.
    assert said.earliest > day(85) + timedelta(days=8)
    assert said.earliest < said.median < said.latest
    assert said.median > calm.median
    assert "plenty" in said.sources


def test_plenty_of_an_old_stock_says_nothing_of_a_new_one_but_of_the_pace() -> None:
    calm = foresee(bought(0, 30, 60), day(61))
    said = foresee(bought(0, 30, 60), day(61), plenty=(day(55),))
    # The purchase on day 60 came before it was needed, so what is bought lasts longer than 30 days.
    assert said.median > calm.median
    assert "plenty" not in said.sources
    later = foresee(bought(0, 30, 60), day(61), plenty=(day(99),))
    assert later == calm


def test_a_purchase_out_of_turn_is_noted() -> None:
    assert foresee(bought(0, 30, 60, 90, 95), day(96)).notes == ("bought_early",)
    assert foresee(bought(0, 30, 60, 90, 190), day(191)).notes == ("pause",)
    assert foresee(bought(0, 30, 60, 90, 118), day(119)).notes == ()


def test_counting_daily_begins_no_new_cycle() -> None:
    counts = tuple(Usage(day(n), 20.0 - n, 1) for n in range(1, 6))
    assert foresee(bought(0), day(6), counts).anchor == day(0)
    refilled = (*counts, Usage(day(6), 45, 1))
    assert foresee(bought(0), day(7), refilled).anchor == day(6)
    # The purchase that explains a higher count begins the cycle, not the count.
    assert foresee(bought(0, 5.5), day(7), refilled).anchor == day(5.5)


def test_absurd_numbers_stay_on_the_calendar() -> None:
    never = Product(pack_size=10**9, usual_per_day=1e-9, as_needed=False)
    assert foresee(bought(0, quantity=10**6), day(1), product=never).latest <= after(START, 3650)
    assert run_out([], [], MONTHLY, day(1)) is None


def test_more_history_is_more_certain() -> None:
    spreads = [foresee(bought(*range(0, 30 * n, 30)), day(30 * n)).spread for n in range(1, 9)]
    assert spreads == sorted(spreads, reverse=True)


def test_it_loads_nothing_but_the_standard_library() -> None:
    code = (
        "import sys; before = set(sys.modules); import service.forecast; service.forecast.default_model();"
        "new = {m.split('.')[0] for m in set(sys.modules) - before};"
        "print(sorted(new - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['service']"
