"""The AuthZEN 1.0 shape over the same evaluator."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from service.actor import show_subject
from service.bootstrap import Services
from service.storage.subjects import Subject
from tests.api.helpers import Tokens, pointers, problem_of
from tests.api.people import add_person, add_products, candidate

ONE, MANY = "/access/v1/evaluation", "/access/v1/evaluations"


@pytest.fixture
def policy_document(policy_document: dict[str, Any]) -> dict[str, Any]:
    return policy_document | {"rollout": []}


@pytest.fixture
def person(services: Services) -> Subject:
    add_products(services)
    return add_person(services)


def resource(**changes: Any) -> dict[str, Any]:
    properties = candidate(**changes)
    return {"type": "candidate", "id": properties.pop("id"), "properties": _without_strategy(properties)}


def _without_strategy(properties: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in properties.items() if key != "strategy"}


def question(person: Subject, rung: str = "coach", **changes: Any) -> dict[str, Any]:
    return {
        "subject": {"type": "subject", "id": show_subject(person.id)},
        "action": {"name": rung},
        "resource": resource(**changes),
    }


def test_true_for_allow_alone(client: FlaskClient, token: Tokens, person: Subject) -> None:
    allowed = client.post(ONE, json=question(person), headers=token("shop")).get_json()
    assert allowed["decision"] is True
    assert allowed["context"]["outcome"] == "allow"
    lower = client.post(ONE, json=question(person, "automate"), headers=token("shop")).get_json()
    assert (lower["decision"], lower["context"]["outcome"]) == (False, "downgrade")
    assert lower["context"]["reasons"]


def test_marketing_learns_no_code(client: FlaskClient, token: Tokens, person: Subject) -> None:
    found = client.post(ONE, json=question(person, "automate"), headers=token("marketing")).get_json()
    assert found["context"]["stage"] == "mandate"
    assert "reasons" not in found["context"]
    special = client.post(ONE, json=question(person, sku="cough"), headers=token("marketing")).get_json()
    assert special == {"decision": False}


def test_many(client: FlaskClient, token: Tokens, services: Services, person: Subject) -> None:
    other = add_person(services, consents={})
    body = question(person) | {
        "evaluations": [
            {},
            {"subject": {"type": "subject", "id": show_subject(other.id)}},
            {"action": {"name": "automate"}},
            {"resource": resource(id="c2", sku="cream"), "context": {"any": "thing"}},
        ]
    }
    found = client.post(MANY, json=body, headers=token("shop")).get_json()["evaluations"]
    assert [each["decision"] for each in found] == [True, False, False, True]
    assert found[3]["context"]["candidate"] == "c2"


@pytest.mark.parametrize(
    ("semantic", "expected"),
    [
        ("execute_all", [True, False, True]),
        ("deny_on_first_deny", [True, False]),
        ("permit_on_first_permit", [True]),
    ],
)
def test_semantics(
    client: FlaskClient, token: Tokens, person: Subject, semantic: str, expected: list[bool]
) -> None:
    body = question(person) | {
        "evaluations": [{}, {"action": {"name": "automate"}}, {}],
        "options": {"evaluations_semantic": semantic},
    }
    found = client.post(MANY, json=body, headers=token("shop")).get_json()["evaluations"]
    assert [each["decision"] for each in found] == expected


def test_faults(client: FlaskClient, token: Tokens, person: Subject) -> None:
    body = question(person)
    body["resource"]["properties"]["quantity"] = 0
    problem = problem_of(client.post(ONE, json=body, headers=token("shop")), 422, "invalid-input")
    assert pointers(problem) == {"/resource/properties/quantity"}
    body["resource"]["properties"]["strategy"] = "coach"
    problem = problem_of(client.post(ONE, json=body, headers=token("shop")), 422, "invalid-input")
    assert pointers(problem) == {"/resource/properties/strategy"}
    problem = problem_of(client.post(ONE, json={}, headers=token("shop")), 422, "invalid-input")
    assert pointers(problem) == {"/subject", "/action", "/resource"}
    many = {"evaluations": [question(person), {"action": {"name": "coach"}}]}
    problem = problem_of(client.post(MANY, json=many, headers=token("shop")), 422, "invalid-input")
    assert pointers(problem) == {"/evaluations/1/subject", "/evaluations/1/resource"}


@pytest.mark.parametrize("role", ["customer", "pharmacist", "admin"])
def test_roles(client: FlaskClient, token: Tokens, person: Subject, role: str) -> None:
    problem_of(client.post(ONE, json=question(person), headers=token(role)), 403, "forbidden")
    problem_of(client.post(MANY, json=question(person), headers=token(role)), 403, "forbidden")
