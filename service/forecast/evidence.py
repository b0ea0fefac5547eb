"""What a forecast is made from: what was bought, what was registered, what the catalogue says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

# Nothing that is bought to be used lasts less than an hour or more than ten years.
SHORTEST_DAYS = 1 / 24
LONGEST_DAYS = 3650.0


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
    """What the catalogue says: units in a pack, units usually used a day, whether taken only as needed, and
    where the product stands, so that a prior for it is found."""

    pack_size: int
    usual_per_day: float | None
    as_needed: bool
    sku: str | None = None
    category: str = "*"

    def units(self, purchase: Purchase) -> int:
        return max(purchase.quantity * self.pack_size, 1)

    def usual_days(self, purchase: Purchase) -> float | None:
        """How long a purchase usually lasts; None where the catalogue does not say."""
        return bounded(self.units(purchase) / self.usual_per_day) if self.usual_per_day else None


def purchase_days(bought: Sequence[Purchase]) -> list[datetime]:
    """The first purchase of each day, in order: two receipts of one day are one purchase."""
    first = {p.at.date(): p.at for p in reversed(bought)}
    return [first[day] for day in sorted(first)]


def day_gaps(days: Sequence[datetime]) -> list[float]:
    """Calendar days between them; at least one each."""
    return [float((later.date() - earlier.date()).days) for earlier, later in pairwise(days)]


def days_of(span: timedelta) -> float:
    return span.total_seconds() / 86_400


def bounded(days: float) -> float:
    return min(max(days, SHORTEST_DAYS), LONGEST_DAYS)
