"""Which endpoints are told of what, and how it becomes known who has it (GDPR Art. 19)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from service.actor import show_subject
from service.crypto.unsubscribe_token import Unsubscription, open_token, seal_token
from service.ids import new_id
from service.senders import Fate
from service.senders.guard import Allowed, Guard
from service.storage.recipients import STATES, list_told
from service.storage.subjects import Subject, lock_subject
from service.storage.unit import Unit
from service.use_cases import publish_event
from service.use_cases.advance_request import fulfil_request, verify_request
from service.use_cases.change_preferences import change_preferences
from service.use_cases.erase_subject import erase_subject
from service.use_cases.file_request import file_request
from service.use_cases.hold_subject import place_hold
from service.use_cases.merge_subjects import merge_subjects
from service.use_cases.publish_event import note_delivery, publish_reorder
from service.use_cases.record_consent import Notice, RecordConsent, record_consent
from service.use_cases.register_subject import Identifier, RegisterSubject, register_subject
from service.use_cases.register_webhook import RegisterWebhook, register_webhook, remove_webhook
from service.use_cases.set_objection import lift_objection, object_to
from service.use_cases.unsubscribe import unsubscribe
from tests.use_cases.conftest import NOW, Acting

FIRST = (NOW - timedelta(days=9999), UUID(int=0), "")


@dataclass
class Outbox:
    """What was queued, in the place of the outbox."""

    queued: list[tuple[UUID, UUID, Mapping[str, Any], UUID]] = field(default_factory=list)

    def queue_event(
        self, unit: Unit, about: Subject | UUID, endpoint: UUID, event: Mapping[str, Any]
    ) -> UUID:
        message = new_id()
        self.queued.append((about if isinstance(about, UUID) else about.id, endpoint, event, message))
        return message

    def taken(self, endpoint: UUID | None = None) -> list[tuple[str, dict[str, Any]]]:
        """Type and data of what was queued since the last time."""
        found = [(e["type"], e["content"]["data"]) for _, to, e, _ in self.queued if endpoint in (None, to)]
        self.queued.clear()
        return found


@pytest.fixture
def outbox(monkeypatch: pytest.MonkeyPatch) -> Outbox:
    made = Outbox()
    monkeypatch.setattr(publish_event, "queue_event", made.queue_event)
    return made


def register(acting: Acting, *types: str, **more: Any) -> UUID:
    more = {"name": f"Endpoint {new_id()}", "url": "https://hooks.example.com/", "types": types} | more
    with acting("admin") as unit:
        return register_webhook(unit, Guard(Allowed()), RegisterWebhook(**more))[0].id


def give(acting: Acting, person: UUID, purpose: str = "personal_offers", status: str = "given") -> None:
    command = RecordConsent(status, Notice(2, "sv"), "app", purpose=purpose)
    with acting("customer", person) as unit:
        record_consent(unit, person, command)


def told(acting: Acting) -> list[tuple[str, str, str]]:
    """Recipient or endpoint, kind and state."""
    with acting("dpo") as unit:
        return [
            (t.recipient or str(t.endpoint), t.kind, t.state) for t in list_told(unit, STATES, FIRST, 100)
        ]


def test_without_endpoints_nothing_is_queued(acting: Acting, aino: UUID, outbox: Outbox) -> None:
    give(acting, aino)
    assert outbox.queued == []


def test_a_change_of_consent_is_told_thinly(acting: Acting, aino: UUID, outbox: Outbox) -> None:
    endpoint = register(acting, "consent.changed")
    give(acting, aino)
    [(subject, to, event, _)] = outbox.queued
    assert (subject, to) == (aino, endpoint)
    assert event == {
        "type": "consent.changed",
        "content": {
            "at": "2026-11-22T09:00:00Z",
            "special": False,
            "data": {"epoch": 2, "purpose": "personal_offers", "status": "given"},
        },
    }


def test_each_kind_of_change(acting: Acting, aino: UUID, outbox: Outbox) -> None:
    register(acting, "consent.changed")
    register(acting, "preferences.changed")
    with acting("customer", aino) as unit:
        object_to(unit, aino, "service_tips")
        assert outbox.taken() == [
            ("consent.changed", {"epoch": 2, "objection": "service_tips", "objects": True})
        ]
        lift_objection(unit, aino, "service_tips")
        assert outbox.taken() == [
            ("consent.changed", {"epoch": 3, "objection": "service_tips", "objects": False})
        ]
        change_preferences(unit, aino, {"max_per_week": 1, "sharing": {"usage": True}})
        assert outbox.taken() == [
            ("preferences.changed", {"epoch": 4, "fields": ["max_per_week", "sharing"]})
        ]
    with acting("dpo") as unit:
        file_request(unit, aino, "erasure")
        place_hold(unit, aino, "legal_claims", NOW + timedelta(days=9))
    assert ("consent.changed", {"epoch": 5, "processing": "restricted"}) in outbox.taken()


def test_a_channel_turned_off_is_told_whichever_way_it_was(
    acting: Acting, aino: UUID, outbox: Outbox
) -> None:
    bound = register(acting, "consent.changed", "preferences.changed", purpose="personal_offers")
    command = RecordConsent("refused", Notice(1, "sv"), "app", channel="sms")
    with acting("customer", aino) as unit:
        record_consent(unit, aino, command)
        change_preferences(unit, aino, {"channels": {"email": False}})
    assert outbox.taken(bound) == [
        ("consent.changed", {"epoch": 2, "channel": "sms", "status": "refused"}),
        ("preferences.changed", {"epoch": 3, "fields": ["channels"]}),
    ]


def test_an_endpoint_of_a_purpose_hears_of_that_alone(acting: Acting, aino: UUID, outbox: Outbox) -> None:
    bound = register(acting, "consent.changed", purpose="personal_offers")
    give(acting, aino, "replenishment_reminders")
    assert outbox.taken(bound) == []
    give(acting, aino, "personal_offers")
    assert len(outbox.taken(bound)) == 1
    with acting("customer", aino) as unit:
        object_to(unit, aino, "service_tips")
        assert outbox.taken(bound) == []
        # The purpose is direct marketing, so an objection to that concerns it.
        object_to(unit, aino, "direct_marketing")
    assert len(outbox.taken(bound)) == 1


def test_special_categories_are_marked(acting: Acting, aino: UUID, outbox: Outbox) -> None:
    register(acting, "consent.changed")
    command = RecordConsent("given", Notice(1, "sv"), "app", purpose="health_personalisation", explicit=True)
    with acting("customer", aino) as unit:
        record_consent(unit, aino, command)
    assert [event["content"]["special"] for _, _, event, _ in outbox.queued] == [True]


def test_a_merge_tells_which_id_is_no_more(acting: Acting, aino: UUID, outbox: Outbox) -> None:
    with acting("shop") as unit:
        registration = RegisterSubject(
            [Identifier("email", "aino@example.se")], "sv", "SE", "Europe/Stockholm", None
        )
        other = register_subject(unit, registration).id
    register(acting, "consent.changed")
    with acting("dpo") as unit:
        merge_subjects(unit, aino, other)
    [(subject, _, event, _)] = outbox.queued
    assert subject == other
    assert event["content"]["data"]["merged"] == [show_subject(aino)]


def test_one_click_is_told_as_well(acting: Acting, aino: UUID, outbox: Outbox) -> None:
    register(acting, "consent.changed")
    with acting("shop") as unit:
        opened = open_token(unit.index, seal_token(unit.index, aino, "email"))
        assert isinstance(opened, Unsubscription)
        unsubscribe(unit, opened)
    assert [data.get("objection") for _, data in outbox.taken()] == ["direct_marketing"]


def test_requests_by_their_wildcard(acting: Acting, aino: UUID, outbox: Outbox) -> None:
    register(acting, "request.*")
    with acting("dpo") as unit:
        request = file_request(unit, aino, "restriction")
        verify_request(unit, request.id, "passport seen by Sofia")
        fulfil_request(unit, request.id, "done")
    kinds = outbox.taken()
    assert [kind for kind, _ in kinds] == ["request.open", "request.in_progress", "request.fulfilled"]
    assert set(kinds[0][1]) == {"request", "kind", "due_at"}
    assert "Sofia" not in str(kinds)


def test_reorders_say_nothing_of_what_is_ordered(acting: Acting, aino: UUID, outbox: Outbox) -> None:
    register(acting, "reorder.announced")
    with acting("shop") as unit:
        subject = lock_subject(unit, aino)
        publish_reorder(
            unit, subject, "reorder.announced", new_id(), ["automatic_reorder"], category="beauty"
        )
        publish_reorder(
            unit, subject, "reminder.due", new_id(), ["replenishment_reminders"], category="beauty"
        )
    [(kind, data)] = outbox.taken()
    assert kind == "reorder.announced"
    assert set(data) == {"reorder"}


def test_a_reorder_is_special_by_its_goods_too(acting: Acting, aino: UUID, outbox: Outbox) -> None:
    """Somebody's own order of a medicine is carried out for a contract, and tells of health all the same."""
    register(acting, "reorder.dispatched")
    with acting("shop") as unit:
        subject = lock_subject(unit, aino)
        for category in ("health.otc", "beauty", None):
            publish_reorder(
                unit, subject, "reorder.dispatched", new_id(), ["order_fulfilment"], category=category
            )
    assert [event["content"]["special"] for _, _, event, _ in outbox.queued] == [True, False, False]


