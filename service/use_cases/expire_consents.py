"""Record that consents and mandates have run out (law.md G3, A4).

The core stops at the moment by itself, so nothing waits for this: it makes the history say so, raises the
epoch, and cancels what was still queued on the strength of such a consent or mandate.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg

from service.consent_states import ConsentState
from service.errors import UnreadableError
from service.instants import show_instant
from service.logging import describe_error, get_logger
from service.storage.choices import StoredConsent
from service.storage.expiries import consent_due, set_consent_due, take_expiring
from service.storage.subjects import Subject, read_subjects
from service.storage.unit import Unit
from service.use_cases.change import commit_change
from service.use_cases.put_mandate import expire_mandates

_UNREADABLE_AGAIN = timedelta(days=1)


@dataclass(slots=True)
class Swept:
    """Subjects looked at, consents recorded as expired, subjects that could not be looked at, and mandates
    recorded as expired."""

    looked: int = 0
    expired: int = 0
    failed: int = 0
    mandates: int = 0


def expire_consents(unit: Unit, limit: int) -> Swept:
    """Look at up to `limit` due subjects, in the caller's transaction; `looked` below `limit`: none is left.

    Run again after a crash it records nothing twice. One subject that cannot be read is put off by a day and
    does not hold up the others.
    """
    swept = Swept()
    for subject_id in take_expiring(unit, limit):
        swept.looked += 1
        try:
            with unit.db.transaction():
                subject = read_subjects(unit.db, unit.keyring, [subject_id])[subject_id]
                swept.expired += _expire(unit, subject)
                swept.mandates += expire_mandates(unit, subject)
                due = None if subject.key is None else consent_due(subject.choices)
                set_consent_due(unit, subject_id, due)
        except psycopg.OperationalError:
            raise
        except Exception as error:
            if not isinstance(error, UnreadableError):
                get_logger().error("an expiry failed", **describe_error(error))
            swept.failed += 1
            set_consent_due(unit, subject_id, unit.now + _UNREADABLE_AGAIN)
    return swept


def _expire(unit: Unit, subject: Subject) -> int:
    """One event for each consent that has run out."""
    over = [
        (name, consent)
        for name, consent in sorted(subject.choices.consents.items())
        if consent.status == "given" and consent.expires_at is not None and consent.expires_at <= unit.now
    ]
    for name, consent in over:
        subject.choices.consents[name] = StoredConsent(
            status="expired",
            since=consent.expires_at or unit.now,
            explicit=consent.explicit,
            notice_version=consent.notice_version,
            expires_at=consent.expires_at,
        )
        commit_change(unit, subject, _payload(unit, subject, name, consent))
    return len(over)


def _payload(unit: Unit, subject: Subject, purpose: str, consent: StoredConsent) -> dict[str, Any]:
    ended = show_instant(consent.expires_at or unit.now)
    return {
        "kind": "consent",
        "purpose": purpose,
        "status": "expired",
        "state": ConsentState.EXPIRED.value,
        "explicit": consent.explicit,
        "notice": None,
        "policy": unit.in_force.version,
        "stood_under": consent.notice_version,
        "locale": subject.choices.locale,
        "origin": "expiry",
        "at": ended,
        "expires_at": ended,
        "evidence": None,
    }
