"""How fast somebody uses a product: registered rates, counts and purchases, weighed by how sure each is.

Nobody registers everything, so a registered rate is divided by the share that closed purchase cycles show to
be registered (forecast.md, "Registered usage"). Sources are combined in logarithms by inverse variance; where
they disagree more than they admit to, the older one is charged with the difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from math import log, sqrt
from statistics import fmean, pvariance

from service.forecast.evidence import Product, Purchase, Usage, days_of

# One registration's scatter, and what is believed of the registered share before any cycle has closed.
_REGISTERED = 0.25
_SHARE_SPREAD = 0.25
_SHARE_WEIGHT = 0.25
_USUAL_SHARE = log(0.9)
_LEAST_SHARE, _MOST_SHARE = 0.1, 2.0
# Two counts tell a rate to within this, and to within a unit or so.
_COUNTED = 0.1
_COUNT_DAYS = 3.0
_COUNT_UNITS = 0.5
# Rates further apart than this, and than three and a half times their doubt, are a change of dose.
_CHANGE = 0.4
_SCATTERS = 3.5
_STEADY = 0.1
_LEAST_DOSE = 0.3
_NEWEST = 6


@dataclass(frozen=True, slots=True)
class Rate:
    """Units a day: the mean and variance of the logarithm, and when the newest evidence for it was given."""

    log: float
    variance: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Registered:
    """What registrations say: rates, and in how many closed cycles what share of the purchases they explain.
    `changed_at`: since when the dose is another one."""

    rates: tuple[Rate, ...]
    share: float
    cycles: int
    counted: bool
    changed_at: datetime | None


def combine(rates: Sequence[Rate]) -> Rate:
    """One rate from several; at least one."""
    first, *later = sorted(rates, key=lambda rate: rate.at)
    for rate in later:
        # What two sources differ by beyond their own doubts, the older one did not know.
        surplus = (rate.log - first.log) ** 2 - rate.variance - first.variance
        older = 1 / (first.variance + max(surplus, 0.0))
        newer = 1 / rate.variance
        mean = (first.log * older + rate.log * newer) / (older + newer)
        first = Rate(mean, 1 / (older + newer), rate.at)
    return first


def read_registrations(
    registered: Sequence[Usage], bought: Sequence[Purchase], product: Product
) -> Registered:
    """`registered` and `bought` in order of time."""
    stated = [(u.at, u.units_per_day) for u in registered if u.units_per_day]
    changed_at = _change(stated)
    counts = [(u.at, u.units_left) for u in registered if u.units_left is not None]
    shares = _shares(stated, counts, bought, product)
    weight = len(shares) + _SHARE_WEIGHT
    share = (sum(shares) + _SHARE_WEIGHT * _USUAL_SHARE) / weight
    scatter = _SHARE_SPREAD**2 if len(shares) < 2 else max(pvariance(shares), _SHARE_SPREAD**2 / 4)
    rates = []
    current = [each for each in stated if changed_at is None or each[0] >= changed_at][-_NEWEST:]
    if current:
        mean = log(fmean(per_day for _, per_day in current))
        variance = _REGISTERED**2 / len(current) + scatter / weight
        rates.append(Rate(mean - share, variance, current[-1][0]))
    counted = _counted([u for u in registered if changed_at is None or u.at >= changed_at], bought)
    least = None if counted else _least(counts, bought, product)
    if least is not None and rates and least.log > rates[0].log + _CHANGE:
        # More has gone since the last purchase than any rate explains: the dose is another one.
        changed_at, rates, counted = bought[-1].at, [], [least]
    return Registered((*rates, *counted), share, len(shares), bool(counted), changed_at)


def _shares(
    stated: Sequence[tuple[datetime, float]],
    counts: Sequence[tuple[datetime, float]],
    bought: Sequence[Purchase],
    product: Product,
) -> list[float]:
    """Logarithms of registered against used, for each cycle that a later purchase closed. All that was
    bought is used by then, unless a count tells what was left: who buys early uses no more."""
    shares = []
    for earlier, later in pairwise(bought):
        within = [per_day for at, per_day in stated if earlier.at < at <= later.at]
        until, left = next(
            ((at, left) for at, left in reversed(counts) if earlier.at < at <= later.at), (later.at, 0.0)
        )
        days, used = days_of(until - earlier.at), product.units(earlier) - left
        if within and days >= 1 and used > 0:
            share = fmean(within) * days / used
            shares.append(log(min(max(share, _LEAST_SHARE), _MOST_SHARE)))
    return shares


def _counted(registered: Sequence[Usage], bought: Sequence[Purchase]) -> list[Rate]:
    """The rate between the first and the last count since the stock last grew."""
    counts = [(u.at, u.units_left) for u in registered if u.units_left is not None]
    run: list[tuple[datetime, float]] = []
    for at, left in counts:
        if run and (left > run[-1][1] or any(run[-1][0] < p.at <= at for p in bought)):
            run = []
        run.append((at, left))
    if len(run) < 2:
        return []
    used, days = run[0][1] - run[-1][1], days_of(run[-1][0] - run[0][0])
    if used < _COUNT_UNITS or days < _COUNT_DAYS:
        return []
    return [Rate(log(used / days), _COUNTED**2 + 1 / used, run[-1][0])]


def _least(
    counts: Sequence[tuple[datetime, float]], bought: Sequence[Purchase], product: Product
) -> Rate | None:
    """The least rate that explains the newest count: all that was bought last, but for what is left of it,
    has gone since. What was there before that purchase makes it more."""
    if not counts or not bought or counts[-1][0] <= bought[-1].at:
        return None
    at, left = counts[-1]
    used, days = product.units(bought[-1]) - left, days_of(at - bought[-1].at)
    if used <= 0 or days < _COUNT_DAYS:
        return None
    return Rate(log(used / days), _COUNTED**2 + 1 / used, at)


def _change(stated: Sequence[tuple[datetime, float]]) -> datetime | None:
    """When the newest change of the registered rate began."""
    if not stated:
        return None
    # A week in which hardly anything was registered is no dose.
    least = _LEAST_DOSE * fmean(per_day for _, per_day in stated)
    logs = [log(max(per_day, least)) for _, per_day in stated]
    for split in range(len(logs) - 1, 0, -1):
        before, after = logs[:split], logs[split:]
        step = abs(fmean(after) - fmean(before))
        scatter = sqrt((pvariance(before) * len(before) + pvariance(after) * len(after)) / len(logs))
        doubt = _SCATTERS * scatter * sqrt(1 / len(before) + 1 / len(after))
        # One odd week is no change, unless there has been no odd week before.
        steady = len(after) > 1 or scatter < _STEADY
        if steady and step > max(_CHANGE, doubt):
            return stated[split][0]
    return None
