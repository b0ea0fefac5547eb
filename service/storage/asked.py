"""What a caller proposes, before the catalogue has spoken: candidates as asked, made into the core's own.

Over HTTP the catalogue decides a sku's category, price and currency. What the caller says of them is read,
so that nobody has to strip a candidate first, and then overruled.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Literal

import msgspec

from service.policy import LEVELS, Candidate
from service.storage.catalogue import Listing

Strategy = Literal["respond", "curate", "coach", "automate"]


class AskedCandidate(msgspec.Struct, frozen=True, gc=False):
    """A candidate over a border. `expires_at` is in the one canonical spelling: UTC, whole seconds, `Z`."""

    id: str
    programme: str | None
    strategy: Strategy
    sku: str
    channels: tuple[str, ...]
    data: tuple[str, ...]
    quantity: int
    expires_at: str | None = None
    fallback: bool = True


def to_candidate(asked: AskedCandidate, listings: Mapping[str, Listing]) -> Candidate:
    """The candidate as the catalogue has it; a sku that it does not list has no category and no price."""
    listing = listings.get(asked.sku, _UNLISTED)
    expires_at = asked.expires_at
    return Candidate(
        asked.id,
        asked.programme,
        LEVELS[asked.strategy],
        listing.category,
        asked.sku,
        asked.channels,
        asked.data,
        asked.quantity,
        listing.price_minor,
        listing.currency,
        None if expires_at is None else instant_of(expires_at),
        asked.fallback,
    )


# XXX is the ISO 4217 code for "no currency involved".
_UNLISTED = Listing(None, 0, "XXX")

# Offers of one batch end together, so the same text comes again and again.
instant_of = lru_cache(maxsize=1024)(datetime.fromisoformat)