def test_a_withdrawal_does_not_wait_for_whom_it_is_told_to(
    acting: Acting, aino: UUID, outbox: Outbox
) -> None:
    """An endpoint whose key is lost: it is told too, and shows as one that has not been told."""
    end = register(acting, "consent.changed", "subject.erased", purpose="service_tips")
    with acting("admin") as unit:
        unit.db.execute("delete from keys.data_keys where owner = %s", (end,))
    give(acting, aino, status="refused")
    assert [to for _, to, _, _ in outbox.queued] == [end]
    assert told(acting) == [(str(end), "consent.changed", "pending")]
    with acting("dpo") as unit:
        assert erase_subject(unit, lock_subject(unit, aino))["recipients_told"] == []
    assert len(outbox.queued) == 2


def test_who_has_a_change_and_who_has_not(acting: Acting, aino: UUID, outbox: Outbox) -> None:
    ends = [register(acting, "consent.changed") for _ in range(3)]
    give(acting, aino)
    assert sorted(told(acting)) == sorted((str(end), "consent.changed", "pending") for end in ends)
    messages = {to: message for _, to, _, message in outbox.queued}
    with acting("shop") as unit:
        note_delivery(unit, messages[ends[0]], ends[0], Fate.retry, NOW)
        note_delivery(unit, messages[ends[0]], ends[0], Fate.delivered, NOW)
        # What comes late takes nothing back, and nobody acknowledges for another.
        note_delivery(unit, messages[ends[0]], ends[0], Fate.refused, NOW)
        note_delivery(unit, messages[ends[1]], ends[0], Fate.delivered, NOW)
        note_delivery(unit, messages[ends[1]], ends[1], Fate.unknown, NOW)
        note_delivery(unit, messages[ends[2]], ends[2], Fate.refused, NOW)
        note_delivery(unit, new_id(), ends[2], Fate.delivered, NOW)
    states = {end: state for end, _, state in told(acting)}
    assert states == {str(ends[0]): "received", str(ends[1]): "sent", str(ends[2]): "failed"}


