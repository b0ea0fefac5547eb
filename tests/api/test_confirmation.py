"""Asking once more over HTTP: a 428 that says what will change, and the same patch with its confirmation."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api.helpers import Tokens, problem_of
from tests.api.test_subjects import register

BODY = {"levels": {"beauty": "automate"}}


@pytest.fixture
def policy_document(policy_document: dict[str, Any]) -> dict[str, Any]:
    policy_document["levels"] = {"automate": {"confirm": True}}
    return policy_document


@pytest.fixture
def aino(client: FlaskClient, token: Tokens) -> str:
    return register(client, token)


@pytest.fixture
def own(aino: str, token: Tokens) -> dict[str, str]:
    return token("customer", subject=aino)


def test_a_raise_is_confirmed_and_a_fall_is_not(client: FlaskClient, aino: str, own: dict[str, str]) -> None:
    path = f"/v1/subjects/{aino}/preferences"
    own |= {"If-Match": '"1"'}
    problem = problem_of(client.patch(path, json=BODY, headers=own), 428, "confirmation-required")
    assert problem["explanation"]
    assert problem["confirm_until"] == "2026-11-22T10:00:00Z"
    assert client.get(path, headers=own).json["levels"] == {}
    spoilt = own | {"Confirmation": problem["confirmation"][::-1]}
    problem_of(client.patch(path, json=BODY, headers=spoilt), 428, "confirmation-required")
    confirmed = own | {"Confirmation": problem["confirmation"]}
    done = client.patch(path, json=BODY, headers=confirmed)
    assert done.status_code == 200, done.json
    assert done.json["levels"] == {"beauty": "automate"}
    # The epoch has moved on, so the same once more is stale before it is anything else.
    problem_of(client.patch(path, json=BODY, headers=confirmed), 412, "stale")
    lowered = client.patch(
        path, json={"levels": {"beauty": "off"}}, headers=own | {"If-Match": done.headers["ETag"]}
    )
    assert lowered.status_code == 200


def test_history_keeps_what_was_told(client: FlaskClient, aino: str, own: dict[str, str]) -> None:
    path = f"/v1/subjects/{aino}/preferences"
    own |= {"If-Match": "*"}
    own["If-Match"] = client.get(path, headers=own).headers["ETag"]
    told = client.patch(path, json=BODY, headers=own).json
    client.patch(path, json=BODY, headers=own | {"Confirmation": told["confirmation"]})
    [event] = client.get(f"/v1/subjects/{aino}/consents/history", headers=own).json["items"]
    assert event["confirmed"]["explanation"] == told["explanation"]


@pytest.mark.parametrize("given", ["é", "x" * 4000, "", " ", "\t", "a" * 40])
def test_a_header_that_means_nothing_confirms_nothing(
    client: FlaskClient, aino: str, own: dict[str, str], given: str
) -> None:
    headers = own | {"If-Match": '"1"', "Confirmation": given}
    answer = client.patch(f"/v1/subjects/{aino}/preferences", json=BODY, headers=headers)
    problem_of(answer, 428, "confirmation-required")
