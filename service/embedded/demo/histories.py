"""Who buys how: the shapes of purchase histories that a forecast has to cope with (forecast.md)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from service.embedded.demo.customer import Happened, Step
from service.embedded.demo.goods import Good

# Kind to its share of the customers.
KINDS = {
    "regular": 0.26,
    "irregular": 0.22,
    "dose_change": 0.10,
    "lapsed": 0.10,
    "incomplete_logger": 0.10,
    "open_complaint": 0.04,
    "withdrawn": 0.08,
    "new": 0.10,
}
# How much the days between two purchases of one person scatter, as a share of their length.
_SCATTER = {"irregular": 0.55}
_REGULAR = 0.12
_HALF_OF_LOGS = 0.5


# What is taken as needed lies in the cupboard most of the time.
_AS_NEEDED = 4.0


@dataclass(frozen=True, slots=True)
class Life:
    """One made-up person's time as a customer, from `since` to `now`, and the dice she is made with."""

    rng: random.Random
    kind: str
    locale: str
    number: str
    since: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class Habit:
    """How one person uses one product: units a day, and how many from the middle of the time on."""

    good: Good
    per_day: float
    per_day_later: float
    quantity: int


def habit(life: Life, good: Good) -> Habit:
    """People use a little more or less than usual; after a dose change clearly more or less."""
    rng = life.rng
    per_day = good.usual_per_day * rng.lognormvariate(0.0, 0.2)
    if good.as_needed:
        per_day /= _AS_NEEDED
    changed = rng.choice((0.5, 2.0)) if life.kind == "dose_change" else 1.0
    return Habit(good, per_day, per_day * changed, rng.choices((1, 2), (0.85, 0.15))[0])


def purchases(life: Life, habit: Habit) -> Iterator[Step]:
    """Purchases, each when the one before is used up, more or less."""
    rng, good, scatter = life.rng, habit.good, _SCATTER.get(life.kind, _REGULAR)
    end = life.since + (life.now - life.since) * (0.55 if life.kind == "lapsed" else 1.0)
    middle = life.since + (end - life.since) / 2
    at = life.since + timedelta(days=rng.uniform(0, min(good.days, 30)))
    count = 0
    while at < end:
        data = {
            "sku": good.sku,
            "quantity": habit.quantity,
            "price_minor": good.price_minor,
            "currency": good.currency,
            "pack_size": good.pack_size,
        }
        yield Step(at, Happened("purchase", f"{life.number}-{good.sku}-{count}", data))
        per_day = habit.per_day if at < middle else habit.per_day_later
        days = habit.quantity * good.pack_size / per_day * rng.lognormvariate(0.0, scatter)
        at += timedelta(days=max(days, 2.0), hours=rng.uniform(-2, 2))
        at = at.replace(minute=rng.randrange(60), second=rng.randrange(60), microsecond=0)
        count += 1


def logs(life: Life, habit: Habit) -> Iterator[Step]:
    """What the person registers about once a week; an incomplete logger forgets half of it."""
    rng = life.rng
    kept = _HALF_OF_LOGS if life.kind == "incomplete_logger" else 1.0
    at, count = life.since + timedelta(days=rng.uniform(1, 7)), 0
    while at < life.now:
        if rng.random() < kept:
            data = {"sku": habit.good.sku, "units_per_day": round(habit.per_day * kept, 2)}
            yield Step(at, Happened("usage", f"{life.number}-u-{habit.good.sku}-{count}", data))
        at += timedelta(days=rng.uniform(6, 9))
        count += 1
