"""Instants, durations and time zones, as the policy and its inputs write them."""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

_INSTANT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII
)
_DURATION = re.compile(
    r"P(?=[\dT])(?:(\d{1,6})Y)?(?:(\d{1,6})M)?(?:(\d{1,6})W)?(?:(\d{1,6})D)?"
    r"(?:T(?=\d)(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,6})S)?)?",
    re.ASCII,
)

# Windows are added to and taken from `now`, which therefore keeps away from the ends of the calendar.
EARLIEST_NOW = datetime(1900, 1, 1, tzinfo=UTC)
LATEST_NOW = datetime(9000, 1, 1, tzinfo=UTC)
LONGEST = timedelta(days=36_600)


def read_instant(text: str) -> datetime:
    """RFC 3339 with an offset and on a whole second, as UTC. Anything else raises ValueError."""
    at, finer = _read(text)
    if finer:
        raise ValueError("not a whole second")
    return at


def read_now(text: str) -> datetime:
    """RFC 3339 with an offset, as UTC; a finer instant is rounded up to the next second, however fine."""
    at, finer = _read(text)
    if not EARLIEST_NOW <= at < LATEST_NOW:
        raise ValueError("out of range")
    return at + timedelta(seconds=1) if finer else at


def whole_second(at: datetime) -> datetime:
    """The first whole second at or after an aware instant, as UTC."""
    if at.tzinfo is None:
        raise ValueError("an instant needs an offset")
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    return at.replace(microsecond=0) + timedelta(seconds=1) if at.microsecond else at


def _read(text: str) -> tuple[datetime, bool]:
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise ValueError("not an RFC 3339 instant with an offset")
    year, month, day, hour, minute, second = (int(part) for part in match.group(1, 2, 3, 4, 5, 6))
    fraction, sign, offset_hours, offset_minutes = match.group(7, 8, 9, 10)
    at = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    if sign:
        if int(offset_hours) > 23 or int(offset_minutes) > 59:
            raise ValueError("not an RFC 3339 offset")
        offset = timedelta(hours=int(offset_hours), minutes=int(offset_minutes))
        try:
            at = at - offset if sign == "+" else at + offset
        except OverflowError as error:
            raise ValueError("outside the calendar") from error
    return at, fraction is not None and fraction.strip("0") != ""


def add_duration(instant: datetime, duration: str) -> datetime:
    """An instant plus an ISO 8601 duration, in UTC. Months are calendar months: 31 January + P1M is the
    last of February. ValueError: not a duration, or the sum lies outside the calendar."""
    months, rest = read_duration(duration)
    start = instant.astimezone(UTC)
    months += start.year * 12 + start.month - 1
    try:
        last = calendar.monthrange(months // 12, months % 12 + 1)[1]
        moved = start.replace(year=months // 12, month=months % 12 + 1, day=min(start.day, last))
        return moved + rest
    except (OverflowError, ValueError, IndexError) as error:
        raise ValueError("outside the calendar") from error


def read_duration(duration: str) -> tuple[int, timedelta]:
    """An ISO 8601 duration in whole numbers, as calendar months and the rest. ValueError: not one."""
    match = _DURATION.fullmatch(duration)
    if match is None:
        raise ValueError("not an ISO 8601 duration")
    years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    rest = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    return years * 12 + months, rest


@cache
def time_zones() -> frozenset[str]:
    """IANA names known here. `localtime` is what the host happens to be set to, so it is none."""
    return frozenset(available_timezones() - {"localtime", "Factory"})


@cache
def zone(name: str) -> ZoneInfo:
    """The zone of an IANA name. ValueError: unknown."""
    if name not in time_zones():
        raise ValueError("unknown time zone")
    return ZoneInfo(name)
