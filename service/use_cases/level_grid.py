"""How far we may go for one person, for every programme and category: what a preview compares."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from service.policy import Candidate, Level, Policy, Reason, State, narrowest_mandate
from service.policy.rules import ladder_of
from service.storage.products import Product
from service.storage.unit import PolicyInForce
from service.use_cases.decide import evaluate_state

# No currency (ISO 4217): whoever has no mandate is asked about none.
_NO_CURRENCY = "XXX"


@dataclass(frozen=True, slots=True)
class Place:
    """A programme in a category of the policy; or for one product, which has a mandate of its own."""

    programme: str
    category: str
    product: Product | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """The highest rung that is open in a place, now or when waits are over. `reasons` block those above it;
    `data` is what may be used on it, `may_charge` the limits within which may be ordered without asking."""

    level: Level
    reasons: tuple[Reason, ...]
    data: tuple[str, ...]
    may_charge: dict[str, Any] | None


def places_of(policy: Policy, products: Iterable[Product]) -> list[Place]:
    """Every programme in every category, by name. Products matter where they are ordered automatically, and
    only there."""
    programmes = sorted(policy.programmes)
    categories = sorted(path for path in policy.categories if path != "*")
    places = [Place(programme, category) for programme in programmes for category in categories]
    shipping = [name for name in programmes if Level.automate in policy.programmes[name].ladder]
    wanted = [product for product in products if policy.knows_category(product.category)]
    return places + [Place(name, product.category, product) for name in shipping for product in wanted]


def standings(
    in_force: PolicyInForce, state: State, places: Sequence[Place], now: datetime
) -> list[Standing]:
    """One for each place, by two evaluations at most: from the top of the ladder down, and of `respond`, to
    which nothing falls back. Waits say when, not how far, so they are left out."""
    policy = in_force.policy
    candidates = [_candidate(policy, state, place) for place in places]
    found = [
        _standing(policy, state, candidate, decision.strategy, decision.reasons)
        for candidate, decision in zip(
            candidates, evaluate_state(in_force, state, candidates, now), strict=True
        )
    ]
    closed = [
        index
        for index, (place, standing) in enumerate(zip(places, found, strict=True))
        if standing.level is Level.off and Level.respond in policy.programmes[place.programme].ladder
    ]
    asked = [replace(candidates[index], strategy=Level.respond, fallback=False) for index in closed]
    for index, candidate, decision in zip(
        closed, asked, evaluate_state(in_force, state, asked, now), strict=True
    ):
        reasons = tuple(dict.fromkeys((*found[index].reasons, *decision.reasons)))
        found[index] = _standing(policy, state, candidate, decision.strategy, reasons)
    return found


def _candidate(policy: Policy, state: State, place: Place) -> Candidate:
    """The top rung, on any channel. Without a product it is an order of nothing, which every limit allows."""
    product = place.product
    candidate = Candidate(
        id="",
        programme=place.programme,
        strategy=max(policy.programmes[place.programme].ladder),
        category=place.category,
        sku="" if product is None else product.sku,
        channels=tuple(policy.channels),
        data=(),
        quantity=1,
        price_minor=0 if product is None else product.price_minor,
        currency=_NO_CURRENCY if product is None else product.currency,
    )
    mandate = narrowest_mandate(state, candidate) if product is None else None
    return candidate if mandate is None else replace(candidate, currency=mandate.currency)


def _standing(
    policy: Policy, state: State, candidate: Candidate, level: Level | None, reasons: Iterable[Reason]
) -> Standing:
    above = tuple(reason for reason in reasons if level is None or reason.strategy != level)
    if level is None:
        return Standing(Level.off, above, (), None)
    return Standing(level, above, _data(policy, state, candidate, level), _charge(state, candidate, level))


def _data(policy: Policy, state: State, candidate: Candidate, level: Level) -> tuple[str, ...]:
    """What the programme always reads, and what else is shared and covered by a purpose of the rung."""
    rung = (ladder_of(policy, candidate.programme or "", candidate.category or "") or {})[level]
    open_ = {name for name in rung.covered if name in rung.unasked or state.sharing.get(name) is True}
    return tuple(sorted({*rung.uses, *open_}))


def _charge(state: State, candidate: Candidate, level: Level) -> dict[str, Any] | None:
    mandate = narrowest_mandate(state, candidate) if level is Level.automate else None
    if mandate is None:
        return None
    return {
        "mandate": mandate.id,
        "max_price_minor": mandate.max_price_minor,
        "max_spend_minor": mandate.max_spend_minor,
        "spend_days": mandate.spend_days,
        "currency": mandate.currency,
    }
