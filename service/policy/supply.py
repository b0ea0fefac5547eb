"""What the policy says of handing goods over: how many packs one person may get, by country (law.md A11), and
whether a pharmacist looks first (A12). It is carried along by the policy and enforced when an order leaves;
the evaluator reads none of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from service.policy.policy import Policy
from service.policy.reader import Reader, join

PHARMACIST = "pharmacist"
EVERYWHERE = "*"
# A rule's key to the days over which packs are counted; None: each order by itself.
PERIODS: Mapping[str, int | None] = {"per_order": None, "per_day": 1, "per_month": 30}

_COUNTRY = re.compile(r"[A-Z]{2}|\*")
_OWN = {"limit_per_order": "per_order", "limit_per_month": "per_month"}


@dataclass(frozen=True, slots=True)
class SupplyLimit:
    """At most `packs` of goods under a category, in one order or in any `days` days."""

    path: str
    packs: int
    days: int | None


def needs_pharmacist(policy: Policy, category: str | None) -> bool:
    """Whether a category, or one above it, asks for a pharmacist's approval of every order."""
    return any(entry.get("review") == PHARMACIST for _, entry in _entries(policy, category))


def supply_limits(policy: Policy, category: str | None, country: str) -> list[SupplyLimit]:
    """Every limit that holds for goods of a category in a country (ISO 3166-1 alpha-2). Of a person whose
    country nobody knows all countries' limits hold, so that the strictest decides."""
    found = []
    for path, entry in _entries(policy, category):
        rules: list[Mapping[str, Any]] = [{_OWN[key]: packs for key, packs in entry.items() if key in _OWN}]
        rules += _rules(entry.get("supply") or {}, country)
        for rule in rules:
            found += [SupplyLimit(path, packs, PERIODS[key]) for key, packs in rule.items() if packs]
    return found


def lies_under(category: str, path: str) -> bool:
    return path in (EVERYWHERE, category) or category.startswith(f"{path}.")


def check_supply(reader: Reader, value: object, path: str) -> None:
    """Limits by country: each two capital letters, or `*` for every country without limits of its own. YAML
    reads a bare `NO` as false, so Norway stands in quotes."""
    for country, rule, at in reader.entries(value, path):
        if _COUNTRY.fullmatch(country) is None:
            reader.fault(at, "must be a country of two capital letters, or `*`")
        limits = reader.mapping(rule, at, tuple(PERIODS))
        if isinstance(rule, Mapping) and not rule:
            reader.fault(at, "limits nothing")
        for key, packs in limits.items():
            reader.integer(packs, join(at, key), 1)


def _rules(supply: Mapping[str, Any], country: str) -> list[Mapping[str, Any]]:
    if not country:
        return list(supply.values())
    rule = supply.get(country) or supply.get(EVERYWHERE)
    return [] if rule is None else [rule]


def _entries(policy: Policy, category: str | None) -> Iterator[tuple[str, Mapping[str, Any]]]:
    entries = policy.document.get("categories") or {}
    for path in policy.prefixes(category or EVERYWHERE):
        yield path, entries.get(path) or {}
