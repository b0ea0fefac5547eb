"""Entries to be sealed: answers of people, and decisions about them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from service.actor import show_subject
from tests.api.helpers import Installation
from tests.api.people import add_person, add_products, candidate


def people(there: Installation, count: int) -> list[UUID]:
    return [add_person(there.services).id for _ in range(count)]


def answer(there: Installation, person: UUID, status: str = "withdrawn") -> dict[str, Any]:
    """Record an answer of this person over HTTP; what came back."""
    body = {
        "purpose": "personal_offers",
        "status": status,
        "notice": {"version": 2, "locale": "sv"},
        "origin": "app",
        "evidence": "ett klick på knappen",
    }
    path = f"/v1/subjects/{show_subject(person)}/consents"
    found = there.client.post(path, json=body, headers=there.token("customer", subject=person))
    assert found.status_code == 201, found.get_data(as_text=True)
    result: dict[str, Any] = found.get_json()
    return result


def decide(there: Installation, person: UUID) -> str:
    """Ask for a decision about this person; its id."""
    body = {"subject": show_subject(person), "candidates": [candidate()]}
    found = there.client.post("/v1/decisions", json=body, headers=there.token("shop"))
    assert found.status_code == 200, found.get_data(as_text=True)
    return str(found.get_json()["decisions"][0]["id"])


__all__ = ["add_products", "answer", "decide", "people"]
