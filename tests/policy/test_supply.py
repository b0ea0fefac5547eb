"""Supply limits and reviews: read strictly, inherited down the path, strictest where no country is known."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from service.policy import Policy, check_policy, load_policy
from service.policy.supply import SupplyLimit, lies_under, needs_pharmacist, supply_limits

DOCUMENT: dict[str, Any] = {
    "format": "samtycke-policy/1",
    "default_level": "respond",
    "purposes": {"orders": {"basis": "contract"}},
    "programmes": {"reorders": {"ladder": {"respond": ["orders"]}}},
    "categories": {
        "*": {"limit_per_month": 50},
        "otc": {"review": "pharmacist", "supply": {"DK": {"per_day": 2}, "NO": {"per_order": 1}}},
        "otc.pain": {"limit_per_order": 3, "supply": {"SE": {"per_month": 4}, "*": {"per_month": 9}}},
        "paper": None,
    },
}
ALWAYS = [SupplyLimit("*", 50, 30), SupplyLimit("otc.pain", 3, None)]


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load_policy(DOCUMENT)


@pytest.mark.parametrize(
    ("country", "more"),
    [
        ("DK", [SupplyLimit("otc", 2, 1), SupplyLimit("otc.pain", 9, 30)]),
        ("NO", [SupplyLimit("otc", 1, None), SupplyLimit("otc.pain", 9, 30)]),
        ("SE", [SupplyLimit("otc.pain", 4, 30)]),
        ("FI", [SupplyLimit("otc.pain", 9, 30)]),
        (
            "",
            [
                *(SupplyLimit("otc", 2, 1), SupplyLimit("otc", 1, None)),
                *(SupplyLimit("otc.pain", 4, 30), SupplyLimit("otc.pain", 9, 30)),
            ],
        ),
    ],
)
def test_the_limits_of_a_country(policy: Policy, country: str, more: list[SupplyLimit]) -> None:
    found = supply_limits(policy, "otc.pain.tablets", country)
    assert sorted(map(repr, found)) == sorted(map(repr, ALWAYS + more))


def test_what_no_rule_names_is_limited_by_everything_alone(policy: Policy) -> None:
    assert supply_limits(policy, "paper", "NO") == [SupplyLimit("*", 50, 30)]
    assert supply_limits(policy, None, "NO") == [SupplyLimit("*", 50, 30)]


def test_a_review_is_inherited(policy: Policy) -> None:
    assert needs_pharmacist(policy, "otc")
    assert needs_pharmacist(policy, "otc.pain.tablets")
    assert not needs_pharmacist(policy, "paper")
    assert not needs_pharmacist(policy, "otcx")


def test_a_path_is_no_mere_beginning() -> None:
    assert lies_under("otc.pain", "otc")
    assert lies_under("otc", "*")
    assert not lies_under("otcx", "otc")


@pytest.mark.parametrize(
    ("supply", "path"),
    [
        ([], ""),
        ({"se": {"per_day": 1}}, "/se"),
        ({"SWE": {"per_day": 1}}, "/SWE"),
        ({"SE": {}}, "/SE"),
        ({"SE": None}, "/SE"),
        ({"SE": {"per_week": 1}}, "/SE/per_week"),
        ({"SE": {"per_day": 0}}, "/SE/per_day"),
        ({"SE": {"per_day": "2"}}, "/SE/per_day"),
        ({"SE": {"per_day": True}}, "/SE/per_day"),
        ({"SE": {"per_day": 2}, "*": {"per_order": 1.5}}, "/*/per_order"),
    ],
)
def test_a_fault_is_found_at_its_path(supply: object, path: str) -> None:
    document = DOCUMENT | {"categories": {"otc": {"supply": supply}}}
    assert [fault.path for fault in check_policy(document)] == [f"/categories/otc/supply{path}"]


def test_norway_without_quotes_is_a_fault_and_not_forgotten() -> None:
    supply = yaml.safe_load("{NO: {per_order: 1}}")
    document = DOCUMENT | {"categories": {"otc": {"supply": supply}}}
    assert [fault.path for fault in check_policy(document)] == ["/categories/otc/supply"]
