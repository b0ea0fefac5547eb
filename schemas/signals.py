"""Signals as they cross HTTP: what each type says, and nothing else (api.md, "Signals")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, post_load, validates_schema

from schemas.base import MOST_FAULTS, Shape
from schemas.fields import Currency, Instant, Money, Number, OneOf, Sku, SubjectId, Text, Whole
from service.errors import InputFault, InvalidInputError

MOST_SIGNALS = 1000
MOST_UNITS = 1_000_000
_SCORES = {"nps": (0, 10), "csat": (1, 5)}


class PurchaseShape(Shape):
    sku = Sku(required=True)
    category = Text(1, 200, metadata={"description": "Read and overruled: the catalogue decides"})
    quantity = Whole(1, MOST_UNITS, required=True, metadata={"description": "Packs"})
    price_minor = Money(required=True, metadata={"description": "Per pack, as paid, in minor units"})
    currency = Currency(required=True)
    pack_size = Whole(1, MOST_UNITS)

    @post_load
    def without_category(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        data.pop("category", None)
        return data


class UsageShape(Shape):
    sku = Sku(required=True)
    units_per_day = Number(0, MOST_UNITS)
    units_left = Number(0, MOST_UNITS)

    @validates_schema
    def says_something(self, data: Mapping[str, Any], **_: Any) -> None:
        if data.keys() <= {"sku"}:
            raise ValidationError("needs units_per_day, units_left or both")


class ComplaintShape(Shape):
    reference = Text(1, 100, metadata={"description": "The complaint's own number"})


class SituationShape(Shape):
    name = Text(1, 100, required=True, metadata={"description": "A suppression that the policy names"})
    until = Instant(required=True)


class RatingShape(Shape):
    metric = OneOf(tuple(_SCORES), required=True)
    score = Whole(0, 10, required=True, metadata={"description": "nps: 0 to 10, csat: 1 to 5"})

    @validates_schema
    def in_its_range(self, data: Mapping[str, Any], **_: Any) -> None:
        least, most = _SCORES.get(data.get("metric", ""), (0, 10))
        if "score" in data and not least <= data["score"] <= most:
            raise ValidationError(f"must be from {least} to {most}", "score")


class LoyaltyShape(Shape):
    programme = Text(1, 100, required=True)
    status = OneOf(("joined", "left"), required=True)


class StoppedUsingShape(Shape):
    sku = Sku(required=True)


class ParcelShape(Shape):
    sku = Sku(required=True)
    quantity = Whole(1, MOST_UNITS)
    order = Text(1, 100)


SIGNAL_DATA: dict[str, Shape] = {
    "purchase": PurchaseShape(),
    "usage": UsageShape(),
    "complaint_opened": ComplaintShape(),
    "complaint_closed": ComplaintShape(),
    "situation": SituationShape(),
    "rating": RatingShape(),
    "loyalty": LoyaltyShape(),
    "stopped_using": StoppedUsingShape(),
    "delivered": ParcelShape(),
    "returned": ParcelShape(),
}


def _documentation() -> str:
    """One line a type: OpenAPI has no shorter way to say which shape belongs to which type."""
    lines = []
    for name, shape in SIGNAL_DATA.items():
        keys = [key if field.required else f"{key}?" for key, field in shape.fields.items()]
        lines.append(f"{name}: {', '.join(keys)}")
    return "By type. " + "; ".join(lines)


class SignalShape(Shape):
    """One item of POST /v1/signals. `id` is the sender's own; the same id and type again is a duplicate."""

    subject = SubjectId(required=True)
    type = OneOf(tuple(SIGNAL_DATA), required=True)
    at = Instant(required=True)
    data = fields.Dict(keys=fields.String(), required=True, metadata={"description": _documentation()})
    id = Text(1, 100, required=True)


class SignalResultShape(Shape):
    """`reason` for refused alone: nothing of that signal was kept."""

    id = fields.String()
    status = OneOf(("stored", "duplicate", "refused"))
    reason = fields.String()


class SignalResultsShape(Shape):
    results = fields.List(fields.Nested(SignalResultShape))


_SIGNAL = SignalShape()


def read_signal_list(body: object) -> list[dict[str, Any]]:
    """The items as `SignalShape` and the shape of their type make them. Raises InvalidInputError with the
    faults of every item: one malformed item refuses the whole body."""
    if not isinstance(body, list):
        raise InvalidInputError([InputFault("", "must be a list of signals")])
    if not 1 <= len(body) <= MOST_SIGNALS:
        raise InvalidInputError([InputFault("", f"must hold 1 to {MOST_SIGNALS} signals")])
    faults: list[InputFault] = []
    signals: list[dict[str, Any]] = []
    for position, item in enumerate(body):
        pointer = f"/{position}"
        try:
            signal = _SIGNAL.read(item)
            pointer = f"/{position}/data"
            signal["data"] = SIGNAL_DATA[signal["type"]].read(signal["data"])
        except InvalidInputError as error:
            faults += [InputFault(pointer + fault.pointer, fault.message) for fault in error.faults]
        else:
            signals.append(signal)
    if faults:
        raise InvalidInputError(faults[:MOST_FAULTS])
    return signals
