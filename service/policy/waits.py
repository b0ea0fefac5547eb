"""Waits: what holds a channel back now and ends at a known instant (decision.md, "Blockers of a rung")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from service.policy.parts import Cap
from service.policy.quiet import Arc, cover_the_day, quiet_until


def cap_end(cap: Cap, contacts: Sequence[datetime], now: datetime) -> datetime | None:
    """The instant at which a cap lets go; None if that is not after `now`.

    `contacts`: the instants up to `now`, latest first. With no further contact, a window holds `count` of
    them until the count-th latest leaves it, which it does `hours` after it was made: (t - hours, t] is
    open at its start. `count` is not 0.
    """
    if len(contacts) < cap.count:
        return None
    end = contacts[cap.count - 1] + timedelta(hours=cap.hours)
    return end if end > now else None


def first_free(
    now: datetime, ends: Mapping[str, datetime], arcs: Sequence[Arc], zone: ZoneInfo
) -> tuple[datetime | None, tuple[str, ...]]:
    """The first instant from `now` at which no wait holds, and the codes of those met on the way.

    `ends` are waits that hold now and end once; `arcs` are the quiet hours, which come back every day.
    We move to the latest end among those that hold, again and again: nothing before it could be free. None
    for the instant: the arcs cover the day between them.
    """
    if len(arcs) == 2 and cover_the_day(arcs[0], arcs[1]):
        return None, (*ends, "quiet_hours")
    at, holding, met_quiet = now, list(ends.values()), False
    while True:
        quiet_ends = [end for arc in arcs if (end := quiet_until(arc, zone, at)) is not None]
        met_quiet = met_quiet or bool(quiet_ends)
        holding += quiet_ends
        if not holding:
            return at, (*ends, "quiet_hours") if met_quiet else tuple(ends)
        at, holding = max(holding), []
