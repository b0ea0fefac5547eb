"""Whether a purpose holds for a person (decision.md, the rows `objected` and `consent_*`).

GDPR Art. 6(1), 7(3), 9(2)(a), 21.
"""

from __future__ import annotations

from datetime import datetime

from service.policy.parts import Purpose
from service.policy.policy import Policy
from service.policy.values import Consent, State

# Statuses a record may have (DPV consent status), to the code with which each blocks.
CODE_OF_STATUS: dict[str, str | None] = {
    "unknown": "consent_missing",
    "requested": "consent_missing",
    "deferred": "consent_missing",
    "refused": "consent_refused",
    "given": None,
    "expired": "consent_expired",
    "withdrawn": "consent_withdrawn",
    "revoked": "consent_invalidated",
    "invalidated": "consent_invalidated",
}
CONSENT_STATUSES: tuple[str, ...] = tuple(CODE_OF_STATUS)


def is_objected(purpose: Purpose, state: State) -> bool:
    """Art. 21(1) for the purpose itself, 21(2) for direct marketing as such. A duty takes no objection."""
    if purpose.is_duty:
        return False
    return purpose.name in state.objections or (
        purpose.direct_marketing and "direct_marketing" in state.objections
    )


def consent_blocker(purpose: Purpose, consent: Consent | None, now: datetime) -> str | None:
    """The first code that keeps a consent from holding; None for a purpose that rests on another basis."""
    if purpose.basis != "consent":
        return None
    if consent is None:
        return "consent_missing"
    # A status that nobody has heard of is no consent.
    code = CODE_OF_STATUS.get(consent.status, "consent_missing")
    return code if code is not None else _fault_of_given(purpose, consent, now)


def _fault_of_given(purpose: Purpose, consent: Consent, now: datetime) -> str | None:
    if consent.expires_at is not None and consent.expires_at <= now:
        return "consent_expired"
    if consent.notice_version < purpose.min_notice_version:
        return "consent_outdated"
    if purpose.explicit and consent.explicit is not True:
        return "consent_not_explicit"
    return None


def purpose_codes(purpose: Purpose, state: State, now: datetime) -> tuple[str, ...]:
    """Every code with which a purpose blocks: the consent and the objection, neither hiding the other."""
    objected = ("objected",) if is_objected(purpose, state) else ()
    consent = consent_blocker(purpose, state.consents.get(purpose.name), now)
    return objected if consent is None else (consent, *objected)


def status_blocker(state: State | None) -> str | None:
    """Why nothing may be done for a person, whatever it is; None for an active subject (Art. 17, 18)."""
    if state is None:
        return "subject_unknown"
    if state.status == "active":
        return None
    # `restricted`, and any status that nobody has heard of.
    return "subject_erased" if state.status == "erased" else "processing_restricted"


def purpose_blocker(policy: Policy, state: State | None, purpose: str, now: datetime) -> str | None:
    """Why a purpose does not hold for a person, or None if it does. Besides reason codes: `purpose_unknown`.

    An objection is named before a consent. Nobody's purposes hold but those of an active subject.
    """
    blocker = status_blocker(state)
    if state is None or blocker is not None:
        return blocker
    known = policy.purposes.get(purpose)
    if known is None:
        return "purpose_unknown"
    codes = purpose_codes(known, state, now)
    return codes[-1] if codes else None


def holds(policy: Policy, state: State | None, purpose: str, now: datetime) -> bool:
    """Whether a purpose is in force for a person."""
    return purpose_blocker(policy, state, purpose, now) is None


def consent_status(policy: Policy, state: State | None, purpose: str, now: datetime) -> str:
    """The status of a consent as of `now` (DPV consent status, with a few more words).

    It is the one recorded, but `expired`, `outdated` (given under an older notice) or `not_explicit` where a
    given one does not serve. `not_needed`: the purpose rests on another basis. `unknown`: never asked, or
    there is no such purpose.
    """
    known = policy.purposes.get(purpose)
    if known is None or state is None:
        return "unknown"
    if known.basis != "consent":
        return "not_needed"
    consent = state.consents.get(purpose)
    if consent is None or consent.status not in CODE_OF_STATUS:
        return "unknown"
    if consent.status != "given":
        return consent.status
    blocker = consent_blocker(known, consent, now)
    return "given" if blocker is None else blocker.removeprefix("consent_")
