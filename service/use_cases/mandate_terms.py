"""What is shown immediately before a mandate is concluded, and the proof that it was (law.md A1 to A4)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from service.crypto.stamp import read_stamp, stamp
from service.errors import ConflictError, InputFault, InvalidInputError
from service.explanations import language_of
from service.explanations.mandates import WORDING, Terms, explain_terms, order_button
from service.instants import show_instant
from service.policy import Policy
from service.storage.products import Product, read_products
from service.storage.subjects import Subject, read_subject
from service.storage.unit import Unit
from service.use_cases.foresee_run_outs import replenishment
from service.use_cases.veto_window import veto_window

# The price before the button is the one that counts, so what was shown does not stay good for long.
SHOWN_FOR = timedelta(hours=24)
_KIND = "mandate"
_SKU = "sku:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a mandate is to allow, as in decision.md. Nothing is filled in that the customer did not say."""

    covers: str
    currency: str
    max_price_minor: int
    max_quantity: int | None = None
    max_spend_minor: int | None = None
    spend_days: int | None = None
    min_days_between: int | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """The terms in one language. `product` is None for a mandate on a category or on everything."""

    locale: str
    limits: Limits
    product: Product | None
    button: str
    terms: list[tuple[str, str]]

    def to_dict(self) -> dict[str, Any]:
        return {
            "wording": WORDING,
            "locale": self.locale,
            "button": self.button,
            "limits": show_limits(self.limits),
            "product": None if self.product is None else _show_product(self.product),
            "terms": [{"about": about, "text": text} for about, text in self.terms],
        }

    def about(self, subject: UUID) -> bytes:
        """What the stamp is of: exactly this, shown to this person."""
        return subject.bytes + msgspec.json.encode(self.to_dict(), order="sorted")


def offer_mandate(unit: Unit, subject_id: UUID, limits: Limits, locale: str | None) -> dict[str, Any]:
    """The terms with these limits, in the person's language unless another is asked for, and the stamp with
    which they can be accepted until `shown_until`. Changes nothing. Raises InvalidInputError for limits that
    `put_mandate` would refuse."""
    check_limits(unit, limits)
    subject = read_subject(unit, subject_id)
    shown = show_terms(unit, subject, limits, locale or subject.choices.locale)
    return {
        **shown.to_dict(),
        "shown": stamp(unit.index, _KIND, shown.about(subject_id), unit.now),
        "shown_until": show_instant(unit.now + SHOWN_FOR),
    }


def show_terms(unit: Unit, subject: Subject, limits: Limits, locale: str) -> Shown:
    """Raises InvalidInputError at `/covers` for a product that can never be ordered under a mandate."""
    product = orderable(unit, limits.covers)
    programme = replenishment(unit.policy)
    terms = Terms(
        **asdict(limits),
        notice=veto_window(unit.policy, None if programme is None else programme.name),
        product=None if product is None else product.name,
        pack_size=None if product is None else product.pack_size,
        price_minor=None if product is None else product.price_minor,
        price_currency=None if product is None else product.currency,
    )
    language = language_of(locale)
    told = explain_terms(terms, unit.policy, language, timezone=subject.choices.timezone)
    return Shown(language, limits, product, order_button(language), told)


def shown_at(unit: Unit, subject_id: UUID, shown: Shown, text: str) -> datetime:
    """When the person was shown exactly this. Raises ConflictError where it was anything else, somebody else,
    or too long ago."""
    at = read_stamp(unit.index, _KIND, shown.about(subject_id), text)
    if at is None:
        raise ConflictError(
            "what was shown is not what this would conclude (limits, price or words): show the terms anew"
        )
    if unit.now - at >= SHOWN_FOR:
        raise ConflictError("the terms were shown too long ago: show them anew")
    return at


def check_limits(unit: Unit, limits: Limits) -> None:
    """Raises InvalidInputError for what the policy does not know, and for goods on prescription: nobody may
    order those by themselves, so a mandate on them could only mislead."""
    faults: list[InputFault] = []
    if not _covers_something(unit.policy, limits.covers):
        faults.append(InputFault("/covers", "is `*`, `sku:` and a sku, or a category of the policy"))
    elif _is_prescribed(unit.policy, limits.covers):
        faults.append(InputFault("/covers", "goods on prescription are never ordered automatically"))
    if (limits.max_spend_minor is None) != (limits.spend_days is None):
        faults.append(InputFault("/spend_days", "a spend limit and its days go together"))
    if limits.expires_at is not None and limits.expires_at <= unit.now:
        faults.append(InputFault("/expires_at", "is over already"))
    if faults:
        raise InvalidInputError(faults)


def orderable(unit: Unit, covers: str) -> Product | None:
    """The product that a mandate covers; None for a category or everything. Raises InvalidInputError at
    `/covers` for one that can never be ordered automatically."""
    if not covers.startswith(_SKU):
        return None
    sku = covers.removeprefix(_SKU)
    product = read_products(unit.db, [sku]).get(sku)
    if product is None:
        # Without its name and price nothing can be shown, and so nothing concluded (law.md A2).
        raise InvalidInputError([InputFault("/covers", "the catalogue has no such product")])
    if product.prescription or _is_prescribed(unit.policy, product.category):
        raise InvalidInputError(
            [InputFault("/covers", "goods on prescription are never ordered automatically")]
        )
    return product


def show_limits(limits: Limits) -> dict[str, Any]:
    ends = limits.expires_at
    return asdict(limits) | {"expires_at": None if ends is None else show_instant(ends)}


def _show_product(product: Product) -> dict[str, Any]:
    return {
        "sku": product.sku,
        "name": product.name,
        "category": product.category,
        "pack_size": product.pack_size,
        "price_minor": product.price_minor,
        "currency": product.currency,
    }


def _covers_something(policy: Policy, covers: str) -> bool:
    if covers.startswith(_SKU):
        return len(covers) > len(_SKU)
    return covers == "*" or covers in policy.categories


def _is_prescribed(policy: Policy, category: str) -> bool:
    entries = policy.document.get("categories") or {}
    return any((entries.get(path) or {}).get("prescription") is True for path in policy.prefixes(category))
