"""Flags that signals set and clear: an open complaint, a journey, a bereavement (api.md, "Signals")."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from service.instants import show_instant
from service.policy import Policy
from service.storage.subjects import Subject
from service.storage.unit import Unit
from service.use_cases.change import commit_change
from service.use_cases.read_signals import purpose_for, read_signals

SITUATION = "situation"


@dataclass(frozen=True, slots=True)
class FlagChange:
    """What one signal says of one flag at one instant. `ends` is when a set flag ends by itself."""

    at: datetime
    type: str
    flag: str
    sets: bool
    ends: datetime | None = None


def situations(policy: Policy) -> frozenset[str]:
    """What a person can say of their situation: every suppression that no other signal sets or clears, for
    nobody talks a complaint away."""
    others = {flag for rule in policy.signals.values() for flag in (rule.sets, rule.clears)}
    return frozenset(policy.suppressions) - others


def in_force(policy: Policy, subject: Subject, now: datetime) -> dict[str, datetime | None]:
    """The person's situations, each with the instant at which it ends by itself."""
    told = situations(policy)
    flags = subject.choices.flags
    return {
        name: ends for name, ends in sorted(flags.items()) if name in told and (ends is None or ends > now)
    }


def flag_changes(policy: Policy, signal_type: str, at: datetime, data: dict[str, object]) -> list[FlagChange]:
    """The flags that a signal of this type says something about."""
    if signal_type == SITUATION:
        until = data["until"]
        ends = until if isinstance(until, datetime) else datetime.fromisoformat(str(until))
        return [FlagChange(at, signal_type, str(data["name"]), True, ends)]
    rule = policy.signals[signal_type]
    changes = [FlagChange(at, signal_type, rule.sets, True)] if rule.sets else []
    return changes + ([FlagChange(at, signal_type, rule.clears, False)] if rule.clears else [])


def apply_flags(unit: Unit, subject: Subject, changes: Sequence[FlagChange]) -> bool:
    """Bring a locked subject's flags up to date with signals just stored; whether that changed any.

    The latest word on a flag counts, whatever order the signals arrive in. A change is committed as an event
    like any other, with a higher epoch, and cancels what it forbids.
    """
    named = {change.flag for change in changes}
    start = min(change.at for change in changes)
    later = [change for change in _stored_since(unit, subject, start, changes) if change.flag in named]
    flags, ended = dict(subject.choices.flags), subject.choices.situations_ended
    for change in sorted([*changes, *later], key=lambda change: change.at):
        if change.flag in ended and change.at <= ended[change.flag]:
            continue
        if change.sets and (change.ends is None or change.ends > unit.now):
            flags[change.flag] = change.ends
        else:
            flags.pop(change.flag, None)
    before, subject.choices.flags = subject.choices.flags, flags
    if flags == before:
        return False
    payload = {
        "kind": "flags",
        "set": {flag: _shown(ends) for flag, ends in flags.items() if before.get(flag, ...) != ends},
        "cleared": sorted(before.keys() - flags.keys()),
        "because": sorted({change.type for change in changes}),
    }
    commit_change(unit, subject, payload)
    return True


def _stored_since(
    unit: Unit, subject: Subject, start: datetime, changes: Sequence[FlagChange]
) -> Iterator[FlagChange]:
    """What signals later than `start` that are stored already say of flags."""
    policy, state = unit.policy, subject.state(unit.now)
    for data in dict.fromkeys(policy.signals[change.type].data for change in changes):
        # The gate let a signal of this category in just now, so a purpose covers it.
        purpose = purpose_for(policy, state, data, unit.now)
        if purpose is None:
            continue
        for signal in read_signals(unit, subject, data, purpose, since=start):
            if signal.type in policy.signals:
                yield from flag_changes(policy, signal.type, signal.at, signal.data)


def _shown(ends: datetime | None) -> str | None:
    return None if ends is None else show_instant(ends)
