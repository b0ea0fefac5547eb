"""Answering a prepared order by the link in its message, without a login (law.md A5)."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from service import ids
from service.actor import Actor, system_actor
from service.crypto.reorder_link import ANSWER, WITHDRAW, seal_link
from service.storage.outbox import ORDER
from service.storage.reorders import move_reorder, read_reorder
from service.storage.subjects import lock_subject, read_subject
from service.use_cases.answer_by_link import ANSWERS
from service.use_cases.erase_subject import erase_subject
from tests.api.helpers import Installation, installed
from tests.api.people import add_person, add_products
from tests.servers import Servers
from tests.use_cases.outbox import entries, propose

LEADS_TO = {
    "approve": "approved",
    "snooze": "proposed",
    "have-plenty": "skipped",
    "skip": "skipped",
    "cancel": "cancelled",
}


@pytest.fixture(scope="module")
def there(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(servers, tmp_path_factory.mktemp("home")) as found:
        add_products(found.services)
        yield found


@pytest.fixture
def client(there: Installation) -> FlaskClient:
    return there.client


@pytest.fixture
def person(there: Installation) -> UUID:
    return add_person(there.services).id


@pytest.fixture
def reorder(there: Installation, person: UUID) -> UUID:
    return prepared(there, person, "coach")


def prepared(there: Installation, person: UUID, strategy: str) -> UUID:
    """Reminded of, or announced."""
    name = propose(there.services, person, at=there.services.now, strategy=strategy, sku="shampoo")
    with there.services.unit(system_actor("test")) as unit:
        subject = lock_subject(unit, person)
        found = read_reorder(unit, subject, name)
        assert found is not None
        assert move_reorder(
            unit, subject, found, "announced" if strategy == "automate" else "reminded", "test"
        )
    return name


def link(there: Installation, reorder: UUID, kind: str = ANSWER) -> str:
    return f"/order/{seal_link(there.services.index, kind, reorder)}"


def history(there: Installation, person: UUID, reorder: UUID) -> list[tuple[str, str, str]]:
    with there.services.unit(system_actor("test")) as unit:
        found = read_reorder(unit, read_subject(unit, person), reorder)
    assert found is not None
    assert found.details is not None
    return [(step.state, step.role, step.sub) for step in found.details.history]


def test_a_look_changes_nothing(there: Installation, client: FlaskClient, reorder: UUID) -> None:
    before = there.digest()
    for method in ("GET", "HEAD"):
        assert client.open(link(there, reorder), method=method).status_code == 200
    assert there.digest() == before


@pytest.mark.parametrize("given", list(ANSWERS))
def test_one_press_is_an_answer(
    there: Installation, client: FlaskClient, person: UUID, reorder: UUID, given: str
) -> None:
    told = client.post(link(there, reorder), data={"answer": given})
    assert told.status_code == 200
    assert history(there, person, reorder)[-1] == (LEADS_TO[given], "customer", "reorder-link")
    orders = [each for each in entries(there.services, person) if each.message and each.message.kind == ORDER]
    assert len(orders) == (given == "approve")
    assert told.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in told.headers["Content-Security-Policy"]


def test_pressed_twice_it_is_one_order(
    there: Installation, client: FlaskClient, person: UUID, reorder: UUID
) -> None:
    client.post(link(there, reorder), data={"answer": "approve"})
    again = client.post(link(there, reorder), data={"answer": "approve"})
    assert again.status_code == 409
    # What can still be done is offered: an order of one's own may be stopped until it leaves.
    assert 'value="cancel"' in again.get_data(as_text=True)
    assert 'value="approve"' not in again.get_data(as_text=True)
    orders = [each for each in entries(there.services, person) if each.message and each.message.kind == ORDER]
    assert len(orders) == 1


def test_an_announced_order_is_not_approved_but_stopped(
    there: Installation, client: FlaskClient, person: UUID
) -> None:
    announced = prepared(there, person, "automate")
    page = client.get(link(there, announced)).get_data(as_text=True)
    assert 'value="approve"' not in page
    assert 'value="skip"' in page
    assert client.post(link(there, announced), data={"answer": "approve"}).status_code == 409
    assert client.post(link(there, announced), data={"answer": "skip"}).status_code == 200
    assert history(there, person, announced)[-1][0] == "skipped"


def test_the_link_to_withdraw_answers_nothing(
    there: Installation, client: FlaskClient, reorder: UUID
) -> None:
    assert client.get(link(there, reorder, WITHDRAW)).status_code == 404
    assert client.post(link(there, reorder, WITHDRAW), data={"answer": "approve"}).status_code == 404


@pytest.mark.parametrize("token", ["x", "A" * 44, "é" * 44])
def test_what_is_no_link_of_ours_leads_nowhere(client: FlaskClient, token: str) -> None:
    assert client.get(f"/order/{token}").status_code == 404


@pytest.mark.parametrize("form", [{"other": "approve"}, {"answer": "dispatch"}, {"answer": ""}])
def test_what_is_no_answer_is_refused(
    there: Installation, client: FlaskClient, reorder: UUID, form: dict[str, str]
) -> None:
    before = there.digest()
    assert client.post(link(there, reorder), data=form).status_code == 400
    assert client.post(link(there, reorder), json={"answer": "approve"}).status_code == 415
    assert there.digest() == before


def test_after_an_erasure_there_is_nothing_left_to_answer(
    there: Installation, client: FlaskClient, person: UUID, reorder: UUID
) -> None:
    with there.services.unit(Actor("dpo-1", frozenset({"dpo"}))) as unit:
        erase_subject(unit, lock_subject(unit, person))
    assert client.get(link(there, reorder)).status_code == 410
    assert client.post(link(there, reorder), data={"answer": "approve"}).status_code == 410


def test_another_reorder_is_not_reached(there: Installation, client: FlaskClient, reorder: UUID) -> None:
    assert client.get(link(there, ids.new_id())).status_code == 410
