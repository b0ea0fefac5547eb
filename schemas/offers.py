"""Offers as they cross HTTP: the catalogue, and what of it may go to one person. `schemas.compiled` reads the
question faster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from schemas.base import Shape
from schemas.candidates import (
    LONGEST_NAME,
    MOST_CHANNELS,
    MOST_DATA,
    MOST_UNITS,
    STRATEGIES,
    CandidateShape,
    check_no_doubles,
    make_candidate,
)
from schemas.fields import Instant, Locale, Money, OneOf, Sku, StrictBoolean, SubjectId, Text, Whole
from service.policy import STAGES
from service.use_cases.decide import MOST_CANDIDATES
from service.use_cases.permit_offers import AskOffers

MOST_LIMIT = 1000
_LONGEST_TEXT = 4000


class OfferShape(Shape):
    """What the catalogue says of an offer, its id apart."""

    programme = Text(1, LONGEST_NAME, required=True)
    strategy = OneOf(STRATEGIES, required=True, metadata={"description": "The rung of the ladder it needs"})
    category = Text(1, 200, required=True, metadata={"description": "That of the product"})
    sku = Sku(required=True)
    data = fields.List(
        Text(1, LONGEST_NAME),
        required=True,
        validate=[validate.Length(max=MOST_DATA), check_no_doubles],
        metadata={"description": "Data categories used to choose whom it goes to", "uniqueItems": True},
    )
    value = Money(required=True, metadata={"description": "What it is worth to the business; minor units"})
    valid_until = Instant(allow_none=True, load_default=None)
    texts = fields.Dict(
        keys=Locale(),
        values=Text(1, _LONGEST_TEXT),
        load_default=dict,
        metadata={"description": "By locale: what the customer reads"},
    )
    sponsored = StrictBoolean(load_default=False, metadata={"description": "Somebody paid for it"})


class ListedOfferShape(OfferShape):
    """An offer with its id."""

    id = Sku()


class OffersShape(Shape):
    """One page of the catalogue."""

    items = fields.List(fields.Nested(ListedOfferShape))
    next = fields.String(allow_none=True, metadata={"description": "The next page's cursor; null: no more"})


class OfferCandidateShape(CandidateShape):
    """A candidate of the caller's own. Programme and channels are the question's where it names none."""

    channels = fields.List(
        Text(1, LONGEST_NAME),
        validate=[validate.Length(min=1, max=MOST_CHANNELS), check_no_doubles],
        metadata={"uniqueItems": True},
    )
    quantity = Whole(1, MOST_UNITS, load_default=1)

    @post_load
    def make(self, loaded: dict[str, Any], **_: Any) -> Any:
        return loaded


class AskOffersShape(Shape):
    """POST /v1/offers/permitted. No candidates: the whole catalogue of valid offers of the programme."""

    subject = SubjectId(required=True)
    programme = Text(1, LONGEST_NAME, required=True)
    channels = fields.List(
        Text(1, LONGEST_NAME),
        required=True,
        validate=[validate.Length(min=1, max=MOST_CHANNELS), check_no_doubles],
        metadata={"description": "In order of preference", "uniqueItems": True},
    )
    context = fields.Dict(
        keys=Text(1, LONGEST_NAME),
        metadata={
            "description": "Not kept. `event`: a detector, whose open events propose, not the catalogue;"
            " the ranking does not look at the rest yet"
        },
    )
    candidates = fields.List(
        fields.Nested(OfferCandidateShape), validate=validate.Length(min=1, max=MOST_CANDIDATES)
    )
    limit = Whole(1, MOST_LIMIT, metadata={"description": "How many permitted ones are wanted"})
    min_epoch = Whole(0, metadata={"description": "What the caller knows of the person is at least this new"})

    @validates_schema
    def check_event(self, data: Mapping[str, Any], **_: Any) -> None:
        event = (data.get("context") or {}).get("event")
        if event is not None and not isinstance(event, str):
            raise ValidationError("its event must be the name of a detector", "context")
        if event is not None and data.get("candidates"):
            raise ValidationError("an event proposes its own candidates", "candidates")

    @post_load
    def make(self, loaded: dict[str, Any], **_: Any) -> AskOffers:
        programme, channels = loaded["programme"], loaded["channels"]
        candidates = loaded.get("candidates")
        if candidates is not None:
            # A null means the same as nothing.
            candidates = [
                make_candidate(
                    each
                    | {
                        "programme": each.get("programme") or programme,
                        "channels": each.get("channels", channels),
                    }
                )
                for each in candidates
            ]
        return AskOffers(
            loaded["subject"],
            programme,
            tuple(channels),
            candidates,
            loaded.get("limit"),
            loaded.get("min_epoch"),
            (loaded.get("context") or {}).get("event"),
        )


class PermittedOfferShape(Shape):
    """`permit` is the authority to contact, once redeemed; null for what is deferred until `not_before`."""

    offer = fields.String(metadata={"description": "The offer's id, or the caller's own for a candidate"})
    strategy = fields.String(validate=validate.OneOf(STRATEGIES))
    channel = fields.String(allow_none=True)
    not_before = fields.String(allow_none=True, metadata={"format": "date-time"})
    score = fields.Float()
    permit = fields.String(allow_none=True)
    sponsored = fields.Boolean(metadata={"description": "Only where it is"})


class WithheldOfferShape(Shape):
    """What may not go now, and the stage that stopped it."""

    offer = fields.String()
    stage = fields.String(allow_none=True, validate=validate.OneOf(STAGES))


class PermittedOffersShape(Shape):
    """`permitted` best first. `left_out`: those of special categories, counted in groups of ten or more."""

    epoch = Whole(allow_none=True, metadata={"description": "null: no such subject"})
    policy = Whole()
    permitted = fields.List(fields.Nested(PermittedOfferShape))
    withheld = fields.List(fields.Nested(WithheldOfferShape))
    left_out = Whole(0)
