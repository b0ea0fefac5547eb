"""What the demo's customers are known by and what they told: nothing of it may be readable at rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from service.embedded.demo.crowd import crowd
from service.embedded.demo.customer import Concluded, Customer, Happened
from service.embedded.demo.goods import catalogue
from service.embedded.demo.people import people, people_entries
from tests.unreadable.search import SHORTEST


def everybody(now: datetime, size: int | None = None) -> list[Customer]:
    return [*people(now), *(crowd(now) if size is None else crowd(now, size))]


def about_persons(customers: Iterable[Customer]) -> set[str]:
    """Identifiers, names, birth dates, ids of signals and mandates, what the order button said."""
    told = set(_names())
    for customer in customers:
        told |= {identifier.value for identifier in customer.identifiers}
        told |= {customer.number, customer.birth_date.isoformat(), customer.birth_date.strftime("%d.%m.%Y")}
        for step in customer.steps:
            if isinstance(step.action, Happened):
                told.add(step.action.id)
            elif isinstance(step.action, Concluded):
                told |= {step.action.id, step.action.command.text}
    return {each for each in told if len(each) >= SHORTEST}


def goods() -> set[str]:
    """What stands in clear in the catalogue, and nowhere beside a person."""
    return {text for sku, good in catalogue().items() for text in (sku, good.name) if len(text) >= SHORTEST}


def _names() -> Iterator[str]:
    for entry in people_entries().values():
        yield entry["name"]
        yield from entry["name"].split()
        yield from entry["about"].values()
        yield entry["email"]
        yield entry["phone"]
        yield entry["phone"].lstrip("+")
