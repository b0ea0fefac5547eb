"""The catalogue of what is sold. Nothing in it is about a person, so it stands in clear."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from service.storage.database import Connection
from service.storage.sql import load

_SQL = load(__file__)

# What the law leaves of the right to withdraw (CRD 16): all of it, only while the seal is whole, none.
FULL, SEALED_ONLY, EXCLUDED = "full", "sealed_only", "excluded"
WITHDRAWAL_RULES = (FULL, SEALED_ONLY, EXCLUDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """`pack_size` and `usual_per_day` count the same unit, so that a pack lasts their quotient in days.
    `price_minor` is for one pack, in minor units of `currency`. A stock of None is not counted."""

    sku: str
    name: str
    category: str
    pack_size: int
    usual_per_day: float | None
    price_minor: int
    currency: str
    stock: int | None
    prescription: bool
    as_needed: bool
    limit_per_order: int | None
    limit_per_month: int | None
    withdrawal: str = FULL


# The order of the columns in products.sql.
_COLUMNS = tuple(Product.__dataclass_fields__)


def read_products(db: Connection, skus: Iterable[str]) -> dict[str, Product]:
    """Those of `skus` that are in the catalogue, in one query."""
    rows = db.execute(_SQL["read_products"], (list(set(skus)),), binary=True)
    return {row[0]: _product(row) for row in rows}


def list_products(db: Connection, after: str, limit: int) -> list[Product]:
    """The catalogue by sku, from the first one above `after`."""
    rows = db.execute(_SQL["list_products"], {"after": after, "limit": limit}, binary=True)
    return [_product(row) for row in rows]


def put_product(db: Connection, product: Product, now: datetime) -> None:
    """Add the product, or replace what stands under its sku."""
    db.execute(_SQL["put_product"], asdict(product) | {"now": now})


def _product(row: tuple[object, ...]) -> Product:
    return Product(**dict(zip(_COLUMNS, row, strict=True)))  # type: ignore[arg-type]  # as the columns are
