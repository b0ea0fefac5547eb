"""Random policies, states, candidates and instants, as documents, and the strategies made from them.

A case comes from a seed that Hypothesis chooses. (Its own random, which would let cases shrink, leans so
much towards the simplest choices that four cases in five were denied for one dull reason.) What forbids is
rarer in some cases than in others, so that a change has something to take away; every reason code is
reached (test_generators.py proves it).
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, TypeVar

from hypothesis import strategies as st

from service.policy import (
    CONSENT_STATUSES,
    Candidate,
    Policy,
    State,
    load_policy,
    read_candidate,
    read_now,
    read_state,
)

Document = dict[str, Any]
T = TypeVar("T")

RUNGS = ("respond", "curate", "coach", "automate")
LEVELS = ("off", *RUNGS)
PURPOSES = ("deliver", "comply", "advise", "offers", "reminders", "reorder", "health")
DATA = ("identity", "purchases", "usage", "interests")
PROGRAMMES = ("refill", "news", "tips", "recall")
CATEGORIES = ("*", "health", "health.otc", "health.otc.cough", "beauty", "beauty.skin")
PATHS = (*CATEGORIES[1:], "health.otc.cough.syrup", "beauty.hair")
CHANNELS = ("app", "email", "sms")
FLAGS = ("complaint", "grief", "away")
ZONES = ("UTC", "Europe/Stockholm", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe")
SKUS = ("p1", "p2")

# Close to clock changes of the zones above, a leap day, and an ordinary noon.
INSTANTS = tuple(
    datetime.fromisoformat(text).replace(tzinfo=UTC)
    for text in (
        "2027-03-28T00:30:00",
        "2027-10-31T00:15:00",
        "2028-02-29T12:00:00",
        "2027-03-14T06:45:00",
        "2027-04-03T14:40:00",
        "2026-07-01T12:00:00",
    )
)


class Dice(Random):
    """A seeded random with a temper: how often what forbids comes up, between hardly and as written."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.temper = self.choice((0.1, 0.3, 1.0))


def chance(rng: Random, percent: int) -> bool:
    return rng.randrange(100) < percent


def rare(rng: Dice, percent: int) -> bool:
    """A chance that the temper of the dice makes smaller."""
    return rng.random() * 100 < percent * rng.temper


def few(rng: Dice, of: Sequence[T], percent: int) -> list[T]:
    return [item for item in of if rare(rng, percent)]


def some(rng: Random, of: Sequence[T], percent: int = 50) -> list[T]:
    return [item for item in of if chance(rng, percent)]


