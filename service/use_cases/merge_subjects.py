"""Merge two subjects that turned out to be one person.

Nothing becomes permitted by it: a consent stays only if both gave it, a level is the lower of the two,
sharing and channels stay on only where both had them on, every objection, flag and restriction of either
counts, and mandates and permits end, since neither customer agreed to them for the other's purchases.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from service.actor import show_subject
from service.errors import ConflictError, NotFoundError, SubjectErasedError
from service.ids import CONSENT_EVENT, SUBJECT, show
from service.instants import show_instant
from service.policy import LEVEL_NAMES, Policy, effective_level
from service.storage.choices import Activity, Choices, StoredConsent, StoredMandate
from service.storage.holds import move_holds
from service.storage.inbox import move_inbox
from service.storage.merge import entomb_as_merged, move_identifiers, move_signals
from service.storage.outbox import read_outstanding
from service.storage.reorders import move_reorder, read_open_reorders
from service.storage.requests import give_open_requests
from service.storage.signals import data_categories
from service.storage.subjects import (
    Event,
    Subject,
    lock_subjects,
    read_events,
    save_activity,
    set_status,
)
from service.storage.unit import Unit
from service.use_cases.acknowledge_withdrawal import move_acknowledgement
from service.use_cases.cancel_forbidden import HORIZON, Stopped, stop_entry
from service.use_cases.change import Changed, commit_change
from service.use_cases.close_cases import end_cases
from service.use_cases.stop_permits import end_permits


def merge_subjects(unit: Unit, source_id: UUID, target_id: UUID) -> Changed:
    """Make the two one, known as `target_id`. The epoch ends above both.

    Raises ConflictError for a subject merged into itself, NotFoundError and SubjectErasedError.
    """
    if source_id == target_id:
        raise ConflictError("a subject cannot be merged into itself")
    source, target = _locked(unit, source_id, target_id)
    history = [_show(event) for event in read_events(unit, source)]
    stopped = _stop_all(unit, source, target)
    end_cases(unit, source)
    for each in (source, target):
        ended, left = end_permits(unit, each)
        stopped.cancelled.extend(ended)
        if each is source:
            stopped.irrevocable.extend(left)
    moved: dict[str, Any] = {
        "identifiers": move_identifiers(unit, source, target),
        "signals": move_signals(unit, source, target, data_categories(unit)),
        "inbox": move_inbox(unit, source, target),
        "requests": give_open_requests(unit, source, target),
    }
    agreed = [mandate.id for mandate in source.choices.mandates]
    target.choices = merged_choices(unit.policy, source, target, unit.now)
    # Under which id each of the one's mandates is known from now on: the other may have used the same.
    known = [mandate.id for mandate in target.choices.mandates[-len(agreed) :]] if agreed else []
    moved["mandates"] = dict(zip(known, agreed, strict=True))
    target.activity = Activity(
        contacts=sorted([*source.activity.contacts, *target.activity.contacts], key=lambda c: c.at),
        orders=sorted([*source.activity.orders, *target.activity.orders], key=lambda o: o.at),
    )
    target.epoch = max(source.epoch, target.epoch)
    save_activity(unit, target)
    move_holds(unit, source_id, target_id)
    if source.status == "restricted":
        set_status(unit, target, "restricted")
    payload = {"kind": "merge", "from": show_subject(source_id), "moved": moved, "history": history}
    changed = commit_change(unit, target, payload)
    entomb_as_merged(unit, source, target)
    return replace(
        changed,
        cancelled=[*stopped.cancelled, *changed.cancelled],
        irrevocable=[*stopped.irrevocable, *changed.irrevocable],
    )


def merged_choices(policy: Policy, source: Subject, target: Subject, now: datetime) -> Choices:
    """What both allow. Locale, time zone, country and quiet hours are the target's where it has them."""
    a, b = source.choices, target.choices
    return Choices(
        timezone=b.timezone,
        locale=b.locale,
        country=b.country,
        # Of two birth dates the later one makes the person younger, which permits less.
        birth_date=max((d for d in (a.birth_date, b.birth_date) if d is not None), default=None),
        consents=_consents(a.consents, b.consents),
        objections=sorted({*a.objections, *b.objections}),
        sharing=_both(a.sharing, b.sharing),
        levels=_levels(policy, source, target, now),
        channels=_channels(a.channels, b.channels),
        opt_ins=_consents(a.opt_ins, b.opt_ins),
        paused_until=max((p for p in (a.paused_until, b.paused_until) if p is not None), default=None),
        quiet=b.quiet or a.quiet,
        max_per_week=min((n for n in (a.max_per_week, b.max_per_week) if n is not None), default=None),
        flags=_flags(a.flags, b.flags),
        situations_ended={
            name: max(each[name] for each in (a.situations_ended, b.situations_ended) if name in each)
            for name in sorted({*a.situations_ended, *b.situations_ended})
        },
        mandates=_ended([*b.mandates, *a.mandates], now),
        events=b.events,
        head=b.head,
    )


