"""Quiet hours: local times during which a channel is silent.

The first instant outside is looked for on the time line, not on the wall clock: a clock change may end
the quiet early (an hour that does not exist) or bring it back (an hour that comes twice).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from service.policy.values import Quiet

_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Arc:
    """[start, end) on the clock, in seconds after midnight; start ≠ end."""

    start: int
    end: int

    def covers(self, local: datetime) -> bool:
        second = _second_of_day(local)
        if self.start < self.end:
            return self.start <= second < self.end
        return second >= self.start or second < self.end


def arc_of(quiet: Quiet) -> Arc | None:
    """The arc of quiet hours; None where from = to, which is no quiet time. ValueError: not `HH:MM`."""
    start, end = read_clock(quiet.start), read_clock(quiet.end)
    return None if start == end else Arc(start, end)


def read_clock(text: str) -> int:
    """`HH:MM`, 00:00 to 23:59, as seconds after midnight. ValueError: anything else."""
    if not (len(text) == 5 and text[2] == ":" and text.isascii() and (text[:2] + text[3:]).isdigit()):
        raise ValueError("not a time HH:MM")
    hour, minute = int(text[:2]), int(text[3:])
    if hour > 23 or minute > 59:
        raise ValueError("not a time of day")
    return hour * 3600 + minute * 60


def cover_the_day(one: Arc, other: Arc) -> bool:
    """Whether no local time lies outside both: the gap that one leaves fits inside the other."""
    gap = (one.start - one.end) % _DAY
    return (one.end - other.start) % _DAY + gap <= (other.end - other.start) % _DAY


def quiet_until(arc: Arc, zone: ZoneInfo, at: datetime) -> datetime | None:
    """The first instant after `at` (UTC) whose local time lies outside; None if `at` itself does."""
    local = at.astimezone(zone)
    if not arc.covers(local):
        return None
    end = at + timedelta(seconds=(arc.end - _second_of_day(local)) % _DAY)
    if end.astimezone(zone).utcoffset() == local.utcoffset():
        return end
    change = _clock_change(zone, at, end)
    return quiet_until(arc, zone, change) or change


def _clock_change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first second of the new offset, between two instants with different offsets."""
    offset = before.astimezone(zone).utcoffset()
    low, high = 0, int((after - before).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if (before + timedelta(seconds=middle)).astimezone(zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return before + timedelta(seconds=high)


def _second_of_day(local: datetime) -> int:
    return local.hour * 3600 + local.minute * 60 + local.second
