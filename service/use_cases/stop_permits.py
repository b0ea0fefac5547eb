"""End the permits that a change of choices forbids, and name those already redeemed (guarantees P1).

Both happen under the lock under which permits are redeemed: after the change has committed none of them is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from service.errors import UnreadableError
from service.instants import show_instant
from service.policy import Candidate, Outcome, evaluate
from service.storage.permits import (
    Permit,
    Settled,
    may_have_permits,
    open_permits,
    read_outstanding,
    read_settled,
    settle_permit,
    show_stopped,
)
from service.storage.subjects import Subject
from service.storage.unit import Unit

Stopped = tuple[list[dict[str, Any]], list[dict[str, Any]]]


def stop_permits(unit: Unit, subject: Subject) -> Stopped:
    """(cancelled, irrevocable) of a locked subject whose choices have just changed in this transaction.

    A permit that waits stays if her choices still permit it, now or later. Of the redeemed ones those are
    named that they would no longer permit, with when and to which client; after a day they have been used."""
    # The choices alone: a cap that is full, or an offer that has ended, is nothing that she forbids.
    state = replace(subject.state(unit.now), contacts=(), orders=())

    def forbidden(candidate: Candidate) -> bool:
        asked = replace(candidate, expires_at=None)
        return evaluate(unit.policy, state, asked, unit.now).outcome is Outcome.deny

    return _stop(unit, subject, forbidden)


def end_permits(unit: Unit, subject: Subject) -> Stopped:
    """End all permits of a locked subject, whatever they permit."""
    return _stop(unit, subject, lambda _: True)


def _stop(unit: Unit, subject: Subject, forbidden: Callable[[Candidate], bool]) -> Stopped:
    if not may_have_permits(unit, subject):
        return [], []
    settled = read_settled(unit, [subject])
    cancelled = []
    for permit in _waiting(unit, subject):
        if permit.name not in settled and forbidden(permit.candidate):
            settle_permit(unit, subject, permit, "cancelled")
            cancelled.append(show_stopped(permit.name, permit.candidate, "cancelled"))
    irrevocable = [
        _show_left(each)
        for each in settled.values()
        # What cannot be read cannot be shown to be permitted still.
        if each.state == "redeemed" and (each.details is None or forbidden(each.details.candidate))
    ]
    return cancelled, irrevocable


def _show_left(permit: Settled) -> dict[str, Any]:
    details, at = permit.details, {"at": show_instant(permit.at)}
    if details is None:
        return show_stopped(permit.name, None, permit.state) | at
    return show_stopped(permit.name, details.candidate, permit.state) | at | {"to": details.client}


def _waiting(unit: Unit, subject: Subject) -> Iterator[Permit]:
    """One that cannot be read cannot be redeemed either, so it needs no end."""
    for row in read_outstanding(unit, subject):
        try:
            yield from open_permits(subject, row)
        except UnreadableError:
            continue
