"""The goods of the demo pharmacy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from service.embedded.demo.files import read_data
from service.storage.products import FULL, Product

_STOCK = 500


@dataclass(frozen=True, slots=True)
class Good:
    """One product. `usual_per_day` and `pack_size` count `unit`; `price_minor` is in öre.

    `atc`, `strength` and `unit` are for people who read the demo; the service does not keep them.
    """

    sku: str
    name: str
    category: str
    unit: str
    pack_size: int
    usual_per_day: float
    price_minor: int
    currency: str
    as_needed: bool
    prescription: bool = False
    limit_per_order: int | None = None
    limit_per_month: int | None = None
    withdrawal: str = FULL
    atc: str | None = None
    strength: str | None = None

    @property
    def days(self) -> float:
        """How long one pack usually lasts."""
        return self.pack_size / self.usual_per_day

    def as_product(self) -> Product:
        """What the service keeps of it."""
        return Product(
            sku=self.sku,
            name=self.name,
            category=self.category,
            pack_size=self.pack_size,
            usual_per_day=self.usual_per_day,
            price_minor=self.price_minor,
            currency=self.currency,
            stock=_STOCK,
            prescription=self.prescription,
            as_needed=self.as_needed,
            limit_per_order=self.limit_per_order,
            limit_per_month=self.limit_per_month,
            withdrawal=self.withdrawal,
        )


@cache
def catalogue() -> dict[str, Good]:
    """Every product by its sku."""
    document = read_data("catalogue")
    goods = [
        Good(currency=document["currency"], withdrawal=_rule(document["withdrawal"], entry), **entry)
        for entry in document["goods"]
    ]
    return {good.sku: good for good in goods}


def _rule(rules: Mapping[str, str], entry: Mapping[str, str]) -> str:
    """What of the right to withdraw is left for a good, by the deepest category that has a rule."""
    fitting = [path for path in rules if f"{entry['category']}.".startswith(f"{path}.")]
    return rules[max(fitting, key=len)] if fitting else FULL
