"""Receipts over HTTP: every format, every kind of event, and nobody else's."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient

from schemas.receipts import KANTARA, RECEIPT, faults_of
from service import ids
from service.actor import Actor, system_actor
from service.bootstrap import Services
from service.cli.receipt import receipt as receipt_command
from service.embedded.demo.files import demo_policy
from service.receipts import digest_of
from service.storage.access_log import read_reads
from service.storage.policies import publish_policy
from service.storage.subjects import read_subject
from service.use_cases.expire_consents import expire_consents
from service.use_cases.merge_subjects import merge_subjects
from service.use_cases.seal_ledger import seal_ledger
from tests.api.helpers import Clock, Tokens, problem_of
from tests.api.test_subjects import register

LINKED = "application/ld+json"
KANTARA_TYPE = "application/vnd.kantara.consent-receipt+json"
PURPOSE = "health_personalisation"
GIVEN = {
    "purpose": PURPOSE,
    "status": "given",
    "explicit": True,
    "notice": {"version": 1, "locale": "sv"},
    "origin": "app",
    "evidence": "a secret remark",
}


@pytest.fixture
def policy_document() -> dict[str, Any]:
    return deepcopy(dict(demo_policy().document))


@pytest.fixture
def aino(client: FlaskClient, token: Tokens) -> str:
    return register(client, token)


@pytest.fixture
def own(aino: str, token: Tokens) -> dict[str, str]:
    return token("customer", subject=aino)


def say(client: FlaskClient, subject: str, headers: dict[str, str], **changes: Any) -> str:
    body = {key: value for key, value in (GIVEN | changes).items() if value is not None}
    answer = client.post(f"/v1/subjects/{subject}/consents", json=body, headers=headers)
    assert answer.status_code == 201, answer.json
    return str(answer.json["id"])


def receipt_of(client: FlaskClient, event: str, headers: dict[str, str], accept: str = LINKED) -> Any:
    return client.get(f"/v1/receipts/{event}", headers=headers | {"Accept": accept})


def state_in(receipt: dict[str, Any]) -> str:
    [record] = receipt["dpv:hasRecordOfActivity"]
    return str(record["dpv:hasConsentStatus"][0]["@type"][0]).removeprefix("dpv:")


def notice_in(receipt: dict[str, Any]) -> dict[str, Any]:
    [record] = receipt["dpv:hasRecordOfActivity"]
    [notice] = record["dpv:hasNotice"]
    assert isinstance(notice, dict)
    return notice


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", LINKED),
        ("", LINKED),
        (LINKED, LINKED),
        ("application/json", "application/json"),
        (KANTARA_TYPE, KANTARA_TYPE),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8"),
        ("text/html;q=0.1, application/json;q=0.2", "application/json"),
    ],
)
def test_accept_chooses_the_format(
    client: FlaskClient, aino: str, own: dict[str, str], accept: str, media_type: str
) -> None:
    answer = receipt_of(client, say(client, aino, own), own, accept)
    assert answer.status_code == 200
    assert answer.content_type == media_type
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Accept" in answer.headers["Vary"]


def test_what_nobody_makes_is_not_acceptable(client: FlaskClient, aino: str, own: dict[str, str]) -> None:
    answer = receipt_of(client, say(client, aino, own), own, "application/pdf")
    problem_of(answer, 406, "not-acceptable")


def test_a_receipt_is_valid_and_the_same_every_time(
    client: FlaskClient, clock: Clock, aino: str, own: dict[str, str], token: Tokens
) -> None:
    event = say(client, aino, own)
    first = receipt_of(client, event, own)
    assert faults_of(first.get_json(force=True), RECEIPT) == []
    assert first.json["proof"]["digest"] == digest_of(first.json)
    assert first.json["proof"]["event"]["said"]["evidence"] == "a secret remark"
    kantara = receipt_of(client, event, own, KANTARA_TYPE).json
    assert faults_of(kantara, KANTARA) == []
    say(client, aino, own, status="withdrawn")
    clock.now += timedelta(days=900)
    again = receipt_of(client, event, token("customer", subject=aino))
    assert again.data == first.data


def test_every_event_has_one(
    client: FlaskClient, services: Services, clock: Clock, aino: str, own: dict[str, str], token: Tokens
) -> None:
    events = [
        (say(client, aino, token("shop"), status="requested"), "ConsentRequested"),
        (say(client, aino, own, status="deferred"), "ConsentRequestDeferred"),
        (say(client, aino, own), "ConsentGiven"),
        (say(client, aino, own), "RenewedConsentGiven"),
        (say(client, aino, token("dpo"), status="revoked", notice=None), "ConsentRevoked"),
        (say(client, aino, own), "ConsentGiven"),
        (say(client, aino, own, status="withdrawn", notice=None), "ConsentWithdrawn"),
        (say(client, aino, token("dpo"), status="invalidated", notice=None), "ConsentInvalidated"),
        (say(client, aino, own, status="refused"), "ConsentRefused"),
        (say(client, aino, own, purpose=None, channel="email", explicit=None), "ConsentGiven"),
    ]
    say(client, aino, own)
    clock.now += timedelta(days=400)
    with services.unit(system_actor("sweep")) as unit:
        assert expire_consents(unit, 10).expired == 1
    own = token("customer", subject=aino)
    history = client.get(f"/v1/subjects/{aino}/consents/history?limit=100", headers=own).json
    events.append((history["items"][-1]["id"], "ConsentExpired"))
    for event, state in events:
        receipt = receipt_of(client, event, own).json
        assert state_in(receipt) == state
        assert faults_of(receipt, RECEIPT) == [], state
        kantara = receipt_of(client, event, own, KANTARA_TYPE).json
        assert faults_of(kantara, KANTARA) == []
        assert bool(kantara["services"][0]["purposes"]) is state.endswith("ConsentGiven")
        assert receipt_of(client, event, own, "text/html").status_code == 200
        # Also where no text was shown, it says which one the answer was about.
        assert notice_in(receipt)["dct:hasVersion"] == "1"


def test_what_is_no_consent_has_no_receipt(client: FlaskClient, aino: str, own: dict[str, str]) -> None:
    client.put(f"/v1/subjects/{aino}/objections/direct_marketing", headers=own)
    [event] = client.get(f"/v1/subjects/{aino}/consents/history", headers=own).json["items"]
    problem_of(receipt_of(client, event["id"], own), 404, "not-found")
    for name in (ids.show("cev", UUID(int=1)), "cev_1", event["id"].replace("cev", "dec")):
        problem_of(receipt_of(client, name, own), 404, "not-found")


def test_anothers_does_not_exist_and_staff_is_recorded(
    client: FlaskClient, services: Services, aino: str, own: dict[str, str], token: Tokens
) -> None:
    event = say(client, aino, own)
    problem_of(receipt_of(client, event, token("customer")), 404, "not-found")
    problem_of(receipt_of(client, event, token("shop")), 403, "forbidden")
    assert receipt_of(client, event, token("dpo", sub="maria")).status_code == 200
    with services.unit(Actor("dpo-1", frozenset({"dpo"}))) as unit:
        reads = read_reads(unit, read_subject(unit, ids.read(ids.SUBJECT, aino)))
    assert [(read.sub, read.route) for read in reads] == [("maria", "GET /v1/receipts/<event>")]


def publish(services: Services, document: dict[str, Any], text: str, **notice: int) -> None:
    document["purposes"][PURPOSE]["notice"] = notice
    document["purposes"][PURPOSE]["texts"]["sv"]["notice"] = text
    with services.database.transaction() as db:
        assert publish_policy(db, document, services.now)


def test_the_text_that_was_shown_stays(
    client: FlaskClient,
    services: Services,
    policy_document: dict[str, Any],
    aino: str,
    own: dict[str, str],
) -> None:
    document = deepcopy(policy_document)
    old = say(client, aino, own)
    publish(services, document, "Ny lydelse.", version=1, revision=1)
    reworded = say(client, aino, own)
    publish(services, document, "Något annat.", version=2)
    # An app that has not been updated still shows the text of before.
    late = say(client, aino, own)
    new = say(client, aino, own, notice={"version": 2, "locale": "sv"})
    ended = say(client, aino, own, status="withdrawn", notice=None)
    told = [receipt_of(client, event, own).json for event in (old, reworded, late, new, ended)]
    texts = [notice_in(receipt)["dct:description"]["@value"] for receipt in told[:4]]
    assert texts[0].startswith("Det du köper på apotek")
    assert texts[1:] == ["Ny lydelse.", "Ny lydelse.", "Något annat."]
    assert [notice_in(receipt)["@id"].rpartition(":")[0][-4:] for receipt in told] == [
        "1:r0",
        "1:r1",
        "1:r1",
        "2:r0",
        "2:r0",
    ]


def test_a_language_without_words_gets_none_of_another(
    client: FlaskClient,
    services: Services,
    policy_document: dict[str, Any],
    aino: str,
    own: dict[str, str],
) -> None:
    document = deepcopy(policy_document)
    del document["purposes"][PURPOSE]["texts"]["da"]
    publish(services, document, "Ny lydelse.", version=1)
    event = say(client, aino, own, notice={"version": 1, "locale": "da"})
    notice = notice_in(receipt_of(client, event, own).json)
    assert notice["dct:language"] == "da"
    assert "dct:description" not in notice


@pytest.mark.parametrize(
    ("query", "languages", "lang"),
    [
        ("", None, "fi"),
        ("", "da, en;q=0.5", "da"),
        ("?locale=nb", "da", "nb"),
        ("?locale=no", None, "nb"),
    ],
)
def test_the_page_speaks_the_readers_language(
    client: FlaskClient,
    aino: str,
    own: dict[str, str],
    query: str,
    languages: str | None,
    lang: str,
) -> None:
    headers = own | {"Accept": "text/html"} | ({"Accept-Language": languages} if languages else {})
    answer = client.get(f"/v1/receipts/{say(client, aino, own)}{query}", headers=headers)
    assert answer.headers["Content-Language"] == lang
    assert f'<html lang="{lang}">' in answer.text
    assert "style-src 'sha256-" in answer.headers["Content-Security-Policy"]


def other_subject(client: FlaskClient, token: Tokens) -> str:
    body = {
        "identifiers": [{"type": "email", "value": "other@example.fi"}],
        **{"locale": "fi", "country": "FI", "timezone": "Europe/Helsinki"},
    }
    return str(client.post("/v1/subjects", json=body, headers=token("shop")).json["id"])


def test_after_a_merge_the_receipts_are_the_persons_own(
    client: FlaskClient, services: Services, aino: str, own: dict[str, str], token: Tokens
) -> None:
    event = say(client, aino, own)
    other = other_subject(client, token)
    with services.unit(Actor("dpo-1", frozenset({"dpo"}))) as unit:
        merge_subjects(unit, ids.read(ids.SUBJECT, aino), ids.read(ids.SUBJECT, other))
    receipt = receipt_of(client, event, token("customer", subject=other))
    assert faults_of(receipt.json, RECEIPT) == []
    problem_of(receipt_of(client, event, own), 404, "not-found")


def test_what_comes_over_http_is_proven_offline(
    client: FlaskClient, services: Services, aino: str, own: dict[str, str], tmp_path: Path
) -> None:
    """From the consent, over the promise given at once, to the proof of the log."""
    file, key = tmp_path / "receipt.jsonld", str(services.log_key.verifier)

    def verify() -> Result:
        file.write_bytes(receipt_of(client, event, own).data)
        return CliRunner().invoke(receipt_command, ["verify", str(file), "--key", key])

    for changes in ({}, {"status": "withdrawn", "notice": None}, {"purpose": None, "channel": "sms"}):
        event = say(client, aino, own, **changes)
        before = verify()
        assert (before.exit_code, "has promised" in before.output) == (3, True), before.output
        seal_ledger(services)
        after = verify()
        assert (after.exit_code, "the log holds it" in after.output) == (0, True), after.output


def test_after_a_merge_the_older_events_are_still_proven(
    client: FlaskClient, services: Services, aino: str, own: dict[str, str], token: Tokens, tmp_path: Path
) -> None:
    """The salt is that of whom the event was about when it was said."""
    event = say(client, aino, own)
    other = other_subject(client, token)
    with services.unit(Actor("dpo-1", frozenset({"dpo"}))) as unit:
        merge_subjects(unit, ids.read(ids.SUBJECT, aino), ids.read(ids.SUBJECT, other))
    seal_ledger(services)
    file = tmp_path / "receipt.jsonld"
    file.write_bytes(receipt_of(client, event, token("customer", subject=other)).data)
    result = CliRunner().invoke(
        receipt_command, ["verify", str(file), "--key", str(services.log_key.verifier)]
    )
    assert result.exit_code == 0, result.output
