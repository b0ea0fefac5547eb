"""How long before a run-out something is done about it."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

import pytest

from service.policy import load_policy
from service.policy.check import check_policy
from service.use_cases.veto_window import lead_time

PROGRAMME = "replenishment"


def with_days(document: dict[str, Any], **entry: Any) -> dict[str, Any]:
    changed = copy.deepcopy(document)
    changed["programmes"][PROGRAMME] |= entry
    return changed


@pytest.mark.parametrize(
    ("entry", "days"),
    [({}, 10), ({"veto_hours": 72}, 6), ({"delivery_days": 0}, 7), ({"delivery_days": 12}, 19)],
)
def test_what_ships_by_itself_waits_out_the_veto_and_travels(
    policy_document: dict[str, Any], entry: dict[str, int], days: int
) -> None:
    policy = load_policy(with_days(policy_document, **entry))
    assert lead_time(policy, PROGRAMME, ships=True) == timedelta(days=days)
    assert lead_time(policy, PROGRAMME, ships=False) == timedelta(days=7)


@pytest.mark.parametrize("days", [-1, 61, True, "3", 1.5])
def test_impossible_days_are_refused_with_their_path(policy_document: dict[str, Any], days: object) -> None:
    faults = check_policy(with_days(policy_document, delivery_days=days))
    assert [fault.path for fault in faults] == [f"/programmes/{PROGRAMME}/delivery_days"]
