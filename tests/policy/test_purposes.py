"""What others ask the core besides a decision: purposes in force, consent statuses, levels, signals."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest

from service.policy import (
    SIGNAL_REFUSALS,
    Level,
    State,
    consent_status,
    effective_level,
    holds,
    load_policy,
    purpose_blocker,
    read_state,
    signal_refusal,
)

NOW = datetime(2027, 6, 1, 12, tzinfo=UTC)
PAST, LATER = "2027-06-01T12:00:00Z", "2027-06-01T12:00:01Z"
DOCUMENT: dict[str, Any] = {
    "format": "samtycke-policy/1",
    "default_level": "respond",
    "purposes": {
        "deliver": {"basis": "contract", "data": ["orders"]},
        "comply": {"basis": "legal_obligation"},
        "tips": {"basis": "legitimate_interest", "data": ["usage"], "direct_marketing": True},
        "offers": {"basis": "consent", "data": ["orders", "interests"], "min_notice_version": 2},
        "health": {"basis": "consent", "data": ["usage"], "explicit": True},
    },
    "data": {
        "orders": {"sharing": "necessary"},
        "usage": {"sharing": "choice"},
        "interests": {"sharing": "choice"},
        "rumours": {"sharing": "necessary"},
    },
    "programmes": {"shop": {"ladder": {"respond": ["deliver"]}}},
    "categories": {"*": {}, "health": {"requires": ["health"]}, "health.otc": {}, "beauty": {}},
    "signals": {
        "purchase": {"data": "orders"},
        "usage": {"data": "usage"},
        "rating": {"data": "interests"},
        "gossip": {"data": "rumours"},
    },
}
POLICY = load_policy(DOCUMENT)
GIVEN = {"status": "given", "explicit": True, "notice_version": 2, "expires_at": LATER}


def person(**state: Any) -> State | None:
    return read_state({"subject": "s1", "status": "active", **state})


@pytest.mark.parametrize(
    ("purpose", "state", "blocker"),
    [
        ("deliver", {"objections": ["deliver", "direct_marketing"]}, None),
        ("comply", {"objections": ["comply"]}, None),
        ("tips", {}, None),
        ("tips", {"objections": ["tips"]}, "objected"),
        ("tips", {"objections": ["direct_marketing"]}, "objected"),
        ("offers", {"objections": ["direct_marketing"], "consents": {"offers": GIVEN}}, None),
        ("offers", {"objections": ["offers"]}, "objected"),
        ("offers", {}, "consent_missing"),
        ("offers", {"consents": {"offers": GIVEN | {"expires_at": PAST}}}, "consent_expired"),
        ("offers", {"consents": {"offers": GIVEN | {"notice_version": 1}}}, "consent_outdated"),
        ("offers", {"consents": {"offers": GIVEN | {"explicit": False}}}, None),
        ("health", {"consents": {"health": GIVEN | {"explicit": False}}}, "consent_not_explicit"),
        ("gone", {}, "purpose_unknown"),
        ("deliver", {"status": "restricted"}, "processing_restricted"),
        ("deliver", {"status": "erased"}, "subject_erased"),
    ],
)
def test_what_keeps_a_purpose_from_holding(purpose: str, state: dict[str, Any], blocker: str | None) -> None:
    assert purpose_blocker(POLICY, person(**state), purpose, NOW) == blocker
    assert holds(POLICY, person(**state), purpose, NOW) is (blocker is None)


def test_nobody_has_no_purposes() -> None:
    assert purpose_blocker(POLICY, None, "deliver", NOW) == "subject_unknown"
    assert not holds(POLICY, None, "deliver", NOW)


@pytest.mark.parametrize(
    ("purpose", "consent", "status"),
    [
        ("deliver", None, "not_needed"),
        ("gone", None, "unknown"),
        ("offers", None, "unknown"),
        *(("offers", {"status": s}, s) for s in ("unknown", "requested", "deferred", "refused", "withdrawn")),
        *(("offers", {"status": s}, s) for s in ("expired", "revoked", "invalidated")),
        ("offers", GIVEN, "given"),
        ("offers", GIVEN | {"expires_at": PAST}, "expired"),
        ("offers", GIVEN | {"notice_version": 1}, "outdated"),
        ("health", GIVEN | {"explicit": False}, "not_explicit"),
    ],
)
def test_the_status_of_a_consent_is_computed(
    purpose: str, consent: dict[str, Any] | None, status: str
) -> None:
    consents = {} if consent is None else {purpose: consent}
    assert consent_status(POLICY, person(consents=consents), purpose, NOW) == status
    assert consent_status(POLICY, None, "offers", NOW) == "unknown"


def test_the_effective_level_and_the_key_that_decided() -> None:
    levels = {"health": "curate", "health.otc.cough": "off", "*": "coach"}
    state = person(levels=levels)
    assert state is not None
    assert effective_level(POLICY, state, "health.otc") == (Level.curate, "health")
    assert effective_level(POLICY, state, "health.otc.cough.syrup") == (Level.off, "health.otc.cough")
    assert effective_level(POLICY, state, "healthy") == (Level.coach, "*")
    bare = person()
    assert bare is not None
    assert effective_level(POLICY, bare, "health") == (Level.respond, "default")


@pytest.mark.parametrize(
    ("signal", "category", "state", "refusal"),
    [
        ("purchase", "beauty", {}, None),
        ("purchase", None, {}, None),
        ("purchase", "beauty", {"status": "erased"}, "subject_erased"),
        ("purchase", "beauty", {"status": "restricted"}, "processing_restricted"),
        ("whisper", "beauty", {}, "signal_unknown"),
        ("purchase", "toys", {}, "category_unknown"),
        ("purchase", "*", {}, "category_unknown"),
        ("purchase", "health.otc", {}, "category_requires"),
        ("purchase", "health.otc.cough", {"consents": {"health": GIVEN}}, None),
        (
            "purchase",
            "health",
            {"consents": {"health": GIVEN}, "objections": ["health"]},
            "category_requires",
        ),
        ("usage", "beauty", {}, "data_not_shared"),
        ("usage", "beauty", {"sharing": {"usage": False}}, "data_not_shared"),
        ("usage", "beauty", {"sharing": {"usage": True}}, None),
        ("usage", "beauty", {"sharing": {"usage": True}, "objections": ["tips"]}, "no_purpose_in_force"),
        (
            "usage",
            None,
            {"sharing": {"usage": True}, "objections": ["direct_marketing"]},
            "no_purpose_in_force",
        ),
        (
            "usage",
            "beauty",
            {"sharing": {"usage": True}, "objections": ["tips"], "consents": {"health": GIVEN}},
            None,
        ),
        ("rating", None, {"sharing": {"interests": True}}, "no_purpose_in_force"),
        ("rating", None, {"sharing": {"interests": True}, "consents": {"offers": GIVEN}}, None),
        ("gossip", None, {}, "no_purpose_in_force"),
    ],
)
def test_a_signal_is_stored_only_for_a_purpose(
    signal: str, category: str | None, state: dict[str, Any], refusal: str | None
) -> None:
    assert signal_refusal(POLICY, person(**state), signal, category, NOW) == refusal
    assert refusal is None or refusal in SIGNAL_REFUSALS


def test_a_signal_about_nobody_is_refused() -> None:
    assert signal_refusal(POLICY, None, "purchase", None, NOW) == "subject_unknown"


def test_what_all_categories_require_is_required_without_one_too() -> None:
    document = deepcopy(DOCUMENT)
    document["categories"]["*"] = {"requires": ["offers"]}
    policy = load_policy(document)
    assert signal_refusal(policy, person(), "purchase", None, NOW) == "category_requires"
    assert signal_refusal(policy, person(consents={"offers": GIVEN}), "purchase", None, NOW) is None
