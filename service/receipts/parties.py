"""Controller, recipients and authority as nodes of a receipt (the party fields of law.md CR1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.receipts.facts import NOT_STATED, Recipient, slug

_ROLES = {
    "processor": "dpv:DataProcessor",
    "controller": "dpv:DataController",
    "third_party": "dpv:ThirdParty",
}


def controller_node(stated: Mapping[str, Any]) -> dict[str, Any]:
    node = _party("dpv:DataController", str(stated.get("name") or NOT_STATED))
    node["dpv:hasAddress"] = address_line(stated.get("address"))
    node["dpv:hasContact"] = contacts(stated) or [NOT_STATED]
    if stated.get("type"):
        node["dct:type"] = str(stated["type"])
    if stated.get("url"):
        node["foaf:homepage"] = stated["url"]
    if isinstance(stated.get("email"), str):
        node["foaf:mbox"] = f"mailto:{stated['email']}"
    if isinstance(stated.get("phone"), str):
        node["foaf:phone"] = "tel:" + "".join(c for c in stated["phone"] if c.isdigit() or c == "+")
    return node


def recipient_node(recipient: Recipient) -> dict[str, Any]:
    node = _party("dpv:Recipient", recipient.name)
    role = _ROLES.get(recipient.role or "")
    if role is not None:
        node["@type"] = ["dpv:Recipient", role]
    if recipient.country:
        node["dpv:hasLocation"] = [f"loc:{recipient.country}"]
    return node


def authority_node(stated: Mapping[str, Any]) -> dict[str, Any]:
    node = _party("dpv:DataProtectionAuthority", str(stated.get("name") or NOT_STATED))
    if stated.get("url"):
        node["foaf:homepage"] = stated["url"]
    return node


def address_line(address: object) -> str:
    """A postal address in one line, as it is written on an envelope."""
    if not isinstance(address, Mapping):
        return str(address) if address else NOT_STATED
    town = " ".join(str(address[key]) for key in ("postal_code", "city") if address.get(key))
    parts = [address.get("street"), town, address.get("country")]
    return ", ".join(str(part) for part in parts if part) or NOT_STATED


def contacts(stated: Mapping[str, Any]) -> list[str]:
    """Whom to write to or call, most personal first."""
    contact = stated.get("contact")
    said = contact if isinstance(contact, str) else None
    own = contact.get("email") if isinstance(contact, Mapping) else None
    found = [said, own, stated.get("email"), stated.get("phone")]
    return [str(each) for each in dict.fromkeys(found) if each]


def _party(kind: str, name: str) -> dict[str, Any]:
    identifier = f"urn:samtycke:party:{slug(name)}"
    return {
        "@id": identifier,
        "@type": kind,
        "dct:identifier": identifier,
        "dpv:hasIdentifier": identifier,
        "dpv:hasName": name,
    }
