"""What may follow what, on a real subject: renewals, questions that replace no answer, and invalidation."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from service.actor import show_subject
from service.bootstrap import Services
from service.consent_states import ConsentState
from service.errors import ConflictError
from service.policy import read_candidate
from service.storage.decisions import record_decisions
from service.storage.policies import publish_policy
from service.storage.subjects import lock_subject, read_events, read_subject, save_choices
from service.use_cases.decide import evaluate_state
from service.use_cases.record_consent import ConsentRecorded, Notice, RecordConsent, record_consent
from tests.use_cases.conftest import NOW, Acting

PURPOSE = "replenishment_reminders"
YEAR = timedelta(days=366)


def say(acting: Acting, subject: UUID, status: str, at: datetime = NOW, **more: Any) -> ConsentRecorded:
    role = {"requested": "shop", "revoked": "dpo", "invalidated": "dpo"}.get(status, "customer")
    fields: dict[str, Any] = {"purpose": PURPOSE, "notice": Notice(1, "fi"), "origin": "app"}
    with acting(role, subject if role == "customer" else None, at=at) as unit:
        return record_consent(unit, subject, RecordConsent(status=status, **(fields | more)))


def stored(acting: Acting, subject: UUID) -> str:
    with acting("shop") as unit:
        return read_subject(unit, subject).choices.consents[PURPOSE].status


def test_a_yes_on_a_yes_renews_it_and_lasts_anew(acting: Acting, aino: UUID) -> None:
    assert say(acting, aino, "given").state is ConsentState.GIVEN
    again = say(acting, aino, "given", NOW + timedelta(days=100))
    assert again.state is ConsentState.RENEWED
    assert again.expires_at == datetime.fromisoformat("2028-03-02T09:00:00+00:00")
    assert say(acting, aino, "given", NOW + 3 * YEAR).state is ConsentState.RENEWED
    say(acting, aino, "withdrawn", NOW + 3 * YEAR)
    assert say(acting, aino, "given", NOW + 3 * YEAR).state is ConsentState.GIVEN


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([], "revoked"),
        ([], "invalidated"),
        (["refused"], "revoked"),
        (["requested"], "invalidated"),
        (["given"], "requested"),
        (["given", "withdrawn"], "requested"),
        (["given", "withdrawn"], "revoked"),
        (["given", "invalidated"], "invalidated"),
        (["given", "invalidated"], "revoked"),
    ],
)
def test_what_cannot_follow_is_a_conflict_and_changes_nothing(
    acting: Acting, aino: UUID, before: list[str], after: str
) -> None:
    for status in before:
        say(acting, aino, status)
    with pytest.raises(ConflictError) as caught:
        say(acting, aino, after)
    assert caught.value.members["status"] == (before[-1] if before else "unknown")
    with acting("dpo") as unit:
        assert len(read_events(unit, read_subject(unit, aino))) == len(before)


@pytest.mark.parametrize("answer", ["refused", "withdrawn", "given"])
def test_questions_replace_no_answer(acting: Acting, aino: UUID, answer: str) -> None:
    say(acting, aino, "given")
    say(acting, aino, answer)
    say(acting, aino, "deferred")
    assert stored(acting, aino) == answer
    if answer == "refused":
        say(acting, aino, "requested", NOW + timedelta(days=200))
        assert stored(acting, aino) == answer


def test_who_agreed_may_be_asked_again_only_when_it_no_longer_serves(
    services: Services, policy_document: dict[str, Any], acting: Acting, aino: UUID
) -> None:
    expires_at = say(acting, aino, "given").expires_at
    assert expires_at is not None
    with pytest.raises(ConflictError):
        say(acting, aino, "requested", expires_at - timedelta(seconds=1))
    assert say(acting, aino, "requested", expires_at).state is ConsentState.REQUESTED
    # Nor under a text that asks for something else by now.
    policy_document["purposes"][PURPOSE]["notice"] = {"version": 2}
    with services.database.transaction() as db:
        publish_policy(db, policy_document, NOW)
    assert say(acting, aino, "requested", NOW + timedelta(days=1)).state is ConsentState.REQUESTED
    assert stored(acting, aino) == "given"


@pytest.fixture
def decided(policy_document: dict[str, Any], services: Services, acting: Acting, aino: UUID) -> list[str]:
    """The ids of decisions: one on the strength of the consent, one of a contract, and a denial."""
    policy_document["rollout"] = []
    with services.database.transaction() as db:
        publish_policy(db, policy_document, NOW)
    say(acting, aino, "given")
    base = {
        **{"programme": "replenishment", "category": "beauty", "sku": "soap", "channels": ["app"]},
        **{"data": [], "quantity": 1, "price_minor": 100, "currency": "SEK", "fallback": False},
    }
    asked = [
        read_candidate(base | {"id": f"c{rung}", "strategy": rung}) for rung in ("coach", "respond", "curate")
    ]
    with acting("shop", at=NOW + timedelta(days=1)) as unit:
        subject = lock_subject(unit, aino)
        subject.choices.levels, subject.choices.sharing = {"*": "coach"}, {"purchases": True}
        save_choices(unit, subject)
        decisions = evaluate_state(unit.in_force, subject.state(unit.now), asked, unit.now)
        assert [d.outcome for d in decisions] == ["allow", "allow", "deny"]
        return record_decisions(unit, subject, asked, decisions, [])


def test_invalidating_flags_what_was_permitted_meanwhile(
    acting: Acting, aino: UUID, decided: list[str]
) -> None:
    say(acting, aino, "withdrawn", NOW + timedelta(days=2))
    say(acting, aino, "invalidated", NOW + timedelta(days=3))
    with acting("dpo") as unit:
        event = read_events(unit, read_subject(unit, aino))[-1]
    assert event.payload["state"] == "ConsentInvalidated"
    assert event.payload["past_uses"] == {
        "since": "2026-11-22T09:00:00Z",
        "until": "2026-11-24T09:00:00Z",
        "count": 1,
        "decisions": [decided[0]],
    }


def test_an_event_keeps_the_exact_text_and_the_rules_of_its_day(
    services: Services, policy_document: dict[str, Any], acting: Acting, aino: UUID
) -> None:
    policy_document["purposes"][PURPOSE] |= {
        "notice": {"version": 2, "revision": 4},
        "texts": {"fi": {"title": "Muistutukset", "notice": "Muistutamme."}},
    }
    with services.database.transaction() as db:
        publish_policy(db, policy_document, NOW)
    say(acting, aino, "given", notice=Notice(2, "fi"))
    say(acting, aino, "withdrawn", notice=None)
    with acting("dpo") as unit:
        given, withdrawn = (event.payload for event in read_events(unit, read_subject(unit, aino)))
    assert given["notice"]["revision"] == 4
    assert len(given["notice"]["sha256"]) == 64
    assert given["policy"] == 2
    assert (withdrawn["notice"], withdrawn["stood_under"]) == (None, 2)
    assert show_subject(aino) not in str(given)