def test_an_erasure_is_told_to_those_it_must_be(acting: Acting, aino: UUID, outbox: Outbox) -> None:
    change = register(acting, "consent.changed", name="Parcels")
    end = register(acting, "subject.erased", recipient="Brevduvan AB")
    give(acting, aino)
    outbox.queued.clear()
    assert [kind for _, kind, _ in told(acting)] == ["consent.changed"]
    with acting("dpo") as unit:
        certificate = erase_subject(unit, lock_subject(unit, aino))
    assert certificate["recipients_told"] == ["Brevduvan AB"]
    assert certificate["erased"]["changes_told"] == 1
    [(subject, to, event, message)] = outbox.queued
    assert (subject, to, event["type"]) == (aino, end, "subject.erased")
    assert event["content"]["data"] == {"merged": []}
    assert told(acting) == [("Brevduvan AB", "subject.erased", "pending")]
    with acting("shop") as unit:
        note_delivery(unit, message, end, Fate.delivered, NOW)
    assert told(acting) == [("Brevduvan AB", "subject.erased", "received")]
    assert change


def test_a_removed_endpoint_hears_no_more_and_keeps_its_name(
    acting: Acting, aino: UUID, outbox: Outbox
) -> None:
    end = register(acting, "consent.changed", name="Parcels")
    give(acting, aino)
    with acting("admin") as unit:
        remove_webhook(unit, end)
    outbox.queued.clear()
    give(acting, aino, status="withdrawn")
    assert outbox.queued == []
    assert told(acting) == [(str(end), "consent.changed", "pending")]
