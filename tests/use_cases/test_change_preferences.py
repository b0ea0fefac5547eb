"""Preferences: a merge patch, checked against the policy, guarded by the epoch that was read."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from service.errors import InvalidInputError, StaleError
from service.policy import Level, effective_level
from service.storage.subjects import read_events, read_subject
from service.use_cases.change_preferences import change_preferences, show_preferences
from service.use_cases.record_consent import Notice, RecordConsent, record_consent
from tests.use_cases.conftest import NOW, Acting


def patch(acting: Acting, subject: UUID, body: dict[str, Any], epoch: int | None = None) -> dict[str, Any]:
    def check(found: int) -> None:
        if epoch not in (None, found):
            raise StaleError

    with acting("customer", subject) as unit:
        changed, _ = change_preferences(unit, subject, body, check)
        return show_preferences(changed)


def test_a_patch_merges_and_null_takes_away(acting: Acting, aino: UUID) -> None:
    patch(acting, aino, {"levels": {"*": "curate", "health": "coach"}, "sharing": {"purchases": True}})
    after = patch(acting, aino, {"levels": {"health": None}, "max_per_week": 2})
    assert after["levels"] == {"*": "curate"}
    assert after["sharing"] == {"purchases": True}
    assert after["max_per_week"] == 2


def test_a_lowered_level_counts_at_once(acting: Acting, aino: UUID) -> None:
    for level in ("automate", "off"):
        patch(acting, aino, {"levels": {"health.otc": level}})
    with acting("shop") as unit:
        state = read_subject(unit, aino).state(NOW)
        assert effective_level(unit.policy, state, "health.otc.cough") == (Level.off, "health.otc")


def test_a_patch_on_what_has_changed_since_is_stale(acting: Acting, aino: UUID) -> None:
    patch(acting, aino, {"max_per_week": 3}, epoch=1)
    with pytest.raises(StaleError):
        patch(acting, aino, {"max_per_week": 9}, epoch=1)
    assert patch(acting, aino, {}, epoch=2)["max_per_week"] == 3


def test_a_patch_that_changes_nothing_is_no_event(acting: Acting, aino: UUID) -> None:
    patch(acting, aino, {"timezone": "Europe/Stockholm"})
    with acting("dpo") as unit:
        subject = read_subject(unit, aino)
        assert (subject.epoch, read_events(unit, subject)) == (1, [])


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"sharing": {"secrets": True}}, "/sharing/secrets"),
        ({"sharing": {"identity": False}}, "/sharing/identity"),
        ({"levels": {"weapons": "curate"}}, "/levels/weapons"),
        ({"channels": {"pigeon": False}}, "/channels/pigeon"),
        ({"channels": {"email": True}}, "/channels/email"),
    ],
)
def test_what_the_policy_does_not_know_is_refused(
    acting: Acting, aino: UUID, body: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        patch(acting, aino, {"max_per_week": 1} | body)
    assert [fault.pointer for fault in caught.value.faults] == [pointer]
    with acting("shop") as unit:
        assert read_subject(unit, aino).epoch == 1


def test_a_channel_that_was_opted_into_may_be_patched_off_and_not_on_again(
    acting: Acting, aino: UUID
) -> None:
    with acting("customer", aino) as unit:
        record_consent(unit, aino, RecordConsent("given", Notice(1, "fi"), origin="app", channel="email"))
    assert patch(acting, aino, {"channels": {"email": True}})["channels"] == {"email": True}
    assert patch(acting, aino, {"channels": {"email": False}})["channels"] == {"email": False}
    with pytest.raises(InvalidInputError):
        patch(acting, aino, {"channels": {"email": True}})


def test_history_tells_before_and_after(acting: Acting, aino: UUID) -> None:
    patch(acting, aino, {"quiet": {"start": "22:00", "end": "07:00"}})
    with acting("dpo") as unit:
        [event] = read_events(unit, read_subject(unit, aino))
    assert event.payload["before"] == {"quiet": None}
    assert event.payload["after"] == {"quiet": {"from": "22:00", "to": "07:00"}}
    assert event.payload["actor"] == {"role": "customer", "sub": "customer-1"}
