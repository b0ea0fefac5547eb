"""Candidates as they cross HTTP: the contract. `schemas.compiled` reads the same bodies faster."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, post_load, validate

from schemas.base import Shape
from schemas.fields import Currency, Id, Instant, Money, OneOf, Sku, StrictBoolean, SubjectId, Text, Whole
from service import ids
from service.instants import show_instant
from service.storage.asked import AskedCandidate

STRATEGIES = ("respond", "curate", "coach", "automate")
LONGEST_ID = 200
LONGEST_NAME = 100
MOST_CHANNELS = 20
MOST_DATA = 50
MOST_UNITS = 1_000_000

_OVERRULED = "Read and overruled: the catalogue decides"


def check_no_doubles(values: list[str]) -> None:
    if len(set(values)) != len(values):
        raise ValidationError("must not name the same thing twice")


class CandidateShape(Shape):
    """One proposed action. A missing optional key equals null."""

    id = Text(1, LONGEST_ID, required=True, metadata={"description": "The caller's own name for it"})
    programme = Text(1, LONGEST_NAME, allow_none=True)
    strategy = OneOf(STRATEGIES, required=True, metadata={"description": "The rung of the ladder asked for"})
    sku = Sku(required=True)
    channels = fields.List(
        Text(1, LONGEST_NAME),
        required=True,
        validate=[validate.Length(min=1, max=MOST_CHANNELS), check_no_doubles],
        metadata={"description": "In order of preference", "uniqueItems": True},
    )
    data = fields.List(
        Text(1, LONGEST_NAME),
        required=True,
        validate=validate.Length(max=MOST_DATA),
        metadata={"description": "Data categories that were used to make it; joined with the programme's"},
    )
    quantity = Whole(1, MOST_UNITS, required=True)
    expires_at = Instant(allow_none=True)
    fallback = StrictBoolean(
        allow_none=True, metadata={"default": True, "description": "false: only the rung asked for"}
    )
    category = Text(1, LONGEST_ID, allow_none=True, metadata={"description": _OVERRULED})
    price_minor = Money(allow_none=True, metadata={"description": _OVERRULED})
    currency = Currency(allow_none=True, metadata={"description": _OVERRULED})

    @post_load
    def make(self, loaded: dict[str, Any], **_: Any) -> Any:
        return make_candidate(loaded)


def make_candidate(loaded: dict[str, Any]) -> AskedCandidate:
    """A candidate out of what its shape has read."""
    expires_at, fallback = loaded.get("expires_at"), loaded.get("fallback")
    return AskedCandidate(
        loaded["id"],
        loaded.get("programme"),
        loaded["strategy"],
        loaded["sku"],
        tuple(loaded["channels"]),
        tuple(loaded["data"]),
        loaded["quantity"],
        None if expires_at is None else show_instant(expires_at),
        True if fallback is None else fallback,
    )


class PairShape(Shape):
    """One line of a bulk job: what is proposed, and for whom."""

    subject = SubjectId(required=True)
    candidate = fields.Nested(CandidateShape, required=True)


class PairsShape(Shape):
    """POST /v1/candidates as JSON; the same pairs, one a line, as `application/x-ndjson`."""

    candidates = fields.List(fields.Nested(PairShape), required=True, validate=validate.Length(min=1))


class JobRefShape(Shape):
    """202: where to ask how far it has come."""

    job = Id(ids.JOB)
