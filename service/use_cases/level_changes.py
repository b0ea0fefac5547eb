"""What two states of one person's choices allow, side by side, and how that is told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from service.explanations import explain_reasons, title_of
from service.explanations.names import category_title
from service.policy import LEVEL_NAMES
from service.storage.choices import decode_choices, encode
from service.storage.products import Product, read_products
from service.storage.subjects import Subject
from service.storage.unit import Unit
from service.use_cases.level_grid import Place, Standing, places_of, standings

_SKU = "sku:"


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One place before and after."""

    place: Place
    before: Standing
    after: Standing


def copy_of(subject: Subject) -> Subject:
    """The person with choices of their own, which may be edited."""
    return replace(subject, choices=decode_choices(encode(subject.choices)))


def compare(unit: Unit, before: Subject, after: Subject) -> list[Foreseen]:
    """The places of the policy, and of the products that either's mandates name."""
    places = places_of(unit.policy, _mandated(unit, (before, after)))
    grids = [standings(unit.in_force, each.state(unit.now), places, unit.now) for each in (before, after)]
    return [Foreseen(*each) for each in zip(places, *grids, strict=True)]


def show_foreseen(unit: Unit, foreseen: Foreseen, locale: str) -> dict[str, Any]:
    """A place in the shape of the API, its words in the language of `locale`."""
    policy, place, after = unit.policy, foreseen.place, foreseen.after
    product = place.product
    reasons = {"reasons": [reason.to_dict() for reason in after.reasons]}
    return {
        "programme": place.programme,
        "category": place.category,
        "sku": None if product is None else product.sku,
        "titles": {
            "programme": title_of(policy, "programmes", place.programme, locale),
            "category": category_title(policy, place.category, locale) if product is None else product.name,
            "before": title_of(policy, "levels", LEVEL_NAMES[foreseen.before.level], locale),
            "after": title_of(policy, "levels", LEVEL_NAMES[after.level], locale),
        },
        "before": LEVEL_NAMES[foreseen.before.level],
        "after": LEVEL_NAMES[after.level],
        "limited_by": [
            {"strategy": reason["strategy"], "code": reason["code"], "on": reason["on"] or None}
            for reason in reasons["reasons"]
        ],
        "explanation": explain_reasons(reasons, policy, locale),
        "data": list(after.data),
        "may_charge": after.may_charge,
    }


def _mandated(unit: Unit, subjects: Iterable[Subject]) -> list[Product]:
    """The products that have a mandate of their own, in one query."""
    covered = {mandate.covers for each in subjects for mandate in each.choices.mandates}
    skus = sorted(covers.removeprefix(_SKU) for covers in covered if covers.startswith(_SKU))
    found = read_products(unit.db, skus) if skus else {}
    return [found[sku] for sku in skus if sku in found]
