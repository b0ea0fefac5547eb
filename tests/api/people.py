"""People and products that tests of decisions speak of: made through storage, so that no route is needed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from service.actor import Actor, show_subject
from service.bootstrap import Services
from service.ids import new_subject_id
from service.storage.choices import Choices, StoredConsent
from service.storage.subjects import Subject, create_subject, lock_subject, save_choices

SHOP = Actor("shop-1", frozenset({"shop"}))
DPO = Actor("dpo-1", frozenset({"dpo"}))
MARKETING = Actor("marketing-1", frozenset({"marketing"}))
PRODUCTS = {
    "cream": ("beauty.skin", 9900),
    "shampoo": ("beauty", 4900),
    "cough": ("health.otc.cough", 7900),
    "wine": ("alcohol", 15900),
    "pills": ("health.rx", 5900),
}


def add_products(services: Services) -> None:
    with services.database.transaction() as db:
        for sku, (category, price) in PRODUCTS.items():
            db.execute(
                """insert into products (sku, category, name, pack_size, price_minor, currency, updated_at)
                values (%s, %s, %s, 10, %s, 'SEK', now())""",
                (sku, category, sku, price),
            )


def choices(services: Services, **changes: Any) -> Choices:
    """Somebody grown-up who said yes to everything that the pharmacy asks for."""
    now = services.now
    given = {
        purpose: StoredConsent(
            "given", since=now, explicit=True, notice_version=2, expires_at=now + timedelta(days=300)
        )
        for purpose in (
            "personal_offers",
            "replenishment_reminders",
            "automatic_reorder",
            "health_personalisation",
        )
    }
    defaults: dict[str, Any] = {
        "timezone": "Europe/Stockholm",
        "locale": "sv",
        "country": "SE",
        "birth_date": now.date() - timedelta(days=40 * 366),
        "consents": given,
        "sharing": {"purchases": True, "usage": True, "interests": True},
        "levels": {"*": "automate"},
        "channels": {"app": True, "email": True, "sms": True},
    }
    return Choices(**defaults | changes)


def add_person(services: Services, **changes: Any) -> Subject:
    with services.unit(SHOP) as unit:
        return create_subject(unit, new_subject_id(), choices(services, **changes))


def change(services: Services, subject: UUID, edit: Callable[[Choices], None]) -> None:
    """The next version of a person's choices."""
    with services.unit(SHOP) as unit:
        locked = lock_subject(unit, subject)
        edit(locked.choices)
        save_choices(unit, locked)


def candidate(**changes: Any) -> dict[str, Any]:
    """A reminder of the shampoo by the app, which everybody above is open to."""
    return {
        "id": "c1",
        "programme": "replenishment",
        "strategy": "coach",
        "sku": "shampoo",
        "channels": ["app", "email"],
        "data": ["purchases"],
        "quantity": 1,
    } | changes


def ask(subject: UUID, *candidates: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"subject": show_subject(subject), "candidates": list(candidates)} | more
