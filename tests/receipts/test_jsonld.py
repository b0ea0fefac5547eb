"""What a receipt says as linked data, read by a processor that knows nothing of this project."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from pyld import jsonld  # type: ignore[import-untyped]  # it ships no types

from schemas.receipts import RECEIPT, faults_of
from service.consent_states import ConsentState
from service.receipts import build_receipt, canonical, digest_of
from service.receipts.context import CONTEXT, THINGS
from tests.receipts.conftest import Make

DPV = "https://w3id.org/dpv#"
GDPR = "https://w3id.org/dpv/legal/eu/gdpr#"
PD = "https://w3id.org/dpv/pd#"
NAMES = ("personal_offers", "health_personalisation", "automatic_reorder", "email", "sms")


def refuse(url: str, _options: object) -> Any:
    raise AssertionError(f"a receipt needs nobody else, and asked for {url}")


OPTIONS = {"documentLoader": refuse}


def expanded(receipt: dict[str, Any]) -> Any:
    return jsonld.expand(receipt, OPTIONS)


def triples(document: Any) -> str:
    found: str = jsonld.normalize(
        document, OPTIONS | {"algorithm": "URDNA2015", "format": "application/n-quads"}
    )
    return found


def record_of(receipt: dict[str, Any]) -> dict[str, Any]:
    [record] = receipt["dpv:hasRecordOfActivity"]
    assert isinstance(record, dict)
    return record


def values_in(node: Any) -> Iterator[tuple[str, Any]]:
    """Every (property, value) of an expanded document."""
    if isinstance(node, list):
        for each in node:
            yield from values_in(each)
    elif isinstance(node, dict):
        for key, values in node.items():
            for value in values if isinstance(values, list) else []:
                yield key, value
                yield from values_in(value)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("state", ConsentState)
def test_every_event_has_a_valid_receipt(make: Make, name: str, state: ConsentState) -> None:
    receipt = build_receipt(make(name, state))
    assert faults_of(receipt, RECEIPT) == []
    [event] = record_of(receipt)["dpv:hasConsentStatus"]
    assert event["@type"][0] == f"dpv:{state.value}"
    assert (len(event["@type"]) == 2) is state.permits


@pytest.mark.parametrize("name", NAMES)
def test_it_comes_back_the_same_from_a_processor(make: Make, name: str) -> None:
    receipt = build_receipt(make(name))
    said = triples(receipt)
    assert said.count("\n") > 60
    compacted = jsonld.compact(expanded(receipt), CONTEXT, OPTIONS)
    assert triples(compacted) == said
    assert triples(json.loads(canonical(receipt))) == said


@pytest.mark.parametrize("name", NAMES)
def test_no_thing_is_mere_text(make: Make, name: str) -> None:
    """A compact name that no context coerces would come out as a literal."""
    document = expanded(build_receipt(make(name)))
    prefixes = tuple(f"{prefix}:" for prefix, value in CONTEXT.items() if isinstance(value, str))
    full = {f"{CONTEXT[name.partition(':')[0]]}{name.partition(':')[2]}" for name in THINGS}
    seen = set()
    for key, value in values_in(document):
        if isinstance(value, dict) and "@value" in value:
            assert key not in full, (key, value)
            assert not str(value["@value"]).startswith(prefixes), (key, value)
        if key in full:
            seen.add(key)
            assert "@value" not in value
    assert f"{DPV}hasLegalBasis" in seen
    assert not any(key.startswith(("dpv:", "dct:")) for key, _ in values_in(document))


def test_it_says_what_the_example_of_the_guide_says(make: Make) -> None:
    receipt = build_receipt(make("health_personalisation"))
    record = record_of(receipt)
    assert receipt["dct:identifier"] == receipt["dpv:hasIdentifier"]
    assert UUID(receipt["dct:identifier"]).version == UUID(record["dct:identifier"]).version == 4
    assert record["dpv:hasJurisdiction"] == "loc:SE"
    assert record["dpv:hasDataController"]["dpv:hasName"] == "Apotek Tallgren AB"
    assert record["dpv:hasDataController"]["dpv:hasAddress"] == "Storgatan 1, 111 22 Stockholm, SE"
    [process] = record["dpv:hasProcess"]
    assert process["dpv:hasLegalBasis"] == "eu-gdpr:A9-2-a"
    assert "dpv:ServicePersonalisation" in process["dpv:hasPurpose"]
    assert "pd:Purchase" in process["dpv:hasPersonalData"]
    purchases = process["dpv:hasPersonalData"][0]
    assert "dpv:SpecialCategoryPersonalData" in purchases["@type"]
    assert purchases["dct:title"] == {"@value": "Vad du köper", "@language": "sv"}
    place, period = process["dpv:hasStorageCondition"]
    assert place["dpv:hasLocation"] == ["loc:SE"]
    assert period["dpv:hasDuration"]["rdf:value"] == "P24M"
    assert process["dpv:hasAssessment"][0]["dct:identifier"] == "DPIA-2026-01"
    assert record["dpv:hasConsentControl"][0]["dpv:isExercisedAt"] == "https://tallgren.example/privacy"
    assert {right["@type"] for right in record["dpv:hasRight"]} >= {"eu-gdpr:A7-3", "eu-gdpr:A22"}
    [event] = record["dpv:hasConsentStatus"]
    assert event["@type"] == ["dpv:ConsentGiven", "dpv:ExplicitlyExpressedConsent"]
    assert event["dpv:isIndicatedBy"] == "dpv:DataSubject"
    assert [each["rdf:value"] for each in event["dpv:hasDuration"]] == ["P12M", "2027-11-22T09:00:00Z"]
    [notice] = record["dpv:hasNotice"]
    assert notice["dct:description"]["@value"].startswith("Det du köper på apotek")
    assert notice["dct:language"] == "sv"


def test_the_ground_depends_on_the_data(make: Make) -> None:
    def basis(name: str) -> str:
        return str(record_of(build_receipt(make(name)))["dpv:hasProcess"][0]["dpv:hasLegalBasis"])

    assert basis("personal_offers") == basis("email") == "eu-gdpr:A6-1-a"
    assert basis("automatic_reorder") == "eu-gdpr:A9-2-a"
    assert f"{GDPR}A6-1-a" in triples(build_receipt(make("email")))
    assert f"{PD}EmailAddress" in triples(build_receipt(make("email")))


def test_a_category_that_asks_for_it_makes_the_consent_one_to_special_data(
    make: Make, document: dict[str, Any]
) -> None:
    entry = {k: v for k, v in document["purposes"]["health_personalisation"].items() if k != "special"}
    changed = document | {"purposes": document["purposes"] | {"health_personalisation": entry}}
    receipt = build_receipt(make("health_personalisation", document=changed))
    assert record_of(receipt)["dpv:hasProcess"][0]["dpv:hasLegalBasis"] == "eu-gdpr:A9-2-a"


def test_who_said_it(make: Make) -> None:
    def said_by(state: ConsentState) -> str:
        [event] = record_of(build_receipt(make(state=state)))["dpv:hasConsentStatus"]
        return str(event["dpv:isIndicatedBy"])

    own = {state for state in ConsentState if said_by(state) == "dpv:DataSubject"}
    assert own == {
        *(ConsentState.GIVEN, ConsentState.RENEWED, ConsentState.REFUSED),
        *(ConsentState.WITHDRAWN, ConsentState.DEFERRED),
    }


def test_the_same_event_gives_the_same_bytes_and_another_gives_others(make: Make) -> None:
    first = build_receipt(make())
    assert canonical(first) == canonical(build_receipt(make()))
    assert digest_of(first) == digest_of(first | {"proof": {"digest": "x"}})
    others = {
        digest_of(build_receipt(make("email"))),
        digest_of(build_receipt(make(state=ConsentState.RENEWED))),
        digest_of(build_receipt(make(locale="fi"))),
        digest_of(build_receipt(make(event=UUID(int=7)))),
    }
    assert len(others - {digest_of(first)}) == 4


def test_one_record_for_a_purpose_and_a_receipt_for_every_event(make: Make) -> None:
    given = build_receipt(make())
    withdrawn = build_receipt(make(state=ConsentState.WITHDRAWN, event=UUID(int=7)))
    assert given["@id"] != withdrawn["@id"]
    assert record_of(given)["@id"] == record_of(withdrawn)["@id"]
    assert record_of(build_receipt(make("email")))["@id"] != record_of(given)["@id"]


def test_what_a_policy_does_not_say_is_not_made_up(make: Make, document: dict[str, Any]) -> None:
    bare = {
        "purposes": {"personal_offers": {"basis": "consent"}},
        "data": {},
        "channels": {"email": {"opt_in": True}},
    }
    for name in ("personal_offers", "email"):
        receipt = build_receipt(make(name, document=bare))
        assert faults_of(receipt, RECEIPT) == []
        assert record_of(receipt)["dpv:hasDataController"]["dpv:hasName"] == "not stated"
        assert record_of(receipt)["dpv:hasJurisdiction"] == "urn:samtycke:not-stated"
        assert triples(jsonld.compact(expanded(receipt), CONTEXT, OPTIONS)) == triples(receipt)


def test_the_schema_refuses_what_it_should(make: Make) -> None:
    for pointer, value in (
        (["dct:identifier"], "not-a-uuid"),
        (["dpv:hasRecordOfActivity"], []),
        (["dpv:hasRecordOfActivity", 0, "dpv:hasProcess", 0, "dpv:hasLegalBasis"], "eu-gdpr:A6-1-b"),
        (["dpv:hasRecordOfActivity", 0, "dpv:hasConsentStatus", 0, "@type"], ["dpv:ConsentGiven"]),
        (["dpv:hasRecordOfActivity", 0, "dpv:hasProcess", 0, "dpv:hasStorageCondition"], []),
        (["dpv:hasRecordOfActivity", 0, "more"], 1),
    ):
        receipt = json.loads(canonical(build_receipt(make())))
        at = receipt
        for step in pointer[:-1]:
            at = at[step]
        at[pointer[-1]] = value
        assert faults_of(receipt, RECEIPT) != [], pointer
