"""When a person's stock of one product runs out: a distribution, how sure it is, and what it was made from.

Purchases alone foresee the next purchase. Where usage is registered, stock and rate foresee the run-out
itself, and "a count is worth more than more logs" (forecast.md). Goods taken as needed have no rhythm, so
without a registered usage nothing is foreseen for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from math import exp, log, sqrt
from statistics import fmean
from typing import Literal

from service.forecast.evidence import (
    Product,
    Purchase,
    Usage,
    bounded,
    day_gaps,
    days_of,
    purchase_days,
)
from service.forecast.intervals import belief, predict
from service.forecast.lognormal import LogNormal, beyond
from service.forecast.model import Model, Prior, Quantiles, default_model
from service.forecast.notes import Note, disagreements
from service.forecast.usage import Rate, Registered, combine, read_registrations

# Shipping without asking needs at least this many intervals (forecast.md); the model has the spread.
SHIP_INTERVALS = 4
# Where the catalogue does not say how long a pack lasts, one interval is no rhythm yet.
LEAST_INTERVALS = 2
# Overdue past this many times the median: the person has stopped, or buys elsewhere.
LAPSED_AFTER = 3
# Who has plenty has at least this share of the usual time left.
PLENTY_SHARE = 0.3
# People skip a day or take two, and a unit more or less matters the more, the fewer are left.
_DAILY_SPREAD = 0.12
_UNIT_SPREAD = 0.6
# Without a count nobody knows what was left when the last purchase was made.
_LEFTOVER_SPREAD = 0.15
# How far one person's use of what is taken as needed may be from the usual.
_USUAL_SPREAD = 0.5
# A rest of the purchase before counts only when it is more than the usual margin.
_EARLY_SHARE = 0.4
# Of the logarithm of a rate: beyond it nobody lives, and arithmetic ends.
_MOST_LOG = 60.0
_NORMAL = Quantiles(-1.2815515655446004, 0.0, 1.2815515655446004)
_SURE, _FAIR = 0.35, 0.7

Basis = Literal["purchases", "usage"]
Sure = Literal["sure", "fair", "guess"]
Source = Literal["purchases", "usage", "count", "catalogue", "plenty"]


@dataclass(frozen=True, slots=True)
class RunOut:
    """One in ten runs out before `earliest`, one in ten after `latest`. `anchor` begins the cycle.

    `sources` is what it was made from, `model` the version, `notes` where sources disagree, `gate` the spread
    from which nothing is shipped unasked.
    """

    anchor: datetime
    earliest: datetime
    median: datetime
    latest: datetime
    intervals: int
    spread: float
    basis: Basis
    lapsed: bool
    sure: Sure = "guess"
    sources: tuple[Source, ...] = ()
    notes: tuple[Note, ...] = ()
    model: str = ""
    gate: float = 0.8

    @property
    def may_ship(self) -> bool:
        """Whether it is certain enough to order without asking each time."""
        if self.lapsed or "dose_change" in self.notes or "stopped" in self.notes:
            return False
        return self.spread < self.gate and (self.basis == "usage" or self.intervals >= SHIP_INTERVALS)


@dataclass(frozen=True, slots=True)
class _Lasting:
    """How many days from `start` the stock lasts, and the quantiles by which to read that."""

    start: datetime
    days: LogNormal
    quantiles: Quantiles
    basis: Basis
    sources: tuple[Source, ...]


def run_out(
    purchases: Sequence[Purchase],
    usage: Sequence[Usage],
    product: Product,
    now: datetime,
    *,
    plenty: Sequence[datetime] = (),
    model: Model | None = None,
) -> RunOut | None:
    """The forecast at `now`, or None where nothing can be foreseen. What is later than `now` is ignored.

    `plenty`: when the person said that there is plenty left. What that stock was bought for lasts longer than
    that, now and in every later forecast.
    """
    model = model or default_model()
    bought = sorted((p for p in purchases if p.at <= now), key=lambda p: p.at)
    registered = sorted((u for u in usage if u.at <= now), key=lambda u: u.at)
    said = sorted(at for at in plenty if at <= now)
    if not bought and not registered:
        return None
    gaps = _gaps(purchase_days(bought), said)
    prior = model.prior(product.sku, product.category)
    usual = product.usual_days(bought[-1]) if bought else None
    rhythm = predict([log(gap) for gap in gaps], prior, usual)
    found = read_registrations(registered, bought, product)
    # One interval is no rhythm where the catalogue says nothing either.
    paced = bool(bought) and (usual is not None or len(gaps) >= LEAST_INTERVALS)
    paces = _pace(bought, product, rhythm, len(gaps), prior) if paced else None
    lasting = _from_usage(bought, registered, product, found, paces)
    if lasting is None and paced and not product.as_needed:
        quantiles = model.quantiles_at(len(gaps))
        sources: tuple[Source, ...] = ("purchases",) if gaps else ("purchases", "catalogue")
        lasting = _Lasting(bought[-1].at, rhythm, quantiles, "purchases", sources)
    if lasting is None:
        return None
    anchor, notes = _anchor(bought, registered), disagreements(gaps, prior, registered, found)
    return _dated(lasting, said, notes, now, anchor=anchor, intervals=len(gaps), model=model)


def _gaps(days: Sequence[datetime], plenty: Sequence[datetime]) -> list[float]:
    """Days between purchases. Where there was plenty in one, the next purchase came before it was needed."""
    gaps = day_gaps(days)
    for position, (earlier, later) in enumerate(pairwise(days)):
        said = [days_of(at - earlier) for at in plenty if earlier < at <= later]
        if said:
            gaps[position] = max(gaps[position], said[-1] + PLENTY_SHARE * gaps[position])
    return gaps


def _pace(
    bought: Sequence[Purchase], product: Product, rhythm: LogNormal, intervals: int, prior: Prior
) -> Rate:
    """The rate at which purchases are used up: what lay between them, by what was bought."""
    used = bought[:-1] if intervals else bought
    units = fmean(log(product.units(each)) for each in used)
    # Of the predictive variance, the part that is doubt about the location.
    variance = rhythm.spread**2 / (belief(prior) + intervals + 1)
    return Rate(units - rhythm.location, variance, bought[-1].at)


def _from_usage(
    bought: Sequence[Purchase],
    registered: Sequence[Usage],
    product: Product,
    found: Registered,
    pace: Rate | None,
) -> _Lasting | None:
    """Where a count or a rate is registered: how long the stock lasts at the rate that all sources tell."""
    counted = next((u for u in reversed(registered) if u.units_left is not None), None)
    if counted is None and not (found.rates and bought):
        return None
    rates = list(found.rates)
    # As needed means without a pace. Where the dose changed, the pace is of the time before.
    if pace is not None and not (rates and product.as_needed):
        pace = pace if found.changed_at is None else replace(pace, at=min(pace.at, found.changed_at))
        rates.append(pace)
    if not rates:
        if not product.usual_per_day or counted is None:
            return None
        rates.append(Rate(log(product.usual_per_day), _USUAL_SPREAD**2, counted.at))
    rate = combine(rates)
    pace_log = min(max(rate.log, -_MOST_LOG), _MOST_LOG)
    start, stock = _stock(bought, counted, product, exp(pace_log))
    variance = rate.variance + _DAILY_SPREAD**2 + _UNIT_SPREAD**2 / max(stock, 1.0)
    if counted is None:
        variance += _LEFTOVER_SPREAD**2
    sources: list[Source] = ["usage"] if counted is None else ["count", "usage"] if found.rates else ["count"]
    if pace in rates:
        sources.append("purchases")
    days = bounded(exp(log(max(stock, 1e-6)) - pace_log))
    return _Lasting(start, LogNormal(log(days), sqrt(variance)), _NORMAL, "usage", tuple(sources))


def _stock(
    bought: Sequence[Purchase], counted: Usage | None, product: Product, rate: float
) -> tuple[datetime, float]:
    """The units there were at an instant: the last count, or the last purchase if that is later."""
    if counted is None:
        last, before = bought[-1], bought[-2:-1]
        # Bought again long before it was needed: the rest of the purchase before is still there.
        left = sum(max(0.0, product.units(p) - rate * days_of(last.at - p.at)) for p in before)
        early = bool(before) and left > _EARLY_SHARE * product.units(before[0])
        return last.at, product.units(last) + (left if early else 0.0)
    start, stock = counted.at, float(counted.units_left or 0.0)
    for purchase in (p for p in bought if p.at > counted.at):
        stock = max(0.0, stock - rate * days_of(purchase.at - start)) + product.units(purchase)
        start = purchase.at
    return start, stock


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
    lasting: _Lasting,
    plenty: Sequence[datetime],
    notes: tuple[Note, ...],
    now: datetime,
    *,
    anchor: datetime,
    intervals: int,
    model: Model,
) -> RunOut:
    days, quantiles, start = lasting.days, lasting.quantiles, lasting.start
    sources = lasting.sources
    least = 0.0
    if plenty and plenty[-1] > start:
        # What is known to last longer: the distribution above that, and nothing below.
        least = days_of(plenty[-1] - start) + PLENTY_SHARE * days.median
        sources = (*sources, "plenty")
    floor = days.beyond(least)

    def lasts(z: float) -> float:
        return bounded(max(days.at(beyond(z, floor)), least))

    def after(number: float) -> datetime:
        return (start + timedelta(days=bounded(number))).replace(microsecond=0)

    median = lasts(quantiles.z50)
    # Past three medians they have stopped, so what comes later is no longer a run-out.
    latest = min(lasts(quantiles.z90), LAPSED_AFTER * median)
    lapsed = now > start + timedelta(days=LAPSED_AFTER * median)
    if lapsed and "stopped" not in notes:
        notes = (*notes, "stopped")
    return RunOut(
        anchor=anchor,
        earliest=after(lasts(quantiles.z10)),
        median=after(median),
        latest=after(latest),
        intervals=intervals,
        spread=days.spread,
        basis=lasting.basis,
        lapsed=lapsed or "stopped" in notes,
        sure=_sure(days.spread, lasting.basis, intervals),
        sources=sources,
        notes=notes,
        model=model.version,
        gate=model.gate,
    )


def _sure(spread: float, basis: Basis, intervals: int) -> Sure:
    if basis == "purchases" and intervals < LEAST_INTERVALS:
        return "guess"
    return "sure" if spread < _SURE else "fair" if spread < _FAIR else "guess"
