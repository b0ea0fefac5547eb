"""Wilson's interval: published values, and what always holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.detectors import rate_of

# R. G. Newcombe, Two-sided confidence intervals for the single proportion, Statistics in Medicine 17 (1998),
# table I, method 3 (score, without continuity correction).
PUBLISHED = [
    (81, 263, 0.2553, 0.3662),
    (15, 148, 0.0624, 0.1605),
    (0, 20, 0.0000, 0.1611),
    (1, 29, 0.0061, 0.1718),
]


@pytest.mark.parametrize(("count", "of", "low", "high"), PUBLISHED)
def test_published_values(count: int, of: int, low: float, high: float) -> None:
    rate = rate_of(count, of)
    assert rate is not None
    assert (round(rate.low, 4), round(rate.high, 4)) == (low, high)
    assert rate.value == count / of


def test_nothing_is_no_rate_and_a_part_is_no_larger_than_the_whole() -> None:
    assert rate_of(0, 0) is None
    for count, of in ((2, 1), (-1, 5)):
        with pytest.raises(ValueError, match="no part of"):
            rate_of(count, of)


@given(st.integers(1, 10_000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_the_rate_lies_in_its_interval_and_the_opposite_mirrors_it(case: tuple[int, int]) -> None:
    count, of = case
    rate, other = rate_of(count, of), rate_of(of - count, of)
    assert rate is not None
    assert other is not None
    assert 0 <= rate.low <= rate.value <= rate.high <= 1
    assert rate.low == pytest.approx(1 - other.high, abs=1e-9)
    more = rate_of(count * 100, of * 100)
    assert more is not None
    assert more.high - more.low < rate.high - rate.low
