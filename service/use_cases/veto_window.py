"""How long a person can say no between a delivered notice and the order that it announced (law.md A5)."""

from __future__ import annotations

from datetime import timedelta

from service.policy import Policy

_DEFAULT_HOURS = 7 * 24


def veto_window(policy: Policy, programme: str | None) -> timedelta:
    """`veto_hours` of the programme, which the check of a policy keeps at 72 or more; a week where it is not
    named."""
    entry = (policy.document.get("programmes") or {}).get(programme) or {}
    return timedelta(hours=entry.get("veto_hours") or _DEFAULT_HOURS)
