"""Decisions as they cross HTTP: the contract. `schemas.compiled` reads the same bodies faster."""

from __future__ import annotations

from marshmallow import fields, validate

from schemas.base import Shape
from schemas.candidates import CandidateShape
from schemas.fields import Locale, StrictBoolean, SubjectId, Whole
from service.policy import REASON_CODES, REMEDIES, STAGES
from service.use_cases.decide import MOST_CANDIDATES

_LEVELS = ("respond", "curate", "coach", "automate")


class AskShape(Shape):
    """POST /v1/decisions."""

    subject = SubjectId(required=True)
    candidates = fields.List(
        fields.Nested(CandidateShape),
        required=True,
        validate=validate.Length(min=1, max=MOST_CANDIDATES),
    )
    counterfactuals = StrictBoolean(
        load_default=False, metadata={"description": "For customer and dpo: what would change the answer"}
    )


class DecisionRemedyShape(Shape):
    """What the customer can change."""

    do = fields.String(validate=validate.OneOf(REMEDIES))
    on = fields.String(allow_none=True)
    explicit = fields.Boolean(metadata={"description": "Of give_consent alone"})
    to = fields.String(validate=validate.OneOf(_LEVELS), metadata={"description": "Of raise_level alone"})


class DecisionReasonShape(Shape):
    """Why a rung was blocked; `strategy` null: everything was."""

    strategy = fields.String(allow_none=True, validate=validate.OneOf(_LEVELS))
    code = fields.String(validate=validate.OneOf(REASON_CODES))
    on = fields.String(allow_none=True)
    remedy = fields.Nested(DecisionRemedyShape, allow_none=True)


class ChangeShape(Shape):
    """One change that the customer could make."""

    do = fields.String()
    on = fields.String(allow_none=True)
    explicit = fields.Boolean()
    to = fields.String()


class CounterfactualShape(Shape):
    """Changes that together flip the outcome, found by evaluating again with them made."""

    changes = fields.List(fields.Nested(ChangeShape))
    outcome = fields.String()
    strategy = fields.String(allow_none=True)
    shares = fields.List(fields.String(), metadata={"description": "Data categories used if they are made"})
    may_charge = fields.Dict(allow_none=True, metadata={"description": "amount_minor and currency, or null"})


class DecisionShape(Shape):
    """`reasons` for customer, shop and dpo; `stage` alone for marketing: a code tells private choices."""

    id = fields.String(metadata={"description": "Absent where nothing could be kept: nobody's key exists"})
    candidate = fields.String()
    outcome = fields.String(validate=validate.OneOf(("allow", "downgrade", "defer", "deny")))
    strategy = fields.String(allow_none=True)
    channel = fields.String(allow_none=True)
    not_before = fields.String(allow_none=True, metadata={"format": "date-time"})
    reasons = fields.List(fields.Nested(DecisionReasonShape))
    stage = fields.String(allow_none=True, validate=validate.OneOf(STAGES))
    would_allow = fields.List(fields.Nested(CounterfactualShape))
    would_stop = fields.List(fields.Nested(CounterfactualShape))


class DecisionsShape(Shape):
    """`policy` is the version decided under. `left_out`: candidates of special categories that this client
    may not ask about, counted in groups of ten or more."""

    epoch = Whole(allow_none=True, metadata={"description": "null: no such subject"})
    policy = Whole()
    decisions = fields.List(fields.Nested(DecisionShape))
    left_out = Whole(0)


class RecordedDecisionShape(DecisionShape):
    """GET /v1/decisions/{id}."""

    subject = SubjectId()
    at = fields.String(metadata={"format": "date-time"})
    policy = Whole()
    epoch = Whole()
    activity = Whole()
    asked_by = fields.String(metadata={"description": "The role of whoever asked"})
    inputs = fields.Dict(metadata={"description": "`digest`: SHA-256 over what the decision depended on"})
    asked = fields.Dict(metadata={"description": "The candidate as evaluated"})
    fields_read = fields.List(fields.String())
    explanation = fields.List(fields.String())


class ExplainQuery(Shape):
    locale = Locale(metadata={"description": "Default: Accept-Language, then the subject's own"})
