"""Codes and their stages; durations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from service.policy import (
    REASON_CODES,
    REMEDIES,
    STAGES,
    WAITS,
    Decision,
    Level,
    Outcome,
    Reason,
    add_duration,
    decision_stage,
    stage_of,
)

# api.md, "Decisions and offers".
STAGE_OF = {
    "identity": {"subject_unknown", "subject_erased", "processing_restricted"},
    "request": {"programme_unknown", "candidate_expired", "category_unknown", "strategy_not_offered"},
    "purpose": {
        "objected",
        *(f"consent_{why}" for why in ("missing", "refused", "withdrawn", "invalidated", "expired")),
        *("consent_outdated", "consent_not_explicit"),
    },
    "data": {"data_unknown", "data_not_in_purpose", "data_not_shared"},
    "control": {"control_level", "paused"},
    "category": {"category_limit", "age_unknown", "age_limit"},
    "rollout": {"rollout_off", "rollout_shadow", "rollout_pilot"},
    "suppression": {"suppressed"},
    "mandate": {
        *(f"mandate_{what}" for what in ("missing", "expired", "quantity", "price", "currency", "spend")),
        "mandate_interval",
    },
    "channel": {"channel_unknown", "channel_refused", "channel_not_opted_in"},
    "timing": {"quiet_hours", "frequency_cap", "contact_limit", "expires_first"},
}


def test_every_code_has_the_stage_of_the_interface() -> None:
    assert {code: stage_of(code) for code in REASON_CODES} == {
        code: stage for stage, codes in STAGE_OF.items() for code in codes
    }
    assert set(STAGES) == set(STAGE_OF)
    assert len(set(REASON_CODES)) == len(REASON_CODES)
    assert set(REASON_CODES) >= WAITS
    assert set(REMEDIES) == {
        *("lift_objection", "give_consent", "share_data", "raise_level"),
        *("resume", "set_mandate", "opt_in", "raise_contact_limit"),
    }
    with pytest.raises(KeyError):
        stage_of("consent_eaten")


def test_a_decision_has_the_stage_of_its_first_reason() -> None:
    reasons = (Reason(Level.coach, "paused", None), Reason(Level.curate, "objected", "offers"))
    denied = Decision("c1", Outcome.deny, None, None, None, reasons)
    assert decision_stage(denied) == "control"
    assert decision_stage(Decision("c1", Outcome.allow, Level.coach, "app", None, ())) is None


@pytest.mark.parametrize(
    ("start", "duration", "end"),
    [
        ("2027-01-15", "P12M", "2028-01-15"),
        ("2027-01-31", "P1M", "2027-02-28"),
        ("2028-01-31", "P1M", "2028-02-29"),
        ("2028-02-29", "P1Y", "2029-02-28"),
        ("2027-11-30", "P3M", "2028-02-29"),
        ("2027-12-31", "P1M", "2028-01-31"),
        ("2027-01-01", "P2W", "2027-01-15"),
        ("2027-01-01", "P1M1D", "2027-02-02"),
        ("2027-01-01", "PT48H", "2027-01-03"),
        ("2027-01-01", "P1DT23H59M60S", "2027-01-03"),
    ],
)
def test_a_duration_adds_calendar_months(start: str, duration: str, end: str) -> None:
    added = add_duration(datetime.fromisoformat(start).replace(tzinfo=UTC), duration)
    assert added == datetime.fromisoformat(end).replace(tzinfo=UTC)


def test_a_duration_is_added_in_utc() -> None:
    evening = datetime(2027, 1, 31, 23, 30, tzinfo=timezone(-timedelta(hours=1)))
    assert add_duration(evening, "P1M") == datetime(2027, 3, 1, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "duration", ["", "P", "PT", "1M", "P1", "P1H", "PT1D", "P-1M", "P1,5M", "p1m", "P9999Y"]
)
def test_no_duration(duration: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        add_duration(datetime(2027, 1, 1, tzinfo=UTC), duration)