def show(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def around(rng: Dice, now: datetime, hours: int) -> str:
    """An instant within so many hours of now, often exactly now or a second beside it."""
    if chance(rng, 20):
        return show(now + timedelta(seconds=rng.choice((-1, 0, 1))))
    return show(now + timedelta(minutes=15 * rng.randrange(-hours * 4, hours * 4)))


def make_quiet(rng: Dice) -> Document:
    times = ("00:00", "02:00", "02:30", "03:00", "08:00", "12:00", "20:00", "23:59")
    return {"from": rng.choice(times), "to": rng.choice(times)}


def make_caps(rng: Dice, percent: int) -> list[Document]:
    return [
        {
            "count": rng.choice((0, 1, 1, 2, 3)) if rare(rng, 40) else 3,
            "hours": rng.choice((1, 24, 72, 168)),
        }
        for _ in range(2)
        if rare(rng, percent)
    ]


def make_policy(rng: Dice) -> Document:
    consent = {name: {"basis": "consent"} for name in ("offers", "reminders", "reorder", "health")}
    purposes: Document = {
        "deliver": {"basis": "contract"},
        "comply": {"basis": "legal_obligation"},
        "advise": {"basis": "legitimate_interest", "direct_marketing": chance(rng, 50)},
        **consent,
    }
    for name, purpose in purposes.items():
        purpose["data"] = [item for item in DATA if not rare(rng, 20)]
        if name in consent:
            purpose["explicit"] = chance(rng, 30)
            purpose["direct_marketing"] = chance(rng, 40)
            purpose["min_notice_version"] = rng.choice((None, 0, 1, 2))
    ladders = {
        "refill": {
            "respond": ["deliver"],
            "curate": ["offers"],
            "coach": ["reminders"],
            "automate": ["reorder"],
        },
        "news": {"curate": ["offers", "advise"], "automate": ["deliver", "reorder"]},
        "tips": {"respond": ["deliver"], "curate": ["advise"], "coach": ["advise"]},
        "recall": {rung: [rng.choice(("comply", "deliver"))] for rung in RUNGS},
    }
    return {
        "format": "samtycke-policy/1",
        "default_level": rng.choice(LEVELS) if rare(rng, 60) else "automate",
        "purposes": purposes,
        "data": {name: {"sharing": rng.choice(("necessary", "choice"))} for name in DATA},
        "programmes": {
            name: {
                "ladder": ladder,
                "uses": some(rng, DATA, 20),
                "capped": chance(rng, 75),
                "essential": name == "recall",
            }
            for name, ladder in ladders.items()
        },
        "categories": {
            path: {
                "requires": few(rng, ("health", "advise", "comply"), 15),
                "max": rng.choice(LEVELS) if rare(rng, 15) else None,
                "min_age": rng.choice((0, 15, 18)) if rare(rng, 15) else None,
            }
            for path in CATEGORIES
        },
        "channels": {
            name: {
                "opt_in": chance(rng, 50),
                "quiet": make_quiet(rng) if chance(rng, 40) else None,
                "caps": make_caps(rng, 50),
            }
            for name in CHANNELS
        },
        "contact_caps": make_caps(rng, 30),
        "suppressions": {
            flag: {
                "max": rng.choice(LEVELS),
                "programmes": some(rng, PROGRAMMES) if chance(rng, 50) else None,
            }
            for flag in FLAGS[:2]
        },
        "rollout": [
            {
                "programme": rng.choice((None, *PROGRAMMES)),
                "strategy": rng.choice(RUNGS),
                "category": rng.choice((None, *CATEGORIES, "health.otc.cough.syrup")),
                "stage": rng.choice(("off", "shadow", "pilot", "live", "live")),
                "percent": rng.choice((None, 0, 50, 100)),
            }
            for _ in range(rng.choice((0, 1, 3)))
        ],
        "signals": {"bought": {"data": "purchases"}, "used": {"data": "usage", "sets": "away"}},
    }


def make_consent(rng: Dice, now: datetime) -> Document:
    return {
        "status": rng.choice(CONSENT_STATUSES) if rare(rng, 40) else "given",
        "explicit": not rare(rng, 30),
        "notice_version": rng.choice((None, 0, 1)) if rare(rng, 40) else 2,
        "expires_at": around(rng, now, 48) if rare(rng, 40) else None,
    }


def make_mandate(rng: Dice, number: int, now: datetime) -> Document:
    spend = rng.choice((9_000, 30_000)) if rare(rng, 50) else None
    return {
        "id": f"m{rng.choice((number, 9 - number))}",
        "covers": rng.choice(("*", "health", "health.otc.cough", "beauty", "sku:p1", "sku:p2")),
        "currency": "EUR" if rare(rng, 20) else "SEK",
        "max_price_minor": rng.choice((900, 2_000)) if rare(rng, 40) else 100_000,
        "max_quantity": rng.choice((0, 1, 2)) if rare(rng, 50) else None,
        "max_spend_minor": spend,
        "spend_days": 30 if spend is not None or chance(rng, 20) else None,
        "min_days_between": rng.choice((0, 1, 7)) if chance(rng, 40) else None,
        "expires_at": around(rng, now, 48) if rare(rng, 40) else None,
    }


def make_state(rng: Dice, now: datetime) -> Document | None:
    if rare(rng, 3):
        return None
    mandates = [make_mandate(rng, number, now) for number in range(rng.choice((0, 1, 1, 2, 3)))]
    mandates = list({mandate["id"]: mandate for mandate in mandates}.values())
    return {
        "subject": f"s{rng.randrange(50)}",
        "status": rng.choice(("restricted", "erased")) if rare(rng, 6) else "active",
        "birth_date": rng.choice(("1980-05-05", "2009-03-28", "2010-02-28", "2012-02-29"))
        if not rare(rng, 25)
        else None,
        "timezone": rng.choice((None, *ZONES)),
        "consents": {name: make_consent(rng, now) for name in PURPOSES[3:] if not rare(rng, 20)},
        "objections": few(rng, ("advise", "offers", "direct_marketing"), 12),
        "sharing": {name: not rare(rng, 20) for name in DATA if not rare(rng, 15)},
        "levels": {key: rng.choice(LEVELS) for key in (*CATEGORIES, PATHS[-1]) if rare(rng, 20)},
        "channels": {name: not rare(rng, 25) for name in CHANNELS if not rare(rng, 40)},
        "paused_until": around(rng, now, 24) if rare(rng, 12) else None,
        "quiet": make_quiet(rng) if chance(rng, 30) else None,
        "max_per_week": rng.choice((0, 1, 1, 2, 3)) if chance(rng, 25) else None,
        "flags": few(rng, FLAGS, 20),
        "mandates": mandates,
        "contacts": [
            {"at": around(rng, now, 96), "channel": rng.choice((*CHANNELS, "fax")), "programme": "news"}
            for _ in range(rng.choice((0, 0, 1, 3)))
        ],
        "orders": [
            {
                "at": around(rng, now, 9 * 24),
                "sku": rng.choice(SKUS),
                "mandate": rng.choice((None, "m7", *(mandate["id"] for mandate in mandates))),
                "amount_minor": 8_000,
            }
            for _ in range(rng.choice((0, 1, 4)))
        ],
    }


def make_candidate(rng: Dice, now: datetime) -> Document:
    channels = some(rng, CHANNELS, 60) or ["app"]
    if chance(rng, 8):
        channels.insert(rng.choice((0, len(channels))), "fax")
    if rare(rng, 8):
        channels = ["fax"]
    if chance(rng, 50):
        channels.reverse()
    return {
        "id": f"c{rng.randrange(1000)}",
        "programme": rng.choice((None, "gone"))
        if rare(rng, 5)
        else rng.choice((*PROGRAMMES, "refill", "refill")),
        "strategy": rng.choice(("automate", "coach", *RUNGS)),
        "category": rng.choice((None, "*", "toys", "healthy")) if rare(rng, 6) else rng.choice(PATHS),
        "sku": rng.choice(SKUS),
        "channels": channels,
        "data": [*some(rng, DATA, 25), *few(rng, ("location",), 8)],
        "quantity": rng.choice((1, 1, 2, 3)),
        "price_minor": rng.choice((0, 900, 1_000, 20_000)),
        "currency": "SEK",
        "expires_at": around(rng, now, 24)
        if rare(rng, 12)
        else show(now + timedelta(hours=rng.randrange(1, 72)))
        if chance(rng, 25)
        else None,
        "fallback": rng.choice((None, True, True, False)),
    }


def make_now(rng: Dice) -> datetime:
    return rng.choice(INSTANTS) + timedelta(minutes=5 * rng.randrange(-24, 24))


@dataclass
class Case:
    """One question, as documents, and as the values read from them afresh each time."""

    policy_document: Document
    state_document: Document | None
    candidate_document: Document
    now: datetime

    @property
    def policy(self) -> Policy:
        return load_policy(self.policy_document)

    @property
    def state(self) -> State | None:
        return read_state(self.state_document)

    @property
    def candidate(self) -> Candidate:
        return read_candidate(self.candidate_document)

    def copy(self) -> Case:
        return deepcopy(self)


def make_case(rng: Dice) -> Case:
    now = make_now(rng)
    return Case(make_policy(rng), make_state(rng, now), make_candidate(rng, now), read_now(show(now)))


def make_active_case(rng: Dice) -> Case:
    """A case about an active subject."""
    case = make_case(rng)
    if case.state_document is None:
        case.state_document = {"subject": "s1", "status": "active"}
    case.state_document["status"] = "active"
    return case


_seeds = st.integers(min_value=0, max_value=2**32 - 1)
randoms = _seeds.map(Dice)
cases = randoms.map(make_case)
active_cases = randoms.map(make_active_case)
