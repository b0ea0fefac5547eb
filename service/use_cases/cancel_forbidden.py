"""Cancel what a change of choices no longer permits, and say what it came too late for (guarantees P1; law.md
C3)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from service.ids import MESSAGE, REORDER, show
from service.instants import show_instant
from service.policy import LEVEL_NAMES, Level, Outcome, evaluate
from service.storage.held_reorders import wake_subject
from service.storage.outbox import ACKNOWLEDGEMENT, Entry, end_message, read_outstanding
from service.storage.reorders import Reorder, ReorderDetails, move_reorder, read_open_reorders
from service.storage.standing import read_standing
from service.storage.subjects import Subject
from service.storage.unit import Unit
from service.use_cases.address_of import CANNOT_DEDUPLICATE, recipient_of, route_of
from service.use_cases.ask_again import as_permitted, why_not
from service.use_cases.hold_reorder import HELD, hold_reorder, state_before_hold
from service.use_cases.reorder_steps import mark_forbidden
from service.use_cases.stop_permits import stop_permits
from service.use_cases.verdict import Does, Verdict, hold
from service.use_cases.weigh_order import suppressed_until

# What left longer ago than this has been seen by whoever it went to; naming it would tell nothing new.
HORIZON = timedelta(days=7)

_Shown = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Stopped:
    """What a change stopped, and what it came too late for, each {id, kind, strategy}. Irrevocable ones also
    have `state`, `at` and `to`: `in_flight` may yet arrive, `handed_over` has left within `HORIZON`."""

    cancelled: _Shown = field(default_factory=list)
    irrevocable: _Shown = field(default_factory=list)


def cancel_forbidden(unit: Unit, subject: Subject) -> Stopped:
    """Of a locked subject whose choices have just changed in this transaction.

    A reorder or message stays only if its candidate, evaluated again at the rung it was permitted, may still
    go (now or later); one that cannot be read cannot be shown to be permitted, so it is cancelled too. So do
    permits that were not redeemed. An announced order that a situation keeps back for a time is held: its
    messages are cancelled like others, and it is announced again when the situation is over.
    """
    since = unit.now - HORIZON
    standing = read_standing(unit, subject, since)
    stopped = Stopped(*stop_permits(unit, subject)) if standing.permits else Stopped()
    reasons, held = _judge_reorders(unit, subject, stopped) if standing.reorders else ({}, frozenset())
    for entry in read_outstanding(unit, subject, since) if standing.messages else ():
        message = entry.message
        reason = "unreadable" if message is None else why_not(unit, subject, message)
        if reason is None and message is not None:
            reason = reasons.get(message.reorder)
        if reason is not None:
            stop_entry(unit, subject, entry, reason, stopped, held=held)
    return stopped


def messages_about(unit: Unit, subject: Subject, reorder: UUID) -> list[Entry]:
    """What may still go, or is on its way, about one reorder of a locked subject."""
    name = show(REORDER, reorder)
    return [
        entry
        for entry in read_outstanding(unit, subject, unit.now)
        if entry.message is not None and entry.message.reorder == name
    ]


def stop_about(unit: Unit, subject: Subject, reorder: UUID, reason: str | None) -> Stopped:
    """Stop all of it, as `stop_entry` does each."""
    stopped = Stopped()
    for entry in messages_about(unit, subject, reorder):
        stop_entry(unit, subject, entry, reason, stopped)
    return stopped


def stop_entry(
    unit: Unit,
    subject: Subject,
    entry: Entry,
    reason: str | None,
    stopped: Stopped,
    *,
    held: Collection[str] = (),
) -> None:
    """Cancel a message if it has not left, and list it where it belongs: what was tried in vain and may still
    arrive late is in both lists. Its reorder ends with it, unless that is one of those `held`; `reason` None
    leaves that to the caller. An acknowledgement is no action, and nothing stops it."""
    if entry.message is not None and entry.message.kind == ACKNOWLEDGEMENT:
        return
    if entry.state in ("queued", "parked"):
        end_message(unit, entry.id, "cancelled")
        if entry.message is not None and reason is not None and entry.message.reorder not in held:
            mark_forbidden(unit, subject, entry.message, reason)
        stopped.cancelled.append(_shown(entry))
    if entry.state == "delivered":
        stopped.irrevocable.append(_shown(entry) | _left(entry, "handed_over"))
    elif may_arrive(entry):
        stopped.irrevocable.append(_shown(entry) | _left(entry, "in_flight"))


def may_arrive(entry: Entry) -> bool:
    """Whether an attempt has been made of which nobody knows that it came to nothing. Where receivers know a
    copy by its key a failed attempt may still arrive, late, also after an answer that cancelled the rest; by
    SMTP one that may be tried again has not left.
    """
    if entry.state == "claimed":
        return True
    if entry.attempts == 0:
        return False
    return entry.message is None or route_of(entry.message) not in CANNOT_DEDUPLICATE


def _judge_reorders(unit: Unit, subject: Subject, stopped: Stopped) -> tuple[dict[str, str], frozenset[str]]:
    """Why each was cancelled or held, by public id; and which of them are held."""
    reasons: dict[str, str] = {}
    held, waits = set(), False
    for reorder in read_open_reorders(unit, subject):
        name = show(REORDER, reorder.id)
        verdict = _judge(unit, subject, reorder)
        if verdict is None:
            waits = waits or reorder.state == HELD
        elif verdict.does is Does.hold:
            hold_reorder(unit, subject, reorder, verdict)
            reasons[name] = verdict.reason
            held.add(name)
        elif move_reorder(unit, subject, reorder, "cancelled", verdict.reason):
            reasons[name] = verdict.reason
            strategy = None if reorder.details is None else reorder.details.strategy
            stopped.cancelled.append({"id": name, "kind": "reorder", "strategy": strategy})
    if waits:
        # What they wait for may have been this change.
        wake_subject(unit, subject.id)
    return reasons, frozenset(held)


def _judge(unit: Unit, subject: Subject, reorder: Reorder) -> Verdict | None:
    """What the change means for it; None if it is still permitted."""
    details = reorder.details
    if details is None:
        return Verdict(Does.end, "unreadable")
    # What the person ordered themself stays their own order while it is held.
    before = state_before_hold(details)
    strategy = LEVEL_NAMES[Level.respond] if before == "approved" else details.strategy
    # No fallback: a reorder that may now only go lower is another proposal, with another text and date.
    asked = as_permitted(details.candidate, strategy)
    decision = evaluate(unit.policy, subject.state(unit.now), asked, unit.now)
    if decision.outcome is not Outcome.deny:
        return None
    until = suppressed_until(unit, subject, decision) if _was_announced(details) else None
    if until is not None:
        return hold("suppressed", until)
    return Verdict(Does.end, decision.reasons[0].code)


def _was_announced(details: ReorderDetails) -> bool:
    """Whether the person was told of an automatic order: also of one that they put off since."""
    automatic = details.strategy == LEVEL_NAMES[Level.automate]
    return automatic and any(step.state == "announced" for step in details.history)


def _shown(entry: Entry) -> dict[str, Any]:
    message = entry.message
    return {
        "id": show(MESSAGE, entry.id),
        "kind": "message" if message is None else message.kind,
        "strategy": None if message is None else message.strategy,
    }


def _left(entry: Entry, state: str) -> dict[str, Any]:
    at = entry.ended_at if state == "handed_over" else entry.claimed_at
    shown = {"state": state, "at": show_instant(at or entry.due_at)}
    # A message that does not open does not say to whom it went.
    return shown if entry.message is None else shown | {"to": recipient_of(entry.message)}
