"""Kantara 1.1: valid for every event, and never to be mistaken for a yes."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.receipts import KANTARA, faults_of
from service.consent_states import ConsentState
from service.receipts import build_kantara, build_receipt
from tests.receipts.conftest import Make


@pytest.mark.parametrize("state", ConsentState)
@pytest.mark.parametrize("name", ["personal_offers", "health_personalisation", "sms"])
def test_every_event_is_valid_and_only_a_yes_has_purposes(make: Make, name: str, state: ConsentState) -> None:
    receipt = build_kantara(make(name, state))
    assert faults_of(receipt, KANTARA) == []
    assert bool(receipt["services"][0]["purposes"]) is state.permits
    assert receipt["consentStatus"]["state"] == state.value


def test_what_it_says(make: Make) -> None:
    source = make("health_personalisation")
    receipt = build_kantara(source)
    assert receipt["consentTimestamp"] == 1_795_338_000
    assert receipt["consentReceiptID"] == build_receipt(source)["dct:identifier"]
    assert receipt["piiPrincipalId"].startswith("sub_")
    assert receipt["sensitive"] is True
    assert receipt["spiCat"] == ["purchases", "usage"]
    [controller] = receipt["piiControllers"]
    assert controller["address"]["addressCountry"] == "SE"
    [purpose] = receipt["services"][0]["purposes"]
    assert purpose["thirdPartyDisclosure"] is False
    assert "thirdPartyName" not in purpose
    [offers] = build_kantara(make())["services"][0]["purposes"]
    assert (offers["thirdPartyDisclosure"], offers["thirdPartyName"]) == (True, "Brevduvan AB")


def test_a_bare_policy_is_told_as_such(make: Make) -> None:
    bare: dict[str, Any] = {"purposes": {"personal_offers": {"basis": "consent"}}}
    assert faults_of(build_kantara(make(document=bare)), KANTARA) == []


def test_the_schema_misses_a_name_of_whom_data_goes_to(make: Make) -> None:
    receipt = build_kantara(make())
    del receipt["services"][0]["purposes"][0]["thirdPartyName"]
    assert faults_of(receipt, KANTARA) != []
    no = build_kantara(make(state=ConsentState.REFUSED))
    no["services"] = build_kantara(make())["services"]
    assert faults_of(no, KANTARA) != []
