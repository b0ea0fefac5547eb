"""Periods: whose counts, and where they begin and end."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from service.policy import load_policy
from service.policy.check_extras import RECORDS as CHECKED
from service.policy.retention import (
    RECORDS,
    before,
    data_period,
    longest_data_period,
    purge_after,
    record_period,
)

DOCUMENT: dict[str, Any] = {
    "format": "samtycke-policy/1",
    "default_level": "off",
    "retention": {"period": "P10Y", "records": {"decisions": "P6M"}},
    "purposes": {
        "deliver": {"basis": "contract", "data": ["orders", "visits"], "retention": "P30D"},
        "offers": {"basis": "consent", "data": ["orders"], "retention": {"period": "P1Y"}},
    },
    "programmes": {},
    "data": {
        "orders": {"sharing": "necessary"},
        "usage": {"sharing": "choice", "retention": "P3M"},
        "visits": {"sharing": "choice"},
        "nothing": {"sharing": "choice"},
    },
}
POLICY = load_policy(DOCUMENT)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_category_has_its_own_period_or_the_longest_of_its_purposes() -> None:
    periods = {data: data_period(POLICY, data) for data in POLICY.data}
    assert periods == {"orders": "P1Y", "usage": "P3M", "visits": "P30D", "nothing": "P24M"}
    assert longest_data_period(POLICY) == "P24M"


def test_records_have_a_period_in_every_policy() -> None:
    assert record_period(POLICY, "decisions") == "P6M"
    assert record_period(POLICY, "jobs") == RECORDS["jobs"]
    assert set(CHECKED) == set(RECORDS)


@pytest.mark.parametrize(
    ("now", "period", "expected"),
    [
        ("2027-03-31T10:00:00", "P1M", "2027-02-28T10:00:00"),
        ("2028-02-29T10:00:00", "P12M", "2027-02-28T10:00:00"),
        ("2026-11-22T09:00:00", "P24M", "2024-11-22T09:00:00"),
        ("2026-01-05T09:00:00", "P1M6D", "2025-11-30T09:00:00"),
        ("2026-11-22T09:00:00", "P1W", "2026-11-15T09:00:00"),
    ],
)
def test_counting_back(now: str, period: str, expected: str) -> None:
    assert before(at(now), period) == at(expected)


def test_the_end_is_a_full_hour_and_never_early() -> None:
    assert purge_after(at("2026-01-31T10:00:00"), "P1M") == at("2026-02-28T10:00:00")
    assert purge_after(at("2026-01-31T10:00:01"), "P1M") == at("2026-02-28T11:00:00")
