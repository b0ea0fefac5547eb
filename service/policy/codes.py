"""Every reason code, what the customer can do about it, and the stage that outsiders may see.

Sources: decision.md "Blockers of a rung"; api.md "Decisions and offers" for the stages.
"""

from __future__ import annotations

# Code to the remedy's verb; None where the customer can change nothing.
_REMEDY_OF: dict[str, str | None] = {
    "subject_unknown": None,
    "subject_erased": None,
    "processing_restricted": None,
    "programme_unknown": None,
    "candidate_expired": None,
    "category_unknown": None,
    "strategy_not_offered": None,
    "objected": "lift_objection",
    "consent_missing": "give_consent",
    "consent_refused": "give_consent",
    "consent_withdrawn": "give_consent",
    "consent_invalidated": "give_consent",
    "consent_expired": "give_consent",
    "consent_outdated": "give_consent",
    "consent_not_explicit": "give_consent",
    "data_unknown": None,
    "data_not_in_purpose": None,
    "data_not_shared": "share_data",
    "control_level": "raise_level",
    "paused": "resume",
    "category_limit": None,
    "age_unknown": None,
    "age_limit": None,
    "rollout_off": None,
    "rollout_shadow": None,
    "rollout_pilot": None,
    "suppressed": None,
    "mandate_missing": "set_mandate",
    "mandate_expired": "set_mandate",
    "mandate_quantity": "set_mandate",
    "mandate_price": "set_mandate",
    "mandate_currency": "set_mandate",
    "mandate_spend": "set_mandate",
    "mandate_interval": "set_mandate",
    "channel_unknown": None,
    "channel_refused": "opt_in",
    "channel_not_opted_in": "opt_in",
    "frequency_cap": None,
    "contact_limit": "raise_contact_limit",
    "quiet_hours": None,
    "expires_first": None,
}

_STAGE_OF: dict[str, str] = {
    "processing_restricted": "identity",
    "programme_unknown": "request",
    "candidate_expired": "request",
    "category_unknown": "request",
    "strategy_not_offered": "request",
    "objected": "purpose",
    "control_level": "control",
    "paused": "control",
    "category_limit": "category",
    "suppressed": "suppression",
    "quiet_hours": "timing",
    "frequency_cap": "timing",
    "contact_limit": "timing",
    "expires_first": "timing",
}

_STAGE_OF_FAMILY: dict[str, str] = {
    "subject": "identity",
    "consent": "purpose",
    "data": "data",
    "age": "category",
    "rollout": "rollout",
    "mandate": "mandate",
    "channel": "channel",
}

REASON_CODES: tuple[str, ...] = tuple(_REMEDY_OF)
REMEDIES: tuple[str, ...] = tuple(dict.fromkeys(verb for verb in _REMEDY_OF.values() if verb))
STAGES: tuple[str, ...] = tuple(dict.fromkeys([*_STAGE_OF.values(), *_STAGE_OF_FAMILY.values()]))

# Waits end at a known instant; every other code is hard (decision.md, "The walk", 2).
WAITS: frozenset[str] = frozenset({"mandate_interval", "frequency_cap", "contact_limit", "quiet_hours"})


def remedy_verb(code: str) -> str | None:
    """What the customer can do about a code, as the `do` of a remedy; None for nothing."""
    return _REMEDY_OF[code]


def stage_of(code: str) -> str:
    """The stage of a reason code, for readers who must not see the code itself. KeyError: no such code."""
    if code not in _REMEDY_OF:
        raise KeyError(code)
    return _STAGE_OF.get(code) or _STAGE_OF_FAMILY[code.partition("_")[0]]
