"""Bulk jobs as they cross HTTP."""

from __future__ import annotations

from marshmallow import fields, validate

from schemas.base import Shape
from schemas.decisions import DecisionReasonShape
from schemas.fields import Id, Instant, SubjectId, Whole
from service import ids

STATES = ("queued", "running", "done", "failed", "cancelled")


class JobShape(Shape):
    """`done` of `total` pairs are answered. `failed`: a part kept failing and was given up; what was answered
    before can be read. `left_out`: pairs of special categories that the asker may not see, from ten on."""

    id = Id(ids.JOB)
    state = fields.String(validate=validate.OneOf(STATES))
    done = Whole(0)
    total = Whole(0)
    left_out = Whole(0)
    eta = Instant(allow_none=True)
    created_at = Instant()
    finished_at = Instant(allow_none=True)


class ResultShape(Shape):
    """One line of the results. `reasons`, or for marketing `stage`. `outcome` is `refused` where the person's
    state could not be read."""

    subject = SubjectId()
    candidate = fields.String()
    decision = fields.String(metadata={"description": "The decision's id"})
    outcome = fields.String()
    strategy = fields.String(allow_none=True)
    channel = fields.String(allow_none=True)
    not_before = fields.String(allow_none=True)
    permit = fields.String(
        allow_none=True,
        metadata={"description": "For the job's creator, for 24 hours: redeem it before contacting anybody"},
    )
    reasons = fields.List(fields.Nested(DecisionReasonShape))
    stage = fields.String(allow_none=True)
