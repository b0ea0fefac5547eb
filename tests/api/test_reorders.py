"""GET /v1/subjects/{id}/reorders: one's own, and nobody else's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient

from service.actor import show_subject, system_actor
from service.bootstrap import Services
from service.storage.choices import StoredConsent
from service.storage.subjects import lock_subject, save_choices
from service.use_cases.propose_reorders import propose_reorders
from service.use_cases.register_subject import Identifier, RegisterSubject, register_subject
from service.use_cases.store_signals import NewSignal, store_signals
from tests.api.conftest import NOW
from tests.api.helpers import Tokens, problem_of


@pytest.fixture
def policy_document(policy_document: dict[str, Any]) -> dict[str, Any]:
    policy_document["signals"] = {"purchase": {"data": "purchases"}}
    policy_document["rollout"] = []
    return policy_document


@pytest.fixture
def person(services: Services) -> UUID:
    """Wants reminders, and has run out of soap every thirty days."""
    data = {"sku": "soap", "quantity": 1, "price_minor": 450, "currency": "SEK"}
    with services.unit(system_actor("test")) as unit:
        unit.db.execute(
            "insert into products (sku, category, name, pack_size, usual_per_day, price_minor, currency,"
            " updated_at) values ('soap', 'beauty', 'Tvål', 30, 1, 500, 'SEK', now())"
        )
        command = RegisterSubject([Identifier("customer_number", "1")], "sv", "SE", "Europe/Stockholm")
        subject = lock_subject(unit, register_subject(unit, command).id)
        subject.choices.sharing = {"purchases": True}
        subject.choices.levels = {"*": "coach"}
        subject.choices.consents = {"replenishment_reminders": StoredConsent("given", NOW, notice_version=2)}
        save_choices(unit, subject)
        days = (121, 91, 61, 31)
        store_signals(
            unit,
            [NewSignal(subject.id, "purchase", NOW - timedelta(days=d), data, f"r-{d}") for d in days],
        )
        assert propose_reorders(unit, 10).proposed == 1
    return subject.id


def test_a_proposal_as_its_owner_sees_it(client: FlaskClient, token: Tokens, person: UUID) -> None:
    url = f"/v1/subjects/{show_subject(person)}/reorders"
    response = client.get(url, headers=token("customer", subject=person))
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    [reorder] = response.get_json()["reorders"]
    assert reorder["id"].startswith("ord_")
    assert reorder["decision"].startswith("dec_")
    assert {key: reorder[key] for key in ("state", "strategy", "channel", "sku", "name", "quantity")} == {
        "state": "proposed",
        "strategy": "coach",
        "channel": "app",
        "sku": "soap",
        "name": "Tvål",
        "quantity": 1,
    }
    # The catalogue's price of today, not that of the last purchase.
    assert (reorder["price_minor"], reorder["currency"]) == (500, "SEK")
    assert reorder["run_out"]["earliest"] < reorder["run_out"]["median"] < reorder["run_out"]["latest"]
    assert [step["state"] for step in reorder["history"]] == ["proposed"]


def test_who_may(client: FlaskClient, token: Tokens, person: UUID) -> None:
    url = f"/v1/subjects/{show_subject(person)}/reorders"
    problem_of(client.get(url), 401, "unauthenticated")
    problem_of(client.get(url, headers=token("customer", subject=uuid4())), 404, "not-found")
    for role in ("marketing", "shop", "pharmacist", "dpo", "admin"):
        problem_of(client.get(url, headers=token(role)), 403, "forbidden")
    problem_of(
        client.get("/v1/subjects/sub_x/reorders", headers=token("customer", subject=person)), 404, "not-found"
    )