def _consents(a: dict[str, StoredConsent], b: dict[str, StoredConsent]) -> dict[str, StoredConsent]:
    """Per purpose the answer that permits less; one that only either gave is as if never asked."""
    merged: dict[str, StoredConsent] = {}
    for name in sorted({*a, *b}):
        answers = [each[name] for each in (a, b) if name in each]
        refusals = [each for each in answers if each.status != "given"]
        if refusals:
            merged[name] = max(refusals, key=lambda each: each.since)
        elif len(answers) == 2:
            merged[name] = _weaker(*answers)
    return merged


def _weaker(a: StoredConsent, b: StoredConsent) -> StoredConsent:
    return StoredConsent(
        status="given",
        since=max(a.since, b.since),
        explicit=a.explicit and b.explicit,
        notice_version=min(a.notice_version, b.notice_version),
        expires_at=min((e for e in (a.expires_at, b.expires_at) if e is not None), default=None),
    )


def _both(a: dict[str, bool], b: dict[str, bool]) -> dict[str, bool]:
    return {name: a.get(name) is True and b.get(name) is True for name in sorted({*a, *b})}


def _channels(a: dict[str, bool], b: dict[str, bool]) -> dict[str, bool]:
    """Off where either said no; on where both said yes; else unsaid, which asks for an opt-in again."""
    merged = {}
    for name in sorted({*a, *b}):
        said = (a.get(name), b.get(name))
        if False in said:
            merged[name] = False
        elif said == (True, True):
            merged[name] = True
    return merged


def _levels(policy: Policy, source: Subject, target: Subject, now: datetime) -> dict[str, str]:
    """The lower of the two effective levels at every key that either set, which is so for every category:
    the longest key on a category's path decides for its owner, and the other's decided there already."""
    states = (source.state(now), target.state(now))
    keys = {"*", *source.choices.levels, *target.choices.levels}
    return {
        key: LEVEL_NAMES[min(effective_level(policy, state, key)[0] for state in states)]
        for key in sorted(keys)
    }


def _flags(a: dict[str, datetime | None], b: dict[str, datetime | None]) -> dict[str, datetime | None]:
    merged = {**a, **b}
    for name in a.keys() & b.keys():
        ends = [each[name] for each in (a, b)]
        merged[name] = None if None in ends else max(end for end in ends if end is not None)
    return merged


def _ended(mandates: Iterable[StoredMandate], now: datetime) -> list[StoredMandate]:
    """Each of them ended, under an id of its own: it still limits, and never serves."""
    ended: dict[str, StoredMandate] = {}
    for mandate in mandates:
        while mandate.id in ended:
            mandate.id += "m"
        mandate.deleted_at = mandate.deleted_at or now
        ended[mandate.id] = mandate
    return list(ended.values())


def _stop_all(unit: Unit, source: Subject, target: Subject) -> Stopped:
    """Nothing that waits for the one goes to the other, whose choices it never met; but what the law wants
    said is still said."""
    stopped = Stopped()
    for reorder in read_open_reorders(unit, source):
        move_reorder(unit, source, reorder, "cancelled", "merged")
    for entry in read_outstanding(unit, source, unit.now - HORIZON):
        if not move_acknowledgement(unit, entry, target):
            stop_entry(unit, source, entry, "merged", stopped)
    return stopped


def _locked(unit: Unit, source_id: UUID, target_id: UUID) -> tuple[Subject, Subject]:
    found = lock_subjects(unit, [source_id, target_id])
    for each in (source_id, target_id):
        if each not in found:
            raise NotFoundError(SUBJECT)
        if found[each].status == "erased":
            raise SubjectErasedError
    return found[source_id], found[target_id]


def _show(event: Event) -> dict[str, Any]:
    return {
        "id": show(CONSENT_EVENT, event.id),
        "number": event.number,
        "recorded_at": show_instant(event.at),
        "digest": event.digest.hex(),
        **event.payload,
    }
