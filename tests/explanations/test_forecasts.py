"""A run-out in words: about when, in the reader's language and time zone, and how sure we are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from service.explanations import explain_run_out
from service.explanations.amounts import show_days

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def day(month: int, number: int, hour: int = 12, year: int = 2026) -> datetime:
    return datetime(year, month, number, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("en", "6\u20139 November"),
        ("sv-FI", "6\u20139 november"),
        ("fi", "6.\u20139. marraskuuta"),
        ("no", "6.\u20139. november"),
        ("da", "6.\u20139. november"),
    ],
)
def test_days_of_one_month(locale: str, said: str) -> None:
    assert show_days(day(11, 6), day(11, 9), locale) == said


def test_days_of_two_months_and_of_two_years() -> None:
    assert show_days(day(11, 28), day(12, 3), "sv") == "28 november \u2013 3 december"
    across = show_days(day(12, 28), day(1, 3, year=2027), "en")
    assert across == "28 December 2026 \u2013 3 January 2027"


def test_the_day_is_the_readers_own() -> None:
    late = day(11, 6, hour=23)
    assert show_days(late, late, "en", "Europe/Helsinki") == "7 November"
    assert show_days(late, late, "en", "Atlantic/Azores") == "6 November"


@pytest.mark.parametrize("locale", ["sv", "fi", "nb", "da", "en"])
def test_every_degree_of_sureness_sounds_different(locale: str) -> None:
    span = [NOW + timedelta(days=days) for days in (2, 7, 12)]
    told = {explain_run_out(*span, sure, locale, now=NOW) for sure in ("sure", "fair", "guess")}
    told.add(explain_run_out(*span, "sure", locale, now=NOW + timedelta(days=30)))
    assert len(told) == 4


def test_it_names_the_half_around_the_median_and_no_day_that_has_passed() -> None:
    span = [NOW + timedelta(days=days) for days in (-4, 4, 14)]
    said = explain_run_out(*span, "sure", "en", now=NOW)
    assert said == "It probably runs out about 1\u201310 November. We are quite sure."


def test_when_it_is_past_it_says_so() -> None:
    span = [NOW - timedelta(days=days) for days in (20, 14, 9)]
    assert explain_run_out(*span, "guess", "en", now=NOW) == "It has probably run out already."
