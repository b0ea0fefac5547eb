"""The hand-over (guarantees P1): the commit by which one attempt is claimed, under the subject's lock and
after evaluating again. Only what this returned, once committed, may be given to a sender.

A change of choices takes the same lock. So either it comes first, and the claim sees it and does not happen;
or the claim comes first, and the change's answer lists it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from service.actor import show_subject
from service.errors import NotFoundError, SubjectErasedError
from service.ids import ENDPOINT, MESSAGE, show
from service.instants import show_instant
from service.policy import Outcome
from service.senders import Parcel
from service.storage.decisions import record_decisions
from service.storage.outbox import (
    ACKNOWLEDGEMENT,
    CANCELLATION,
    NOTICE,
    ORDER,
    REMINDER,
    Entry,
    Message,
    end_message,
    hold_message,
    put_off,
    save_claim,
)
from service.storage.reorders import Reorder
from service.storage.subjects import Subject, lock_subject, read_subjects
from service.storage.unit import Unit
from service.storage.withdrawals import read_accepted
from service.use_cases.address_of import CANNOT_DEDUPLICATE, WEBHOOK, address_of, purposes_of, route_of
from service.use_cases.ask_again import ask_again
from service.use_cases.count_hand_over import count_hand_over, latest_hand_over
from service.use_cases.fields_read import fields_read
from service.use_cases.hold_reorder import carry_out
from service.use_cases.publish_event import WITHDRAWN, publish_reorder
from service.use_cases.reorder_steps import mark_forbidden, mark_handed_over, may_go, reorder_of
from service.use_cases.settle_message import TRYING, park, settle
from service.use_cases.special import is_special
from service.use_cases.todays_price import quote_today
from service.use_cases.veto_window import veto_window
from service.use_cases.weigh_order import weigh_order

# What receivers know the kinds of messages as (api.md, "Events out").
_EVENTS = {
    REMINDER: "reminder.due",
    NOTICE: "reorder.announced",
    ORDER: "reorder.dispatched",
    CANCELLATION: "reorder.cancelled",
}
_APP = "app"
# Longer than any sender takes: after it nobody is at work on the attempt any more.
LEASE = timedelta(minutes=2)

# Whether there is room for one more attempt by this route to this address; if so, it is taken.
Room = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class Claim:
    """One attempt. `number` tells it from earlier ones of the same message, whose ends come too late."""

    message: UUID
    subject: UUID | None
    number: int
    parcel: Parcel
    endpoint: UUID | None = None


@dataclass(frozen=True, slots=True)
class _Case:
    """One message, its locked subject and its reorder, as the claim finds them."""

    unit: Unit
    subject: Subject
    entry: Entry
    message: Message
    reorder: Reorder

    @property
    def is_first(self) -> bool:
        return self.message.counted_at is None


def claim_message(unit: Unit, message_id: UUID, subject_id: UUID, has_room: Room) -> Claim | None:
    """The attempt that may now be made, or None: then the message was put off, cancelled, parked or settled,
    or somebody else has it. The subject is locked first. Raises UnreadableError where the person's state does
    not open, and then nothing has changed.
    """
    try:
        subject = lock_subject(unit, subject_id)
    except (NotFoundError, SubjectErasedError):
        _end_without_key(unit, message_id)
        return None
    # While the lock was waited for, another hand-over may have been counted at a later instant: the caps
    # must see it.
    latest = latest_hand_over(subject)
    if latest is not None and latest > unit.now:
        unit = replace(unit, now=latest)
    entry = hold_message(unit, message_id, subject)
    if entry is None or not _is_due(entry, unit.now):
        return None
    message = entry.message
    reorder = None if message is None else reorder_of(unit, subject, message)
    if message is None or (reorder is not None and reorder.details is None):
        end_message(unit, entry.id, "parked", "unreadable")
        return None
    if message.kind == ACKNOWLEDGEMENT:
        return _claim_acknowledgement(unit, subject, entry, message, has_room)
    if not _is_settled(unit, subject, entry, message):
        if reorder is None or not may_go(reorder, message, first=message.counted_at is None):
            _end(unit, entry)
        elif not _is_withdrawn(unit, subject, entry, message, reorder):
            return _evaluate(_Case(unit, subject, entry, message, reorder), has_room)
    return None


def claim_event(unit: Unit, message_id: UUID, subject_id: UUID | None, has_room: Room) -> Claim | None:
    """The same for an event, which no choice forbids: nobody is locked."""
    subject = None if subject_id is None else _living(unit, subject_id)
    entry = hold_message(unit, message_id, subject)
    if entry is None or entry.endpoint is None or not _is_due(entry, unit.now):
        return None
    if entry.event is None:
        end_message(unit, entry.id, "parked", "unreadable")
        return None
    if _is_exhausted(entry, unit.now):
        end_message(unit, entry.id, "parked", "exhausted")
        return None
    to = show(ENDPOINT, entry.endpoint)
    if not has_room(WEBHOOK, to):
        return None
    number = save_claim(unit, entry, None, unit.now + LEASE)
    parcel = Parcel(
        key=show(MESSAGE, entry.id),
        kind=entry.event["type"],
        route=WEBHOOK,
        to=to,
        subject=entry.event["subject"] if subject_id is None else show_subject(subject_id),
        locale="",
        content=entry.event["content"],
    )
    return Claim(entry.id, None, number, parcel, entry.endpoint)


def _living(unit: Unit, subject_id: UUID) -> Subject | None:
    found = read_subjects(unit.db, unit.keyring, [subject_id]).get(subject_id)
    return None if found is None or found.key is None else found


def _is_due(entry: Entry, now: datetime) -> bool:
    return entry.state in ("queued", "claimed") and entry.due_at <= now


def _is_exhausted(entry: Entry, now: datetime) -> bool:
    return entry.begun_at is not None and entry.begun_at + TRYING < now


def _is_settled(unit: Unit, subject: Subject, entry: Entry, message: Message) -> bool:
    """Whether no further attempt may be made, whatever the choices say."""
    if entry.state == "claimed" and route_of(message) in CANNOT_DEDUPLICATE:
        # Its relay died or fell asleep: the message may have left, and nobody could tell a second copy.
        settle(unit, subject, entry.id, message, "unknown")
        return True
    if _is_exhausted(entry, unit.now):
        park(unit, subject, entry.id, message, "exhausted")
        return True
    return False


def _is_withdrawn(unit: Unit, subject: Subject, entry: Entry, message: Message, reorder: Reorder) -> bool:
    """Whether the person withdrew from the contract while an attempt was under way: then no other is made.
    The gate knows nothing of that."""
    if message.kind != ORDER or message.counted_at is None:
        return False
    if read_accepted(unit, subject, reorder.id) is None:
        return False
    _end(unit, entry)
    if entry.state == "queued":
        mark_forbidden(unit, subject, message, "withdrawn")
    return True


def _evaluate(case: _Case, has_room: Room) -> Claim | None:
    unit, subject, entry, message = case.unit, case.subject, case.entry, case.message
    if case.is_first:
        quote_today(unit, message)
    asked, decision = ask_again(unit, subject, message)
    if case.is_first and message.kind == ORDER and decision.not_before is None:
        verdict = weigh_order(unit, subject, message, decision)
        if verdict is not None:
            record_decisions(unit, subject, [asked], [decision], fields_read(unit.policy, [asked]))
            end_message(unit, entry.id, "cancelled")
            carry_out(unit, subject, case.reorder, verdict)
            return None
    way = None
    if decision.outcome is Outcome.allow:
        way = _way(case, decision.channel)
        if way is None or not has_room(*way):
            return None
    [kept] = record_decisions(unit, subject, [asked], [decision], fields_read(unit.policy, [asked]))
    if way is not None:
        message.decision = kept
        return _claim(case, way)
    if decision.not_before is not None:
        put_off(unit, entry, decision.not_before)
        return None
    _end(unit, entry)
    if entry.state == "queued":
        mark_forbidden(unit, subject, message, decision.reasons[0].code)
    return None


def _way(case: _Case, channel: str | None) -> tuple[str, str] | None:
    """Route and address of what the gate allows now; None if it does not go after all."""
    unit, subject, entry, message = case.unit, case.subject, case.entry, case.message
    if message.kind != ORDER:
        # The gate names no channel for what a person ordered by themselves: the app can always say it.
        message.channel = channel or _APP
    route = route_of(message)
    to = address_of(unit, subject, route, message)
    if to is None:
        park(unit, subject, entry.id, message, "refused")
        return None
    return route, to


def _claim_acknowledgement(
    unit: Unit, subject: Subject, entry: Entry, message: Message, has_room: Room
) -> Claim | None:
    """The law wants it said, to the address that the person gave: nobody's choices are asked, and it does not
    count as a contact."""
    route, to = route_of(message), str(message.content["to"])
    if _is_settled(unit, subject, entry, message) or not has_room(route, to):
        return None
    number = save_claim(unit, entry, subject, unit.now + LEASE)
    parcel = Parcel(
        key=show(MESSAGE, entry.id),
        kind=WITHDRAWN,
        route=route,
        to=to,
        subject=show_subject(subject.id),
        locale=subject.choices.locale,
        content={"text": message.content["text"], "marketing": False},
    )
    return Claim(entry.id, subject.id, number, parcel)


def _claim(case: _Case, way: tuple[str, str]) -> Claim:
    unit, subject, entry, message = case.unit, case.subject, case.entry, case.message
    if case.is_first:
        purposes = purposes_of(unit.policy, message)
        category = message.candidate.category
        publish_reorder(unit, subject, _EVENTS[message.kind], case.reorder.id, purposes, category=category)
    count_hand_over(unit, subject, message)
    mark_handed_over(unit, subject, case.reorder, message)
    number = save_claim(unit, entry, subject, unit.now + LEASE)
    parcel = Parcel(
        key=show(MESSAGE, entry.id),
        kind=_EVENTS[message.kind],
        route=way[0],
        to=way[1],
        subject=show_subject(subject.id),
        locale=subject.choices.locale,
        content=_content(case),
    )
    return Claim(entry.id, subject.id, number, parcel)


def _content(case: _Case) -> dict[str, Any]:
    """What it says, with what is known now: when a notice's order will leave, and until when it can be
    stopped."""
    unit, message = case.unit, case.message
    said = {
        **message.content,
        "special": is_special(unit.policy, message.candidate.category),
        "reorder": message.reorder,
        "decision": message.decision,
        "timezone": case.subject.choices.timezone,
    }
    if message.kind == NOTICE:
        leaves = show_instant(unit.now + veto_window(unit.policy, message.candidate.programme))
        said |= {"date": leaves, "until": leaves}
    return said


def _end(unit: Unit, entry: Entry) -> None:
    """It may not go any more. An attempt whose end nobody knows may have arrived."""
    if entry.state == "claimed":
        end_message(unit, entry.id, "delivered", "unknown")
    else:
        end_message(unit, entry.id, "cancelled")


def _end_without_key(unit: Unit, message_id: UUID) -> None:
    """The person was merged into another or erased: nothing of theirs goes any more."""
    entry = hold_message(unit, message_id, None)
    if entry is not None and _is_due(entry, unit.now):
        _end(unit, entry)
