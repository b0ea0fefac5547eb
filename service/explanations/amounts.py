"""Instants and money as people write them in their language and time zone."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time
from babel.numbers import format_currency, get_currency_precision

from service.explanations.catalogue import language_of, sentence

# The dash between two ends.
_TO = "\u2013"


def show_date(at: datetime, locale: str, timezone: str = "UTC") -> str:
    """The day on which an instant falls in the reader's time zone, in words."""
    return format_date(_local(at, timezone).date(), "long", locale=language_locale(locale))


def show_moment(at: datetime, locale: str, timezone: str = "UTC") -> str:
    """The day and the time of day, to the minute, in the reader's time zone."""
    local = _local(at, timezone)
    day = format_date(local.date(), "long", locale=language_locale(locale))
    time = format_time(local, "short", locale=language_locale(locale))
    return sentence(locale, "moment", {"date": day, "time": time})


def show_days(first: datetime, last: datetime, locale: str, timezone: str = "UTC") -> str:
    """The days from one instant to another in the reader's time zone, as in 6 to 9 November. The year is
    named where it changes in between."""
    spoken = language_locale(locale)
    begin, end = _local(first, timezone).date(), _local(last, timezone).date()
    if begin == end:
        return str(format_skeleton("MMMMd", end, locale=spoken))
    if begin.year != end.year:
        return f" {_TO} ".join(format_date(day, "long", locale=spoken) for day in (begin, end))
    named = [str(format_skeleton("MMMMd", day, locale=spoken)) for day in (begin, end)]
    if begin.month == end.month:
        # All five languages write the day first, some of them with a full stop.
        return f"{named[0].split()[0]}{_TO}{named[1]}"
    return f" {_TO} ".join(named)


def show_money(minor: int, currency: str, locale: str) -> str:
    """An amount in minor units, with as many decimals as the currency has (ISO 4217)."""
    amount = Decimal(minor).scaleb(-get_currency_precision(currency))
    return str(format_currency(amount, currency, locale=language_locale(locale)))


@lru_cache
def language_locale(locale: str) -> Locale:
    """Babel's locale for one of ours."""
    language = language_of(locale)
    # English as written in Europe: the day before the month, 24 hours, the currency after the amount.
    return Locale.parse("en_150" if language == "en" else language)


def _local(at: datetime, timezone: str) -> datetime:
    """`at` in the time zone. At either end of the calendar there may be no such instant there, and then
    it stays as it is: somebody may well say the last day for "never"."""
    try:
        return at.astimezone(_zone(timezone))
    except OverflowError:
        return at


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")
