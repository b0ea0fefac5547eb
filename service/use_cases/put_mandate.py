"""Mandates: what may be ordered automatically, within which limits, on whose word."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from service.errors import ConflictError, InputFault, InvalidInputError, NotFoundError
from service.explanations.mandates import order_button
from service.instants import show_instant
from service.storage.choices import StoredMandate
from service.storage.subjects import Subject, lock_subject
from service.storage.unit import Unit
from service.use_cases.change import Changed, commit_change
from service.use_cases.mandate_terms import Limits, Shown, check_limits, show_terms, shown_at

MANDATE = "man"
MANDATE_ID = re.compile(r"man_[a-z0-9]{1,40}")
# Whoever needs more than this does not know any more what they agreed to; and ended ones, which still limit,
# are read with every decision.
MOST_LIVE, MOST_KEPT = 50, 500


@dataclass(frozen=True, slots=True)
class PutMandate:
    """Limits as in decision.md; `text` is the order button that was pressed, word for word (law.md A1), and
    `shown` the stamp of the terms that stood before it."""

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
    shown: str | None = None

    @property
    def limits(self) -> Limits:
        said = asdict(self)
        return Limits(**{name: said[name] for name in Limits.__slots__})


def put_mandate(
    unit: Unit, subject_id: UUID, mandate_id: str, command: PutMandate
) -> tuple[StoredMandate, Changed]:
    """Conclude a mandate, or replace one by new limits. A suspended one is live again afterwards.

    The event keeps the evidence: the button, every sentence before it, the price of that moment, and whether
    a stamp proves that the person was shown them. Raises InvalidInputError for what the policy does not know
    and for a button that says anything but the law's words, and ConflictError for terms that were not shown
    so, a deleted mandate, one too many, and for other goods: the limits on what it covers stay, so a new
    agreement needs an id of its own.
    """
    check_mandate_id(mandate_id)
    limits = command.limits
    check_limits(unit, limits)
    _check_button(command)
    subject = lock_subject(unit, subject_id)
    # What has run out is recorded before anything takes its place.
    expire_mandates(unit, subject)
    mandate = StoredMandate(
        **asdict(limits),
        id=mandate_id,
        since=unit.now,
        text=command.text,
        locale=command.locale,
        event=subject.choices.events + 1,
    )
    before = _find(subject, mandate_id)
    conclude(subject, mandate, unit.now)
    shown = show_terms(unit, subject, limits, command.locale)
    payload = {
        "kind": "mandate",
        "does": "concluded" if before is None or before.expired else "changed",
        "mandate": show_mandate(mandate),
        "evidence": _evidence(unit, subject_id, shown, command.shown),
    }
    return mandate, commit_change(unit, subject, payload)


def check_mandate_id(mandate_id: str) -> None:
    """Raises NotFoundError for what is no id of a mandate."""
    if MANDATE_ID.fullmatch(mandate_id) is None:
        raise NotFoundError(MANDATE)


def conclude(subject: Subject, mandate: StoredMandate, now: datetime) -> None:
    """Set a mandate in the choices of a person, in the place of those that give way to it."""
    present = _find(subject, mandate.id)
    if present is not None and present.deleted_at is not None:
        raise ConflictError("this mandate has been ended; conclude a new one under another id")
    if present is not None and present.covers != mandate.covers:
        raise ConflictError("this mandate covers other goods; conclude a new one under another id")
    others = [each for each in subject.choices.mandates if not _gives_way(each, mandate, now)]
    if sum(not _has_ended(each, now) for each in others) >= MOST_LIVE:
        raise ConflictError(f"nobody has more than {MOST_LIVE} mandates at once; end one first")
    if len(others) >= MOST_KEPT:
        raise ConflictError(f"no more than {MOST_KEPT} mandates are kept, counting those that ended")
    subject.choices.mandates = [*others, mandate]


def _evidence(unit: Unit, subject_id: UUID, shown: Shown, stamp: str | None) -> dict[str, Any]:
    """Without a stamp it is what would have been shown at this moment, and says so."""
    at = unit.now if stamp is None else shown_at(unit, subject_id, shown, stamp)
    proven = {"policy": unit.in_force.version, "shown_at": show_instant(at), "proven": stamp is not None}
    return shown.to_dict() | proven


def _check_button(command: PutMandate) -> None:
    button = order_button(command.locale)
    if command.text != button:
        raise InvalidInputError([InputFault("/accepted/text", f"the order button must say: {button}")])


def _gives_way(old: StoredMandate, new: StoredMandate, now: datetime) -> bool:
    """An ended mandate goes on limiting until a new one covers the same: among equally narrow ones the
    lowest id decides, so left in place it would forbid for ever what was just agreed."""
    return old.id == new.id or (old.covers == new.covers and _has_ended(old, now))


def _has_ended(mandate: StoredMandate, now: datetime) -> bool:
    return mandate.deleted_at is not None or (mandate.expires_at is not None and mandate.expires_at <= now)


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


def expire_mandates(unit: Unit, subject: Subject) -> int:
    """Record each mandate of a locked person that has run out, once; how many that were."""
    over = [
        each
        for each in subject.choices.mandates
        if not each.expired and mandate_status(each, unit.now) == "expired"
    ]
    for mandate in over:
        mandate.expired = True
        _commit(unit, subject, mandate, "expired")
    return len(over)


def live_mandate(subject: Subject, mandate_id: str) -> StoredMandate:
    """Raises NotFoundError for an unknown and for a deleted one."""
    mandate = _find(subject, mandate_id)
    if mandate is None or mandate.deleted_at is not None:
        raise NotFoundError(MANDATE)
    return mandate


def mandate_status(mandate: StoredMandate, now: datetime) -> str:
    if mandate.deleted_at is not None:
        return "ended"
    if _has_ended(mandate, now):
        return "expired"
    return "live" if mandate.suspended_at is None else "suspended"


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
