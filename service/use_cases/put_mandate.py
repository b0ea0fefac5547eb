"""Mandates: what may be ordered automatically, within which limits, on whose word."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from service.errors import ConflictError, InputFault, InvalidInputError, NotFoundError
from service.instants import show_instant
from service.policy import Policy
from service.storage.choices import StoredMandate
from service.storage.subjects import Subject, lock_subject
from service.storage.unit import Unit
from service.use_cases.change import Changed, commit_change

MANDATE = "man"
MANDATE_ID = re.compile(r"man_[a-z0-9]{1,40}")


@dataclass(frozen=True, slots=True)
class PutMandate:
    """Limits as in decision.md; `text` is the order button that was pressed, word for word (law.md A1)."""

    covers: str
    currency: str
    max_price_minor: int
    text: str
    locale: str
    max_quantity: int | None = None
    max_spend_minor: int | None = None
    spend_days: int | None = None
    min_days_between: int | None = None
    expires_at: datetime | None = None


def put_mandate(
    unit: Unit, subject_id: UUID, mandate_id: str, command: PutMandate
) -> tuple[StoredMandate, Changed]:
    """Conclude a mandate, or replace one by new limits. A suspended one is live again afterwards.

    Raises InvalidInputError for what the policy does not know, and ConflictError for a deleted mandate and
    for other goods: the limits on what it covers stay, so a new agreement needs an id of its own.
    """
    _check(unit, mandate_id, command)
    subject = lock_subject(unit, subject_id)
    present = _find(subject, mandate_id)
    if present is not None and present.deleted_at is not None:
        raise ConflictError("this mandate has been ended; conclude a new one under another id")
    if present is not None and present.covers != command.covers:
        raise ConflictError("this mandate covers other goods; conclude a new one under another id")
    mandate = StoredMandate(
        id=mandate_id,
        covers=command.covers,
        currency=command.currency,
        max_price_minor=command.max_price_minor,
        since=unit.now,
        text=command.text,
        locale=command.locale,
        max_quantity=command.max_quantity,
        max_spend_minor=command.max_spend_minor,
        spend_days=command.spend_days,
        min_days_between=command.min_days_between,
        expires_at=command.expires_at,
    )
    subject.choices.mandates = [
        *(each for each in subject.choices.mandates if not _gives_way(each, mandate, unit.now)),
        mandate,
    ]
    payload = {"kind": "mandate", "does": "concluded", "mandate": show_mandate(mandate)}
    return mandate, commit_change(unit, subject, payload)


def _gives_way(old: StoredMandate, new: StoredMandate, now: datetime) -> bool:
    """An ended mandate goes on limiting until a new one covers the same: among equally narrow ones the
    lowest id decides, so left in place it would forbid for ever what was just agreed."""
    ended = old.deleted_at is not None or (old.expires_at is not None and old.expires_at <= now)
    return old.id == new.id or (old.covers == new.covers and ended)


def end_mandate(unit: Unit, subject_id: UUID, mandate_id: str) -> Changed:
    """Raises NotFoundError when there is none, or it has ended already."""
    subject, mandate = _locked(unit, subject_id, mandate_id)
    mandate.deleted_at = unit.now
    return _commit(unit, subject, mandate, "ended")


def suspend_mandate(unit: Unit, subject_id: UUID, mandate_id: str) -> tuple[StoredMandate, Changed | None]:
    subject, mandate = _locked(unit, subject_id, mandate_id)
    if mandate.suspended_at is not None:
        return mandate, None
    mandate.suspended_at = unit.now
    return mandate, _commit(unit, subject, mandate, "suspended")


def resume_mandate(unit: Unit, subject_id: UUID, mandate_id: str) -> tuple[StoredMandate, Changed | None]:
    subject, mandate = _locked(unit, subject_id, mandate_id)
    if mandate.suspended_at is None:
        return mandate, None
    mandate.suspended_at = None
    return mandate, _commit(unit, subject, mandate, "resumed")


def live_mandate(subject: Subject, mandate_id: str) -> StoredMandate:
    """Raises NotFoundError for an unknown and for a deleted one."""
    mandate = _find(subject, mandate_id)
    if mandate is None or mandate.deleted_at is not None:
        raise NotFoundError(MANDATE)
    return mandate


def show_mandate(mandate: StoredMandate) -> dict[str, Any]:
    return {
        "id": mandate.id,
        "covers": mandate.covers,
        "currency": mandate.currency,
        "max_price_minor": mandate.max_price_minor,
        "max_quantity": mandate.max_quantity,
        "max_spend_minor": mandate.max_spend_minor,
        "spend_days": mandate.spend_days,
        "min_days_between": mandate.min_days_between,
        "expires_at": _shown(mandate.expires_at),
        "concluded_at": _shown(mandate.since),
        "suspended_at": _shown(mandate.suspended_at),
        "accepted": {"text": mandate.text, "locale": mandate.locale},
    }


def _shown(at: datetime | None) -> str | None:
    return None if at is None else show_instant(at)


def _find(subject: Subject, mandate_id: str) -> StoredMandate | None:
    return next((each for each in subject.choices.mandates if each.id == mandate_id), None)


def _locked(unit: Unit, subject_id: UUID, mandate_id: str) -> tuple[Subject, StoredMandate]:
    subject = lock_subject(unit, subject_id)
    return subject, live_mandate(subject, mandate_id)


def _commit(unit: Unit, subject: Subject, mandate: StoredMandate, does: str) -> Changed:
    return commit_change(unit, subject, {"kind": "mandate", "does": does, "mandate": show_mandate(mandate)})


def _check(unit: Unit, mandate_id: str, command: PutMandate) -> None:
    if MANDATE_ID.fullmatch(mandate_id) is None:
        raise NotFoundError(MANDATE)
    faults: list[InputFault] = []
    if not _covers_something(unit.policy, command.covers):
        faults.append(InputFault("/covers", "is `*`, `sku:` and a sku, or a category of the policy"))
    if (command.max_spend_minor is None) != (command.spend_days is None):
        faults.append(InputFault("/spend_days", "a spend limit and its days go together"))
    if command.expires_at is not None and command.expires_at <= unit.now:
        faults.append(InputFault("/expires_at", "is over already"))
    if faults:
        raise InvalidInputError(faults)


def _covers_something(policy: Policy, covers: str) -> bool:
    if covers.startswith("sku:"):
        return len(covers) > len("sku:")
    return covers == "*" or covers in policy.categories
