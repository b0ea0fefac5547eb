"""One line of a purchase file, as the signal it stands for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from zoneinfo import ZoneInfo

from marshmallow import ValidationError

from schemas.fields import Currency, Sku
from schemas.signals import MOST_UNITS
from service.crypto.blind_index import normalise
from service.errors import InvalidInputError
from service.imports.money import read_amount
from service.instants import whole_second
from service.use_cases.store_signals import plausible

_QUANTITY = re.compile(r"(\d{1,7})(?:[.,]0{1,6})?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
# A day without a time: noon, so that no time zone moves it to another day.
_NOON = "T12:00:00"
_NAMES_REMEMBERED = 10_000


class LineRejectedError(Exception):
    """A line that says nothing usable; the argument is the reason, a code."""


@dataclass(frozen=True, slots=True)
class PurchaseLine:
    """A good line. `customer` is normalised; `block` is equal for lines of one receipt."""

    customer: str
    sku: str
    at: datetime
    quantity: int
    price_minor: int
    currency: str
    block: str
    position: str

    def identity(self, occurrence: int) -> str:
        """The signal's id: the same line in another file, or sent again, gets the same one.

        Without a line number a receipt may hold the same line several times: then the how-manieth it is
        tells them apart."""
        said = f"{self.sku}|{self.at.isoformat()}|{self.quantity}|{self.price_minor}|{self.currency}"
        text = f"{self.block}|{self.position or f'{said}|{occurrence}'}"
        return blake2b(text.encode(), digest_size=16).hexdigest()

    def data(self) -> dict[str, object]:
        return {
            "sku": self.sku,
            "quantity": self.quantity,
            "price_minor": self.price_minor,
            "currency": self.currency,
        }


@dataclass(frozen=True, slots=True)
class Dialect:
    """How this shop writes: identifiers, instants and money. `at_format` is one of `strptime`."""

    identifier_type: str = "customer_number"
    country: str | None = None
    timezone: str = "UTC"
    at_format: str | None = None
    currency: str | None = None


class PurchaseReader:
    """Reads the lines of one file."""

    def __init__(self, places: Mapping[str, int], dialect: Dialect, now: datetime) -> None:
        self._places, self._dialect, self._now = places, dialect, now
        self._width = max(places.values()) + 1
        self._zone = ZoneInfo(dialect.timezone)
        self._customer = lru_cache(_NAMES_REMEMBERED)(self._normalised)
        # Lines of one receipt stand together and share their instant.
        self._at = lru_cache(64)(self._read_at)
        self._sku = _accepted_by(Sku().parse)
        self._currency = _accepted_by(Currency().parse)

    def read(self, values: Sequence[str]) -> PurchaseLine:
        """Raises LineRejectedError with the reason."""
        if len(values) < self._width:
            raise LineRejectedError("too_few_columns")
        columns = {column: values[place].strip() for column, place in self._places.items()}
        if any("\x00" in value or not _decoded(value) for value in columns.values()):
            raise LineRejectedError("encoding")
        customer = self._customer(columns["customer"])
        if customer is None:
            raise LineRejectedError("customer_malformed")
        at = self._at(columns["at"])
        if at is None:
            raise LineRejectedError("at_malformed")
        if not plausible(at, self._now):
            raise LineRejectedError("at_implausible")
        if not self._sku(columns["sku"]):
            raise LineRejectedError("sku_malformed")
        currency = columns.get("currency", self._dialect.currency or "")
        if not self._currency(currency):
            raise LineRejectedError("currency_unknown")
        try:
            price = read_amount(columns["price"], currency)
        except ValueError:
            raise LineRejectedError("price_malformed") from None
        receipt = columns.get("receipt", "")
        return PurchaseLine(
            customer=customer,
            sku=columns["sku"],
            at=at,
            quantity=_quantity(columns.get("quantity", "1")),
            price_minor=price,
            currency=currency,
            # The instant belongs to it: tills start their receipt numbers anew.
            block=f"{receipt}|{at.isoformat()}|{customer}",
            position=columns.get("line", ""),
        )

    def _normalised(self, value: str) -> str | None:
        try:
            return normalise(self._dialect.identifier_type, value, self._dialect.country)
        except InvalidInputError:
            return None

    def _read_at(self, text: str) -> datetime | None:
        try:
            if self._dialect.at_format is not None:
                at = datetime.strptime(text, self._dialect.at_format)  # noqa: DTZ007 (the zone comes below)
            else:
                at = datetime.fromisoformat(text + _NOON if _DAY.fullmatch(text) else text)
            if at.tzinfo is None:
                at = at.replace(tzinfo=self._zone)
            return whole_second(at.astimezone(UTC))
        except (ValueError, OverflowError):
            return None


def _quantity(text: str) -> int:
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise LineRejectedError("quantity_malformed")
    # Nothing bought, or something brought back: neither is a purchase.
    if not 1 <= int(match[1]) <= MOST_UNITS:
        raise LineRejectedError("quantity_out_of_range")
    return int(match[1])


def _accepted_by(parse: Callable[[str], object]) -> Callable[[str], bool]:
    """Whether the field of the HTTP shape accepts a value; remembered, for goods come again and again."""

    @lru_cache(_NAMES_REMEMBERED)
    def accepted(value: str) -> bool:
        try:
            parse(value)
        except ValidationError:
            return False
        return True

    return accepted


def _decoded(value: str) -> bool:
    """Whether every byte could be decoded: the others were kept as lone surrogates."""
    return value.isascii() or not any("\ud800" <= char <= "\udfff" for char in value)
