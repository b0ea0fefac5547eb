"""Every verb in every state, over HTTP: what is allowed happens once, and the rest is a 409 that changes
nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from service.actor import show_subject, system_actor
from service.bootstrap import Services
from service.ids import REORDER, read, show
from service.storage.reorders import move_reorder, read_reorder
from service.storage.subjects import lock_subject, save_choices
from tests.api.helpers import Clock, Tokens, pointers, problem_of
from tests.use_cases.outbox import Receiver, add_product, deliver, make_person, propose
from tests.use_cases.test_reorder_life import PATHS

BODIES: dict[str, dict[str, Any] | None] = {
    "approve": None,
    "snooze": {"days": 3},
    "change": {"quantity": 2},
    "skip": None,
    "have-plenty": {"units_left": 4},
    "cancel": None,
}
# By hand: the verb, the states in which it may be used, and what the reorder becomes.
UNANSWERED = ("proposed", "reminded")
STAYS = ""
LEADS_TO: dict[str, dict[str, str]] = {
    "approve": dict.fromkeys(UNANSWERED, "approved"),
    "snooze": dict.fromkeys((*UNANSWERED, "announced"), "proposed"),
    "change": dict.fromkeys((*UNANSWERED, "announced"), STAYS),
    "skip": dict.fromkeys((*UNANSWERED, "announced", "held"), "skipped"),
    "have-plenty": dict.fromkeys((*UNANSWERED, "announced", "held"), "skipped"),
    "cancel": dict.fromkeys((*UNANSWERED, "announced", "held", "approved"), "cancelled"),
}


@pytest.fixture
def policy_document(policy_document: dict[str, Any]) -> dict[str, Any]:
    policy_document["rollout"] = []
    return policy_document


def bring(services: Services, person: UUID, reorder: UUID, state: str) -> None:
    with services.unit(system_actor("test")) as unit:
        subject = lock_subject(unit, person)
        for to in PATHS[state]:
            found = read_reorder(unit, subject, reorder)
            assert found is not None
            assert move_reorder(unit, subject, found, to, "a test")


def rows(services: Services) -> list[tuple[Any, ...]]:
    """Everything that an answer could change."""
    with services.database.connection() as db:
        return [
            row
            for table in ("reorders", "reorder_steps", "outbox", "signals", "subjects", "decisions")
            for row in db.execute(f"select t::text from {table} t order by 1")  # type: ignore[arg-type]
        ]


class Customer:
    """Somebody with reorders, and their token."""

    def __init__(self, services: Services, client: FlaskClient, token: Tokens, level: str) -> None:
        self.services, self.client = services, client
        self.id = make_person(services, level, channels=("app",))
        self.headers = token("customer", subject=self.id)

    def proposed(self, strategy: str, state: str) -> str:
        services = self.services
        reorder = propose(services, self.id, strategy=strategy, channels=("app",), at=services.now)
        bring(services, self.id, reorder, state)
        return show(REORDER, reorder)

    def does(self, verb: str, reorder: str, body: dict[str, Any] | None = None) -> Any:
        path = f"/v1/reorders/{reorder}/{verb}"
        return self.client.post(path, json=BODIES[verb] if body is None else body, headers=self.headers)

    def sees(self, reorder: str) -> dict[str, Any]:
        answer = self.client.get(f"/v1/subjects/{show_subject(self.id)}/reorders", headers=self.headers)
        return next(each for each in answer.get_json()["reorders"] if each["id"] == reorder)

    def orders(self, **body: Any) -> Any:
        path = f"/v1/subjects/{show_subject(self.id)}/reorders"
        key = body.pop("key", None)
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        return self.client.post(path, json=body, headers=headers)


@pytest.fixture
def customer(services: Services, client: FlaskClient, token: Tokens) -> Customer:
    add_product(services)
    return Customer(services, client, token, "automate")


@pytest.mark.parametrize("strategy", ["coach", "automate"])
@pytest.mark.parametrize("verb", LEADS_TO)
def test_every_verb_in_every_state(services: Services, customer: Customer, verb: str, strategy: str) -> None:
    leads_to = {} if (verb, strategy) == ("approve", "automate") else LEADS_TO[verb]
    for state in PATHS:
        reorder = customer.proposed(strategy, state)
        assert (verb in customer.sees(reorder)["actions"]) == (state in leads_to), state
        before = rows(services)
        answer = customer.does(verb, reorder)
        if state not in leads_to:
            problem = problem_of(answer, 409, "conflict")
            assert (problem["state"], problem["strategy"]) == (state, strategy)
            assert rows(services) == before, state
            continue
        assert answer.status_code == 200, answer.get_data(as_text=True)
        body = answer.get_json()
        assert body["state"] == (leads_to[state] or state)
        assert body["reorder"] == customer.sees(reorder)
        [*_, last] = body["reorder"]["history"]
        assert (last["state"], last["actor"]) == (body["state"], "customer")
        if leads_to[state] in ("skipped", "cancelled", "approved"):
            # Twice equals once.
            again = rows(services)
            problem_of(customer.does(verb, reorder), 409, "conflict")
            assert rows(services) == again


def test_faults_of_the_bodies(services: Services, customer: Customer) -> None:
    reorder = customer.proposed("coach", "proposed")
    before = rows(services)
    for verb, body, found in (
        ("snooze", {}, {""}),
        ("snooze", {"days": 1, "until": "2026-12-01T00:00:00Z"}, {""}),
        ("snooze", {"days": 0}, {"/days"}),
        ("snooze", {"until": "2026-11-22T09:00:00Z"}, {"/until"}),
        ("snooze", {"until": "2027-11-22T09:00:00Z"}, {"/until"}),
        ("snooze", {"until": "soon"}, {"/until"}),
        ("change", {}, {"/quantity"}),
        ("change", {"quantity": 0}, {"/quantity"}),
        ("change", {"quantity": 1001}, {"/quantity"}),
        ("have-plenty", {"units_left": -1}, {"/units_left"}),
    ):
        problem = problem_of(customer.does(verb, reorder, body), 422, "invalid-input")
        assert pointers(problem) == found, body
    for body, found in (
        ({}, {""}),
        ({"sku": "soap", "order": reorder}, {""}),
        ({"order": "ord_x"}, {"/order"}),
        ({"sku": "soap", "quantity": 0}, {"/quantity"}),
        ({"sku": "soap", "price_minor": -1}, {"/price_minor"}),
        ({"sku": "unheard-of"}, {"/sku"}),
    ):
        assert pointers(problem_of(customer.orders(**body), 422, "invalid-input")) == found, body
    assert rows(services) == before


def test_a_mandate_that_does_not_cover_it_says_what_to_do(services: Services, customer: Customer) -> None:
    with services.unit(system_actor("test")) as unit:
        subject = lock_subject(unit, customer.id)
        subject.choices.mandates[0].max_quantity = 1
        save_choices(unit, subject)
    reorder = customer.proposed("automate", "announced")
    problem = problem_of(customer.does("change", reorder), 409, "conflict")
    assert problem["reasons"] == [
        {
            "strategy": "automate",
            "code": "mandate_quantity",
            "on": "man_1",
            "remedy": {"do": "set_mandate", "on": "soap"},
        }
    ]
    assert problem["state"] == "announced"


def test_the_dates_of_an_automatic_order(
    services: Services, customer: Customer, clock: Clock, token: Tokens
) -> None:
    reorder = customer.proposed("automate", "proposed")
    deliver(services, Receiver(), services.now)
    shown = customer.sees(reorder)
    assert (shown["state"], shown["until"], shown["order_date"]) == (
        "announced",
        "2026-11-29T09:00:00Z",
        "2026-11-29T09:00:00Z",
    )
    assert shown["actions"] == ["snooze", "change", "skip", "have-plenty", "cancel"]
    clock.now += timedelta(days=7)
    customer.headers = token("customer", subject=customer.id)
    deliver(services, Receiver(), services.now)
    shown = customer.sees(reorder)
    assert (shown["state"], shown["until"], shown["order_date"]) == (
        "dispatched",
        None,
        "2026-11-29T09:00:00Z",
    )
    assert shown["actions"] == ["repeat"]


def test_ordering_again_over_http(services: Services, customer: Customer, token: Tokens) -> None:
    made = customer.orders(sku="soap", quantity=2, price_minor=500, key="k-1")
    assert made.status_code == 201
    body = made.get_json()
    assert (body["state"], body["strategy"], body["quantity"], body["price_minor"]) == (
        *("approved", "respond"),
        *(2, 500),
    )
    # The same key again hears the same, and nothing more is ordered.
    assert customer.orders(sku="soap", quantity=2, price_minor=500, key="k-1").get_json() == body
    problem_of(customer.orders(sku="soap", quantity=3, key="k-1"), 422, "idempotency-mismatch")
    receiver = Receiver()
    [parcel] = deliver(services, receiver, services.now)
    assert (parcel.kind, parcel.content["reorder"]) == ("reorder.dispatched", body["id"])
    # What the shop says of the parcel.
    signal = {
        "subject": show_subject(customer.id),
        "type": "delivered",
        "at": "2026-11-22T08:00:00Z",
        "data": {"sku": "soap", "order": body["id"]},
        "id": "p-1",
    }
    customer.client.post("/v1/signals", json=[signal], headers=token("shop"))
    shown = customer.sees(body["id"])
    assert (shown["state"], shown["delivered_at"]) == ("delivered", "2026-11-22T08:00:00Z")
    again = customer.orders(order=body["id"])
    assert (again.status_code, again.get_json()["quantity"]) == (201, 2)
    problem = problem_of(customer.orders(order=body["id"], price_minor=1), 409, "conflict")
    assert (problem["reason"], problem["price_minor"], problem["currency"]) == ("price_changed", 500, "SEK")
    problem_of(customer.orders(order=again.get_json()["id"]), 409, "conflict")
    assert read(REORDER, body["id"]) != read(REORDER, again.get_json()["id"])


def test_nobody_orders_for_another(services: Services, customer: Customer, token: Tokens) -> None:
    other = Customer(services, customer.client, token, "coach")
    theirs = other.proposed("coach", "delivered")
    before = rows(services)
    problem_of(customer.orders(order=theirs), 404, "not-found")
    path = f"/v1/subjects/{show_subject(other.id)}/reorders"
    problem_of(customer.client.post(path, json={"sku": "soap"}, headers=customer.headers), 404, "not-found")
    for verb in BODIES:
        problem_of(customer.does(verb, theirs), 404, "not-found")
    assert rows(services) == before
