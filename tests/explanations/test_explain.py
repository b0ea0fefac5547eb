"""Decisions and consents told to customers, from the evaluator's own answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from service.explanations import (
    LANGUAGES,
    explain,
    explain_consent,
    explain_stage,
    language_of,
    title_of,
)
from service.explanations.amounts import show_money
from service.policy import (
    CONSENT_STATUSES,
    REASON_CODES,
    STAGES,
    Policy,
    evaluate,
    read_candidate,
    read_state,
)
from service.policy.answers import blocked
from service.policy.levels import Level

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
COUGH = {
    "id": "c1",
    "programme": "replenishment",
    "strategy": "automate",
    "category": "health.otc.cough",
    "sku": "OTC-BROM-50",
    "channels": ["email", "app"],
    "data": ["purchases"],
    "quantity": 2,
    "price_minor": 6900,
    "currency": "SEK",
}
# What a reason of each code may be about, in the demo's policy.
ON = {
    "objected": "personal_offers",
    "consent": "automatic_reorder",
    "data": "purchases",
    "control_level": "health.otc",
    "category_limit": "health.rx",
    "age": "health",
    "rollout": "replenishment",
    "suppressed": "open_complaint",
    "channel": "email",
    "frequency_cap": "email",
    "quiet_hours": "sms",
    "strategy_not_offered": "marketing",
}


def decide(policy: Policy, state: dict[str, Any], **changes: object) -> dict[str, Any]:
    shape = {"subject": "sub_x", "status": "active", "timezone": "Europe/Stockholm", **state}
    return evaluate(policy, read_state(shape), read_candidate({**COUGH, **changes}), NOW).to_dict()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", REASON_CODES)
def test_every_reason_is_told_with_its_remedy(policy: Policy, code: str, language: str) -> None:
    on = ON.get(code, ON.get(code.partition("_")[0], "man_1"))
    needs_explicit = True if code.startswith("consent_") else None
    to = Level.coach if code == "control_level" else None
    reason = blocked(Level.coach, code, on, explicit=needs_explicit, to=to).to_dict()
    decision = {"outcome": "deny", "strategy": None, "channel": None, "not_before": None, "reasons": [reason]}
    told = explain(decision, policy, language)
    assert len(told) == 2
    assert not any(sign in text for text in told for sign in "{}")
    assert "_" not in "".join(told), "a name of the policy shows instead of its title"


def test_a_refused_order_says_why_in_plain_words(policy: Policy) -> None:
    told = explain(decide(policy, {}), policy, "en", candidate=COUGH)
    assert told[0] == "We do nothing with this."
    assert "You have not said yes to “Personal offers”. If you like, you can say yes under Privacy." in told
    # Three rungs needed it; it is said once.
    assert sum("Using your health purchases" in text for text in told) == 1
    # The level that would free the lowest rung, not the highest: the least to change.
    assert any("you can choose “Suggest” for “Cough”" in text for text in told)


def test_a_safety_warning_is_called_one(policy: Policy) -> None:
    asked = {**COUGH, "programme": "recall", "strategy": "coach", "data": []}
    told = explain(decide(policy, {}, **asked), policy, "sv", candidate=asked)
    assert told == ["Vi berättar det här via e-post eftersom det gäller din säkerhet."]


def test_an_amount_is_named_in_the_readers_way() -> None:
    assert show_money(13800, "SEK", "en") == "138.00\u00a0SEK"
    assert show_money(13800, "SEK", "sv") == "138,00\u00a0kr"
    assert show_money(138, "ISK", "da") == "138\u00a0ISK"


def test_a_price_above_the_mandate_names_the_price(policy: Policy) -> None:
    reason = blocked(Level.automate, "mandate_price", "man_1").to_dict()
    decision = {"outcome": "downgrade", "strategy": "coach", "channel": "app", "not_before": None}
    told = explain({**decision, "reasons": [reason]}, policy, "sv", candidate=COUGH)
    assert told[1].startswith("Beställningen kostar 138,00\u00a0kr.")


def test_a_wait_names_the_moment_in_the_subjects_time_zone(policy: Policy) -> None:
    decision = {
        "outcome": "defer",
        "strategy": "coach",
        "channel": "email",
        "not_before": "2026-12-01T22:30:00Z",
        "reasons": [],
    }
    [told] = explain(decision, policy, "fi", timezone="Europe/Helsinki")
    assert "2. joulukuuta 2026 kello 0.30" in told
    [told] = explain(decision, policy, "en", timezone="not/a zone")
    assert "1 December 2026 at 22:30" in told


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_consent_status_is_told(policy: Policy, language: str) -> None:
    for status in (*CONSENT_STATUSES, "outdated", "not_explicit"):
        told = explain_consent(status, "personal_offers", policy, language)
        assert title_of(policy, "purposes", "personal_offers", language) in told
    for purpose in ("order_fulfilment", "product_safety", "service_tips"):
        assert explain_consent("not_needed", purpose, policy, language)


def test_a_consent_says_how_long_it_lasts_and_when_we_may_ask_again(policy: Policy) -> None:
    until = datetime(2027, 3, 1, 23, 30, tzinfo=UTC)
    told = explain_consent("given", "personal_offers", policy, "nb", expires_at=until, timezone="Europe/Oslo")
    assert told.endswith("Det gjelder til 2. mars 2027.")
    told = explain_consent("refused", "personal_offers", policy, "da", may_ask_from=until)
    assert told.endswith("Vi spørger ikke igen før 1. marts 2027.")


def test_what_nobody_foresaw_is_told_as_not_asked(policy: Policy) -> None:
    assert "have not asked" in explain_consent("somehow", "personal_offers", policy, "en")
    assert "“a purpose of old”" in explain_consent("unknown", "a_purpose_of_old", policy, "en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_stage_tells_no_reason(policy: Policy, language: str) -> None:
    assert len({explain_stage(stage, language) for stage in STAGES}) == len(STAGES)
    with pytest.raises(KeyError):
        explain_stage("consent_refused", language)


@pytest.mark.parametrize(
    ("locale", "language"),
    [("sv-FI", "sv"), ("no", "nb"), ("nn_NO", "nb"), ("EN-gb", "en"), ("de", "en"), ("", "en")],
)
def test_every_locale_finds_a_language(locale: str, language: str) -> None:
    assert language_of(locale) == language
