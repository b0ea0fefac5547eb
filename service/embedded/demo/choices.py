"""What made-up customers choose: from nothing at all to everything, with second thoughts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from service.embedded.demo.customer import (
    Answered,
    Concluded,
    Objected,
    Preferred,
    Step,
)
from service.embedded.demo.histories import Life
from service.explanations.mandates import order_button
from service.use_cases.put_mandate import PutMandate

# Attitude to its share. The first two share nothing.
ATTITUDES = {"silent": 0.18, "refusing": 0.10, "choosing": 0.26, "reminded": 0.32, "served": 0.14}
_LEVELS = {"choosing": "curate", "reminded": "coach", "served": "automate"}
_PURPOSES = {
    "choosing": ("personal_offers",),
    "reminded": ("personal_offers", "replenishment_reminders"),
    "served": ("personal_offers", "replenishment_reminders", "automatic_reorder"),
}
_EXPLICIT = ("automatic_reorder", "health_personalisation")


def choose(life: Life) -> Iterator[Step]:
    """The choices of one customer."""
    rng = life.rng
    attitude = rng.choices(list(ATTITUDES), list(ATTITUDES.values()))[0]
    if life.kind in ("withdrawn", "open_complaint", "incomplete_logger") and attitude not in _LEVELS:
        attitude = "reminded"
    at = life.since + timedelta(minutes=rng.randrange(3, 40))
    if attitude == "refusing":
        yield Step(at, Answered("refused", purpose="personal_offers"))
        yield Step(at, Answered("refused", purpose="replenishment_reminders"))
    if attitude not in _LEVELS:
        return
    given = [*_PURPOSES[attitude], *(["health_personalisation"] if rng.random() < 0.8 else [])]
    for purpose in given:
        # Some answered a notice that has changed since; their yes no longer holds.
        version = 1 if purpose == "personal_offers" and rng.random() < 0.08 else None
        yield Step(at, Answered("given", purpose=purpose, explicit=purpose in _EXPLICIT, version=version))
    yield from _settings(life, attitude, at)
    if attitude == "served":
        yield from _mandate(life, at)
    yield from _second_thoughts(life, given, at)


def _settings(life: Life, attitude: str, at: datetime) -> Iterator[Step]:
    rng = life.rng
    usage = life.kind == "incomplete_logger" or rng.random() < 0.3
    shared = {"purchases": rng.random() < 0.93, "usage": usage, "feedback": rng.random() < 0.5}
    yield Step(at, Preferred({"sharing": shared}))
    where = rng.choices(("*", "health", "beauty"), (0.7, 0.2, 0.1))[0]
    yield Step(at, Preferred({"levels": {where: _LEVELS[attitude]}}))
    if rng.random() < 0.75:
        yield Step(at, Answered("given", channel="email"))
    if rng.random() < 0.25:
        yield Step(at, Answered("given", channel="sms"))
    if rng.random() < 0.1:
        yield Step(at, Preferred({"quiet": {"start": "21:00", "end": "07:00"}, "max_per_week": 2}))


def _mandate(life: Life, at: datetime) -> Iterator[Step]:
    rng = life.rng
    command = PutMandate(
        covers=rng.choice(("*", "health.otc", "health.otc.vitamins", "beauty")),
        currency="SEK",
        max_price_minor=rng.choice((10_000, 20_000, 30_000)),
        text=order_button(life.locale),
        locale=life.locale,
        max_quantity=2,
        max_spend_minor=60_000,
        spend_days=90,
        min_days_between=rng.choice((None, 14, 21)),
        expires_at=life.now + timedelta(days=rng.randrange(60, 360)),
    )
    yield Step(at, Concluded("man_demo1", command))


def _second_thoughts(life: Life, given: list[str], at: datetime) -> Iterator[Step]:
    rng, now = life.rng, life.now
    later = at + (now - at) * rng.uniform(0.5, 0.98)
    if life.kind == "withdrawn":
        for purpose in given:
            yield Step(later, Answered("withdrawn", purpose=purpose))
    elif rng.random() < 0.06:
        yield Step(later, Objected("direct_marketing"))
    elif rng.random() < 0.05:
        yield Step(later, Preferred({"paused_until": now + timedelta(days=rng.randrange(5, 40))}))
