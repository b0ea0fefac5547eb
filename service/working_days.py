"""Where a period that is counted in days ends (Regulation 1182/71, Art. 3): the day of the event does not
count, and a last day that is no working day moves the end to the next one.

Public holidays are data by country. Eves that the country's own law treats like Sundays are among them, and
for a country without a list every listed day counts: what is doubtful ends later, for the consumer.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache

_MonthDay = tuple[int, int]

# (month, day) of each year.
_FIXED: Mapping[str, frozenset[_MonthDay]] = {
    "SE": frozenset({(1, 1), (1, 6), (5, 1), (6, 6), (12, 24), (12, 25), (12, 26), (12, 31)}),
    "FI": frozenset({(1, 1), (1, 6), (5, 1), (12, 6), (12, 24), (12, 25), (12, 26)}),
    "NO": frozenset({(1, 1), (5, 1), (5, 17), (12, 24), (12, 25), (12, 26), (12, 31)}),
    "DK": frozenset({(1, 1), (6, 5), (12, 24), (12, 25), (12, 26), (12, 31)}),
}
_MAUNDY_THURSDAY, _GOOD_FRIDAY, _EASTER_MONDAY, _ASCENSION, _WHIT_MONDAY = -3, -2, 1, 39, 50
# Days after Easter Sunday.
_MOVING: Mapping[str, frozenset[int]] = {
    "SE": frozenset({_GOOD_FRIDAY, _EASTER_MONDAY, _ASCENSION}),
    "FI": frozenset({_GOOD_FRIDAY, _EASTER_MONDAY, _ASCENSION}),
    "NO": frozenset({_MAUNDY_THURSDAY, _GOOD_FRIDAY, _EASTER_MONDAY, _ASCENSION, _WHIT_MONDAY}),
    "DK": frozenset({_MAUNDY_THURSDAY, _GOOD_FRIDAY, _EASTER_MONDAY, _ASCENSION, _WHIT_MONDAY}),
}
# Midsummer Eve is the Friday from 19 to 25 June; Midsummer's day and All Saints' are Saturdays anyway.
_MIDSUMMER = frozenset({"SE", "FI"})
_SATURDAY, _FRIDAY = 5, 4


def last_day(event: date, days: int, country: str) -> date:
    """The last day of a period of `days` after `event`, in the country (ISO 3166-1 alpha-2)."""
    day = event + timedelta(days=days)
    while not is_working_day(day, country):
        day += timedelta(days=1)
    return day


def is_working_day(day: date, country: str) -> bool:
    countries = (country,) if country in _FIXED else tuple(_FIXED)
    return day.weekday() < _SATURDAY and not any(_is_holiday(day, each) for each in countries)


def _is_holiday(day: date, country: str) -> bool:
    if (day.month, day.day) in _FIXED[country] or (day - _easter(day.year)).days in _MOVING[country]:
        return True
    is_eve = day.month == 6 and 19 <= day.day <= 25 and day.weekday() == _FRIDAY
    return is_eve and country in _MIDSUMMER


@lru_cache(maxsize=64)
def _easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (the method of Meeus, Jones and Butcher)."""
    golden, century, of_century = year % 19, year // 100, year % 100
    correction = (century - (century + 8) // 25 + 1) // 3
    moon = (19 * golden + century - century // 4 - correction + 15) % 30
    sunday = (32 + 2 * (century % 4) + 2 * (of_century // 4) - moon - of_century % 4) % 7
    late = (golden + 11 * moon + 22 * sunday) // 451
    month, day = divmod(moon + sunday - 7 * late + 114, 31)
    return date(year, month, day + 1)
