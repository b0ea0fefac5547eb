"""Registered usage, on simulated people: what it adds to purchases, and what a count adds to both.

A person uses about so many units every day, forgets to register some of them, sees a weekly rate made of what
was registered, and buys when little is left or when passing by; now and then two packs.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import log, sqrt
from statistics import fmean

from service.forecast import Product, Purchase, Usage, run_out

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
PACK = 30
GOODS = Product(PACK, 1.0, as_needed=False)
# What is looked at; the second count is a week before the first.
SOURCES = ("purchases", "fused", "count", "two counts")
_WEEK = 7
_PEOPLE = 1500
_SEED = 5


@dataclass(frozen=True, slots=True)
class Life:
    """What is known at `now`, and what is not: `left` units, which last `days`, and those a week `before`."""

    bought: list[Purchase]
    registered: list[Usage]
    now: datetime
    left: float
    before: float
    days: int


def simulate(rng: random.Random, *, dose_doubles: bool = False) -> Life | None:
    """None for somebody who has nothing left on the day that is looked at."""
    per_day = rng.lognormvariate(log(1.0), 0.35)
    share = rng.betavariate(6, 2.5) if rng.random() < 0.8 else 0.97
    level, until = rng.uniform(0, 0.2) * PACK, rng.randrange(120, 240)
    doubled = until - rng.randrange(4, 20) if dose_doubles else None
    stock, week, stocks = float(PACK), 0.0, list[float]()
    bought, registered = [Purchase(START, 1)], []
    for day in range(1, until + 1):
        rate = per_day * (2 if doubled is not None and day > doubled else 1)
        used = min(stock, _used(rng, rate))
        stock -= used
        week += used * (rng.random() < share)
        if day % 7 == 0:
            registered.append(Usage(_day(day), units_per_day=week / 7))
            week = 0.0
        needs = stock <= 0 or (stock <= level and rng.random() < 0.3)
        if day < until and (needs or (stock < 0.6 * PACK and rng.random() < 0.04)):
            packs = 2 if rng.random() < 0.15 else 1
            bought.append(Purchase(_day(day), packs))
            stock += packs * PACK
        stocks.append(stock)
    if stock < 1:
        return None
    left, days = stock, 0
    while stock > 0:
        stock -= _used(rng, per_day * (2 if dose_doubles else 1))
        days += 1
    return Life(bought, registered, _day(until), left, stocks[-1 - _WEEK], days)


def _used(rng: random.Random, rate: float) -> float:
    return max(0.0, rng.gauss(rate, 0.4 * sqrt(rate)))


def _day(number: int) -> datetime:
    return START + timedelta(days=number)


def lives(people: int, seed: int, *, dose_doubles: bool = False) -> list[Life]:
    rng, found = random.Random(seed), list[Life]()
    while len(found) < people:
        life = simulate(rng, dose_doubles=dose_doubles)
        if life is not None:
            found.append(life)
    return found


def foresee(life: Life, source: str) -> tuple[float, float, bool]:
    """Days from now to the median and to the safe date, by one of SOURCES; and whether it ships."""
    usage: Sequence[Usage] = [] if source == "purchases" else life.registered
    if source == "two counts":
        usage = [*usage, Usage(life.now - timedelta(days=_WEEK), units_left=round(life.before))]
    if source in ("count", "two counts"):
        usage = [*usage, Usage(life.now, units_left=round(life.left))]
    found = run_out(life.bought, usage, GOODS, life.now)
    assert found is not None
    middle, safe = ((each - life.now) / timedelta(days=1) for each in (found.median, found.earliest))
    return max(middle, 0.0), safe, found.may_ship


def as_complete(life: Life) -> tuple[float, float]:
    """What taking registrations for complete would foresee; its safe date allows for a fifth of error."""
    rate = max(fmean(each.units_per_day or 0.0 for each in life.registered[-4:]), 0.01)
    passed = (life.now - life.bought[-1].at) / timedelta(days=1)
    lasts = life.bought[-1].quantity * PACK / rate
    return max(lasts - passed, 0.0), lasts * 0.8 - passed


def print_simulation() -> None:
    """The table of docs/forecast.md."""
    for title, dose_doubles in (("steady", False), ("dose doubled 4 to 19 days ago", True)):
        people = lives(_PEOPLE, _SEED, dose_doubles=dose_doubles)
        print(f"\nregistered usage, {_PEOPLE:,} simulated people, {title}: mean error in days, out before")
        print("the 10 % date, shipped unasked, and of those out before the 10 % date")
        rough = [(life.days, *as_complete(life)) for life in people]
        error = fmean(abs(middle - days) for days, middle, _ in rough)
        print(f"{'as if complete':15} {error:6.1f} {fmean(days < safe for days, _, safe in rough):7.1%}")
        for source in SOURCES:
            found = [(life, *foresee(life, source)) for life in people]
            error = fmean(abs(middle - life.days) for life, middle, _, _ in found)
            early = fmean(life.days < safe for life, _, safe, _ in found)
            shipped = [life.days < safe for life, _, safe, ships in found if ships]
            print(
                f"{source:15} {error:6.1f} {early:7.1%} {len(shipped) / len(people):7.1%}"
                f" {fmean(shipped) if shipped else 0.0:7.1%}"
            )
