"""When a person's stock of one product runs out.

A registered count wins over purchases: "a count is worth more than more logs" (forecast.md). Goods taken
as needed have no rhythm, so without a registered usage nothing is foreseen for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from math import log, sqrt
from typing import Literal

from service.forecast.intervals import LogNormal, next_interval

# Shipping without asking needs at least this many intervals and a log-spread below this (forecast.md).
SHIP_INTERVALS = 4
SHIP_SPREAD = 0.8
# Where the catalogue does not say how long a pack lasts, one interval is no rhythm yet.
LEAST_INTERVALS = 2
# Overdue past this many times the median: the person has stopped, or buys elsewhere.
LAPSED_AFTER = 3
# Even an exact count drifts: people skip a day or take two. A unit more or less matters the more, the
# fewer are left.
_USAGE_SPREAD = 0.15
_UNIT_SPREAD = 0.5
# Nothing that is bought to be used lasts less than an hour or more than ten years.
_SHORTEST_DAYS = 1 / 24
_LONGEST_DAYS = 3650.0


Basis = Literal["purchases", "usage"]


@dataclass(frozen=True, slots=True)
class Purchase:
    at: datetime
    quantity: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What the person registered: units left at that instant, units used a day, or both."""

    at: datetime
    units_left: float | None = None
    units_per_day: float | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """What the catalogue says: units in a pack, units usually used a day, whether taken only as needed."""

    pack_size: int
    usual_per_day: float | None
    as_needed: bool


@dataclass(frozen=True, slots=True)
class RunOut:
    """One in ten runs out before `earliest`, one in ten after `latest`. `anchor` begins the cycle."""

    anchor: datetime
    earliest: datetime
    median: datetime
    latest: datetime
    intervals: int
    spread: float
    basis: Basis
    lapsed: bool

    @property
    def may_ship(self) -> bool:
        """Whether it is certain enough to order without asking each time."""
        if self.lapsed:
            return False
        return self.spread < SHIP_SPREAD and (self.basis == "usage" or self.intervals >= SHIP_INTERVALS)


def run_out(
    purchases: Sequence[Purchase], usage: Sequence[Usage], product: Product, now: datetime
) -> RunOut | None:
    """The forecast at `now`, or None where nothing can be foreseen. What is later than `now` is ignored."""
    bought = sorted((p for p in purchases if p.at <= now), key=lambda p: p.at)
    registered = sorted((u for u in usage if u.at <= now), key=lambda u: u.at)
    intervals = _intervals(bought)
    counted = _from_usage(bought, registered, product)
    if counted is not None:
        start, days = counted
        anchor = _anchor(bought, registered)
        return _dated(start, days, now, anchor=anchor, intervals=len(intervals), basis="usage")
    if product.as_needed or not bought:
        return None
    usual = _usual_days(bought[-1], product)
    next_one = next_interval(intervals, usual)
    if next_one is None or (usual is None and len(intervals) < LEAST_INTERVALS):
        return None
    last = bought[-1].at
    return _dated(last, next_one, now, anchor=last, intervals=len(intervals), basis="purchases")


def _intervals(bought: Sequence[Purchase]) -> list[float]:
    """Days between purchase days; two receipts of one day are one purchase."""
    days = sorted({p.at.date() for p in bought})
    return [float((later - earlier).days) for earlier, later in pairwise(days)]


def _usual_days(last: Purchase, product: Product) -> float | None:
    if not product.usual_per_day:
        return None
    return _bounded(last.quantity * product.pack_size / product.usual_per_day)


def _from_usage(
    bought: Sequence[Purchase], registered: Sequence[Usage], product: Product
) -> tuple[datetime, LogNormal] | None:
    """Where stock and rate are known: the instant they are known for, and the days the stock lasts."""
    rate = next((u.units_per_day for u in reversed(registered) if u.units_per_day), None)
    counted = next((u for u in reversed(registered) if u.units_left is not None), None)
    if counted is None and rate is None:
        return None
    rate = rate or product.usual_per_day
    if not rate:
        return None
    start, stock = None, 0.0
    if counted is not None and counted.units_left is not None:
        start, stock = counted.at, float(counted.units_left)
    since = [p for p in bought if start is None or p.at > start]
    for purchase in since if start is not None else since[-1:]:
        if start is not None:
            stock = max(0.0, stock - rate * _days(purchase.at - start))
        start, stock = purchase.at, stock + purchase.quantity * product.pack_size
    if start is None:
        return None
    spread = sqrt(_USAGE_SPREAD**2 + _UNIT_SPREAD**2 / max(stock, 1.0))
    return start, LogNormal(log(_bounded(stock / rate)), spread)


def _anchor(bought: Sequence[Purchase], registered: Sequence[Usage]) -> datetime:
    """The last time the stock grew: counting it every evening begins no new cycle."""
    grown = [bought[-1].at] if bought else []
    counts = [u for u in registered if u.units_left is not None]
    grown += [
        later.at
        for earlier, later in pairwise(counts)
        if (later.units_left or 0) > (earlier.units_left or 0)
        and not any(earlier.at < p.at <= later.at for p in bought)
    ]
    return max(grown) if grown else registered[0].at


def _dated(
    start: datetime, days: LogNormal, now: datetime, *, anchor: datetime, intervals: int, basis: Basis
) -> RunOut:
    def after(number: float) -> datetime:
        return (start + timedelta(days=_bounded(number))).replace(microsecond=0)

    return RunOut(
        anchor=anchor,
        earliest=after(days.earliest),
        median=after(days.median),
        latest=after(days.latest),
        intervals=intervals,
        spread=days.spread,
        basis=basis,
        lapsed=now > start + timedelta(days=LAPSED_AFTER * _bounded(days.median)),
    )


def _bounded(days: float) -> float:
    return min(max(days, _SHORTEST_DAYS), _LONGEST_DAYS)


def _days(span: timedelta) -> float:
    return span.total_seconds() / 86_400
