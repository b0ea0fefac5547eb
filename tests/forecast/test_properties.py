"""What must hold whatever was bought, registered and said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from math import log
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from service.forecast import Product, Purchase, Series, Usage, default_model, run_out, train
from service.forecast.intervals import predict
from service.forecast.lognormal import LogNormal, beyond
from service.forecast.model import BUCKETS
from tests.forecast.test_run_out import AS_NEEDED, MODEL, MONTHLY, PRIOR, START
from tests.forecast.test_training import people

NOW = START + timedelta(days=400)
EVER = timedelta(days=3650)
instants = some.floats(-13_000, 27_000).map(lambda days: START + timedelta(days=days))
near = some.floats(0, 400).map(lambda days: START + timedelta(days=days))
quantities = some.one_of(some.integers(1, 5), some.integers(1, 10**9))
amounts = some.one_of(some.none(), some.just(0.0), some.floats(0, 50), some.floats(0, 1e12))


def purchases(at: some.SearchStrategy[datetime]) -> some.SearchStrategy[list[Purchase]]:
    return some.lists(some.builds(Purchase, at, quantities), max_size=12)


def usages(at: some.SearchStrategy[datetime]) -> some.SearchStrategy[list[Usage]]:
    return some.lists(some.builds(Usage, at, amounts, amounts), max_size=12)


products = some.builds(
    Product,
    some.one_of(some.integers(1, 200), some.integers(1, 10**9)),
    some.one_of(some.none(), some.floats(1e-9, 1e9), some.floats(0.1, 20)),
    some.booleans(),
    some.just("SKIN-DAY-50"),
    some.sampled_from(["beauty.skin", "health.otc.eye", "nowhere"]),
)


@given(
    some.one_of(purchases(instants), purchases(near)),
    some.one_of(usages(instants), usages(near)),
    products,
    some.lists(some.one_of(instants, near), max_size=4),
    some.sampled_from([MODEL, default_model()]),
)
@settings(deadline=None, max_examples=400)
def test_it_never_raises_and_is_in_order(
    bought: list[Purchase], registered: list[Usage], product: Product, plenty: list[datetime], model: Any
) -> None:
    found = run_out(bought, registered, product, NOW, plenty=plenty, model=model)
    if found is None:
        return
    assert found.earliest <= found.median <= found.latest
    assert found.spread > 0
    assert found.anchor <= NOW
    assert found.latest - NOW <= EVER + timedelta(days=1)
    assert not (found.lapsed and found.may_ship)
    if found.may_ship and found.basis == "purchases":
        assert found.intervals >= 4
        assert not product.as_needed
    if product.as_needed:
        assert found.basis == "usage"


@pytest.mark.parametrize(
    "registered",
    [
        [Usage(START, 1.0, 5e-324)],
        [Usage(START, 1e12, 1e12)],
        [Usage(START, 5e-324), Usage(START + timedelta(days=9), 0.0)],
        [Usage(START, 1e-300, 1e12), Usage(START + timedelta(days=9), 1e12, 1e-300)],
    ],
)
def test_the_smallest_and_largest_numbers_do_no_harm(registered: list[Usage]) -> None:
    for product in (MONTHLY, AS_NEEDED):
        found = run_out([Purchase(START, 1)], registered, product, NOW, model=MODEL)
        assert found is None or found.earliest <= found.median <= found.latest


@given(purchases(near), usages(near), products, near)
@settings(deadline=None)
def test_plenty_never_brings_it_closer(
    bought: list[Purchase], registered: list[Usage], product: Product, said: datetime
) -> None:
    calm = run_out(bought, registered, product, NOW, model=MODEL)
    if calm is None or any(p.at > said for p in bought) or any(u.at > said for u in registered):
        return
    later = run_out(bought, registered, product, NOW, plenty=[said], model=MODEL)
    assert later is not None
    assert (later.earliest, later.median) >= (calm.earliest, calm.median)
    assert later.median >= calm.median
    # Up to ten years: nothing is foreseen beyond.
    if said < calm.anchor + EVER:
        assert later.earliest >= said.replace(microsecond=0)


@given(some.integers(1, 60), some.integers(1, 40))
def test_a_steady_rhythm_never_widens(gap: int, times: int) -> None:
    """One more interval like all others makes nobody less sure."""
    before = predict([log(gap)] * times, PRIOR, None)
    after = predict([log(gap)] * (times + 1), PRIOR, None)
    assert after.spread <= before.spread + 1e-9


@given(some.lists(some.floats(0.0, 5.9), min_size=1, max_size=40), some.floats(0.0, 5.9))
def test_one_more_interval_never_widens_absurdly(logs: list[float], one_more: float) -> None:
    before, after = predict(logs, PRIOR, None), predict([*logs, one_more], PRIOR, None)
    reach = abs(one_more - before.location)
    assert after.spread <= before.spread + reach


@given(some.floats(-3, 3), some.floats(-3, 3), some.floats(-5, 5))
def test_ruling_out_keeps_the_order_and_only_moves_later(one: float, other: float, floor: float) -> None:
    low, high = sorted((one, other))
    assert beyond(low, floor) <= beyond(high, floor)
    assert beyond(one, floor) >= one - 1e-6
    assert beyond(one, floor) >= floor


def test_a_certain_day_is_before_or_after() -> None:
    assert LogNormal(1.0, 0.0).beyond(1.0) < 0 < LogNormal(1.0, 0.0).beyond(100.0)


def test_a_tighter_gate_errs_less() -> None:
    """On made-up people of every regularity, whom the model never saw: the surer it is, the closer it is."""
    spreads = (0.1, 0.3, 0.5, 0.8, 1.1)
    model = train(_mixed(150, spreads, seed=1), "1", MODEL)
    errors: dict[float, list[float]] = {0.4: [], 0.6: [], 0.8: [], 99.0: []}
    for series in _mixed(60, spreads, seed=2):
        days, prior = series.days, model.prior(series.sku, series.category)
        for past in range(4, len(days) - 1):
            expected = predict(series.logs[:past], prior, None)
            error = abs(days[past + 1] - days[past] - expected.at(model.quantiles_at(past).z50))
            for gate, each in errors.items():
                if expected.spread < gate:
                    each.append(error)
    means = [sum(each) / len(each) for each in errors.values()]
    assert means == sorted(means)
    assert means[0] < 0.5 * means[-1]


def _mixed(count: int, spreads: Sequence[float], seed: int) -> list[Series]:
    found = [
        series
        for within in spreads
        for series in people(count, within=within, seed=seed * 100 + round(10 * within))
    ]
    return [replace(series, person=number) for number, series in enumerate(found)]


def test_every_bucket_of_the_embedded_model_is_in_order() -> None:
    for bucket in BUCKETS:
        each = default_model().quantiles_at(bucket)
        assert each.z10 < each.z50 < each.z90
