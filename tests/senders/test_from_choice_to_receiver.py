"""From a choice or a proposal, over outbox, claim and relay, to a receiver: all parts are the product's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.actor import show_subject
from service.bootstrap import Services, utc_now
from service.senders.registry import senders
from service.storage.policies import publish_policy
from service.storage.subjects import lock_subject
from service.use_cases.erase_subject import erase_subject
from service.use_cases.relay import Relay
from tests.api.helpers import Installation, installed
from tests.api.people import DPO
from tests.receiver import Receiver, receiving
from tests.servers import Servers
from tests.use_cases.outbox import add_product, make_person, propose


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with receiving(tmp_path / "arrived") as found:
        yield found


@pytest.fixture
def there(servers: Servers, tmp_path: Path) -> Iterator[Installation]:
    # Receivers check the instant of a signature by today's clock.
    today = utc_now()
    with installed(servers, tmp_path / "home", now=today, SAMTYCKE_WEBHOOK_ALLOW="127.0.0.1") as found:
        services = found.services
        with services.database.transaction() as db:
            document = dict(services.policies.in_force(db).policy.document)
            publish_policy(db, document | {"rollout": []}, services.now)
        yield found


def subscribe(there: Installation, receiver: Receiver, *types: str, **more: Any) -> None:
    body = {"name": "Brevduvan", "url": f"http://127.0.0.1:{receiver.port}/", "types": types, **more}
    made = there.client.post("/v1/webhooks", json=body, headers=there.token("admin"))
    assert made.status_code == 201, made.get_json()
    receiver.behave(secrets=[made.get_json()["secret"]])


def relay(services: Services) -> None:
    Relay(services, senders(services.config, services)).hand_over_due()


def arrived(receiver: Receiver) -> list[tuple[str, str, bool]]:
    return [(each["type"], each["subject"], each["signed"]) for each in receiver.arrived()]


def test_a_recipient_is_told_of_a_no_and_of_an_erasure(there: Installation, receiver: Receiver) -> None:
    subscribe(there, receiver, "consent.changed", "subject.erased", recipient="Brevduvan AB")
    person = make_person(there.services)
    name, dpo = show_subject(person), there.token("dpo")
    path = f"/v1/subjects/{name}/objections/direct_marketing"
    there.client.put(path, headers=there.token("customer", subject=person))
    notices = there.client.get("/v1/recipients/notices?state=pending", headers=dpo).get_json()["items"]
    assert [each["kind"] for each in notices] == ["consent.changed"]
    relay(there.services)
    assert arrived(receiver) == [("consent.changed", name, True)]
    with there.services.unit(DPO) as unit:
        erase_subject(unit, lock_subject(unit, person))
    relay(there.services)
    assert arrived(receiver)[1:] == [("subject.erased", name, True)]
    assert there.client.get("/v1/recipients/notices?state=pending", headers=dpo).get_json()["items"] == []


def test_a_reminder_stands_in_the_inbox_and_subscribers_hear_of_it(
    there: Installation, receiver: Receiver
) -> None:
    subscribe(there, receiver, "reminder.due")
    add_product(there.services)
    person = make_person(there.services, channels=("app",))
    propose(there.services, person, channels=("app",), at=there.services.now)
    relay(there.services)
    own = there.token("customer", subject=person)
    path = f"/v1/subjects/{show_subject(person)}/inbox"
    [message] = there.client.get(path, headers=own).get_json()["items"]
    assert message["kind"] == "reminder.due"
    assert message["title"] == "Snart slut: Soap"
    relay(there.services)
    assert arrived(receiver) == [("reminder.due", show_subject(person), True)]
