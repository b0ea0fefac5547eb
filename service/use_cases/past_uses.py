"""What was permitted under a consent that turns out never to have been valid (DPV: ConsentInvalidated)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from service.instants import show_instant
from service.policy import Policy
from service.policy.rules import ladder_of
from service.storage.decisions import decision_ids
from service.storage.holdings import decisions_of
from service.storage.policies import PolicyStore
from service.storage.records import StoredCandidate, StoredDecision
from service.storage.subjects import Subject, read_events
from service.storage.unit import Unit

# An event names so many decisions and counts the rest.
_MOST_NAMED = 200


def past_uses(unit: Unit, subject: Subject, about: dict[str, Any]) -> dict[str, Any]:
    """Since when the consent to a purpose or channel was relied on, until when, and in which decisions."""
    since, until = _spell(unit, subject, about)
    # Each decision is looked at under the policy of its day. This happens so rarely that nothing is kept.
    policies = PolicyStore()
    named: list[str] = []
    count = 0
    for row in decisions_of(unit, subject):
        if not since <= row.at <= until:
            continue
        policy = policies.version(unit.db, row.policy)
        ids = decision_ids(row.id, len(row.record.decisions))
        for decision_id, asked, answer in zip(ids, row.record.candidates, row.record.decisions, strict=True):
            if _relied(policy, asked, answer, about):
                count += 1
                if len(named) < _MOST_NAMED:
                    named.append(decision_id)
    return {
        "since": show_instant(since),
        "until": show_instant(until),
        "count": count,
        "decisions": named,
    }


def _spell(unit: Unit, subject: Subject, about: dict[str, Any]) -> tuple[datetime, datetime]:
    """From the first yes that no other answer has ended since, to that end or to now."""
    since, until = None, unit.now
    for event in read_events(unit, subject):
        payload = event.payload
        if payload.get("kind") != "consent" or not about.items() <= payload.items():
            continue
        if payload["status"] == "given":
            since, until = (since if since is not None and until == unit.now else event.at), unit.now
        elif payload["status"] not in {"requested", "deferred"}:
            until = min(event.at, until)
    return since or unit.now, until


def _relied(policy: Policy, asked: StoredCandidate, answer: StoredDecision, about: dict[str, Any]) -> bool:
    if answer.outcome not in {"allow", "downgrade", "defer"} or answer.strategy is None:
        return False
    if "channel" in about:
        return bool(answer.channel == about["channel"])
    ladder = ladder_of(policy, asked.programme or "", asked.category or "")
    rung = None if ladder is None else ladder.get(answer.strategy)
    return rung is not None and any(purpose.name == about["purpose"] for purpose in rung.purposes)
