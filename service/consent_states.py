"""The states of a consent and what may follow what, as the Data Privacy Vocabulary has them (DPV 2.3,
`consent_status`; law.md CR2).

The core's statuses are the same but for a renewed consent, which permits what a given one does. An answer of
no is never turned away, whatever stood before it: it can only take permission away.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

DPV = "https://w3id.org/dpv#"


class ConsentState(StrEnum):
    """Each value is the local name of its term."""

    UNKNOWN = "ConsentUnknown"
    REQUESTED = "ConsentRequested"
    # Dismissed without an answer.
    DEFERRED = "ConsentRequestDeferred"
    REFUSED = "ConsentRefused"
    GIVEN = "ConsentGiven"
    RENEWED = "RenewedConsentGiven"
    # Its time has run out, or its context has: the notice asks for something else by now.
    EXPIRED = "ConsentExpired"
    # By the person alone; by anybody else it is revoked.
    WITHDRAWN = "ConsentWithdrawn"
    REVOKED = "ConsentRevoked"
    # It never was valid, so what was done under it was wrong as well.
    INVALIDATED = "ConsentInvalidated"

    @property
    def iri(self) -> str:
        return DPV + self.value

    @property
    def permits(self) -> bool:
        return self in (ConsentState.GIVEN, ConsentState.RENEWED)


_S = ConsentState
_QUESTIONS = {_S.REQUESTED, _S.DEFERRED}
_NOES = {_S.REFUSED, _S.WITHDRAWN}
_ENDS = {_S.EXPIRED, _S.REVOKED, _S.INVALIDATED}

# From a state to those that an event may lead to. A yes to somebody who had agreed before renews it.
ALLOWED: Mapping[ConsentState, frozenset[ConsentState]] = {
    _S.UNKNOWN: frozenset(_QUESTIONS | _NOES | {_S.GIVEN}),
    _S.REQUESTED: frozenset(_QUESTIONS | _NOES | {_S.GIVEN}),
    _S.DEFERRED: frozenset(_QUESTIONS | _NOES | {_S.GIVEN}),
    # When one may ask again after a refusal is a question of time, which the caller answers.
    _S.REFUSED: frozenset(_QUESTIONS | _NOES | {_S.GIVEN}),
    # Whoever agreed need not be asked, but may close a question without answering it.
    _S.GIVEN: frozenset(_NOES | _ENDS | {_S.DEFERRED, _S.RENEWED}),
    _S.RENEWED: frozenset(_NOES | _ENDS | {_S.DEFERRED, _S.RENEWED}),
    _S.EXPIRED: frozenset(_QUESTIONS | _NOES | {_S.RENEWED, _S.REVOKED, _S.INVALIDATED}),
    # Whoever took a yes back is left in peace; a new yes comes from them.
    _S.WITHDRAWN: frozenset(_NOES | {_S.DEFERRED, _S.GIVEN, _S.INVALIDATED}),
    _S.REVOKED: frozenset(_QUESTIONS | _NOES | {_S.GIVEN, _S.INVALIDATED}),
    _S.INVALIDATED: frozenset(_QUESTIONS | _NOES | {_S.GIVEN}),
}

_OF_STATUS = {
    "unknown": _S.UNKNOWN,
    "requested": _S.REQUESTED,
    "deferred": _S.DEFERRED,
    "refused": _S.REFUSED,
    "given": _S.GIVEN,
    "expired": _S.EXPIRED,
    "outdated": _S.EXPIRED,
    "not_explicit": _S.GIVEN,
    "withdrawn": _S.WITHDRAWN,
    "revoked": _S.REVOKED,
    "invalidated": _S.INVALIDATED,
}
_AGREED = {_S.GIVEN, _S.RENEWED, _S.EXPIRED}


def state_of(status: str) -> ConsentState:
    """The state behind a status of the core, recorded or computed by `consent_status`. One that nobody has
    heard of is unknown: it permits nothing."""
    return _OF_STATUS.get(status, ConsentState.UNKNOWN)


def state_after(before: ConsentState, status: str) -> ConsentState | None:
    """The state that an event with this status leads to; None: it cannot follow."""
    after = state_of(status)
    if after is ConsentState.GIVEN and before in _AGREED:
        after = ConsentState.RENEWED
    return after if after in ALLOWED[before] else None
