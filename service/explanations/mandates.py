"""What stands immediately before the order button of a mandate, and what the button says (law.md A1, A2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from babel.units import format_unit

from service.explanations.amounts import language_locale, show_date, show_money
from service.explanations.catalogue import language_of, sentence
from service.explanations.names import category_title
from service.policy import Policy

# Raised whenever a button or a sentence `mandate.*` says something else: evidence names the wording it was
# concluded under, and tests/explanations pins the words of each.
WORDING = 1

# The button says this and nothing else, or the consumer is not bound (CRD Art. 8(2), C-249/21). The Norwegian
# law names no words of its own: it asks for what tells as clearly that the order means an obligation to pay.
ORDER_BUTTONS = {
    "sv": "Beställning förenad med betalningsskyldighet",
    "fi": "Tilaukseen liittyy maksuvelvollisuus",
    "nb": "Bestilling med betalingsplikt",
    "da": "Ordre med betalingsforpligtelse",
    "en": "Order with obligation to pay",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """A mandate as it is offered. Without a product (`covers` is a category or `*`) no price can be named;
    `price_minor` is for one pack today, `notice` the least time between our notice and an order."""

    covers: str
    currency: str
    max_price_minor: int
    max_quantity: int | None
    max_spend_minor: int | None
    spend_days: int | None
    min_days_between: int | None
    expires_at: datetime | None
    notice: timedelta
    product: str | None = None
    pack_size: int | None = None
    price_minor: int | None = None
    price_currency: str | None = None


def order_button(locale: str) -> str:
    return ORDER_BUTTONS[language_of(locale)]


def explain_terms(
    terms: Terms, policy: Policy, locale: str, *, timezone: str = "UTC"
) -> list[tuple[str, str]]:
    """Everything that has to stand before the button, as (what it is about, a sentence), in this order."""
    return list(_told(terms, policy, locale, timezone))


def _told(terms: Terms, policy: Policy, locale: str, timezone: str) -> Iterator[tuple[str, str]]:
    def say(about: str, name: str, /, **values: object) -> tuple[str, str]:
        return about, sentence(locale, f"mandate.{name}", values)

    limit = show_money(terms.max_price_minor, terms.currency, locale)
    if terms.product is not None and terms.price_minor is not None:
        today = show_money(terms.price_minor, terms.price_currency or terms.currency, locale)
        yield say("goods", "goods.product", name=terms.product, size=terms.pack_size)
        yield say("price", "price.product", amount=today)
    elif terms.covers == "*":
        yield say("goods", "goods.all")
        yield say("price", "price.many")
    else:
        yield say("goods", "goods.category", on=category_title(policy, terms.covers, locale))
        yield say("price", "price.many")
    yield say("highest_price", "limit", amount=limit)
    if terms.max_quantity is None:
        yield say("quantity", "quantity.open")
    else:
        yield say("quantity", "quantity", count=terms.max_quantity)
    if terms.min_days_between:
        yield say("interval", "interval", time=_days(terms.min_days_between, locale))
    else:
        yield say("interval", "interval.open")
    if terms.max_spend_minor is None or terms.spend_days is None:
        yield say("spend", "spend.open")
    else:
        amount = show_money(terms.max_spend_minor, terms.currency, locale)
        yield say("spend", "spend", amount=amount, time=_days(terms.spend_days, locale))
    if terms.expires_at is None:
        yield say("duration", "duration.open")
    else:
        yield say("duration", "duration", date=show_date(terms.expires_at, locale, timezone))
    yield say("minimum_obligation", "obligation")
    yield say("notice", "notice", time=_time(terms.notice, locale))
    yield say("notice", "veto")
    yield say("changes", "changes")
    yield say("stopping", "stopping")


def _time(length: timedelta, locale: str) -> str:
    hours = int(length.total_seconds()) // 3600
    if hours % 24 == 0:
        return _days(hours // 24, locale)
    return format_unit(hours, "duration-hour", "long", locale=language_locale(locale))


def _days(count: int, locale: str) -> str:
    return format_unit(count, "duration-day", "long", locale=language_locale(locale))
