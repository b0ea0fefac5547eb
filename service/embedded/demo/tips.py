"""Tips about goods that a customer owns already: they sell nothing."""

from __future__ import annotations

from service.embedded.demo.files import read_data
from service.embedded.demo.goods import catalogue
from service.policy import Level
from service.storage.offers import Offer

PROGRAMME, STRATEGY = "ownership", Level.curate


def tips() -> list[Offer]:
    """As the catalogue of offers keeps them, each worth nothing to the business."""
    return [
        Offer(
            id=tip["id"],
            programme=PROGRAMME,
            strategy=STRATEGY.name,
            category=catalogue()[tip["sku"]].category,
            sku=tip["sku"],
            data=["purchases"],
            value=0,
            valid_until=None,
            texts=tip["texts"],
            sponsored=False,
        )
        for tip in read_data("tips")["tips"]
    ]
