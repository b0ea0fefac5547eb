"""A changed notice asks again; a reworded one does not. From the published policy to the decision."""

from __future__ import annotations

from copy import deepcopy
from typing import Any
from uuid import UUID

import pytest

from service.bootstrap import Services
from service.policy import holds
from service.storage.policies import publish_policy
from service.storage.subjects import read_subject
from service.use_cases.list_consents import list_consents
from service.use_cases.record_consent import Notice, RecordConsent, record_consent
from tests.use_cases.conftest import NOW, Acting

PURPOSE = "replenishment_reminders"


@pytest.fixture
def policy_document(policy_document: dict[str, Any]) -> dict[str, Any]:
    policy_document["purposes"][PURPOSE] |= {
        "notice": {"version": 2, "revision": 0},
        "texts": {"fi": {"title": "Muistutukset", "notice": "Muistutamme."}},
    }
    return policy_document


def publish(services: Services, document: dict[str, Any], **changes: Any) -> None:
    document = deepcopy(document)
    document["purposes"][PURPOSE] |= changes
    with services.database.transaction() as db:
        assert publish_policy(db, document, NOW) is not None


def give(acting: Acting, subject: UUID, version: int) -> None:
    with acting("customer", subject) as unit:
        said = RecordConsent("given", Notice(version, "fi"), "app", purpose=PURPOSE)
        record_consent(unit, subject, said)


def standing(acting: Acting, subject: UUID) -> tuple[str, bool, int]:
    with acting("shop") as unit:
        found = read_subject(unit, subject)
        [shown] = [c for c in list_consents(found, unit.policy, NOW) if c.get("purpose") == PURPOSE]
        in_force = holds(unit.policy, found.state(NOW), PURPOSE, NOW)
    return shown["status"], in_force, found.epoch


@pytest.mark.parametrize(
    "changes",
    [
        {"notice": {"version": 3}},
        {"notice": {"version": 3}, "min_notice_version": 3},
        {"notice": None, "min_notice_version": 3},
    ],
)
def test_a_major_version_makes_the_consent_outdated_until_a_new_yes(
    services: Services,
    policy_document: dict[str, Any],
    acting: Acting,
    aino: UUID,
    changes: dict[str, Any],
) -> None:
    give(acting, aino, 2)
    assert standing(acting, aino) == ("given", True, 2)
    publish(services, policy_document, **changes)
    assert standing(acting, aino) == ("outdated", False, 2)
    give(acting, aino, 2)
    assert standing(acting, aino)[:2] == ("outdated", False)
    give(acting, aino, 3)
    assert standing(acting, aino)[:2] == ("given", True)


def test_a_revision_leaves_it_in_force(
    services: Services, policy_document: dict[str, Any], acting: Acting, aino: UUID
) -> None:
    give(acting, aino, 2)
    texts = {"fi": {"title": "Muistutukset", "notice": "Muistutamme sinua."}}
    publish(services, policy_document, notice={"version": 2, "revision": 1}, texts=texts)
    assert standing(acting, aino) == ("given", True, 2)
