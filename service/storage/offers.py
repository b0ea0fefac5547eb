"""The catalogue of offers. Nothing in it is about a person, so it stands in clear.

A process keeps the whole of it and reads it anew when its version has risen, which every decision looks at.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from service.storage.database import Connection
from service.storage.sql import load

_SQL = load(__file__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """`value` is what it is worth to the business, in minor units of the shop's currency; `texts` are by
    locale. Without `valid_until` it stands until it is replaced."""

    id: str
    programme: str
    strategy: str
    category: str
    sku: str
    data: list[str]
    value: int
    valid_until: datetime | None
    texts: dict[str, Any]
    sponsored: bool


# The order of the columns in offers.sql.
_COLUMNS = tuple(Offer.__dataclass_fields__)


class OfferStore:
    """The catalogue as this process last read it."""

    def __init__(self) -> None:
        self._known: tuple[int, dict[str, Offer]] = (-1, {})

    def known(self) -> dict[str, Offer]:
        """By id; empty before the first reading."""
        return self._known[1]

    def at(self, db: Connection, version: int) -> dict[str, Offer]:
        """The catalogue at least as new as `version`, by id."""
        known, offers = self._known
        if known >= version:
            return offers
        # The version first: what is changed between the two readings is then read once more.
        found = read_version(db)
        offers = {offer.id: offer for offer in _offers(db.execute(_SQL["read_all"], binary=True))}
        self._known = (found, offers)
        return offers


def read_version(db: Connection) -> int:
    row = db.execute(_SQL["read_version"]).fetchone()
    assert row is not None
    return int(row[0])


def read_offer(db: Connection, offer: str) -> Offer | None:
    return next(iter(_offers(db.execute(_SQL["read_offer"], (offer,), binary=True))), None)


def list_offers(db: Connection, after: str, limit: int) -> list[Offer]:
    """The catalogue by id, from the first one above `after`."""
    return _offers(db.execute(_SQL["list_offers"], {"after": after, "limit": limit}, binary=True))


def put_offer(db: Connection, offer: Offer, now: datetime) -> None:
    """Add the offer, or replace what stands under its id."""
    db.execute(_SQL["raise_version"])
    db.execute(_SQL["put_offer"], asdict(offer) | {"texts": Jsonb(offer.texts), "now": now})


def _offers(rows: Any) -> list[Offer]:
    return [Offer(**dict(zip(_COLUMNS, row, strict=True))) for row in rows]
