from __future__ import annotations

import copy
import hashlib
import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from service.bootstrap import Services
from service.storage.policies import publish_policy
from tests.api.helpers import Clock, Tokens, problem_of

TEXTS = {
    "en": {"title": "Reminders", "summary": "Before it runs out", "notice": "We use your purchases."},
    "sv": {"title": "Påminnelser", "summary": "Innan det tar slut", "notice": "Vi använder dina köp."},
}
NAME = "replenishment_reminders"


@pytest.fixture
def policy_document(policy_document: dict[str, Any]) -> dict[str, Any]:
    policy_document["purposes"][NAME]["texts"] = TEXTS
    return policy_document


def test_every_purpose_says_its_basis_and_its_words(client: FlaskClient, token: Tokens) -> None:
    answer = client.get("/v1/purposes", headers=token("customer")).get_json()
    assert answer["policy"] == 1
    purposes = {purpose["purpose"]: purpose for purpose in answer["purposes"]}
    assert purposes["personal_offers"]["notice_version"] == 2
    assert purposes["personal_offers"]["direct_marketing"] is True
    reminders = purposes[NAME]
    assert (reminders["basis"], reminders["valid_for"], reminders["explicit"]) == ("consent", "P12M", False)
    assert sorted(reminders["data"]) == ["identity", "purchases", "usage"]
    assert reminders["texts"] == TEXTS
    assert set(reminders["hashes"]) == set(TEXTS)


def test_the_hash_names_the_exact_words(client: FlaskClient, token: Tokens) -> None:
    shown = client.get(f"/v1/notices/{NAME}/1", headers=token("marketing")).get_json()
    assert shown["texts"] == TEXTS
    canonical = json.dumps(TEXTS["sv"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert shown["hashes"]["sv"] == hashlib.sha256(canonical.encode()).hexdigest()


def test_an_earlier_notice_can_be_read_after_the_policy_changed(
    client: FlaskClient, token: Tokens, services: Services, policy_document: dict[str, Any], clock: Clock
) -> None:
    newer = copy.deepcopy(policy_document)
    newer["purposes"][NAME]["min_notice_version"] = 3
    newer["purposes"][NAME]["texts"]["en"]["notice"] = "We use your purchases and your answers."
    with services.database.transaction() as db:
        assert publish_policy(db, newer, clock.now) == 2

    def notice(version: int) -> str:
        answer = client.get(f"/v1/notices/{NAME}/{version}", headers=token("dpo"))
        return str(answer.get_json()["texts"]["en"]["notice"])

    assert notice(1) == "We use your purchases."
    assert notice(3) == "We use your purchases and your answers."


@pytest.mark.parametrize(
    "path", [f"{NAME}/2", f"{NAME}/0", f"{NAME}/-1", f"{NAME}/x", f"{NAME}/{'9' * 400}", f"{NAME}/²", "x/1"]
)
def test_a_notice_that_never_was_is_not_found(client: FlaskClient, token: Tokens, path: str) -> None:
    problem_of(client.get(f"/v1/notices/{path}", headers=token("shop")), 404, "not-found")
