"""What a decision is about: the state of one person, and a candidate action.

These classes only hold. They are built on the hot path, so they check nothing: `inputs.py` reads and
refuses. Instants are aware, in UTC and on whole seconds; money is integer minor units.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from service.policy.levels import Level


@dataclass(frozen=True, slots=True)
class Consent:
    """What was last recorded about one purpose. `status` is one of `inputs.CONSENT_STATUSES`."""

    status: str
    explicit: bool = False
    notice_version: int = 0
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Quiet:
    """Local times `HH:MM`: [start, end), over midnight where `end` is not after `start`; equal: none."""

    start: str
    end: str


@dataclass(frozen=True, slots=True)
class Mandate:
    """A customer's standing order. `covers` is `sku:<sku>`, a category or `*`; the price is per order."""

    id: str
    covers: str
    currency: str
    max_price_minor: int
    max_quantity: int | None = None
    max_spend_minor: int | None = None
    spend_days: int | None = None
    min_days_between: int | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """One hand-over to the customer."""

    at: datetime
    channel: str
    programme: str | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """One order, and the mandate it was made under, if any. The evaluator does not look at `quantity`, which
    counts against supply limits."""

    at: datetime
    sku: str
    mandate: str | None
    amount_minor: int
    quantity: int = 1


@dataclass(frozen=True, slots=True)
class State:
    """One subject as the evaluator sees it. `status` is `active`, `restricted` or `erased`."""

    subject: str
    status: str
    birth_date: date | None = None
    timezone: str = "UTC"
    consents: Mapping[str, Consent] = field(default_factory=dict)
    objections: Collection[str] = ()
    sharing: Mapping[str, bool] = field(default_factory=dict)
    levels: Mapping[str, Level] = field(default_factory=dict)
    channels: Mapping[str, bool] = field(default_factory=dict)
    paused_until: datetime | None = None
    quiet: Quiet | None = None
    max_per_week: int | None = None
    flags: Collection[str] = ()
    mandates: tuple[Mandate, ...] = ()
    contacts: tuple[Contact, ...] = ()
    orders: tuple[Order, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """One proposed action. `price_minor` is per unit; `channels` stand in order of preference."""

    id: str
    programme: str | None
    strategy: Level
    category: str | None
    sku: str
    channels: tuple[str, ...]
    data: tuple[str, ...]
    quantity: int
    price_minor: int
    currency: str
    expires_at: datetime | None = None
    fallback: bool = True
