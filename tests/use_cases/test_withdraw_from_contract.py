"""Withdrawing from a contract: once, in time, acknowledged whatever the person chose, and kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from service.actor import Actor, system_actor
from service.bootstrap import Services
from service.errors import NotFoundError
from service.ids import REORDER, show
from service.senders import Fate, Sent
from service.storage.choices import Choices
from service.storage.inbox import read_whole_inbox
from service.storage.reorders import move_reorder, read_reorder
from service.storage.subjects import lock_subject, read_subject
from service.storage.withdrawals import read_withdrawals
from service.use_cases.answer_reorder import approve_reorder
from service.use_cases.erase_subject import erase_subject
from service.use_cases.list_reorders import list_reorders
from service.use_cases.merge_subjects import merge_subjects
from service.use_cases.purge_by_age import purge_by_age
from service.use_cases.set_objection import object_to
from service.use_cases.withdraw_from_contract import BY_LINK, Withdrawn, one_line, withdraw_from_contract
from tests.use_cases.conftest import NOW
from tests.use_cases.outbox import (
    Receiver,
    add_product,
    at_instant,
    change,
    deliver,
    entries,
    make_person,
    propose,
    states,
    steps,
)

NAME, CONTACT = "Aino Virtanen", "aino@example.fi"


@pytest.fixture
def policy_document(policy_document: dict[str, Any]) -> dict[str, Any]:
    return policy_document | {"rollout": []}


@pytest.fixture
def person(services: Services) -> UUID:
    add_product(services)
    return make_person(services)


def customer(person: UUID) -> Actor:
    return Actor("customer-1", frozenset({"customer"}), subject=person)


def withdraw(
    services: Services,
    reorder: UUID,
    actor: Actor,
    at: datetime = NOW,
    contact: str | None = CONTACT,
    name: str = NAME,
) -> Withdrawn:
    with at_instant(services, at).unit(actor) as unit:
        return withdraw_from_contract(unit, reorder, name, contact)


def approved(services: Services, person: UUID) -> UUID:
    reorder = propose(services, person)
    with services.unit(customer(person)) as unit:
        approve_reorder(unit, reorder)
    return reorder


def move(services: Services, person: UUID, reorder: UUID, to: str, at: datetime = NOW) -> None:
    with at_instant(services, at).unit(system_actor("test")) as unit:
        subject = lock_subject(unit, person)
        found = read_reorder(unit, subject, reorder)
        assert found is not None
        assert move_reorder(unit, subject, found, to, "test")


def delivered(services: Services, person: UUID, at: datetime = NOW) -> UUID:
    reorder = approved(services, person)
    deliver(services, Receiver())
    move(services, person, reorder, "delivered", at)
    return reorder


def kept(services: Services, person: UUID) -> list[tuple[str, str | None]]:
    with services.unit(system_actor("test")) as unit:
        found = read_withdrawals(unit, read_subject(unit, person))
    return [(each.outcome, each.details.reason) for each in found]


def inbox(services: Services, person: UUID) -> list[dict[str, Any]]:
    with services.unit(system_actor("test")) as unit:
        return [each.said for each in read_whole_inbox(unit, read_subject(unit, person))]


def test_before_it_left_it_is_cancelled(services: Services, person: UUID) -> None:
    reorder = approved(services, person)
    done = withdraw(services, reorder, customer(person))
    assert (done.withdrawal.outcome, done.reorder.state) == ("accepted", "cancelled")
    assert {each["kind"] for each in done.stopped.cancelled} == {"reminder", "order"}
    assert steps(services, person)[0][-1] == ("cancelled", "withdrawn")
    [sent] = deliver(services, Receiver())
    assert (sent.kind, sent.route, sent.to) == ("reorder.withdrawn", "email", CONTACT)
    text = sent.content["text"]["body"]
    assert show(REORDER, reorder) in text
    assert NAME in text
    assert CONTACT in text
    assert "22 november 2026 klockan 10:00" in text
    assert "Inget skickas till dig" in text
    # The address may be anybody's, and what somebody buys is nobody's business.
    assert "Soap" not in str(sent.content)


def test_an_announced_automatic_order_too(services: Services) -> None:
    add_product(services)
    person = make_person(services, level="automate")
    reorder = propose(services, person, strategy="automate")
    deliver(services, Receiver())
    done = withdraw(services, reorder, customer(person), NOW + timedelta(days=1))
    assert done.reorder.state == "cancelled"
    assert deliver(services, Receiver(), NOW + timedelta(days=30))[0].kind == "reorder.withdrawn"
    assert deliver(services, Receiver(), NOW + timedelta(days=31)) == []


def test_after_delivery_goods_go_back(services: Services, person: UUID) -> None:
    reorder = delivered(services, person)
    done = withdraw(services, reorder, customer(person), NOW + timedelta(days=3))
    assert (done.withdrawal.outcome, done.reorder.state) == ("accepted", "delivered")
    assert done.withdrawal.details.text is not None
    assert "Skicka tillbaka" in done.withdrawal.details.text["body"]
    assert [said["kind"] for said in inbox(services, person)] == ["reorder.withdrawn"]


def test_twice_is_once(services: Services, person: UUID) -> None:
    reorder = delivered(services, person)
    first = withdraw(services, reorder, customer(person))
    again = withdraw(services, reorder, customer(person), NOW + timedelta(days=40), contact="b@b.se")
    assert again.withdrawal == first.withdrawal
    assert len(inbox(services, person)) == 1
    assert [p.kind for p in deliver(services, Receiver(), NOW + timedelta(days=41))] == ["reorder.withdrawn"]


def test_late_is_refused_and_kept(services: Services, person: UUID) -> None:
    reorder = delivered(services, person)
    # Sunday 22 November + 14 days is a Sunday, and the Monday after is a working day.
    end = datetime.fromisoformat("2026-12-07T23:00:00+00:00")
    assert withdraw(services, reorder, customer(person), end).withdrawal.details.reason == "too_late"
    withdraw(services, reorder, customer(person), end + timedelta(days=1))
    assert kept(services, person) == [("refused", "too_late")]
    assert inbox(services, person) == []
    assert deliver(services, Receiver(), end) == []


def test_the_last_second_is_in_time(services: Services, person: UUID) -> None:
    reorder = delivered(services, person)
    last = datetime.fromisoformat("2026-12-07T22:59:59+00:00")
    assert withdraw(services, reorder, customer(person), last).withdrawal.outcome == "accepted"


def test_excepted_goods(services: Services, person: UUID) -> None:
    reorder = delivered(services, person)
    with services.database.transaction() as db:
        db.execute("update products set withdrawal = 'excluded'")
    assert withdraw(services, reorder, customer(person)).withdrawal.details.reason == "excluded"
    with services.database.transaction() as db:
        db.execute("update products set withdrawal = 'sealed_only'")
    done = withdraw(services, reorder, customer(person))
    # The refusal before does not stand in the way, and stays on record.
    assert kept(services, person) == [("refused", "excluded"), ("accepted", None)]
    assert done.withdrawal.details.text is not None
    assert "obruten försegling" in done.withdrawal.details.text["body"]


def test_no_choice_keeps_the_acknowledgement_back(services: Services, person: UUID) -> None:
    reorder = delivered(services, person)

    def refuse_everything(choices: Choices) -> None:
        choices.channels = dict.fromkeys(("email", "app", "sms"), False)
        choices.paused_until = NOW + timedelta(days=900)
        choices.max_per_week = 0
        choices.levels = {"*": "off"}

    change(services, person, refuse_everything)
    withdraw(services, reorder, customer(person))
    with services.unit(customer(person)) as unit:
        stopped = object_to(unit, person, "direct_marketing")
    assert stopped is not None
    assert stopped.cancelled == []
    assert [p.to for p in deliver(services, Receiver())] == [CONTACT]


def test_it_is_no_contact_and_waits_for_no_other_message(services: Services, person: UUID) -> None:
    reorder = delivered(services, person)
    propose(services, person, sku="other")
    add_product(services, "other")
    stuck = Receiver([Sent(Fate.retry)])
    deliver(services, stuck)
    before = len(stuck.parcels)
    withdraw(services, reorder, customer(person))
    contacts_before = entries(services, person)
    assert contacts_before
    sent = deliver(services, Receiver())
    assert [p.kind for p in sent] == ["reorder.withdrawn"]
    assert before >= 1
    with services.unit(system_actor("test")) as unit:
        programmes = [c.programme for c in read_subject(unit, person).activity.contacts]
    assert None not in programmes


def test_a_refused_address_is_parked_and_the_inbox_has_it(services: Services, person: UUID) -> None:
    reorder = delivered(services, person)
    withdraw(services, reorder, customer(person))
    deliver(services, Receiver([Sent(Fate.refused)]))
    assert states(services)[-1] == ("parked", "refused")
    # The order stays what it is.
    assert steps(services, person)[0][-1][0] == "delivered"
    assert len(inbox(services, person)) == 1


def test_what_the_shop_has_not_taken_yet_is_not_sent_again(services: Services, person: UUID) -> None:
    reorder = approved(services, person)
    deliver(services, Receiver([Sent(Fate.retry)]))
    done = withdraw(services, reorder, customer(person), NOW + timedelta(seconds=1))
    assert [(e["kind"], e["state"]) for e in done.stopped.irrevocable] == [("order", "in_flight")]
    later = deliver(services, Receiver(), NOW + timedelta(hours=1))
    assert [p.kind for p in later] == ["reorder.withdrawn"]


def test_without_an_address_the_inbox_has_it(services: Services, person: UUID) -> None:
    reorder = delivered(services, person)
    withdraw(services, reorder, customer(person), contact=None)
    assert len(inbox(services, person)) == 1
    assert deliver(services, Receiver()) == []


def test_nobody_else_withdraws(services: Services, person: UUID) -> None:
    reorder = delivered(services, person)
    with pytest.raises(NotFoundError):
        withdraw(services, reorder, customer(make_person(services)))
    assert kept(services, person) == []


def test_by_link_history_says_so(services: Services, person: UUID) -> None:
    reorder = approved(services, person)
    done = withdraw(services, reorder, system_actor(BY_LINK))
    assert done.withdrawal.details.by == "link"
    assert done.reorder.details is not None
    last = done.reorder.details.history[-1]
    assert (last.role, last.sub) == ("customer", "withdrawal-link")


@pytest.mark.parametrize("actor", [customer, lambda _: system_actor(BY_LINK)])
def test_after_a_merge_it_reaches_the_person_as_known_now(
    services: Services, person: UUID, actor: Callable[[UUID], Actor]
) -> None:
    reorder, target = delivered(services, person), make_person(services)
    with services.unit(system_actor("test")) as unit:
        merge_subjects(unit, person, target)
    done = withdraw(services, reorder, actor(target))
    assert done.withdrawal.outcome == "accepted"
    assert len(inbox(services, target)) == 1
    assert [p.to for p in deliver(services, Receiver())] == [CONTACT]
    again = withdraw(services, reorder, actor(target))
    assert again.withdrawal == done.withdrawal


def test_one_that_waits_moves_with_a_merge(services: Services, person: UUID) -> None:
    reorder, target = delivered(services, person), make_person(services)
    withdraw(services, reorder, customer(person))
    with services.unit(system_actor("test")) as unit:
        merge_subjects(unit, person, target)
    assert [(p.kind, p.to) for p in deliver(services, Receiver())] == [("reorder.withdrawn", CONTACT)]
    assert len(inbox(services, target)) == 1


def test_an_erasure_takes_it_along(services: Services, person: UUID) -> None:
    reorder = delivered(services, person)
    withdraw(services, reorder, customer(person))
    with services.unit(Actor("dpo-1", frozenset({"dpo"}))) as unit:
        certificate = erase_subject(unit, lock_subject(unit, person))
    assert "withdrawals" in str(certificate)
    with services.database.connection() as db:
        assert db.execute("select count(*) from withdrawals").fetchone() == (0,)
    with pytest.raises(NotFoundError):
        withdraw(services, reorder, system_actor(BY_LINK))


def test_it_goes_with_age(services: Services, person: UUID) -> None:
    withdraw(services, delivered(services, person), customer(person))
    assert purge_by_age(at_instant(services, NOW + timedelta(days=3 * 365)))["withdrawals"] == 0
    assert purge_by_age(at_instant(services, NOW + timedelta(days=3 * 367)))["withdrawals"] == 1


def test_the_list_says_what_is_possible(services: Services, person: UUID) -> None:
    propose(services, person, sku="other")
    reorder = delivered(services, person)
    assert _listed(services, person) == [
        {"possible": True, "until": "2026-12-07T23:00:00Z", "rule": "full"},
        None,
    ]
    withdraw(services, reorder, customer(person))
    assert _listed(services, person)[0] == {
        "possible": False,
        "until": "2026-12-07T23:00:00Z",
        "rule": "full",
        "withdrawn_at": "2026-11-22T09:00:00Z",
    }


def _listed(services: Services, person: UUID) -> list[Any]:
    with services.unit(customer(person)) as unit:
        found = list_reorders(unit, read_subject(unit, person))
    return [each.get("withdrawal") for each in found]


def test_a_name_is_one_line() -> None:
    assert one_line(" Aino\r\nBcc: x@y.se \t V\u0000irtanen ") == "Aino Bcc: x@y.se V irtanen"
