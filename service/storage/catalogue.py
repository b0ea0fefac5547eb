"""What a decision asks of the catalogue: a sku's category and price, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from psycopg import Cursor

from service.storage.database import Connection
from service.storage.sql import load

_READ_LISTINGS = load(__file__)["read_listings"]


@dataclass(frozen=True, slots=True)
class Listing:
    """`price_minor` is per unit, in minor units of `currency` (ISO 4217)."""

    category: str | None
    price_minor: int
    currency: str


def read_listings(db: Connection, skus: Iterable[str]) -> dict[str, Listing]:
    """Those of the skus that the catalogue has."""
    return listings_of(ask_listings(db, skus))


def ask_listings(db: Connection, skus: Iterable[str]) -> Cursor[Any]:
    """Send the question; inside a pipeline the answer travels with the caller's other statements."""
    return db.execute(_READ_LISTINGS, (list(set(skus)),), binary=True)


def listings_of(cursor: Cursor[Any]) -> dict[str, Listing]:
    return {sku: Listing(category, price, currency) for sku, category, price, currency in cursor}
