"""Put an offer into the catalogue, after looking whether the policy in force could ever permit it."""

from __future__ import annotations

from collections.abc import Iterator

from service.errors import InputFault, InvalidInputError
from service.policy import LEVELS
from service.storage import offers
from service.storage.offers import Offer
from service.storage.products import read_products
from service.storage.unit import Unit


def put_offer(unit: Unit, offer: Offer) -> None:
    """Raises InvalidInputError with every fault: what the policy or the catalogue of products does not know
    could never be permitted, and nobody would see why."""
    faults = [*_faults_of_policy(unit, offer), *_faults_of_product(unit, offer)]
    if faults:
        raise InvalidInputError(faults)
    offers.put_offer(unit.db, offer, unit.now)


def _faults_of_policy(unit: Unit, offer: Offer) -> Iterator[InputFault]:
    policy = unit.policy
    programme = policy.programmes.get(offer.programme)
    if programme is None:
        yield InputFault("/programme", "the policy in force has no such programme")
    elif LEVELS[offer.strategy] not in programme.ladder:
        yield InputFault("/strategy", "the programme's ladder has no such rung")
    if not policy.knows_category(offer.category):
        yield InputFault("/category", "the policy in force has no such category")
    for place, name in enumerate(offer.data):
        if name not in policy.data:
            yield InputFault(f"/data/{place}", "the policy in force has no such data category")


def _faults_of_product(unit: Unit, offer: Offer) -> Iterator[InputFault]:
    product = read_products(unit.db, [offer.sku]).get(offer.sku)
    if product is None:
        yield InputFault("/sku", "the catalogue has no such product")
    elif product.category != offer.category:
        yield InputFault("/category", "the product is of another category")
