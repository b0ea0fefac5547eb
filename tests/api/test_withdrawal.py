"""The withdrawal function over HTTP: by a link without a login, and by the customer's own token."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from service import ids
from service.actor import show_subject, system_actor
from service.crypto.reorder_link import ANSWER, LENGTH, WITHDRAW, open_link, seal_link
from service.crypto.unsubscribe_token import seal_token
from service.explanations import LANGUAGES
from service.senders import Fate, Parcel, Sent
from service.senders.letter import letter_of
from service.senders.links import WithLinks
from service.storage.reorders import move_reorder, read_reorder
from service.storage.subjects import lock_subject
from service.storage.unit import Unit
from service.use_cases.erase_subject import erase_subject
from service.use_cases.merge_subjects import merge_subjects
from tests.api.helpers import Installation, installed, problem_of
from tests.api.people import add_person, add_products
from tests.servers import Servers
from tests.use_cases.outbox import propose

FORM = {"name": "Aino Virtanen", "contact": "aino@example.fi", "confirm": "yes"}
BODY = {"name": "Aino Virtanen", "contact": "aino@example.fi"}


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
    """Ordered, sent and delivered just now."""
    return ordered(there, person, "approved", "dispatched", "delivered")


def ordered(there: Installation, person: UUID, *states: str, sku: str = "shampoo") -> UUID:
    name = propose(there.services, person, at=there.services.now, sku=sku)
    for state in states:
        with there.services.unit(system_actor("test")) as unit:
            _move(unit, person, name, state)
    return name


def _move(unit: Unit, person: UUID, reorder: UUID, to: str) -> None:
    subject = lock_subject(unit, person)
    found = read_reorder(unit, subject, reorder)
    assert found is not None
    assert move_reorder(unit, subject, found, to, "test")


def link(there: Installation, reorder: UUID) -> str:
    return f"/withdraw/{seal_link(there.services.index, WITHDRAW, reorder)}"


def api(reorder: UUID) -> str:
    return f"/v1/reorders/{ids.show(ids.REORDER, reorder)}/withdraw"


def kept(there: Installation) -> int:
    with there.services.database.connection() as db:
        row = db.execute("select count(*) from withdrawals").fetchone()
    assert row is not None
    return int(row[0])


def test_a_look_changes_nothing(there: Installation, client: FlaskClient, reorder: UUID) -> None:
    before = there.digest()
    for method in ("GET", "HEAD"):
        answer = client.open(link(there, reorder), method=method)
        assert answer.status_code == 200
    assert there.digest() == before


def test_by_link_and_again(there: Installation, client: FlaskClient, reorder: UUID) -> None:
    first = client.post(link(there, reorder), data=FORM)
    assert first.status_code == 200
    assert "You have withdrawn from the contract" in first.get_data(as_text=True)
    before = there.digest()
    again = client.post(link(there, reorder), data=FORM | {"name": "Somebody else"})
    assert (again.status_code, again.data) == (200, first.data)
    # Whoever has the link later learns no name and no address.
    look = client.get(link(there, reorder))
    assert look.data == first.data
    assert "Aino" not in look.get_data(as_text=True)
    assert "example.fi" not in look.get_data(as_text=True)
    assert there.digest() == before


def test_the_page_names_neither_person_nor_goods(
    there: Installation, client: FlaskClient, reorder: UUID
) -> None:
    answer = client.get(link(there, reorder))
    page = answer.get_data(as_text=True)
    assert ids.show(ids.REORDER, reorder) in page
    assert "hampoo" not in page
    assert "sub_" not in page
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_speaks_the_browsers_language(
    there: Installation, client: FlaskClient, reorder: UUID, language: str
) -> None:
    answer = client.get(link(there, reorder), headers={"Accept-Language": f"{language};q=0.9, de"})
    assert f'<html lang="{language}">' in answer.get_data(as_text=True)
    assert answer.headers["Vary"] == "Accept-Language"


@pytest.mark.parametrize(
    ("changes", "at_fault"),
    [
        ({"name": ""}, ["name"]),
        ({"name": " \r\n "}, ["name"]),
        ({"name": "x" * 101}, ["name"]),
        ({"contact": "aino"}, ["contact"]),
        ({"contact": "a@b.fi, c@d.fi"}, ["contact"]),
        ({"contact": "x" * 260 + "@b.fi", "name": ""}, ["name", "contact"]),
    ],
)
def test_what_is_missing_is_asked_for_again(
    there: Installation, client: FlaskClient, reorder: UUID, changes: dict[str, str], at_fault: list[str]
) -> None:
    before = there.digest()
    answer = client.post(link(there, reorder), data=FORM | changes)
    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    assert page.count(' aria-invalid="true"') == len(at_fault)
    assert all(f'href="#{name}"' in page for name in at_fault)
    assert there.digest() == before


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", "application/x-www-form-urlencoded", 400),
        (b"name=a&contact=a@b.fi", "application/x-www-form-urlencoded", 400),
        (b"name=a&contact=a@b.fi&confirm=no", "application/x-www-form-urlencoded", 400),
        (b"\xff\x00%%%", "application/x-www-form-urlencoded", 400),
        (b'{"confirm": "yes"}', "application/json", 415),
        (b"confirm=yes", "text/plain", 415),
        (b"confirm=yes", None, 415),
        (b"confirm=yes&x=" + b"x" * 5000, "application/x-www-form-urlencoded", 413),
    ],
)
def test_another_body_changes_nothing(
    there: Installation, client: FlaskClient, reorder: UUID, body: bytes, kind: str | None, status: int
) -> None:
    before = there.digest()
    answer = client.post(link(there, reorder), data=body, content_type=kind)
    assert answer.status_code == status
    assert there.digest() == before


def test_other_tokens_open_nothing(there: Installation, client: FlaskClient, reorder: UUID) -> None:
    """Not one of another kind, nor of another installation, nor one letter off."""
    index = there.services.index
    good = seal_link(index, WITHDRAW, reorder)
    assert (len(good), open_link(index, WITHDRAW, good)) == (LENGTH, reorder)
    unsubscribe = seal_token(index, reorder, "email")
    flipped = [
        good[:place] + ("A" if good[place] != "A" else "B") + good[place + 1 :] for place in range(LENGTH)
    ]
    others = [
        *flipped,
        unsubscribe,
        unsubscribe[:LENGTH],
        good[:-1],
        good + "A",
        "x",
        "A" * LENGTH,
        "é" * LENGTH,
    ]
    before = there.digest()
    for token in others:
        for answer in (client.get(f"/withdraw/{token}"), client.post(f"/withdraw/{token}", data=FORM)):
            assert answer.status_code == 404, token
    assert "This link does not work" in client.get(f"/withdraw/{flipped[0]}").get_data(as_text=True)
    assert client.get(f"/u/{good}").status_code == 404
    assert there.digest() == before


def test_late_by_link_and_by_token(there: Installation, person: UUID, reorder: UUID) -> None:
    start, own = there.clock.now, there.token("customer", subject=person)
    try:
        there.clock.now = start.replace(year=start.year + 1)
        look = there.client.get(link(there, reorder))
        assert (look.status_code, "<form" in look.get_data(as_text=True)) == (200, False)
        before = kept(there)
        answer = there.client.post(link(there, reorder), data=FORM)
        assert answer.status_code == 409
        assert "The time to withdraw ended" in answer.get_data(as_text=True)
        own = there.token("customer", subject=person)
        problem = problem_of(there.client.post(api(reorder), json=BODY, headers=own), 409, "conflict")
        assert (problem["reason"], problem["until"]) == ("too_late", "2026-12-07T23:00:00Z")
        # Refused twice, kept once.
        assert kept(there) == before + 1
    finally:
        there.clock.now = start


def test_by_the_customers_token(
    there: Installation, client: FlaskClient, person: UUID, reorder: UUID
) -> None:
    own = there.token("customer", subject=person)
    first = client.post(api(reorder), json=BODY, headers=own)
    assert first.status_code == 200
    said: dict[str, Any] = first.get_json()
    assert said["id"].startswith("wdr_")
    assert (said["state"], said["name"], said["at"]) == ("delivered", BODY["name"], "2026-11-22T09:00:00Z")
    assert "22 november 2026" in said["acknowledgement"]["body"]
    again = client.post(api(reorder), json={"name": "Another"}, headers=own)
    # What it stopped, it stopped the first time.
    assert [each["kind"] for each in said["cancelled"]] == ["reminder"]
    assert again.get_json() == said | {"cancelled": []}
    # By the link it is the same one.
    assert client.get(link(there, reorder)).status_code == 200
    assert "You have withdrawn" in client.get(link(there, reorder)).get_data(as_text=True)
    listed = client.get(f"/v1/subjects/{show_subject(person)}/reorders", headers=own).get_json()
    assert listed["reorders"][0]["withdrawal"]["withdrawn_at"] == said["at"]
    inbox = client.get(f"/v1/subjects/{show_subject(person)}/inbox", headers=own).get_json()
    assert [each["kind"] for each in inbox["items"]] == ["reorder.withdrawn"]


def test_only_ones_own(there: Installation, client: FlaskClient, reorder: UUID) -> None:
    stranger = add_person(there.services).id
    before = there.digest()
    answer = client.post(api(reorder), json=BODY, headers=there.token("customer", subject=stranger))
    problem_of(answer, 404, "not-found")
    problem_of(client.post(api(reorder), json=BODY), 401, "unauthenticated")
    for role in ("shop", "marketing", "pharmacist", "dpo", "admin"):
        problem_of(client.post(api(reorder), json=BODY, headers=there.token(role)), 403, "forbidden")
    assert there.digest() == before


def test_nothing_ordered_is_a_conflict_with_its_reason(
    there: Installation, client: FlaskClient, person: UUID
) -> None:
    reminded = ordered(there, person, "reminded", sku="cream")
    answer = client.post(api(reminded), json=BODY, headers=there.token("customer", subject=person))
    assert problem_of(answer, 409, "conflict")["reason"] == "not_ordered"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/name"),
        ({"name": ""}, "/name"),
        ({"name": "\n\t "}, "/name"),
        ({"name": "A", "contact": "nobody"}, "/contact"),
        ({"name": "A", "reason": "colour"}, "/reason"),
    ],
)
def test_faults_of_the_body(
    there: Installation, client: FlaskClient, person: UUID, reorder: UUID, body: dict[str, str], pointer: str
) -> None:
    answer = client.post(api(reorder), json=body, headers=there.token("customer", subject=person))
    assert [each["pointer"] for each in problem_of(answer, 422, "invalid-input")["errors"]] == [pointer]


def test_after_a_merge(there: Installation, client: FlaskClient, person: UUID, reorder: UUID) -> None:
    target = add_person(there.services).id
    with there.services.unit(system_actor("test")) as unit:
        merge_subjects(unit, person, target)
    gone = client.post(api(reorder), json=BODY, headers=there.token("customer", subject=person))
    problem_of(gone, 404, "not-found")
    assert client.get(link(there, reorder)).status_code == 200
    own = there.token("customer", subject=target)
    assert client.post(api(reorder), json=BODY, headers=own).status_code == 200
    assert "You have withdrawn" in client.get(link(there, reorder)).get_data(as_text=True)


def test_after_an_erasure(there: Installation, client: FlaskClient, person: UUID, reorder: UUID) -> None:
    with there.services.unit(system_actor("test")) as unit:
        erase_subject(unit, lock_subject(unit, person))
    for answer in (client.get(link(there, reorder)), client.post(link(there, reorder), data=FORM)):
        assert answer.status_code == 410
        assert "Your right to withdraw remains" in answer.get_data(as_text=True)


def test_the_report_has_it(there: Installation, client: FlaskClient, person: UUID, reorder: UUID) -> None:
    own = there.token("customer", subject=person)
    client.post(api(reorder), json=BODY, headers=own)
    body = {"subject": show_subject(person), "type": "access"}
    request = client.post("/v1/requests", json=body, headers=own).get_json()["id"]
    report = client.get(f"/v1/requests/{request}/report", headers=own).get_json()
    [found] = report["withdrawals"]
    assert (found["outcome"], found["name"], found["contact"]) == ("accepted", *BODY.values())


def test_the_shop_is_told(there: Installation, client: FlaskClient, person: UUID, reorder: UUID) -> None:
    hook = {"name": "Till", "url": "https://till.example.com/", "types": ["reorder.withdrawn"]}
    made = client.post("/v1/webhooks", json=hook, headers=there.token("admin"))
    assert made.status_code == 201
    client.post(api(reorder), json=BODY, headers=there.token("customer", subject=person))
    with there.services.database.connection() as db:
        row = db.execute(
            "select count(*) from outbox where endpoint is not null and subject = %s", (person,)
        ).fetchone()
    assert row == (1,)


class Caught:
    def __init__(self) -> None:
        self.parcels: list[Parcel] = []

    def send(self, parcel: Parcel) -> Sent:
        self.parcels.append(parcel)
        return Sent(Fate.delivered)


def test_the_link_goes_with_what_is_said_of_an_order(there: Installation, reorder: UUID) -> None:
    """To the person and to the shop; a reminder has no contract behind it."""
    caught, index = Caught(), there.services.index
    sender = WithLinks(caught, "https://shop.example", partial(seal_link, index))
    content = {
        "reorder": ids.show(ids.REORDER, reorder),
        "product": "Shampoo",
        "date": "2026-11-29T09:00:00Z",
        "until": "2026-11-29T09:00:00Z",
        "price_minor": 4900,
        "currency": "SEK",
    }
    for kind in ("reorder.announced", "reorder.dispatched", "reminder.due"):
        sender.send(Parcel("msg-1", kind, "email", "a@b.fi", "sub_x", "sv", content))
    url = f"https://shop.example{link(there, reorder)}"
    assert [p.content.get("withdraw_url") for p in caught.parcels] == [url, url, None]
    answer = f"https://shop.example/order/{seal_link(index, ANSWER, reorder)}"
    assert [p.content.get("url") for p in caught.parcels] == [answer, None, answer]
    letters = [letter_of(parcel, None) for parcel in caught.parcels]
    assert [[line.text for line in each.lines if line.url == url] for each in letters] == [
        ["Ångra avtalet här"],
        ["Ångra avtalet här"],
        [],
    ]
    assert sender.send(Parcel("m", "reorder.announced", "email", "a", "s", "sv", {"reorder": "x"})).fate is (
        Fate.refused
    )
