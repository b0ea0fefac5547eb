"""What is said of a price is true when it is said: a notice that waited names the price of the day it leaves
(law.md A5)."""

from __future__ import annotations

from dataclasses import replace

from service.storage.outbox import NOTICE, REMINDER, Message
from service.storage.products import read_products
from service.storage.unit import Unit


def quote_today(unit: Unit, message: Message) -> None:
    """Put today's price into a message that was not handed over yet, before the gate is asked about it. It
    must be saved by the caller; its reorder gets the price with the hand-over. An order keeps the price that
    was announced."""
    if message.kind not in (NOTICE, REMINDER):
        return
    product = read_products(unit.db, [message.candidate.sku]).get(message.candidate.sku)
    if product is None:
        return
    price, currency = product.price_minor, product.currency
    message.candidate = replace(message.candidate, price_minor=price, currency=currency)
    total = price * message.candidate.quantity
    message.content = message.content | {"price_minor": total, "currency": currency}
