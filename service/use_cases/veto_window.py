"""How long before an order its customer hears of it, and can say no (law.md A5)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from service.policy import Policy

_VETO_HOURS = 7 * 24
_DELIVERY_DAYS = 3
# A reminder, after which the person has to decide, order and wait for the parcel.
_REMINDED = timedelta(days=7)


def veto_window(policy: Policy, programme: str | None) -> timedelta:
    """The time to say no between a delivered notice and its order: `veto_hours` of the programme, which the
    check of a policy keeps at 72 or more; a week where it is not named."""
    return timedelta(hours=programme_entry(policy, programme).get("veto_hours") or _VETO_HOURS)


def lead_time(policy: Policy, programme: str, *, ships: bool) -> timedelta:
    """How long before the safe date a run-out is acted on. What ships by itself waits out the veto, and is on
    its way for `delivery_days` of the programme (three where they are not named)."""
    if not ships:
        return _REMINDED
    days = programme_entry(policy, programme).get("delivery_days")
    return veto_window(policy, programme) + timedelta(days=_DELIVERY_DAYS if days is None else days)


def programme_entry(policy: Policy, programme: str | None) -> dict[str, Any]:
    """What the policy says of a programme beside what decides; empty where it says nothing."""
    return (policy.document.get("programmes") or {}).get(programme) or {}
