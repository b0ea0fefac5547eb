"""What a decision about one person is a function of, read in one round trip."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from service.crypto.keyring import Keyring
from service.storage.catalogue import Listing
from service.storage.database import Connection
from service.storage.sql import load
from service.storage.subjects import Subject, subjects_of

_READ_INPUTS = load(__file__)["read_inputs"]
_SEPARATOR = "\x1f"
_listed = msgspec.json.Decoder(list[tuple[str, str, int, str]]).decode


@dataclass(frozen=True, slots=True)
class Inputs:
    """`policy` is a row for `PolicyStore.from_row`; `catalogue` is the version of the offers; `subject`
    is None where there is none."""

    policy: tuple[Any, ...] | None
    listings: dict[str, Listing]
    catalogue: int
    subject: Subject | None


def read_inputs(db: Connection, keyring: Keyring, subject: UUID, skus: Iterable[str]) -> Inputs:
    """Raises UnreadableError where the subject's state cannot be opened."""
    row = db.execute(_READ_INPUTS, (_SEPARATOR.join(skus), subject), binary=True).fetchone()
    assert row is not None
    version, listed, catalogue, *state = row
    products = _listed(listed) if listed else ()
    listings = {sku: Listing(category, price, currency) for sku, category, price, currency in products}
    found = None if state[0] is None else subjects_of(keyring, [state])[subject]
    return Inputs(None if version is None else (version,), listings, catalogue, found)
