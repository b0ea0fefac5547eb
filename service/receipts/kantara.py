"""Kantara Consent Receipt 1.1 (law.md CR6).

That format knows consents that were given and nothing else. So that nobody who reads only it takes a no for
a yes, the receipt of any other event has no purposes, and says in `consentStatus` what happened to which.
"""

from __future__ import annotations

from typing import Any

from service.receipts import facts
from service.receipts.parties import contacts
from service.receipts.source import Source

VERSION = "KI-CR-v1.1.0"


def build_kantara(source: Source) -> dict[str, Any]:
    controller = facts.controller(source)
    name = str(controller.get("name") or facts.NOT_STATED)
    special = facts.is_special(source)
    return {
        "version": VERSION,
        "jurisdiction": controller.get("jurisdiction") or facts.NOT_STATED,
        "consentTimestamp": int(source.at.timestamp()),
        "collectionMethod": source.origin,
        "consentReceiptID": str(source.receipt_uuid),
        "language": source.notice.locale,
        "piiPrincipalId": source.subject_id,
        "piiControllers": [_controller(source, name)],
        "policyUrl": controller.get("privacy_url") or facts.NOT_STATED,
        "services": [{"service": name, "purposes": [_purpose(source)] if source.state.permits else []}],
        "sensitive": special,
        "spiCat": [each.name for each in facts.data_of(source)] if special else [],
        "consentStatus": {"state": source.state.value, source.kind: source.name},
    }


def _controller(source: Source, name: str) -> dict[str, Any]:
    stated = facts.controller(source)
    known = contacts(stated)
    return {
        "piiController": name,
        "contact": known[0] if known else facts.NOT_STATED,
        "address": _address(stated.get("address")),
        "email": stated.get("email") or facts.NOT_STATED,
        "phone": stated.get("phone") or facts.NOT_STATED,
        **({"piiControllerUrl": stated["url"]} if stated.get("url") else {}),
    }


def _address(address: object) -> dict[str, str]:
    if not isinstance(address, dict):
        return {"streetAddress": str(address) if address else facts.NOT_STATED}
    names = {
        "street": "streetAddress",
        "postal_code": "postalCode",
        "city": "addressLocality",
        "country": "addressCountry",
    }
    return {theirs: str(address[ours]) for ours, theirs in names.items() if address.get(ours)}


def _purpose(source: Source) -> dict[str, Any]:
    recipients = facts.recipients_of(source)
    url = facts.controller(source).get("privacy_url") or facts.NOT_STATED
    shown: dict[str, Any] = {
        "purpose": source.notice.title or source.name,
        "purposeCategory": list(source.entry.get("dpv") or [source.name]),
        # Every consent here is an act of the person; the format has no word for confirming it once more.
        "consentType": "EXPLICIT",
        "piiCategory": [each.name for each in facts.data_of(source)],
        "primaryPurpose": False,
        "termination": url,
        "thirdPartyDisclosure": bool(recipients),
    }
    if recipients:
        shown["thirdPartyName"] = ", ".join(each.name for each in recipients)
    return shown
