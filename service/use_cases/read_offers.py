"""Read the catalogue of offers."""

from __future__ import annotations

from service.errors import NotFoundError
from service.storage import offers
from service.storage.offers import Offer
from service.storage.unit import Unit


def read_offer(unit: Unit, offer: str) -> Offer:
    """Raises NotFoundError."""
    found = offers.read_offer(unit.db, offer)
    if found is None:
        raise NotFoundError("offer")
    return found


def list_offers(unit: Unit, after: str, limit: int) -> list[Offer]:
    """At most `limit` offers by id, from the first one above `after`."""
    return offers.list_offers(unit.db, after, limit)
